import { TransportError } from '../../ports/errors.ts'
import { MAX_PAYLOAD } from './port-frames.ts'
import type { SendWindow } from './send-window.ts'
import { FRAME_COST, WINDOW } from './stream-credit.ts'

export interface OutgoingHost {
  readonly window: SendWindow
  sendData(payload: Uint8Array): void
  send(type: 'finish' | 'reset'): void
  /** This half may be over now, here or on the port. */
  onChange(): void
}

/** The half of a stream that we write. Faults that the other side causes are values: `false` stands for a breach of the protocol. */
export class OutgoingHalf {
  readonly #host: OutgoingHost
  /** Cost of what the reader has not taken yet. */
  #unread = 0
  #fault: TransportError | null = null
  #finish: { readonly promise: Promise<void>; resolve(): void; reject(fault: TransportError): void } | null = null
  /** The last word on the port. */
  #sent: 'nothing' | 'finish' | 'reset' = 'nothing'
  #acknowledged = false
  /** The writer was told of the fault, or made it. */
  #told = false
  #wake: (() => void) | null = null
  #writes: Promise<unknown> = Promise.resolve()

  constructor(host: OutgoingHost) {
    this.#host = host
  }

  /** Nothing more will be written, and the writer knows how it ended. */
  get userOver(): boolean {
    return this.#told || (this.#acknowledged && !this.#fault)
  }

  /** Nothing more passes on the port, but credit and a stop that are late. */
  get portOver(): boolean {
    return this.#acknowledged || this.#sent === 'reset'
  }

  /** `bytes` must not change before the promise is settled. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#finish && !this.#fault) {
      return Promise.reject(new TransportError('closed', 'This half of the stream was finished before.'))
    }
    const result = this.#writes.then(() => this.#writeAll(bytes))
    this.#writes = result.catch(() => undefined)
    return result
  }

  finish(): Promise<void> {
    if (!this.#finish) {
      const finish = (this.#finish = withResolvers())
      // Whoever only calls it learns of the fault elsewhere.
      finish.promise.catch(() => undefined)
      void this.#writes.then(() => {
        if (this.#fault) finish.reject(this.#tell(this.#fault))
        else this.#say('finish')
      })
    }
    return this.#finish.promise
  }

  /** The writer gives up; the reader gets a reset, unless the end was on its way already. */
  abort(fault: TransportError): void {
    if (this.userOver) return
    this.fail(fault)
    this.#tell(fault)
    if (this.#sent === 'nothing') this.#say('reset')
  }

  /** The first fault holds. */
  fail(fault: TransportError): void {
    if (this.#fault || this.#acknowledged) return
    this.#fault = fault
    if (this.#finish) this.#finish.reject(this.#tell(fault))
    this.#wake?.()
  }

  onCredit(cost: number): boolean {
    if (cost === 0 || cost > this.#unread) return false
    this.#unread -= cost
    this.#wake?.()
    return true
  }

  onStop(): boolean {
    if (this.portOver) return true
    this.fail(new TransportError('reset', 'The other device stopped reading the stream.', { code: 0 }))
    if (this.#sent === 'nothing') this.#say('reset')
    return true
  }

  onFinished(): boolean {
    if (this.#sent !== 'finish' || this.#acknowledged) return false
    this.#acknowledged = true
    if (!this.#fault) this.#finish?.resolve()
    this.#host.onChange()
    return true
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#fault;) {
      const size = Math.min(bytes.length - at, MAX_PAYLOAD)
      // For the whole of it, else a slow reader would make ever smaller chunks.
      while (!this.#fault && this.#unread + size + FRAME_COST > WINDOW) {
        await new Promise<void>((wake) => (this.#wake = wake))
      }
      if (this.#fault) break
      await this.#host.window.enter()
      if (this.#isFaulty()) {
        this.#host.window.leave()
        break
      }
      this.#unread += size + FRAME_COST
      this.#host.sendData(bytes.subarray(at, at + size))
      at += size
    }
    if (this.#fault) throw this.#tell(this.#fault)
  }

  /** The compiler takes a fault for impossible after a check, whatever is waited for. */
  #isFaulty(): boolean {
    return this.#fault !== null
  }

  #say(word: 'finish' | 'reset'): void {
    this.#sent = word
    this.#host.send(word)
    this.#host.onChange()
  }

  #tell(fault: TransportError): TransportError {
    this.#told = true
    this.#host.onChange()
    return fault
  }
}

function withResolvers() {
  let resolve!: () => void
  let reject!: (fault: TransportError) => void
  const promise = new Promise<void>((onResolve, onReject) => ([resolve, reject] = [onResolve, onReject]))
  return { promise, resolve, reject }
}
