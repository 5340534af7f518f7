import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../src/adapters/memory/memory-ref-store.ts'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import type { BatchSizes } from '../../src/engine/fetch-queue.ts'
import { Repository } from '../../src/engine/repository.ts'
import { decodeTree, encodeTree } from '../../src/objects/tree.ts'
import type { GitObject, Oid } from '../../src/objects/oid.ts'
import { TestDevices } from '../support/devices.ts'
import { Givers } from '../support/givers.ts'
import { history } from '../support/hostile-objects.ts'
import { aBlob, noise, oidOf, packOf } from '../support/object-samples.ts'
import { anId } from '../support/sample-messages.ts'
import { seededRandom } from '../support/seeded-random.ts'

const batches: BatchSizes = { bytes: 100_000, largeFrom: 400_000 }

/** A repository of one commit with files of these sizes, of noise. */
async function aSource(sizes: readonly number[]): Promise<{ repository: Repository; blobs: readonly GitObject[] }> {
  const blobs = sizes.map((size, i): GitObject => ({ type: 'blob', content: noise(size, i + 1) }))
  const entries = blobs.map((blob, i) => ({ mode: '100644' as const, name: `${i}.bin`, oid: oidOf(nodeCodec, blob) }))
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  const { commit, objects } = history({ type: 'tree', content: encodeTree(entries) }, blobs)
  const store = new MemoryObjectStore(nodeCodec, {
    objects: new Map(objects.map((object) => [oidOf(nodeCodec, object), object])),
    partials: new Map(),
  })
  const refs = new MemoryRefStore(new Map([[`refs/devices/${anId(1)}` as const, commit]]))
  return { repository: await Repository.open(store, refs, nodeCodec, anId(1)), blobs }
}

/** What came of each of several tries. */
const outcomes = async (tries: readonly Promise<void>[]): Promise<string[]> =>
  (await Promise.allSettled(tries)).map((one) =>
    one.status === 'fulfilled' ? 'done' : String((one.reason as { code?: string }).code),
  )

async function isWhole(givers: Givers): Promise<boolean> {
  const [head] = givers.source.heads().values()
  const { tree } = await givers.taker.readCommit(head!)
  const oids = decodeTree((await givers.taker.read(tree)).content).map(({ oid }) => oid)
  return (await givers.taker.objects.missing(oids)).length === 0
}

/** The commit and the tree of the one head. */
async function historyOf(repository: Repository): Promise<GitObject[]> {
  const [head] = repository.heads().values()
  return [await repository.read(head!), await repository.read((await repository.readCommit(head!)).tree)]
}

const storedTwice = (givers: Givers, blobs: readonly GitObject[]): Oid[] =>
  blobs.map((blob) => oidOf(nodeCodec, blob)).filter((oid) => (givers.stored.get(oid) ?? 0) > 1)

const NOTES: readonly number[] = Array.from({ length: 120 }, () => 30_000)

