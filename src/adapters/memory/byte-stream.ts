import { CorruptObjectError } from '../../objects/errors.ts'
import type { Codec } from '../../objects/codec.ts'
import { objectHeader } from '../../objects/hash.ts'
import { parseOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'

/** Longest chunk that the stores hand out, bytes. */
export const STREAM_CHUNK = 64 * 1024

/** The bytes from `offset` on, cut into chunks of at most {@link STREAM_CHUNK}. */
export async function* skipped(chunks: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array> {
  let skip = offset
  for await (const chunk of chunks) {
    const from = Math.min(skip, chunk.length)
    skip -= from
    for (let at = from; at < chunk.length; at += STREAM_CHUNK) yield chunk.subarray(at, at + STREAM_CHUNK)
  }
}

export async function* slices(bytes: Uint8Array, offset = 0): AsyncGenerator<Uint8Array> {
  for (let at = offset; at < bytes.length; at += STREAM_CHUNK) yield bytes.subarray(at, at + STREAM_CHUNK)
}

/** Passes a blob's content on, and checks at its end that it has this oid and size. @throws CorruptObjectError `hash-mismatch`. */
export async function* verified(
  codec: Codec,
  oid: Oid,
  size: number,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const hash = codec.sha1().update(objectHeader('blob', size))
  let seen = 0
  for await (const chunk of chunks) {
    seen += chunk.length
    if (seen > size) break
    hash.update(chunk)
    yield chunk
  }
  if (seen !== size || hash.hex() !== oid)
    throw new CorruptObjectError('hash-mismatch', `blob ${oid} is damaged`, { oid })
}

/**
 * Passes on a blob's content, counts and hashes it; `oid` is known when the stream ended.
 * The stream throws CorruptObjectError `bad-object` when it is not exactly `size` bytes.
 */
export function countedBlob(
  codec: Codec,
  size: number,
  chunks: AsyncIterable<Uint8Array>,
): { chunks: AsyncGenerator<Uint8Array>; oid(): Oid } {
  const hash = codec.sha1().update(objectHeader('blob', size))
  let oid: Oid | undefined
  async function* pass(): AsyncGenerator<Uint8Array> {
    let seen = 0
    for await (const chunk of chunks) {
      seen += chunk.length
      if (seen > size) throw wrongLength(size)
      hash.update(chunk)
      yield chunk
    }
    if (seen !== size) throw wrongLength(size)
    oid = parseOid(hash.hex())
  }
  return {
    chunks: pass(),
    oid() {
      if (!oid) throw new Error('the stream has not ended')
      return oid
    },
  }
}

/** Collects exactly `size` bytes. @throws CorruptObjectError `bad-object` when there are more or fewer. */
export async function collectExactly(size: number, chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const whole = new Uint8Array(size)
  let at = 0
  for await (const chunk of chunks) {
    if (at + chunk.length > size) throw wrongLength(size)
    whole.set(chunk, at)
    at += chunk.length
  }
  if (at !== size) throw wrongLength(size)
  return whole
}

/** Collects a stream of unknown length. @throws CorruptObjectError `too-large` as soon as there are more than `most` bytes. */
export async function collectUpTo(most: number, chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let bytes = new Uint8Array(STREAM_CHUNK)
  let size = 0
  for await (const chunk of chunks) {
    const end = size + chunk.length
    if (end > most) throw new CorruptObjectError('too-large', `more than ${most} bytes at once`, { most })
    if (end > bytes.length) {
      // Grown on the way rather than put together at the end, which would keep the thread for long.
      const more = new Uint8Array(Math.max(end, Math.min(2 * bytes.length, most)))
      more.set(bytes.subarray(0, size))
      bytes = more
    }
    bytes.set(chunk, size)
    size = end
  }
  return bytes.subarray(0, size)
}

function wrongLength(size: number): CorruptObjectError {
  return new CorruptObjectError('bad-object', `a stream of another length than ${size} bytes`, { size })
}
