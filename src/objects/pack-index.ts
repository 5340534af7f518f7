import { readUint32, writeUint32 } from './bytes.ts'
import type { Codec } from './codec.ts'
import { CorruptObjectError } from './errors.ts'
import { oidFromBytes, oidToBytes, parseOid, writeOid } from './oid.ts'
import type { Oid } from './oid.ts'
import { PACK_TRAILER_SIZE } from './pack.ts'

/*
 * A pack index, version 2 (git: Documentation/gitformat-pack), numbers big-endian:
 *   ff 74 4f 63, version (4 bytes)
 *   256 x 4: how many oids begin with this byte or a smaller one
 *   n x 20:  the oids, sorted
 *   n x 4:   CRC-32 of each entry's bytes in the pack
 *   n x 4:   offset of each entry; with the high bit set, a place in the next table
 *   m x 8:   offsets of 2 GiB and more
 *   SHA-1 of the pack (its trailer), SHA-1 of all that
 */

export interface PackIndexEntry {
  readonly oid: Oid
  /** Where the entry begins in the pack. */
  readonly offset: number
  /** Of the entry's bytes as they lie in the pack, header included. */
  readonly crc32: number
}

/** The bytes of one entry in a pack: from `offset` up to `end`. */
export interface PackExtent {
  readonly offset: number
  readonly end: number
  /** Of those bytes. */
  readonly crc32: number
}

const SIGNATURE = 0xff744f63
const VERSION = 2
const FANOUT_AT = 8
const OIDS_AT = FANOUT_AT + 256 * 4
const TRAILER_SIZE = 40
/** From here on an offset needs the table of 8-byte ones; also the flag that says so. */
const LARGE_OFFSET = 0x80000000

