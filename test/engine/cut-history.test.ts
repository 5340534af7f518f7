import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../src/adapters/memory/memory-ref-store.ts'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import type { BatchSizes } from '../../src/engine/fetch-queue.ts'
import { Repository } from '../../src/engine/repository.ts'
import type { GitObject, Oid } from '../../src/objects/oid.ts'
import { encodeTree } from '../../src/objects/tree.ts'
import { Givers } from '../support/givers.ts'
import { history } from '../support/hostile-objects.ts'
import { aBlob, oidOf } from '../support/object-samples.ts'
import { anId } from '../support/sample-messages.ts'
import { seededRandom } from '../support/seeded-random.ts'

const batches: BatchSizes = { bytes: 4_000, largeFrom: 400_000 }

/** `commits` in a row, each of which changes 20 of 80 files. */
async function aLongHistory(commits: number): Promise<Repository> {
  const random = seededRandom(4)
  const pick = (count: number): number => Math.floor(random.fraction() * count)
  const pool = Array.from({ length: 200 }, (_, i) => aBlob(`content ${i}\n`))
  const stored = new Map<Oid, GitObject>(pool.map((blob) => [oidOf(nodeCodec, blob), blob]))
  const names = Array.from({ length: 80 }, (_, i) => `note ${String(i).padStart(2, '0')}.md`)
  const files = names.map((name) => ({ mode: '100644' as const, name, oid: oidOf(nodeCodec, pool[pick(200)]!) }))
  let head: Oid | null = null
  for (let i = 0; i < commits; i++) {
    for (let n = 0; n < 20; n++) {
      const at = pick(files.length)
      files[at] = { ...files[at]!, oid: oidOf(nodeCodec, pool[pick(200)]!) }
    }
    const tree: GitObject = { type: 'tree', content: encodeTree(files) }
    const made = history(tree, [], head ? [head] : [], 1_700_000_000 + i)
    for (const object of made.objects) stored.set(oidOf(nodeCodec, object), object)
    head = made.commit
  }
  const store = new MemoryObjectStore(nodeCodec, { objects: stored, partials: new Map() })
  const refs = new MemoryRefStore(new Map([[`refs/devices/${anId(1)}` as const, head!]]))
  return Repository.open(store, refs, nodeCodec, anId(1))
}

describe('[T2] a long history that is cut', () => {
  it('is not sent again: the next try tells which commits are whole here, and gets the rest', async () => {
    const source = await aLongHistory(300)
    const alone = await Givers.of(source, batches)
    const whole = await alone.giver(1)
    await alone.complete(whole.fetch())

    const givers = await Givers.of(source, batches)
    const first = await givers.giver(1)
    givers.network.cutAfterBytes(0.6 * whole.bytes)
    await expect(givers.complete(first.fetch())).rejects.toMatchObject({ name: 'TransportError' })
    expect(givers.taker.heads().size).toBe(0)
    const second = await givers.giver(2)
    await givers.complete(second.fetch())
    expect(givers.taker.heads()).toEqual(source.heads())
    expect(first.bytes).toBeGreaterThan(0.3 * whole.bytes)
    expect((first.bytes + second.bytes) / whole.bytes).toBeLessThan(1.25)
  })
})
