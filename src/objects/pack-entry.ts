import type { Codec } from './codec.ts'
import { CorruptObjectError } from './errors.ts'
import { oidFromBytes } from './oid.ts'
import type { ObjectType, Oid } from './oid.ts'
import { entryKind } from './pack.ts'
import type { PackSource } from './pack-source.ts'

/** Bytes of one object that we are ready to hold in memory. */
export const MAX_OBJECT_SIZE = 64 * 1024 * 1024
const STREAM_CHUNK = 64 * 1024

/** `size`: inflated bytes, as declared, of the content or the delta. `dataOffset`: where the zlib stream begins in the pack. */
export type PackEntryHeader =
  | { readonly kind: 'full'; readonly type: ObjectType; readonly size: number; readonly dataOffset: number }
  /** `base`: the offset of an earlier entry. */
  | { readonly kind: 'ofs-delta'; readonly base: number; readonly size: number; readonly dataOffset: number }
  | { readonly kind: 'ref-delta'; readonly base: Oid; readonly size: number; readonly dataOffset: number }

/** 4 + 7 x 7 bits of size: as much as a double counts exactly. */
const MAX_SIZE_BYTES = 8
const MAX_DISTANCE_BYTES = 7
const OID_SIZE = 20

/**
 * The header of the entry at `offset` (the layout stands in pack.ts). That an entry begins there is the caller's knowledge.
 * @throws CorruptObjectError `bad-pack`
 */
export function readPackEntryHeader(source: PackSource, offset: number): PackEntryHeader {
  const bytes = source.read(offset, MAX_SIZE_BYTES + OID_SIZE)
  const kind = entryKind((byteAt(bytes, 0) >> 4) & 7)
  if (!kind) throw new CorruptObjectError('bad-pack', 'an entry of an unknown kind')
  const { size, next } = decodeSize(bytes)
  if (kind === 'ofs-delta') {
    const { distance, next: end } = decodeDistance(bytes, next)
    if (distance <= 0 || distance > offset) throw new CorruptObjectError('bad-pack', 'a delta whose base is outside')
    return { kind, base: offset - distance, size, dataOffset: offset + end }
  }
  if (kind === 'ref-delta') {
    if (next + OID_SIZE > bytes.length) throw cutShort()
    return { kind, base: oidFromBytes(bytes, next), size, dataOffset: offset + next + OID_SIZE }
  }
  return { kind: 'full', type: kind, size, dataOffset: offset + next }
}

/** The zlib stream of an entry; `consumed` is its length in the pack. @throws CorruptObjectError `bad-zlib`, `too-large` */
export function inflateEntry(
  codec: Codec,
  source: PackSource,
  header: PackEntryHeader,
  maxSize = MAX_OBJECT_SIZE,
): { content: Uint8Array; consumed: number } {
  if (header.size > maxSize) throw tooLarge(header.size, maxSize)
  return codec.inflate(source.read(header.dataOffset, deflatedBound(header.size)), 0, header.size)
}

/** No deflater makes more of `size` bytes: the most wasteful block type takes 9 bits for a byte. Bounds what is read for an entry. */
export function deflatedBound(size: number): number {
  return size + (size >>> 2) + 1024
}

/**
 * The content of a whole object of any size, in pieces of at most 64 KiB; `onEnd` is told the length of the compressed form.
 * @throws CorruptObjectError `bad-zlib` when it is damaged or not of the declared size; `bad-delta` for a delta
 */
export async function* streamPackEntry(
  codec: Codec,
  source: PackSource,
  offset: number,
  onEnd: (consumed: number) => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  const header = readPackEntryHeader(source, offset)
  if (header.kind !== 'full') throw new CorruptObjectError('bad-delta', 'a delta cannot be streamed')
  let size = 0
  for await (const piece of codec.inflateStream(deflatedChunks(source, header.dataOffset), onEnd)) {
    size += piece.length
    if (size > header.size) break
    yield piece
  }
  if (size !== header.size) {
    throw new CorruptObjectError('bad-zlib', `a zlib stream of another size than ${header.size} bytes`)
  }
}

async function* deflatedChunks(source: PackSource, offset: number): AsyncGenerator<Uint8Array> {
  for (let at = offset; at < source.size; at += STREAM_CHUNK) yield source.read(at, STREAM_CHUNK).slice()
}

export function tooLarge(size: number, maxSize: number): CorruptObjectError {
  return new CorruptObjectError('too-large', `an object of ${size} bytes, more than ${maxSize}`, { size, maxSize })
}

function decodeSize(bytes: Uint8Array): { size: number; next: number } {
  let byte = byteAt(bytes, 0)
  let size = byte & 0xf
  let next = 1
  for (let weight = 16; byte & 0x80; weight *= 128) {
    if (next === MAX_SIZE_BYTES) throw new CorruptObjectError('bad-pack', 'an entry of an absurd size')
    byte = byteAt(bytes, next++)
    size += (byte & 0x7f) * weight
  }
  return { size, next }
}

/** Big-endian groups of 7 bits, to each of which but the last one is added, so that no distance has two forms. */
function decodeDistance(bytes: Uint8Array, at: number): { distance: number; next: number } {
  let byte = byteAt(bytes, at)
  let distance = byte & 0x7f
  let next = at + 1
  while (byte & 0x80) {
    if (next - at === MAX_DISTANCE_BYTES) throw new CorruptObjectError('bad-pack', 'a delta with an absurd base')
    byte = byteAt(bytes, next++)
    distance = (distance + 1) * 128 + (byte & 0x7f)
  }
  return { distance, next }
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw cutShort()
  return byte
}

function cutShort(): CorruptObjectError {
  return new CorruptObjectError('bad-pack', 'the pack is cut short')
}
