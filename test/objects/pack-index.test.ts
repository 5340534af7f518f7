import * as fc from 'fast-check'
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { concatBytes } from '../../src/objects/bytes.ts'
import { oidFromBytes, parseOid } from '../../src/objects/oid.ts'
import { encodePackIndex, packIndexSteps, PackIndex } from '../../src/objects/pack-index.ts'
import type { PackIndexEntry } from '../../src/objects/pack-index.ts'
import { expectCorrupt } from '../support/corrupt.ts'

const PACK_SHA = parseOid('b'.repeat(40))

function entriesOf(count: number, offset: (i: number) => number = (i) => 12 + i * 100): PackIndexEntry[] {
  return Array.from({ length: count }, (_, i) => {
    const sha = createHash('sha1').update(String(i)).digest()
    return { oid: oidFromBytes(sha), offset: offset(i), crc32: sha.readUInt32BE(4) }
  })
}

function withChecksum(body: Uint8Array): Uint8Array {
  return concatBytes([body, createHash('sha1').update(body).digest()])
}

describe('pack index', () => {
  it('finds every object, and no other', () => {
    for (const count of [0, 1, 2, 255, 3000]) {
      const entries = entriesOf(count)
      const index = PackIndex.decode(nodeCodec, encodePackIndex(nodeCodec, entries, PACK_SHA))
      expect(index.count).toBe(count)
      expect(index.packSha).toBe(PACK_SHA)
      for (const { oid, offset } of entries) expect(index.find(oid)).toBe(offset)
      for (const { oid } of entriesOf(count + 200).slice(count)) expect(index.find(oid)).toBeUndefined()
      const sorted = [...entries].sort((a, b) => (a.oid < b.oid ? -1 : 1))
      expect([...index.entries()]).toEqual(sorted)
      expect([...index.oids()]).toEqual(sorted.map((entry) => entry.oid))
    }
  })

  it('holds offsets of 2 GiB and more', () => {
    const offset = fc.oneof(fc.maxSafeNat(), fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 7))
    fc.assert(
      fc.property(fc.array(offset, { maxLength: 20 }), (offsets) => {
        const entries = entriesOf(offsets.length, (i) => offsets[i]!)
        const bytes = encodePackIndex(nodeCodec, entries, PACK_SHA)
        const large = offsets.filter((value) => value >= 2 ** 31).length
        expect(bytes.length).toBe(8 + 1024 + offsets.length * 28 + large * 8 + 40)
        const index = PackIndex.decode(nodeCodec, bytes)
        for (const entry of entries) expect(index.find(entry.oid)).toBe(entry.offset)
      }),
    )
  })

  it('knows where each entry ends: where the next one begins, or at the trailer', () => {
    const entries = entriesOf(300, (i) => 12 + ((i * 7) % 300) * 50)
    const index = PackIndex.decode(nodeCodec, encodePackIndex(nodeCodec, entries, PACK_SHA))
    const size = 12 + 300 * 50 + 20
    for (const { oid, offset, crc32 } of entries)
      expect(index.extentOf(oid, size)).toEqual({ offset, end: offset + 50, crc32 })
    expect(index.extentOf(parseOid('0'.repeat(40)), size)).toBeUndefined()
  })

  it('is made in steps of some hundred entries, for a thread that others wait for', () => {
    const entries = entriesOf(3000)
    const steps = packIndexSteps(nodeCodec, entries, PACK_SHA)
    let turns = 0
    let step = steps.next()
    for (; !step.done; step = steps.next()) turns++
    expect(turns).toBeGreaterThanOrEqual(entries.length / 500)
    expect(step.value).toEqual(encodePackIndex(nodeCodec, entries, PACK_SHA))
  })

  it('refuses an index that is cut short or changed anywhere', () => {
    const bytes = encodePackIndex(
      nodeCodec,
      entriesOf(5, (i) => i * 2 ** 31),
      PACK_SHA,
    )
    for (let at = 0; at < bytes.length; at++) {
      expectCorrupt(() => PackIndex.decode(nodeCodec, bytes.subarray(0, at)), 'bad-pack')
      const flipped = bytes.slice()
      flipped[at]! ^= 0x40
      expectCorrupt(() => PackIndex.decode(nodeCodec, flipped), 'bad-pack')
    }
  })

  it('refuses wrong contents under a right checksum', () => {
    const bytes = encodePackIndex(nodeCodec, entriesOf(5), PACK_SHA)
    const body = bytes.subarray(0, -20)
    const changed = (change: (copy: Uint8Array) => void): Uint8Array => {
      const copy = body.slice()
      change(copy)
      return withChecksum(copy)
    }
    const swapped = changed((copy) => copy.copyWithin(8 + 1024, 8 + 1024 + 20, 8 + 1024 + 40))
    const fanout = changed((copy) => copy.set([0xff], 8 + 4 * 100))
    const count = changed((copy) => copy.set([0xff], 8 + 4 * 255))
    const version = changed((copy) => copy.set([1], 7))
    for (const bad of [swapped, fanout, count, version]) {
      expectCorrupt(() => PackIndex.decode(nodeCodec, bad), 'bad-pack')
    }
    const outside = changed((copy) => copy.set([0x80, 0, 0, 9], 8 + 1024 + 5 * 24))
    expectCorrupt(() => [...PackIndex.decode(nodeCodec, outside).entries()], 'bad-pack')
  })
})
