import { TransportError } from '../../ports/errors.ts'
import type { ByteStream } from '../../ports/transport.ts'
import type { MemoryPipe } from './memory-pipe.ts'

const DEFAULT_READ = 64 * 1024

/** One side's view of a stream: it writes into one pipe and reads from the other. */
export class MemoryStream implements ByteStream {
  readonly #out: MemoryPipe
  readonly #in: MemoryPipe

  constructor(out: MemoryPipe, incoming: MemoryPipe) {
    this.#out = out
    this.#in = incoming
  }

  /** This side ended both halves, as the port asks of it. */
  get over(): boolean {
    return this.#out.writeOver && this.#in.readOver
  }

  read(max = DEFAULT_READ): Promise<Uint8Array | null> {
    return this.#in.read(max)
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#out.write(bytes)
  }

  finish(): Promise<void> {
    return this.#out.finish()
  }

  abort(): void {
    const fault = new TransportError('aborted', 'This stream was given up here.')
    this.#out.reset(fault)
    this.#in.stop(fault)
  }

  /** The connection ended: what arrived can still be read. */
  fail(fault: TransportError): void {
    this.#out.failWriting(fault)
    this.#in.failReading(fault, false)
  }

  resume(): void {
    this.#in.resume()
  }
}
