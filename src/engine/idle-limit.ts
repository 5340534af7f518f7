import { TransportError } from '../ports/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { ByteStream } from '../ports/transport.ts'

/** The same stream, given up when a read or write makes no progress for so long (T5). @throws TransportError `timeout` then */
export function withIdleLimit(stream: ByteStream, clock: Clock, idleMs: number): ByteStream {
  let late: TransportError | null = null
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    const cancel = clock.after(idleMs, () => {
      late = new TransportError('timeout', `the other side has been silent for ${Math.round(idleMs / 1000)} s`)
      stream.abort()
    })
    try {
      return await work()
    } catch (error) {
      throw late ?? error
    } finally {
      cancel()
    }
  }
  return {
    read: (max) => guarded(() => stream.read(max)),
    write: (bytes) => guarded(() => stream.write(bytes)),
    finish: () => guarded(() => stream.finish()),
    abort: () => stream.abort(),
  }
}
