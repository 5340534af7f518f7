import { describe, expect, it } from 'vitest'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { MemoryObjectStore } from '../../src/adapters/memory/memory-object-store.ts'
import { concatBytes, encodeUtf8 } from '../../src/objects/bytes.ts'
import { createDelta } from '../../src/objects/delta.ts'
import type { GitObject } from '../../src/objects/oid.ts'
import { encodePack, type PackEntry } from '../../src/objects/pack.ts'
import { packBatches, type PackBatch, type PackBatchOptions } from '../../src/objects/pack-batches.ts'
import { aBlob, noise, oidOf, packOf } from '../support/object-samples.ts'
import { rawPack } from '../support/raw-pack.ts'

const OPTIONS: PackBatchOptions = { bytes: 10_000, objects: 1_000, onEntry: () => undefined, maxBytes: 2 ** 30 }

/** The pack as a network brings it, `step` bytes at a time. */
async function* inChunks(pack: Uint8Array, step: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < pack.length; at += step) yield pack.subarray(at, at + step)
}

async function cut(pack: Uint8Array, step = 1_000, options: Partial<PackBatchOptions> = {}): Promise<PackBatch[]> {
  const batches: PackBatch[] = []
  for await (const batch of packBatches(inChunks(pack, step), nodeCodec, { ...OPTIONS, ...options }))
    batches.push(batch)
  return batches
}

const notes = (count: number): GitObject[] =>
  Array.from({ length: count }, (_, i) => ({ type: 'blob', content: noise(1_000 + i, i + 1) }))

/** Versions of a note, each a delta of the one before. */
function chain(count: number): { objects: GitObject[]; pack: Uint8Array } {
  const objects = Array.from({ length: count }, (_, i) => aBlob(`${'a line that stays\n'.repeat(50)}version ${i}\n`))
  const entries = objects.map((object, i): PackEntry => {
    if (i === 0) {
      const deflated = nodeCodec.deflate(object.content, 1)
      return { kind: 'full', type: 'blob', size: object.content.length, deflated }
    }
    const delta = createDelta(objects[i - 1]!.content, object.content)!
    const base = oidOf(nodeCodec, objects[i - 1]!)
    return { kind: 'ref-delta', base, size: delta.length, deflated: nodeCodec.deflate(delta, 1) }
  })
  return { objects, pack: encodePack(nodeCodec, entries) }
}

describe('[T1] one pack cut into batches', () => {
  it.each([1, 7, 64, 1_000, 1_000_000])(
    'holds the same objects, however it comes: %i bytes at a time',
    async (step) => {
      const objects = [...notes(30), aBlob(''), { type: 'blob', content: noise(30_000, 99) } as const]
      const batches = await cut(packOf(nodeCodec, objects), step)
      expect(batches.length).toBeGreaterThan(3)
      expect(batches.reduce((sum, { objects: count }) => sum + count, 0)).toBe(objects.length)
      const store = new MemoryObjectStore(nodeCodec)
      for (const { pack } of batches) await store.writePack(pack)
      expect(await store.missing(objects.map((object) => oidOf(nodeCodec, object)))).toEqual([])
    },
  )

  it('closes a batch at its size and at its number of objects; an object that is larger is one by itself', async () => {
    const pack = packOf(nodeCodec, [...notes(20), { type: 'blob', content: noise(50_000, 7) }, ...notes(25).slice(20)])
    const sizes = (await cut(pack)).map((batch) => batch.pack.length)
    expect(Math.max(...sizes)).toBeGreaterThan(50_000)
    expect(sizes.filter((size) => size > 12_000)).toHaveLength(1)
    expect((await cut(pack, 1_000, { objects: 4 })).every(({ objects }) => objects <= 4)).toBe(true)
  })

  it('keeps deltas whose base lies in an earlier batch', async () => {
    const { objects, pack } = chain(40)
    const batches = await cut(pack, 100, { bytes: 300 })
    expect(batches.length).toBeGreaterThan(3)
    const store = new MemoryObjectStore(nodeCodec)
    for (const batch of batches) await store.writePack(batch.pack)
    expect(await store.missing(objects.map((object) => oidOf(nodeCodec, object)))).toEqual([])
  })

  it('of nothing is none', async () => {
    expect(await cut(packOf(nodeCodec, []))).toEqual([])
  })
})

describe('[T2] a pack that is not as it should be', () => {
  const pack = packOf(nodeCodec, notes(30))
  const batchesBefore = async (bytes: Uint8Array): Promise<number> => {
    let count = 0
    const reading = (async () => {
      for await (const batch of packBatches(inChunks(bytes, 500), nodeCodec, OPTIONS)) count += batch.objects
    })()
    await expect(reading).rejects.toMatchObject({ name: 'CorruptObjectError' })
    return count
  }

  it('is refused wherever it is cut; the whole batches before that are given, never the last', async () => {
    for (const length of [0, 5, 12, 40, 5_000, 20_000, pack.length - 21, pack.length - 1]) {
      const given = await batchesBefore(pack.subarray(0, length))
      expect(given).toBeLessThan(30)
      expect(given > 0, String(length)).toBe(length >= 20_000)
    }
  })

  it('with a wrong trailer, or something behind it, does not give its last batch', async () => {
    expect(await batchesBefore(pack.map((byte, i) => (i === pack.length - 1 ? byte ^ 1 : byte)))).toBeLessThan(30)
    expect(await batchesBefore(concatBytes([pack, new Uint8Array(1)]))).toBeLessThan(30)
  })

  it('[T8] is refused for a size that is absurd or wrong, an unknown kind, a base named by its place, and too many bytes', async () => {
    const content = encodeUtf8('some text, some text, some text')
    await expect(cut(rawPack([{ content, size: 2 ** 50 }]))).rejects.toMatchObject({ name: 'CorruptObjectError' })
    await expect(cut(rawPack([{ content, size: 70 * 2 ** 20 }]))).rejects.toMatchObject({ code: 'too-large' })
    await expect(cut(rawPack([{ content, size: 5 }]))).rejects.toMatchObject({ name: 'CorruptObjectError' })
    await expect(cut(rawPack([{ content }, { content, base: 0 }]))).rejects.toMatchObject({ code: 'bad-pack' })
    await expect(cut(pack, 1_000, { maxBytes: 9_000 })).rejects.toMatchObject({ code: 'too-large' })
    const unknown = pack.slice()
    unknown[12] = (unknown[12]! & 0x8f) | 0x50
    await expect(cut(unknown)).rejects.toMatchObject({ code: 'bad-pack' })
  })
})
