import { TransportError } from '../../ports/errors.ts'
import type { MemoryWire } from './memory-wire.ts'

/** Unread bytes, under way or arrived, after which a writer waits. */
export const WINDOW = 256 * 1024
const MAX_PIECE = 64 * 1024

/** What a pipe asks of the network it runs through. */
export interface PipeHost {
  /** Carries data and its end; `back` carries what the reader answers. */
  readonly forth: MemoryWire
  readonly back: MemoryWire
  /** Whether the reading device reads nothing now. */
  stalled(): boolean
  /** How many of the next bytes to arrive still may; 0 kills the connection (a cut planned by a test). */
  allowance(bytes: number): number
  /** Called when the allowance was smaller than what arrived. */
  exhausted(): void
}

/**
 * One direction of a stream. The writer's and the reader's side each know only what has arrived there: data, a clean end
 * and a reset travel forth; credit, the acknowledgement of the end and a stop travel back.
 */
export class MemoryPipe {
  readonly #host: PipeHost
  // The writer's side.
  #unread = 0
  #writeFault: TransportError | null = null
  #finish: PromiseWithResolvers<void> | null = null
  #endSent = false
  #acknowledged = false
  /** The writer was told of the fault, or made it. */
  #writerKnows = false
  #wakeWriter: (() => void) | null = null
  #writes: Promise<unknown> = Promise.resolve()
  // The reader's side.
  #arrived: Uint8Array[] = []
  #endArrived = false
  #ended = false
  #readFault: TransportError | null = null
  #readerKnows = false
  #wakeReader: (() => void) | null = null
  #reads: Promise<unknown> = Promise.resolve()
  #touched = false

  /** `onTouched`: something arrived at the reader's side for the first time. `onOver`: one of the two sides is done. */
  readonly #onTouched: () => void
  readonly #onOver: () => void

  constructor(host: PipeHost, onTouched: () => void, onOver: () => void) {
    this.#host = host
    this.#onTouched = onTouched
    this.#onOver = onOver
  }

  /** The reader was given the end or a fault, or gave up. */
  get readOver(): boolean {
    return this.#ended || this.#readerKnows
  }

  /** The writer has its end acknowledged, was given a fault, or gave up. */
  get writeOver(): boolean {
    return this.#acknowledged || this.#writerKnows
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#finish && !this.#writeFault) {
      return Promise.reject(new TransportError('closed', 'This half of the stream was finished before.'))
    }
    const result = this.#writes.then(() => this.#writeAll(bytes))
    this.#writes = result.catch(() => {})
    return result
  }

  finish(): Promise<void> {
    if (!this.#finish) {
      const finish = (this.#finish = promiseWithResolvers<void>())
      void this.#writes.then(() => {
        if (this.#writeFault) finish.reject(this.#tellWriter())
        else this.#sendEnd()
      })
    }
    return this.#finish.promise
  }

  /** The writer gives up; the reader gets a reset, unless the end was on its way already. */
  reset(fault: TransportError): void {
    const fresh = this.#writable
    this.failWriting(fault)
    this.#tellWriter()
    if (!fresh || this.#endSent) return
    const error = new TransportError('reset', 'The other device gave up the stream.', { code: 0 })
    this.#host.forth.send(0, () => {
      this.#touch()
      this.failReading(error, true)
    })
  }

  read(max: number): Promise<Uint8Array | null> {
    const result = this.#reads.then(() => this.#readNext(max))
    this.#reads = result.catch(() => {})
    return result
  }

  /** The reader gives up; the writer's next write fails. */
  stop(fault: TransportError): void {
    const fresh = this.#readable
    this.failReading(fault, true)
    this.#tellReader()
    if (!fresh) return
    const error = new TransportError('reset', 'The other device stopped reading the stream.', { code: 0 })
    this.#host.back.send(0, () => this.failWriting(error))
  }

  failWriting(fault: TransportError): void {
    if (!this.#writable) return
    this.#writeFault = fault
    if (this.#finish) {
      this.#finish.reject(fault)
      this.#tellWriter()
    }
    this.#wakeWriter?.()
  }

  /** Without `dropping`, what arrived can still be read, and the end as well if it did. */
  failReading(fault: TransportError, dropping: boolean): void {
    if (!this.#readable || (this.#endArrived && !dropping)) return
    if (dropping) this.#arrived = []
    this.#readFault = fault
    this.#wakeReader?.()
  }

  /** The reading device was stalled and is no longer. */
  resume(): void {
    this.#wakeReader?.()
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      while (!this.#writeFault && this.#unread >= WINDOW) await new Promise<void>((wake) => (this.#wakeWriter = wake))
      if (this.#writeFault) break
      const size = Math.min(bytes.length - at, WINDOW - this.#unread, MAX_PIECE)
      // A copy: the caller may use its buffer again.
      const piece = bytes.slice(at, at + size)
      this.#unread += size
      this.#host.forth.send(size, () => this.#onData(piece))
      at += size
    }
    if (this.#writeFault) throw this.#tellWriter()
  }

  async #readNext(max: number): Promise<Uint8Array | null> {
    for (;;) {
      const stalled = this.#host.stalled()
      const piece = stalled ? undefined : this.#arrived.shift()
      if (piece) return this.#take(piece, Math.max(1, max))
      if (this.#readFault && (!stalled || this.#arrived.length === 0)) throw this.#tellReader()
      if (this.#ended) return null
      if (this.#endArrived && !stalled) {
        this.#ended = true
        this.#onOver()
        return null
      }
      await new Promise<void>((wake) => (this.#wakeReader = wake))
    }
  }

  #take(piece: Uint8Array, max: number): Uint8Array {
    const taken = piece.subarray(0, max)
    if (piece.length > max) this.#arrived.unshift(piece.subarray(max))
    this.#host.back.send(0, () => {
      this.#unread -= taken.length
      this.#wakeWriter?.()
    })
    return taken
  }

  #sendEnd(): void {
    this.#endSent = true
    this.#host.forth.send(0, () => this.#onEnd())
  }

  #onData(piece: Uint8Array): void {
    const allowed = this.#host.allowance(piece.length)
    this.#touch()
    if (this.#readable && allowed > 0) this.#arrived.push(piece.subarray(0, allowed))
    this.#wakeReader?.()
    if (allowed < piece.length) this.#host.exhausted()
  }

  #onEnd(): void {
    this.#touch()
    if (this.#readFault) return
    this.#endArrived = true
    this.#wakeReader?.()
    this.#host.back.send(0, () => this.#onAcknowledged())
  }

  #onAcknowledged(): void {
    if (!this.#writable) return
    this.#acknowledged = true
    this.#finish?.resolve()
    this.#onOver()
  }

  get #writable(): boolean {
    return !this.#acknowledged && !this.#writeFault
  }

  get #readable(): boolean {
    return !this.#ended && !this.#readFault
  }

  #tellWriter(): Error {
    this.#writerKnows = true
    this.#onOver()
    return this.#writeFault ?? new Error('no fault')
  }

  #tellReader(): Error {
    this.#readerKnows = true
    this.#onOver()
    return this.#readFault ?? new Error('no fault')
  }

  #touch(): void {
    if (this.#touched) return
    this.#touched = true
    this.#onTouched()
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

function promiseWithResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((onResolve, onReject) => ([resolve, reject] = [onResolve, onReject]))
  return { promise, resolve, reject }
}
