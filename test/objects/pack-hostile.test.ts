import * as fc from 'fast-check'
import { deflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { concatBytes, encodeUtf8 } from '../../src/objects/bytes.ts'
import type { Codec } from '../../src/objects/codec.ts'
import { createDelta } from '../../src/objects/delta.ts'
import type { IndexedObject, IndexPackOptions } from '../../src/objects/indexed-pack.ts'
import type { GitObject, Oid } from '../../src/objects/oid.ts'
import { encodeEntryHeader, encodePackHeader } from '../../src/objects/pack.ts'
import { encodePackIndex, PackIndex } from '../../src/objects/pack-index.ts'
import {
  bytesSource,
  completeThinPack,
  indexPack,
  readDeflatedEntry,
  readPackEntryHeader,
  readPackObject,
  streamPackEntry,
} from '../../src/objects/pack-reader.ts'
import { expectCorrupt, expectCorruptAsync } from '../support/corrupt.ts'
import { blobOid, rawPack, withTrailer } from '../support/raw-pack.ts'
import type { RawEntry } from '../support/raw-pack.ts'
import { seededRandom } from '../support/seeded-random.ts'

/** Texts of which each is the one before with a little more. */
function versions(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => encodeUtf8(`${'shared text '.repeat(9)}${'x'.repeat(i)} version ${i}`))
}

function deltaOf(base: Uint8Array, target: Uint8Array): Uint8Array {
  const delta = createDelta(base, target)
  expect(delta).not.toBeNull()
  return delta!
}

/** A chain: the first whole, each further one a delta of the one before. */
function chain(length: number): RawEntry[] {
  const texts = versions(length + 1)
  return texts.map((content, i) => (i === 0 ? { content } : { base: i - 1, content: deltaOf(texts[i - 1]!, content) }))
}

function index(pack: Uint8Array, options: Partial<IndexPackOptions> = {}) {
  return indexPack(nodeCodec, bytesSource(pack), { resolveBase: async () => undefined, ...options })
}

/** A store for `resolveBase`. */
function storeOf(...contents: Uint8Array[]): (oid: Oid) => Promise<GitObject | undefined> {
  const objects = new Map(contents.map((content) => [blobOid(content), { type: 'blob' as const, content }]))
  return async (oid) => objects.get(oid)
}

