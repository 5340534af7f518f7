import type { ByteStream } from '../ports/transport.ts'

/**
 * Makes two streams one: what comes out of either goes into the other, as fast as the slower one takes it. The two halves end
 * independently, as they do at the ends. Resolves when both are over; when anything fails both streams are given up.
 *
 * `onBytes` is told what passes: `forth` from the first stream to the second, `back` the other way.
 * @throws TransportError of whichever half failed first
 */
export async function bridgeStreams(
  left: ByteStream,
  right: ByteStream,
  onBytes: (direction: 'forth' | 'back', count: number) => void = () => undefined,
): Promise<void> {
  const copy = async (from: ByteStream, to: ByteStream, direction: 'forth' | 'back'): Promise<void> => {
    for (let chunk = await from.read(); chunk !== null; chunk = await from.read()) {
      onBytes(direction, chunk.length)
      await to.write(chunk)
    }
    await to.finish()
  }
  const give = (error: unknown): never => {
    left.abort()
    right.abort()
    throw error
  }
  const halves = [copy(left, right, 'forth').catch(give), copy(right, left, 'back').catch(give)]
  await Promise.allSettled(halves)
  await Promise.all(halves)
}
