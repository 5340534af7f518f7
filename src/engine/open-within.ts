import type { ByteStream } from '../ports/transport.ts'
import type { IdleTimeout } from './recovery.ts'

/**
 * Opens a stream, which may have to wait until the other side has a place for one more: that is a silence as any other (T5). One that
 * comes after `signal` ended is given up. The silence goes on with what is written next. @throws the signal's reason; TransportError
 */
export async function openWithin(
  openStream: () => Promise<ByteStream>,
  signal: AbortSignal,
  idle: IdleTimeout,
): Promise<ByteStream> {
  signal.throwIfAborted()
  idle.touch()
  let stop!: () => void
  const ended = new Promise<never>((_resolve, reject) => (stop = () => reject(signal.reason as Error)))
  signal.addEventListener('abort', stop, { once: true })
  let opening: Promise<ByteStream> | undefined
  try {
    return await Promise.race([(opening = openStream()), ended])
  } catch (error) {
    idle.rest()
    opening?.then(
      (late) => late.abort(),
      () => undefined,
    )
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