describe('indexPack', () => {
  const [one, two, three] = versions(3) as [Uint8Array, Uint8Array, Uint8Array]

  it('takes an empty pack', async () => {
    expect((await index(rawPack([]))).objects).toEqual([])
  })

  it('resolves deltas whose base comes later, and deltas on those', async () => {
    const pack = rawPack([
      { base: blobOid(two), content: deltaOf(two, three) },
      { base: blobOid(one), content: deltaOf(one, two) },
      { base: 0, content: deltaOf(three, encodeUtf8(`${'shared text '.repeat(9)}!`)) },
      { content: one },
    ])
    const { objects } = await index(pack)
    expect(objects.map((object) => object.oid)).toEqual([
      blobOid(three),
      blobOid(two),
      blobOid(encodeUtf8(`${'shared text '.repeat(9)}!`)),
      blobOid(one),
    ])
    expect(objects.map((object) => object.delta)).toEqual([true, true, true, false])
  })

  it('names a base outside, and one that hangs on it as inside', async () => {
    const pack = rawPack([
      { base: blobOid(two), content: deltaOf(two, three) },
      { base: blobOid(one), content: deltaOf(one, two) },
    ])
    const { objects } = await index(pack, { resolveBase: storeOf(one) })
    expect(objects.map((object) => object.externalBase)).toEqual([undefined, blobOid(one)])
  })

  it('takes a base from inside although it was found outside first', async () => {
    const pack = rawPack([
      { base: blobOid(two), content: deltaOf(two, three) },
      { base: blobOid(one), content: deltaOf(one, two) },
    ])
    const { objects } = await index(pack, { resolveBase: storeOf(one, two) })
    expect(objects.map((object) => object.externalBase)).toEqual([undefined, blobOid(one)])
  })

  it('makes bases again that its cache let go of', async () => {
    // 3 chains of 12 MiB objects, taken in turn: one more than the cache of 32 MiB holds.
    const random = seededRandom(3)
    const starts = [1, 2, 3].map(() => random.bytes(12 * 1024 * 1024))
    const entries: RawEntry[] = starts.map((content) => ({ content, deflated: deflateSync(content, { level: 0 }) }))
    const expected = starts.map(blobOid)
    let last = starts
    for (let round = 0; round < 2; round++) {
      const next = last.map((content) => concatBytes([content, encodeUtf8('more')]))
      next.forEach((content, i) => {
        entries.push({ base: round * 3 + i, content: deltaOf(last[i]!, content) })
        expected.push(blobOid(content))
      })
      last = next
    }
    expect((await index(rawPack(entries))).objects.map((object) => object.oid)).toEqual(expected)
  })

  it('[T2] refuses a pack that is cut short anywhere', async () => {
    const pack = rawPack([
      ...chain(2),
      { base: blobOid(one), content: deltaOf(one, encodeUtf8('shared text '.repeat(9))) },
    ])
    expect((await index(pack)).objects).toHaveLength(4)
    for (let length = 0; length < pack.length; length++) {
      await expectCorruptAsync(index(pack.subarray(0, length)), 'bad-pack')
      // With a trailer that fits, too: nobody may rely on the checksum alone.
      if (length === pack.length - 20) continue
      await expectCorruptAsync(index(withTrailer(pack.subarray(0, length))), 'bad-pack', 'bad-zlib')
    }
  })

  it('[T2] refuses a pack with one bit flipped anywhere', async () => {
    const pack = rawPack(chain(2))
    for (let at = 0; at < pack.length; at++) {
      const flipped = pack.slice()
      flipped[at]! ^= 1 << (at % 8)
      await expectCorruptAsync(index(flipped), 'bad-pack')
    }
  })

  it('never fails but with a CorruptObjectError, whatever bytes come under a right checksum', async () => {
    const pack = rawPack(chain(3))
    const body = pack.subarray(0, -20)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { maxLength: 4 }), async (changes) => {
        const changed = body.slice()
        for (const [at, byte] of changes) changed[at] = byte
        const outcome = await index(withTrailer(changed)).catch((error: unknown) => error)
        if (outcome instanceof Error) expect(outcome).toMatchObject({ name: 'CorruptObjectError' })
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['a lower count', rawPack(chain(2), 2)],
    ['a higher count', rawPack(chain(2), 4)],
    ['an absurd count', rawPack([{ content: one }], 900_000)],
    ['another version', withTrailer(concatBytes([encodeUtf8('PACK'), Uint8Array.of(0, 0, 0, 3, 0, 0, 0, 0)]))],
    ['another signature', withTrailer(concatBytes([encodeUtf8('PAKC'), Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 0)]))],
    ['garbage after the last entry', withTrailer(concatBytes([rawPack(chain(1)).subarray(0, -20), one]))],
    ['an object twice', rawPack([{ content: one }, { content: one }])],
    [
      'an object twice, as a delta',
      rawPack([{ content: one }, { content: two }, { base: 0, content: deltaOf(one, two) }]),
    ],
    ['an unknown kind', withTrailer(concatBytes([encodePackHeader(1), Uint8Array.of(0x50), deflateSync(one)]))],
    ['the kind 0', withTrailer(concatBytes([encodePackHeader(1), Uint8Array.of(0x0f), deflateSync(one)]))],
    ['a base before the pack', rawPack([{ content: one }, { distance: 100_000, content: deltaOf(one, two) }])],
    ['itself as a base', rawPack([{ content: one }, { distance: 0, content: deltaOf(one, two) }])],
    ['a base in the middle of an entry', rawPack([{ content: one }, { distance: 3, content: deltaOf(one, two) }])],
    ['a size that never ends', withTrailer(concatBytes([encodePackHeader(1), new Uint8Array(40).fill(0xff)]))],
  ])('refuses %s', async (_, pack) => {
    await expectCorruptAsync(index(pack), 'bad-pack')
  })

  it.each([
    ['a smaller size than the content’s', { content: one, size: one.length - 1 }],
    ['a larger size', { content: one, size: one.length + 1 }],
    ['no zlib stream', { content: one, deflated: one }],
    ['a zip bomb', { content: one, deflated: deflateSync(new Uint8Array(50_000_000)) }],
    ['a stream that is cut short', { content: one, deflated: deflateSync(one).subarray(0, -2) }],
  ])('[T8] refuses %s', async (_, entry) => {
    await expectCorruptAsync(index(rawPack([entry])), 'bad-zlib')
  })

  it.each([
    ['the delta of another base', deltaOf(two, three)],
    ['no delta', encodeUtf8('?')],
    ['a delta that makes less', Uint8Array.of(one.length, 5, 0x90, 4)],
  ])('refuses %s', async (_, content) => {
    await expectCorruptAsync(index(rawPack([{ content: one }, { base: 0, content }])), 'bad-delta')
  })

  it('[T8] refuses more objects, larger ones, and deltas that make larger ones than allowed', async () => {
    await expectCorruptAsync(index(rawPack(chain(2)), { maxObjects: 2 }), 'too-large')
    await expectCorruptAsync(index(rawPack([{ content: one }]), { maxObjectSize: one.length - 1 }), 'too-large')
    const bomb = Uint8Array.of(one.length, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x90, 1)
    await expectCorruptAsync(index(rawPack([{ content: one }, { base: 0, content: bomb }])), 'too-large')
    // Also when its base never comes.
    await expectCorruptAsync(index(rawPack([{ base: blobOid(two), content: bomb }])), 'too-large')
    const declared = withTrailer(
      concatBytes([encodePackHeader(1), encodeEntryHeader('blob', 2 ** 40), deflateSync(one)]),
    )
    await expectCorruptAsync(index(declared), 'too-large')
  })

  it('[T8] refuses many small deltas that each make much', async () => {
    const large = new Uint8Array(1_000_000)
    const bombs = Array.from({ length: 50 }, (_, i): RawEntry => {
      return { base: 0, content: deltaOf(large, concatBytes([large, Uint8Array.of(i + 1)])) }
    })
    const pack = rawPack([{ content: large }, ...bombs])
    expect(pack.length).toBeLessThan(10_000)
    expect((await index(pack)).objects).toHaveLength(51)
    await expectCorruptAsync(index(pack, { maxInflated: 20_000_000 }), 'too-large')
  })

  it('[T8] takes chains of 50 deltas and no longer ones', async () => {
    expect((await index(rawPack(chain(50)))).objects).toHaveLength(51)
    await expectCorruptAsync(index(rawPack(chain(51))), 'bad-delta')
    const texts = versions(52)
    const backwards = texts.map((content, i): RawEntry => {
      return i === 51 ? { content } : { base: blobOid(texts[i + 1]!), content: deltaOf(texts[i + 1]!, content) }
    })
    await expectCorruptAsync(index(rawPack(backwards)), 'bad-delta')
    expect((await index(rawPack(backwards.slice(1)))).objects).toHaveLength(51)
  })

  it('refuses deltas that wait for each other, and those that wait for nothing that comes', async () => {
    const circle = rawPack([
      { base: blobOid(two), content: deltaOf(two, one) },
      { base: blobOid(one), content: deltaOf(one, two) },
    ])
    await expectCorruptAsync(index(circle), 'missing-base')
    await expectCorruptAsync(index(rawPack([{ base: blobOid(two), content: deltaOf(two, one) }])), 'missing-base')
  })

  it('refuses a circle of deltas that a base outside would resolve: once stored, nothing could read it', async () => {
    const circle = rawPack([
      { base: blobOid(two), content: deltaOf(two, one) },
      { base: blobOid(one), content: deltaOf(one, two) },
    ])
    await expectCorruptAsync(index(circle, { resolveBase: storeOf(one) }), 'bad-delta')
    await expectCorruptAsync(index(circle, { resolveBase: storeOf(two) }), 'bad-delta')
    const self = rawPack([{ base: blobOid(one), content: deltaOf(one, one) }])
    await expectCorruptAsync(index(self, { resolveBase: storeOf(one) }), 'bad-delta')
  })

  it('[E7] verifies a blob above the limit as a stream, and only when asked to', async () => {
    const large = concatBytes([seededRandom(9).bytes(300_000), new Uint8Array(300_000)])
    const pack = rawPack([{ content: one }, { content: large }, { base: 0, content: deltaOf(one, two) }])
    await expectCorruptAsync(index(pack, { maxObjectSize: 100_000 }), 'too-large')
    const seen: IndexedObject[] = []
    const { objects } = await index(pack, { maxObjectSize: 100_000, onLarge: (object) => seen.push(object) })
    expect(objects).toEqual((await index(pack)).objects)
    expect(seen).toEqual([objects[1]])

    const onLarge = (): void => undefined
    for (const size of [large.length - 1, large.length + 1]) {
      const lying = rawPack([{ content: large, size }])
      await expectCorruptAsync(index(lying, { maxObjectSize: 100_000, onLarge }), 'bad-zlib')
    }
    const onLargeBase = rawPack([{ content: large }, { base: 0, content: deltaOf(large, large.slice(1)) }])
    await expectCorruptAsync(index(onLargeBase, { maxObjectSize: 100_000, onLarge }), 'too-large')
  })

  it('[T5] reports progress, and stops where the report throws', async () => {
    const pack = rawPack(Array.from({ length: 1000 }, (_, i) => ({ content: encodeUtf8(`note ${i}`) })))
    const reports: number[] = []
    await index(pack, { onProgress: (done, total) => void reports.push(done / total) })
    expect(reports.length).toBeGreaterThan(1)
    expect(reports).toEqual([...reports].sort((a, b) => a - b))
    const stop = new Error('stop')
    await expect(index(pack, { onProgress: () => Promise.reject(stop) })).rejects.toBe(stop)
  })
})

