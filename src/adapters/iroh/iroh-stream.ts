import type { BiStream, RecvStream, SendStream } from '@number0/iroh'
import { TransportError } from '../../ports/errors.ts'
import type { ByteStream } from '../../ports/transport.ts'
import type { ByteForm } from './iroh-bytes.ts'
import { stoppedError, streamError } from './iroh-errors.ts'

const DEFAULT_READ = 64 * 1024

/**
 * A bidirectional QUIC stream.
 *
 * - The binding reads a clean end (an empty array) where there was none: on the second read after a reset, and after our
 *   own stop. So the first fault of a half stays its answer for ever.
 * - A native half that is dropped unfinished ends *cleanly* for the other side. Both are held here, and this object is
 *   held by its connection until both halves are over.
 * - `reset` waits behind a blocked write and `stop` behind a blocked read. Our promises reject at once on `abort`; the
 *   other side learns of it when it reads on, writes on or closes the connection.
 * - A native half that is over is let go of at once: even of a closed connection it keeps the endpoint's ports.
 * - A stream slot comes back only after the receiving half was read to its end or stopped, and the sending half was
 *   finished or reset.
 */
export class IrohStream implements ByteStream {
  /** Null once over. */
  #send: SendStream | null
  #recv: RecvStream | null
  readonly #form: ByteForm
  readonly #onOver: () => void
  /** How to fail the calls that wait for the binding now. */
  readonly #waiting = new Set<(fault: TransportError) => void>()
  /** One operation per half at a time, in the order of the calls. */
  #reads: Promise<unknown> = Promise.resolve()
  #writes: Promise<unknown> = Promise.resolve()
  /** Bytes that came with the last native read, and were not asked for yet. */
  #rest: Uint8Array | null = null
  #readFault: TransportError | null = null
  #writeFault: TransportError | null = null
  #finished: Promise<void> | null = null

  /** `onOver` is called once, when the binding needs this stream no longer. */
  constructor(native: BiStream, form: ByteForm, onOver: () => void) {
    this.#send = native.send
    this.#recv = native.recv
    this.#form = form
    this.#onOver = onOver
  }

  read(max = DEFAULT_READ): Promise<Uint8Array | null> {
    const result = this.#reads.then(() => this.#readNext(Math.max(1, max)))
    this.#reads = result.catch(() => {})
    return this.#orAborted(result)
  }

  /** `bytes` must not change before the promise is settled. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#finished && !this.#writeFault) {
      return Promise.reject(new TransportError('closed', 'This half of the stream was finished before.'))
    }
    const result = this.#writes.then(() => this.#writeAll(bytes))
    this.#writes = result.catch(() => {})
    return this.#orAborted(result)
  }

  finish(): Promise<void> {
    if (!this.#finished) {
      const result = this.#writes.then(() => this.#finishWriting())
      this.#writes = result.catch(() => {})
      this.#finished = this.#orAborted(result)
    }
    return this.#finished
  }

  /** After `finish` was called, what was written still ends cleanly: it is whole. */
  abort(): void {
    const fault = new TransportError('aborted', 'This stream was given up here.')
    if (this.#recv && !this.#readFault) {
      this.#readFault = fault
      this.#rest = null
      this.#recv.stop(0n).then(this.#endReading, this.#endReading)
    }
    if (this.#send) this.#failWriting(fault)
    for (const reject of this.#waiting) reject(fault)
    this.#waiting.clear()
  }

  async #readNext(max: number): Promise<Uint8Array | null> {
    if (this.#readFault) throw this.#readFault
    if (!this.#recv) return null
    const bytes = this.#rest ?? (await this.#readNative(this.#recv))
    if (!bytes) return null
    this.#rest = bytes.length > max ? bytes.subarray(max) : null
    return bytes.length > max ? bytes.subarray(0, max) : bytes
  }

  async #readNative(recv: RecvStream): Promise<Uint8Array | null> {
    let bytes: number[]
    try {
      bytes = await recv.read(this.#form.chunk)
    } catch (error) {
      this.#readFault ??= streamError(error)
      this.#endReading()
      throw this.#readFault
    }
    // Aborted meanwhile: an empty answer may be our own stop.
    if (this.#readFault) throw this.#readFault
    if (bytes.length > 0) return this.#form.fromNative(bytes)
    this.#endReading()
    return null
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    const { chunk } = this.#form
    for (let at = 0; at < bytes.length; at += chunk) {
      if (this.#writeFault) throw this.#writeFault
      try {
        await this.#send!.writeAll(this.#form.toNative(bytes, at, Math.min(at + chunk, bytes.length)))
      } catch (error) {
        throw this.#failWriting(streamError(error))
      }
    }
    if (this.#writeFault) throw this.#writeFault
  }

  async #finishWriting(): Promise<void> {
    if (this.#writeFault) throw this.#writeFault
    let stopCode: number | null
    try {
      const send = this.#send!
      await send.finish()
      // Resolves when all of it is acknowledged: closing the connection before that can lose data.
      stopCode = await send.stopped()
    } catch (error) {
      throw this.#failWriting(streamError(error))
    }
    if (stopCode !== null) throw this.#failWriting(stoppedError(stopCode))
    this.#endWriting()
  }

  /** Keeps the first fault, and gives the slot back. */
  #failWriting(fault: TransportError): TransportError {
    if (!this.#writeFault) {
      this.#writeFault = fault
      this.#send?.reset(0n).then(this.#endWriting, this.#endWriting)
    }
    return this.#writeFault
  }

  readonly #endReading = (): void => {
    this.#recv = null
    if (!this.#send) this.#onOver()
  }

  readonly #endWriting = (): void => {
    this.#send = null
    if (!this.#recv) this.#onOver()
  }

  /** The work's outcome, or the fault of an `abort` that comes first: the binding may stay blocked. */
  #orAborted<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      work.finally(() => this.#waiting.delete(reject)).then(resolve, reject)
    })
  }
}
