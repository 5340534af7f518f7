import {
  ZStream,
  Z_BUF_ERROR,
  Z_FINISH,
  Z_NO_FLUSH,
  Z_OK,
  Z_STREAM_END,
  zlibDeflate,
  zlibDeflateEnd,
  zlibDeflateInit,
  zlibDeflateReset,
  zlibInflate,
  zlibInflateEnd,
  zlibInflateInit2,
  zlibInflateReset,
} from 'pako'
import type { DeflateLevel } from '../../objects/codec.ts'
import { CorruptObjectError } from '../../objects/errors.ts'

const CHUNK_SIZE = 64 * 1024
/** The largest window; a plain zlib header is expected, gzip is not accepted. */
const ZLIB_WINDOW_BITS = 15
const NOTHING = new Uint8Array(0)

/** pako's low-level engines, made once and reset between uses: their tables cost more than a note does. */
export class WebZlib {
  private readonly inflater = newInflater()
  private readonly deflaters = { 0: newDeflater(0), 1: newDeflater(1) }

  deflate(data: Uint8Array, level: DeflateLevel): Uint8Array {
    const stream = this.deflaters[level]
    zlibDeflateReset(stream)
    stream.input = data
    stream.next_in = 0
    stream.avail_in = data.length
    // Room for the worst case: stored blocks of 16 KiB with 5 bytes each, header and checksum.
    const output = new Uint8Array(data.length + (data.length >> 11) + 64)
    stream.output = output
    stream.next_out = 0
    stream.avail_out = output.length
    const status = zlibDeflate(stream, Z_FINISH)
    const length = stream.total_out
    forget(stream)
    if (status !== Z_STREAM_END) throw new Error(`deflate failed with status ${status}`)
    return length * 2 > output.length ? output.subarray(0, length) : output.slice(0, length)
  }

  inflate(data: Uint8Array, offset: number, size: number): { content: Uint8Array; consumed: number } {
    const stream = this.inflater
    zlibInflateReset(stream)
    stream.input = data
    stream.next_in = offset
    stream.avail_in = data.length - offset
    // One byte more than declared, so that a longer stream is noticed.
    const output = new Uint8Array(size + 1)
    stream.output = output
    stream.next_out = 0
    stream.avail_out = size + 1
    const status = zlibInflate(stream, Z_FINISH)
    const { total_in: consumed, total_out: length, msg } = stream
    forget(stream)
    if (status !== Z_STREAM_END) throw badZlib(msg || `status ${status}`)
    if (length !== size) throw new CorruptObjectError('bad-zlib', `a zlib stream of another size than ${size} bytes`)
    return { content: output.subarray(0, size), consumed }
  }
}

export async function* deflateStream(
  chunks: AsyncIterable<Uint8Array>,
  level: DeflateLevel,
): AsyncGenerator<Uint8Array> {
  const stream = newDeflater(level)
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue
    setInput(stream, chunk)
    do {
      setOutput(stream)
      zlibDeflate(stream, Z_NO_FLUSH)
      if (stream.next_out > 0) yield stream.output.subarray(0, stream.next_out)
    } while (stream.avail_in > 0 || stream.avail_out === 0)
  }
  setInput(stream, NOTHING)
  for (let status = Z_OK as number; status !== Z_STREAM_END;) {
    setOutput(stream)
    status = zlibDeflate(stream, Z_FINISH)
    if (status !== Z_OK && status !== Z_STREAM_END && status !== Z_BUF_ERROR) {
      throw new Error(`deflate failed with status ${status}`)
    }
    if (stream.next_out > 0) yield stream.output.subarray(0, stream.next_out)
  }
  zlibDeflateEnd(stream)
}

export async function* inflateStream(
  chunks: AsyncIterable<Uint8Array>,
  onEnd?: (consumed: number) => void,
): AsyncGenerator<Uint8Array> {
  const stream = newInflater()
  let ended = false
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue
    if (ended) throw badZlib('bytes after its end')
    setInput(stream, chunk)
    do {
      setOutput(stream)
      const status = zlibInflate(stream, Z_NO_FLUSH)
      // Z_BUF_ERROR: no progress without more input.
      if (status !== Z_OK && status !== Z_STREAM_END && status !== Z_BUF_ERROR) {
        throw badZlib(stream.msg || `status ${status}`)
      }
      ended = status === Z_STREAM_END
      if (stream.next_out > 0) yield stream.output.subarray(0, stream.next_out)
    } while (!ended && (stream.avail_in > 0 || stream.avail_out === 0))
    if (ended && onEnd) break
    if (stream.avail_in > 0) throw badZlib('bytes after its end')
  }
  if (!ended) throw badZlib('it is cut short')
  onEnd?.(stream.total_in)
  zlibInflateEnd(stream)
}

function newInflater(): ZStream {
  const stream = new ZStream()
  zlibInflateInit2(stream, ZLIB_WINDOW_BITS)
  return stream
}

function newDeflater(level: DeflateLevel): ZStream {
  const stream = new ZStream()
  zlibDeflateInit(stream, level)
  return stream
}

function setInput(stream: ZStream, chunk: Uint8Array): void {
  stream.input = chunk
  stream.next_in = 0
  stream.avail_in = chunk.length
}

/** A fresh buffer each time: what was handed out stays the receiver's. */
function setOutput(stream: ZStream): void {
  stream.output = new Uint8Array(CHUNK_SIZE)
  stream.next_out = 0
  stream.avail_out = CHUNK_SIZE
}

/** An idle engine must not keep somebody's megabytes alive. */
function forget(stream: ZStream): void {
  stream.input = NOTHING
  stream.output = new Uint8Array(0)
}

function badZlib(reason: string): CorruptObjectError {
  return new CorruptObjectError('bad-zlib', `not a whole zlib stream: ${reason}`)
}
