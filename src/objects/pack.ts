import { asciiBytes, concatBytes, readUint32, writeUint32 } from './bytes.ts'
import type { Codec } from './codec.ts'
import { CorruptObjectError } from './errors.ts'
import { oidToBytes, parseOid } from './oid.ts'
import type { ObjectType, Oid } from './oid.ts'

/*
 * A pack (git: Documentation/gitformat-pack), numbers big-endian:
 *   `PACK`, version 2 (4 bytes), count of entries (4 bytes)
 *   entries: a header (see encodeEntryHeader), for a delta its base, then a zlib stream of the content or delta
 *   SHA-1 of all that
 */

export const PACK_HEADER_SIZE = 12
/** The SHA-1 at the end. */
export const PACK_TRAILER_SIZE = 20
const PACK_SIGNATURE = 0x5041434b
const PACK_VERSION = 2

/** What we write: whole objects, and deltas that name their base by oid (in the same pack, or not: a thin pack). */
export type PackEntry =
  | { readonly kind: 'full'; readonly type: ObjectType; readonly size: number; readonly deflated: Uint8Array }
  /** `size` is the delta's. */
  | { readonly kind: 'ref-delta'; readonly base: Oid; readonly size: number; readonly deflated: Uint8Array }

export type PackEntryKind = ObjectType | 'ofs-delta' | 'ref-delta'

const KIND_NUMBERS: Record<PackEntryKind, number> = {
  commit: 1,
  tree: 2,
  blob: 3,
  tag: 4,
  'ofs-delta': 6,
  'ref-delta': 7,
}
const KINDS: readonly (PackEntryKind | undefined)[] = [
  undefined,
  'commit',
  'tree',
  'blob',
  'tag',
  undefined,
  'ofs-delta',
  'ref-delta',
]

export function encodePackHeader(count: number): Uint8Array {
  const bytes = concatBytes([asciiBytes('PACK'), new Uint8Array(8)])
  writeUint32(bytes, 4, PACK_VERSION)
  writeUint32(bytes, 8, count)
  return bytes
}

/** The count of entries. @throws CorruptObjectError `bad-pack` */
export function decodePackHeader(bytes: Uint8Array): number {
  if (bytes.length < PACK_HEADER_SIZE || readUint32(bytes, 0) !== PACK_SIGNATURE) {
    throw new CorruptObjectError('bad-pack', 'not a pack')
  }
  const version = readUint32(bytes, 4)
  if (version !== PACK_VERSION) throw new CorruptObjectError('bad-pack', `a pack of version ${version}`)
  return readUint32(bytes, 8)
}

/** The entry's bytes, in parts so that large ones are not copied. */
export function encodePackEntry(entry: PackEntry): Uint8Array[] {
  if (entry.kind === 'full') return [encodeEntryHeader(entry.type, entry.size), entry.deflated]
  return [encodeEntryHeader('ref-delta', entry.size), oidToBytes(entry.base), entry.deflated]
}

/** A whole pack. For packs that fit in memory. */
export function encodePack(codec: Codec, entries: readonly PackEntry[]): Uint8Array {
  const trailer = new Uint8Array(PACK_TRAILER_SIZE)
  const pack = concatBytes([encodePackHeader(entries.length), ...entries.flatMap(encodePackEntry), trailer])
  const end = pack.length - PACK_TRAILER_SIZE
  // At one go: each call costs more than the few bytes of a note.
  const sha1 = codec.sha1().update(pack.subarray(0, end))
  pack.set(oidToBytes(parseOid(sha1.hex())), end)
  return pack
}

/** `1tttssss` and then 7 bits of the size each, little-endian, where the high bit says "more". */
export function encodeEntryHeader(kind: PackEntryKind, size: number): Uint8Array {
  const bytes: number[] = []
  let byte = (KIND_NUMBERS[kind] << 4) | (size & 0xf)
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(byte | 0x80)
    byte = rest & 0x7f
  }
  bytes.push(byte)
  return Uint8Array.from(bytes)
}

/** Undefined for the two numbers that mean nothing. */
export function entryKind(number: number): PackEntryKind | undefined {
  return KINDS[number]
}