/** Byte for byte what `git index-pack` writes. The entries come in any order. */
export function encodePackIndex(codec: Codec, entries: readonly PackIndexEntry[], packSha: Oid): Uint8Array {
  const steps = packIndexSteps(codec, entries, packSha)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** Entries that are taken between two steps: a millisecond or two, also of code that has only just been loaded. */
const ENTRIES_PER_STEP = 500

/** The making of a pack index, for a thread that others wait for too: between two steps they may have it. Yields nothing of meaning. */
export function* packIndexSteps(
  codec: Codec,
  entries: readonly PackIndexEntry[],
  packSha: Oid,
): Generator<void, Uint8Array<ArrayBuffer>> {
  const count = entries.length
  const byFirstByte = Array.from({ length: 256 }, (): PackIndexEntry[] => [])
  let largeOffsets = 0
  for (const [i, entry] of entries.entries()) {
    byFirstByte[parseInt(entry.oid.slice(0, 2), 16)]!.push(entry)
    if (entry.offset >= LARGE_OFFSET) largeOffsets++
    if (i % ENTRIES_PER_STEP === ENTRIES_PER_STEP - 1) yield
  }
  const bytes = new Uint8Array(OIDS_AT + count * 28 + largeOffsets * 8 + TRAILER_SIZE)
  writeUint32(bytes, 0, SIGNATURE)
  writeUint32(bytes, 4, VERSION)
  const crcsAt = OIDS_AT + count * 20
  const offsetsAt = crcsAt + count * 4
  const largeAt = offsetsAt + count * 4
  let i = 0
  let largeCount = 0
  for (const [first, group] of byFirstByte.entries()) {
    group.sort((a, b) => (a.oid < b.oid ? -1 : a.oid > b.oid ? 1 : 0))
    for (const entry of group) {
      writeOid(entry.oid, bytes, OIDS_AT + i * 20)
      writeUint32(bytes, crcsAt + i * 4, entry.crc32)
      if (entry.offset < LARGE_OFFSET) {
        writeUint32(bytes, offsetsAt + i * 4, entry.offset)
      } else {
        writeUint32(bytes, offsetsAt + i * 4, LARGE_OFFSET + largeCount)
        writeUint32(bytes, largeAt + largeCount * 8, Math.floor(entry.offset / 2 ** 32))
        writeUint32(bytes, largeAt + largeCount * 8 + 4, entry.offset % 2 ** 32)
        largeCount++
      }
      if (++i % ENTRIES_PER_STEP === 0) yield
    }
    writeUint32(bytes, FANOUT_AT + first * 4, i)
  }
  bytes.set(oidToBytes(packSha), bytes.length - TRAILER_SIZE)
  const body = bytes.subarray(0, bytes.length - 20)
  bytes.set(oidToBytes(parseOid(codec.sha1().update(body).hex())), body.length)
  return bytes
}

/** Looks things up in an index's bytes as they are; makes nothing up front. Holds on to `bytes`, which must not change. */
export class PackIndex {
  readonly count: number
  readonly packSha: Oid
  private readonly bytes: Uint8Array
  /** Ascending; made when somebody asks where an entry ends. */
  private offsets: Float64Array | null = null

  private constructor(bytes: Uint8Array, count: number) {
    this.bytes = bytes
    this.count = count
    this.packSha = oidFromBytes(bytes, bytes.length - TRAILER_SIZE)
  }

  /** Verified: layout, checksum, order. @throws CorruptObjectError `bad-pack` */
  static decode(codec: Codec, bytes: Uint8Array): PackIndex {
    if (bytes.length < OIDS_AT + TRAILER_SIZE) throw badIndex('is cut short')
    if (readUint32(bytes, 0) !== SIGNATURE || readUint32(bytes, 4) !== VERSION) throw badIndex('is not of version 2')
    const count = readUint32(bytes, OIDS_AT - 4)
    const largeSize = bytes.length - OIDS_AT - count * 28 - TRAILER_SIZE
    if (largeSize < 0 || largeSize % 8 !== 0) throw badIndex('is of a wrong length')
    const sum = codec
      .sha1()
      .update(bytes.subarray(0, bytes.length - 20))
      .hex()
    if (sum !== oidFromBytes(bytes, bytes.length - 20)) throw badIndex('has a wrong checksum')
    const index = new PackIndex(bytes, count)
    index.verifyOrder()
    return index
  }

  /** The offset of the object's entry in the pack, or undefined. */
  find(oid: Oid): number | undefined {
    const place = this.placeOf(oid)
    return place === undefined ? undefined : this.offsetAt(place)
  }

  /** Where the object's entry lies in a pack of `packSize` bytes. What an index says of a pack is believed when the CRC-32 agrees. */
  extentOf(oid: Oid, packSize: number): PackExtent | undefined {
    const place = this.placeOf(oid)
    if (place === undefined) return undefined
    const offset = this.offsetAt(place)
    const crc32 = readUint32(this.bytes, OIDS_AT + this.count * 20 + place * 4)
    return { offset, end: this.endOf(offset, packSize), crc32 }
  }

  /** Where the entry that begins at `offset` ends: where the next one begins, or the pack's trailer. */
  endOf(offset: number, packSize: number): number {
    const offsets = (this.offsets ??= this.sortedOffsets())
    let low = 0
    let high = offsets.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (offsets[middle]! <= offset) low = middle + 1
      else high = middle
    }
    return offsets[low] ?? packSize - PACK_TRAILER_SIZE
  }

  private sortedOffsets(): Float64Array {
    return Float64Array.from({ length: this.count }, (_, i) => this.offsetAt(i)).sort()
  }

  private placeOf(oid: Oid): number | undefined {
    const wanted = oidToBytes(oid)
    const first = wanted[0]!
    let low = first === 0 ? 0 : readUint32(this.bytes, FANOUT_AT + first * 4 - 4)
    let high = readUint32(this.bytes, FANOUT_AT + first * 4)
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = this.compareAt(middle, wanted, 0)
      if (order === 0) return middle
      if (order < 0) low = middle + 1
      else high = middle
    }
    return undefined
  }

  /** Sorted. */
  *oids(): Iterable<Oid> {
    for (let i = 0; i < this.count; i++) yield oidFromBytes(this.bytes, OIDS_AT + i * 20)
  }

  /** Sorted by oid. */
  *entries(): Iterable<PackIndexEntry> {
    const crcsAt = OIDS_AT + this.count * 20
    for (let i = 0; i < this.count; i++) {
      yield {
        oid: oidFromBytes(this.bytes, OIDS_AT + i * 20),
        offset: this.offsetAt(i),
        crc32: readUint32(this.bytes, crcsAt + i * 4),
      }
    }
  }

  private offsetAt(i: number): number {
    const offset = readUint32(this.bytes, OIDS_AT + this.count * 24 + i * 4)
    if (offset < LARGE_OFFSET) return offset
    const at = OIDS_AT + this.count * 28 + (offset - LARGE_OFFSET) * 8
    if (at + 8 > this.bytes.length - TRAILER_SIZE) throw badIndex('has an offset outside its table')
    return readUint32(this.bytes, at) * 2 ** 32 + readUint32(this.bytes, at + 4)
  }

  /** The oid at `i` against the one at `other[at]`. */
  private compareAt(i: number, other: Uint8Array, at: number): number {
    const from = OIDS_AT + i * 20
    for (let k = 0; k < 20; k++) {
      const difference = this.bytes[from + k]! - other[at + k]!
      if (difference !== 0) return difference
    }
    return 0
  }

  private verifyOrder(): void {
    let below = 0
    for (let first = 0; first < 256; first++) {
      const upTo = readUint32(this.bytes, FANOUT_AT + first * 4)
      if (upTo < below || upTo > this.count) throw badIndex('has a wrong fan-out')
      for (let i = below; i < upTo; i++) {
        const sorted = i === 0 || this.compareAt(i - 1, this.bytes, OIDS_AT + i * 20) < 0
        if (!sorted || this.bytes[OIDS_AT + i * 20] !== first) throw badIndex('is not sorted')
      }
      below = upTo
    }
  }
}

function badIndex(what: string): CorruptObjectError {
  return new CorruptObjectError('bad-pack', `a pack index ${what}`)
}