describe('[T7] several peers that hold the same missing objects', () => {
  it('are asked in parallel: each sends a part, nothing comes twice, and it takes a third of the time', async () => {
    const { repository, blobs } = await aSource(NOTES)
    const alone = await Givers.of(repository, batches, 100)
    const began = alone.clock.now()
    await alone.complete((await alone.giver(1)).fetch())
    const aloneMs = alone.clock.now() - began

    const givers = await Givers.of(repository, batches, 100)
    const three = [await givers.giver(1), await givers.giver(2), await givers.giver(3)]
    const start = givers.clock.now()
    await givers.complete(Promise.all(three.map((giver) => giver.fetch())))
    expect(await isWhole(givers)).toBe(true)
    expect(storedTwice(givers, blobs)).toEqual([])
    const bytes = three.map((giver) => giver.bytes)
    const all = bytes.reduce((sum, each) => sum + each, 0)
    expect(all).toBeLessThan(1.05 * 120 * 30_000)
    for (const each of bytes) expect(each).toBeGreaterThan(0.2 * all)
    expect(givers.clock.now() - start).toBeLessThan(0.5 * aloneMs)
    expect(givers.taker.heads()).toEqual(repository.heads())
  })

  it('have nothing to share when all the files are here already, and both end', async () => {
    const { repository } = await aSource([])
    const givers = await Givers.of(repository, batches)
    const two = [await givers.giver(1), await givers.giver(2)]
    expect(await givers.complete(outcomes(two.map((giver) => giver.fetch())))).toEqual(['done', 'done'])
    expect(givers.taker.heads()).toEqual(repository.heads())
  })

  it('are not held up by one that began and then has nothing of it', async () => {
    const { repository } = await aSource(NOTES)
    const givers = await Givers.of(repository, batches, 1_000)
    const [head] = repository.heads().values()
    const objects = [await repository.read(head!), await repository.read((await repository.readCommit(head!)).tree)]
    const bare = await givers.giver(1, {
      pack: () => packOf(nodeCodec, objects),
      sizes: (oids) => oids.map(() => null),
    })
    const tries = outcomes([bare.fetch(), (await givers.giver(2)).fetch()])
    // A store takes its time, in which nobody may spin.
    const missing = givers.taker.objects.missing.bind(givers.taker.objects)
    givers.taker.objects.missing = async (oids) => {
      await new Promise((resolve) => setImmediate(resolve))
      return missing(oids)
    }
    expect(await givers.complete(tries)).toEqual(['refused', 'done'])
    expect(await isWhole(givers)).toBe(true)
  })

  it('share large files, each from one of them', async () => {
    const { repository, blobs } = await aSource(Array.from({ length: 6 }, () => 700_000))
    const givers = await Givers.of(repository, batches, 100)
    const two = [await givers.giver(1), await givers.giver(2)]
    await givers.complete(Promise.all(two.map((giver) => giver.fetch())))
    expect(await isWhole(givers)).toBe(true)
    expect(two[0]!.bytes + two[1]!.bytes).toBeLessThan(1.05 * 6 * 700_000)
    for (const { bytes } of two) expect(bytes).toBeGreaterThan(1_400_000)
    expect(storedTwice(givers, blobs)).toEqual([])
  })

  it('one that dies, one that falls silent and one that lies cost no more than what they owed', async () => {
    const { repository, blobs } = await aSource(NOTES)
    const givers = await Givers.of(repository, batches, 200)
    const good = await givers.giver(1)
    const dying = await givers.giver(2)
    const silent = await givers.giver(3, { pack: () => null })
    const lying = await givers.giver(4, { pack: () => packOf(nodeCodec, [aBlob('not what you asked for')]) })
    const tries = outcomes([good, dying, silent, lying].map((giver) => giver.fetch()))
    givers.clock.after(4_000, () => dying.theirs.close(4000, 'dead'))
    expect(await givers.complete(tries)).toEqual([
      'done',
      expect.stringMatching(/disconnected|reset|closed/),
      'done',
      'refused',
    ])
    expect(await isWhole(givers)).toBe(true)
    expect(storedTwice(givers, blobs)).toEqual([])
    expect(dying.bytes).toBeGreaterThan(100_000)
    expect(good.bytes + dying.bytes).toBeLessThan(1.1 * 120 * 30_000)
  })

  it('go on when the one dies that began; its batches are asked of the others', async () => {
    const { repository, blobs } = await aSource(NOTES)
    const givers = await Givers.of(repository, batches, 100)
    const [first, second] = [await givers.giver(1), await givers.giver(2)]
    const tries = outcomes([first.fetch(), second.fetch()])
    givers.clock.after(8_000, () => first.theirs.close(4000, 'dead'))
    expect(await givers.complete(tries)).toEqual([expect.stringMatching(/disconnected|reset|closed/), 'done'])
    expect(await isWhole(givers)).toBe(true)
    expect(first.bytes).toBeGreaterThan(200_000)
    const [before, after] = [first.tracker.state, second.tracker.state]
    expect(before.files + after.files).toBe(120) // who goes on tells how far it is
    expect([after.expectedFiles, after.files]).toEqual([120 - before.files, 120 - before.files])
    expect(first.bytes + second.bytes).toBeLessThan(1.1 * 120 * 30_000)
    expect(storedTwice(givers, blobs)).toEqual([])
  })

  it('take over when the one that began dies before its history is here', async () => {
    const { repository } = await aSource(NOTES)
    const givers = await Givers.of(repository, batches, 1_000)
    const silent = await givers.giver(1, { pack: () => null })
    const second = await givers.giver(2)
    const tries = outcomes([silent.fetch(), second.fetch()])
    const start = givers.clock.now()
    await givers.complete(Promise.race([tries, second.fetch()]))
    expect(await isWhole(givers)).toBe(true)
    expect(givers.clock.now() - start).toBeLessThan(30_000) // the silent one is given 30 s, and holds nobody up
    await givers.complete(tries)
  })

  it('are not held up by a slow one at the end: what it owes is asked of another, and stored once', async () => {
    const { repository, blobs } = await aSource(NOTES)
    const givers = await Givers.of(repository, batches, 1_000)
    const good = await givers.giver(1)
    const byOid = new Map(blobs.map((blob) => [oidOf(nodeCodec, blob), blob]))
    const slow = await givers.giver(2, {
      pack: async ({ wants }) => {
        await givers.clock.sleep(20_000)
        return packOf(
          nodeCodec,
          wants.map((oid) => byOid.get(oid)!),
        )
      },
    })
    const start = givers.clock.now()
    await givers.complete(Promise.all([good.fetch(), slow.fetch()]))
    expect(givers.clock.now() - start).toBeLessThan(12_000)
    expect(await isWhole(givers)).toBe(true)
    expect(storedTwice(givers, blobs)).toEqual([])
  })

  it('go on with what another one brought first and could not be stored, when nobody else is left to bring it', async () => {
    const { repository, blobs } = await aSource([30_000])
    const givers = await Givers.of(repository, batches, 1_000)
    const objects = [...(await historyOf(repository)), ...blobs]
    // Late enough that the other one is asked as well.
    const first = await givers.giver(1, {
      pack: async ({ filter }) => {
        if (filter.kind === 'no-blobs') return packOf(nodeCodec, objects.slice(0, 2))
        await givers.clock.sleep(5_000)
        return packOf(nodeCodec, blobs)
      },
      sizes: (oids) => oids.map(() => 30_000),
    })
    const lying = await givers.giver(2, { pack: () => packOf(nodeCodec, [aBlob('not what you asked for')]) })
    const writePack = givers.taker.objects.writePack.bind(givers.taker.objects)
    givers.taker.objects.writePack = async (pack) => {
      const oids = await writePack(pack)
      if (oids.includes(oidOf(nodeCodec, aBlob('not what you asked for')))) await givers.clock.sleep(10_000)
      return oids
    }
    const tries = outcomes([first.fetch(), lying.fetch()])
    expect(await givers.complete(tries, 120_000)).toEqual(['done', 'refused'])
    expect(await isWhole(givers)).toBe(true)
  })

  it('do not wait for what a silent one owes when it came meanwhile from one that is gone', async () => {
    const { repository, blobs } = await aSource([90_000, 90_000])
    const givers = await Givers.of(repository, batches, 1_000)
    const history = await historyOf(repository)
    const byOid = new Map(blobs.map((blob) => [oidOf(nodeCodec, blob), blob]))
    const falling = await givers.giver(1, {
      pack: ({ wants }, round) => {
        if (round === 0) return packOf(nodeCodec, history)
        return round === 1 ? packOf(nodeCodec, [byOid.get(wants[0]!)!]) : null
      },
      sizes: (oids) => oids.map(() => 90_000),
    })
    const second = await givers.giver(2)
    const writePack = givers.taker.objects.writePack.bind(givers.taker.objects)
    let packs = 0
    givers.taker.objects.writePack = async (pack) => {
      if (++packs === 2) await givers.clock.sleep(6_000) // the first batch
      return writePack(pack)
    }
    const stop = new AbortController()
    givers.clock.after(4_000, () => stop.abort(Object.assign(new Error('stopped'), { code: 'stopped' })))
    const tries = outcomes([falling.fetch(), second.fetch(stop.signal)])
    expect(await givers.complete(tries)).toEqual(['done', 'stopped'])
    expect(await isWhole(givers)).toBe(true)
    expect(second.bytes).toBeGreaterThan(80_000)
  })

  it('share the files also when each had to bring the history, because that took long', async () => {
    const { repository, blobs } = await aSource(NOTES)
    const givers = await Givers.of(repository, batches, 100)
    const history = await historyOf(repository)
    const byOid = new Map(blobs.map((blob) => [oidOf(nodeCodec, blob), blob]))
    const slowly = (ms: number) => ({
      pack: async ({ filter, wants }: { filter: { kind: string }; wants: readonly Oid[] }) => {
        if (filter.kind !== 'no-blobs') {
          return packOf(
            nodeCodec,
            wants.map((oid) => byOid.get(oid)!),
          )
        }
        await givers.clock.sleep(ms)
        return packOf(nodeCodec, history)
      },
      sizes: (oids: readonly Oid[]) => oids.map((oid) => byOid.get(oid)?.content.length ?? null),
    })
    const two = [await givers.giver(1, slowly(6_000)), await givers.giver(2, slowly(6_000))]
    expect(await givers.complete(outcomes(two.map((giver) => giver.fetch())))).toEqual(['done', 'done'])
    expect(await isWhole(givers)).toBe(true)
    expect(storedTwice(givers, blobs).length).toBe(0)
    expect(two[0]!.bytes + two[1]!.bytes).toBeLessThan(1.1 * 120 * 30_000)
    for (const { bytes } of two) expect(bytes).toBeGreaterThan(0.2 * 120 * 30_000)
  })

  it('are not led astray by one that says of the files what is not so', async () => {
    const { repository } = await aSource(Array.from({ length: 12 }, () => 90_000))
    const givers = await Givers.of(repository, batches, 1_000)
    const history = await historyOf(repository)
    const lying = await givers.giver(1, {
      pack: ({ filter }) => (filter.kind === 'no-blobs' ? packOf(nodeCodec, history) : null),
      sizes: (oids) => oids.map(() => 500_000),
      other: () => new Promise(() => undefined),
    })
    const honest = await givers.giver(2)
    const tries = [lying.fetch(), honest.fetch()]
    const all = outcomes(tries)
    await givers.complete(tries[1]!, 20_000)
    expect(await isWhole(givers)).toBe(true)
    expect(givers.taker.heads()).toEqual(repository.heads())
    expect((await givers.complete(all))[1]).toBe('done')
  })

  it('that is told to stop leaves the work to the others', async () => {
    const { repository } = await aSource(NOTES)
    const givers = await Givers.of(repository, batches, 100)
    const [first, second] = [await givers.giver(1), await givers.giver(2)]
    const stop = new AbortController()
    const tries = outcomes([first.fetch(stop.signal), second.fetch()])
    givers.clock.after(5_000, () => stop.abort(Object.assign(new Error('stopped'), { code: 'stopped' })))
    expect(await givers.complete(tries)).toEqual(['stopped', 'done'])
    expect(await isWhole(givers)).toBe(true)
  })
})

describe('[T7] a device that joins four which are in step', () => {
  it('gets each file once, from all of them', { timeout: 60_000 }, async () => {
    const devices = new TestDevices([{}, {}, {}, {}, { batches }], 1, 1_000)
    const old = devices.all.slice(0, 4)
    const joining = devices.all[4]!
    const random = seededRandom(8)
    old[0]!.write(
      Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`f${i % 5}/${i}.bin`, random.bytes(40_000)])),
    )
    await devices.start(...old)
    await devices.agree()
    await devices.start(joining)
    await devices.agree()
    const bytes = joining.engine!.peerReports().map((peer) => peer.traffic.bytesReceived)
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(1.1 * 90 * 40_000)
    expect(bytes.filter((each) => each > 300_000).length).toBeGreaterThanOrEqual(3)
    expect(joining.engine!.peerReports().map((peer) => peer.state.lastError)).toEqual([null, null, null, null])
  })
})