describe('reading single entries', () => {
  const [one, two] = versions(2) as [Uint8Array, Uint8Array]
  const pack = rawPack([{ content: one }, { base: 0, content: deltaOf(one, two) }])
  const never = {
    byOid: async (oid: Oid): Promise<GitObject> => {
      throw new Error(`asked for ${oid}`)
    },
  }

  it('refuses an object above the limit, also one made by a delta', async () => {
    const source = bytesSource(pack)
    const [, second] = (await index(pack)).objects
    await expectCorruptAsync(readPackObject(nodeCodec, source, 12, never, one.length - 1), 'too-large')
    await expectCorruptAsync(readPackObject(nodeCodec, source, second!.offset, never, two.length - 1), 'too-large')
    const { content } = await readPackObject(nodeCodec, source, second!.offset, never, two.length)
    expect(content).toEqual(two)
  })

  it('reads headers of all sizes and distances', () => {
    for (const size of [0, 15, 16, 2047, 2048, 2 ** 31, 2 ** 32, 2 ** 45]) {
      const header = encodeEntryHeader('commit', size)
      expect(readPackEntryHeader(bytesSource(header), 0)).toEqual({
        kind: 'full',
        type: 'commit',
        size,
        dataOffset: header.length,
      })
    }
    for (const count of [1, 10, 1000]) {
      const contents = Array.from({ length: count }, (_, i) => seededRandom(i).bytes(30))
      const far = rawPack([...contents.map((content) => ({ content })), { base: 0, content: one }])
      const offset = far.length - 20 - deflateSync(one).length
      const header = [1, 2, 3, 4, 5].map((length) => {
        try {
          return readPackEntryHeader(bytesSource(far), offset - length)
        } catch {
          return undefined
        }
      })
      expect(header).toContainEqual({ kind: 'ofs-delta', base: 12, size: one.length, dataOffset: offset })
    }
  })

  it('gives the compressed bytes of whole objects only, and streams those only', async () => {
    const [first, second] = (await index(pack)).objects
    const source = bytesSource(pack)
    expect(readDeflatedEntry(nodeCodec, source, first!.offset)).toEqual({
      type: 'blob',
      size: one.length,
      deflated: Uint8Array.from(deflateSync(one)),
    })
    expect(readDeflatedEntry(nodeCodec, source, second!.offset)).toBeUndefined()
    await expectCorruptAsync(streamPackEntry(nodeCodec, source, second!.offset).next(), 'bad-delta')
  })

  it('gives them without inflating where the index tells their end, and believes the index only when the checksum agrees', async () => {
    const many = rawPack(versions(20).map((content) => ({ content })))
    const { objects, packSha } = await index(many)
    const packIndex = PackIndex.decode(nodeCodec, encodePackIndex(nodeCodec, objects, packSha))
    const never: Codec = { ...nodeCodec, inflate: () => expect.unreachable() }
    for (const [i, { oid, offset }] of objects.entries()) {
      const extent = packIndex.extentOf(oid, many.length)!
      const whole = readDeflatedEntry(nodeCodec, bytesSource(many), offset)!
      expect(whole.deflated).toEqual(Uint8Array.from(deflateSync(versions(20)[i]!)))
      expect(readDeflatedEntry(never, bytesSource(many), offset, extent)).toEqual(whole)
      for (const wrong of [
        { ...extent, end: extent.end - 1 },
        { ...extent, end: extent.end + 1 },
        { ...extent, end: offset },
        { ...extent, end: 2 ** 40 },
        { ...extent, crc32: extent.crc32 ^ 1 },
      ])
        expect(readDeflatedEntry(nodeCodec, bytesSource(many), offset, wrong)).toEqual(whole)
      const damaged = many.slice()
      damaged[extent.end - 1]! ^= 1
      expectCorrupt(() => readDeflatedEntry(nodeCodec, bytesSource(damaged), offset, extent), 'bad-zlib')
    }
  })

  it('refuses offsets outside', () => {
    for (const offset of [pack.length, pack.length + 5]) {
      expectCorrupt(() => readPackEntryHeader(bytesSource(pack), offset), 'bad-pack')
    }
  })

  it('fails to complete a thin pack whose base has gone', async () => {
    const thin = rawPack([{ base: blobOid(one), content: deltaOf(one, two) }])
    const indexed = await index(thin, { resolveBase: storeOf(one) })
    const gone = completeThinPack(nodeCodec, bytesSource(thin), indexed, async () => undefined)
    await expectCorruptAsync(gone, 'missing-base')
  })
})
