import { TransportError } from '../../ports/errors.ts'
import { CREDIT_STEP, FRAME_COST, WINDOW } from './stream-credit.ts'

export interface IncomingHost {
  sendCredit(cost: number): void
  send(type: 'finished' | 'stop'): void
  /** This half may be over now, here or on the port. */
  onChange(): void
}

/** The half of a stream that we read. What arrived can be read after a clean end of the stream and of the connection. */
export class IncomingHalf {
  readonly #host: IncomingHost
  #arrived: Uint8Array[] = []
  /** Cost of what arrived for which no credit was sent, and how much of that the reader has taken. */
  #owed = 0
  #taken = 0
  #portOver = false
  #endArrived = false
  #ended = false
  #fault: TransportError | null = null
  #told = false
  #wake: (() => void) | null = null
  #reads: Promise<unknown> = Promise.resolve()

  constructor(host: IncomingHost) {
    this.#host = host
  }

  /** The reader was given the end or a fault, or gave up. */
  get userOver(): boolean {
    return this.#ended || this.#told
  }

  /** The other side said that nothing more comes. */
  get portOver(): boolean {
    return this.#portOver
  }

  read(max: number): Promise<Uint8Array | null> {
    const result = this.#reads.then(() => this.#readNext(Math.max(1, max)))
    this.#reads = result.catch(() => undefined)
    return result
  }

  /** The reader gives up; the writer's next write fails. */
  abort(fault: TransportError): void {
    if (this.userOver) return
    this.fail(fault, true)
    this.#tell()
    if (!this.#portOver) this.#host.send('stop')
  }

  /** The first fault holds. Without `dropping`, what arrived can still be read, and the end as well if it did. */
  fail(fault: TransportError, dropping: boolean): void {
    if (this.#ended || this.#fault || (this.#endArrived && !dropping)) return
    if (dropping) this.#arrived = []
    this.#fault = fault
    this.#wake?.()
  }

  /** False when the other side had no right to send it. */
  onData(payload: Uint8Array): boolean {
    this.#owed += payload.length + FRAME_COST
    if (this.#portOver || this.#owed > WINDOW) return false
    if (this.#fault) return true
    this.#arrived.push(payload)
    this.#wake?.()
    return true
  }

  onFinish(): boolean {
    if (this.#portOver) return false
    this.#portOver = true
    if (!this.#fault) this.#endArrived = true
    this.#host.send('finished')
    this.#wake?.()
    this.#host.onChange()
    return true
  }

  onReset(): boolean {
    if (this.#portOver) return false
    this.#portOver = true
    this.fail(new TransportError('reset', 'The other device gave up the stream.', { code: 0 }), true)
    this.#host.onChange()
    return true
  }

  async #readNext(max: number): Promise<Uint8Array | null> {
    for (;;) {
      const piece = this.#arrived.shift()
      if (piece) return this.#take(piece, max)
      if (this.#fault) {
        this.#tell()
        throw this.#fault
      }
      if (this.#ended) return null
      if (this.#endArrived) {
        this.#ended = true
        this.#host.onChange()
        return null
      }
      await new Promise<void>((wake) => (this.#wake = wake))
    }
  }

  #take(piece: Uint8Array, max: number): Uint8Array {
    const taken = piece.subarray(0, max)
    if (piece.length > max) this.#arrived.unshift(piece.subarray(max))
    this.#taken += taken.length + (piece.length > max ? 0 : FRAME_COST)
    if (this.#taken >= CREDIT_STEP && !this.#portOver && !this.#fault) {
      this.#owed -= this.#taken
      this.#host.sendCredit(this.#taken)
      this.#taken = 0
    }
    return taken
  }

  #tell(): void {
    this.#told = true
    this.#host.onChange()
  }
}
