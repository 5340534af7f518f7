import type { Readable, Writable } from 'node:stream'
import { TransportError } from '../../ports/errors.ts'
import type { ByteStream } from '../../ports/transport.ts'

const DEFAULT_READ = 64 * 1024
/** What the system takes at once is called back at once: without a turn for others now and then, a fast reader would starve them. */
const TURN_BYTES = 128 * 1024

/**
 * A pair of Node's streams (a socket twice, a child's pipes, our own standard input and output) as the port's stream. A socket must
 * have been made with `allowHalfOpen`. What is finished was handed to the system: that the other side has it, nobody tells.
 */
export class NodeByteStream implements ByteStream {
  readonly #readable: Readable
  readonly #writable: Writable
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)
  #fault: TransportError | null = null
  #sinceTurn = 0
  /** Not every stream of Node answers a write that it waits with when it is destroyed. */
  readonly #writing = new Set<() => void>()

  constructor(readable: Readable, writable: Writable) {
    this.#readable = readable
    this.#writable = writable
    // An error without a listener would end the process; reads and writes report it.
    const onError = (cause: Error): void => void (this.#fault ??= faultOf(cause))
    readable.on('error', onError)
    writable.on('error', onError)
    this.#chunks = readable.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>
  }

  async read(max = DEFAULT_READ): Promise<Uint8Array | null> {
    try {
      while (this.#rest.length === 0) {
        const next = await this.#chunks.next()
        if (next.done) {
          if (this.#fault) throw this.#fault
          return null
        }
        this.#rest = plain(next.value)
      }
    } catch (error) {
      throw this.#fault ?? faultOf(error)
    }
    const taken = this.#rest.subarray(0, max)
    this.#rest = this.#rest.subarray(taken.length)
    return taken
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#fault) return reject(this.#fault)
      this.#sinceTurn += bytes.length
      const stop = (): void => reject(this.#fault!)
      this.#writing.add(stop)
      this.#writable.write(bytes, (error) => {
        this.#writing.delete(stop)
        if (error) reject(this.#fault ?? faultOf(error))
        else if (this.#sinceTurn < TURN_BYTES) resolve()
        else {
          this.#sinceTurn = 0
          setImmediate(resolve)
        }
      })
    })
  }

  finish(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#fault) return reject(this.#fault)
      this.#writable.end((error?: Error | null) => (error ? reject(this.#fault ?? faultOf(error)) : resolve()))
    })
  }

  abort(): void {
    this.#fault ??= new TransportError('aborted', 'This stream was given up here.')
    this.#readable.destroy()
    this.#writable.destroy()
    for (const stop of this.#writing) stop()
  }
}

function faultOf(cause: unknown): TransportError {
  if (cause instanceof TransportError) return cause
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  const isReset = code === 'ECONNRESET' || code === 'EPIPE'
  const message = cause instanceof Error ? cause.message : String(cause)
  return new TransportError(isReset ? 'reset' : 'disconnected', message, {}, { cause })
}

/** Without Buffer's own methods, of which `slice` means something else than Uint8Array's. */
function plain(chunk: Uint8Array): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
}
