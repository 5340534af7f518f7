import type { ByteStream } from '../ports/transport.ts'

export interface PeekedStream {
  /** The first byte that the other side sent; null when it ended before one. */
  readonly first: number | null
  /** The whole stream, that byte included. */
  readonly stream: ByteStream
}

/** Looks at a stream's first byte and leaves the stream as it was. @throws TransportError */
export async function peekStream(stream: ByteStream): Promise<PeekedStream> {
  let waiting = await stream.read()
  while (waiting?.length === 0) waiting = await stream.read()
  const first = waiting?.[0] ?? null
  const whole: ByteStream = {
    async read(max) {
      if (!waiting) return stream.read(max)
      const taken = waiting.subarray(0, max)
      waiting = taken.length < waiting.length ? waiting.subarray(taken.length) : null
      return taken
    },
    write: (bytes) => stream.write(bytes),
    finish: () => stream.finish(),
    abort: () => {
      waiting = null
      stream.abort()
    },
  }
  return { first, stream: whole }
}
