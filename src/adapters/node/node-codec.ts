import { createHash } from 'node:crypto'
import { Readable, pipeline } from 'node:stream'
import type { Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import type { Codec, DeflateLevel, Sha1 } from '../../objects/codec.ts'
import { crc32 as crc32ByTable } from '../../objects/crc32.ts'
import { CorruptObjectError } from '../../objects/errors.ts'

const CHUNK_SIZE = 64 * 1024
/** zlib's own lower bound for an output buffer. */
const MIN_CHUNK_SIZE = 64

/** Absent before Node 20.15 and 22.2, which Electron may embed. */
const nativeCrc32 = (zlib as { crc32?: (data: Uint8Array, seed?: number) => number }).crc32

/** {@link Codec} on `node:crypto` and `node:zlib`. Holds no state. */
export const nodeCodec: Codec = {
  sha1: () => new NodeSha1(),
  sha256(...parts) {
    const hash = createHash('sha256')
    for (const part of parts) hash.update(part)
    return plain(hash.digest())
  },
  deflate: (data, level) => plain(zlib.deflateSync(data, { level })),
  inflate,
  deflateStream,
  inflateStream,
  crc32: (bytes, seed = 0) => (nativeCrc32 ? nativeCrc32(bytes, seed) : crc32ByTable(bytes, seed)),
}

class NodeSha1 implements Sha1 {
  private readonly hash = createHash('sha1')
  update(bytes: Uint8Array): this {
    this.hash.update(bytes)
    return this
  }
  hex(): string {
    return this.hash.digest('hex')
  }
}

function inflate(data: Uint8Array, offset: number, size: number): { content: Uint8Array; consumed: number } {
  // One byte more than declared: a longer stream is noticed, and zlib needs no second round to see the end of an exact one.
  const options = { info: true, chunkSize: Math.max(MIN_CHUNK_SIZE, size + 1), maxOutputLength: size + 1 }
  let result: { buffer: Buffer; engine: { bytesWritten: number } }
  try {
    // With `info` Node returns this pair; its type declarations don't know.
    result = zlib.inflateSync(data.subarray(offset), options) as unknown as typeof result
  } catch (cause) {
    throw badZlib(cause)
  }
  if (result.buffer.length !== size) {
    throw new CorruptObjectError('bad-zlib', `a zlib stream of another size than ${size} bytes`)
  }
  return { content: plain(result.buffer), consumed: result.engine.bytesWritten }
}

async function* deflateStream(chunks: AsyncIterable<Uint8Array>, level: DeflateLevel): AsyncGenerator<Uint8Array> {
  yield* piped(Readable.from(chunks), zlib.createDeflate({ level, chunkSize: CHUNK_SIZE }))
}

async function* inflateStream(
  chunks: AsyncIterable<Uint8Array>,
  onEnd?: (consumed: number) => void,
): AsyncGenerator<Uint8Array> {
  const source = { given: 0, ended: false }
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      source.given += chunk.length
      // An empty chunk would be mistaken by the stream for nothing at all; it carries nothing.
      if (chunk.length > 0) yield chunk
    }
    source.ended = true
  }
  const engine = zlib.createInflate({ chunkSize: CHUNK_SIZE })
  try {
    yield* piped(Readable.from(counted(), { highWaterMark: 1 }), engine)
  } catch (error) {
    throw isZlibError(error) ? badZlib(error) : error
  }
  // Node stops without an error at the stream's end, whatever follows.
  if (onEnd) onEnd(engine.bytesWritten)
  else if (!source.ended || engine.bytesWritten !== source.given) {
    throw new CorruptObjectError('bad-zlib', 'bytes after the end of a zlib stream')
  }
}

/** Backpressure and clean-up both ways: ending the iteration early ends the source too. */
async function* piped(source: Readable, engine: Transform): AsyncGenerator<Uint8Array> {
  // Errors reach the reader of `engine`; the callback only keeps them from being unhandled.
  pipeline(source, engine, () => undefined)
  for await (const chunk of engine) yield plain(chunk as Buffer)
}

/** Without Buffer's own methods, of which `slice` means something else than Uint8Array's. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^Z_/.test(String(error.code))
}

function badZlib(cause: unknown): CorruptObjectError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new CorruptObjectError('bad-zlib', `not a whole zlib stream: ${reason}`, {}, { cause })
}
