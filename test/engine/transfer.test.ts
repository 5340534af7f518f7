import { describe, expect, it } from 'vitest'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { checkConnectivity, isConnected } from '../../src/engine/connectivity.ts'
import { listObjects } from '../../src/engine/object-list.ts'
import { buildUpdatePack, PackBuilder } from '../../src/engine/pack-builder.ts'
import { Repository } from '../../src/engine/repository.ts'
import { MemoryObjectStore } from '../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../src/adapters/memory/memory-ref-store.ts'
import { decodeTree } from '../../src/objects/tree.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { aShare, TestDevices, twoDevices, twoDevicesWith } from '../support/devices.ts'
import { seededRandom } from '../support/seeded-random.ts'
import type { TestDevice } from '../support/test-device.ts'

async function repositoryOf(device: TestDevice): Promise<Repository> {
  return Repository.open(
    new MemoryObjectStore(nodeCodec, device.objects),
    new MemoryRefStore(device.refs),
    nodeCodec,
    device.id,
  )
}

describe('[T2] a transfer that is cut', () => {
  it('goes on with what is missing: many files in pieces, each sent once', { timeout: 60_000 }, async () => {
    const { devices, a, b } = twoDevices()
    const random = seededRandom(3)
    const files = Object.fromEntries(
      Array.from({ length: 400 }, (_, i) => [`f${i % 7}/${i}.bin`, random.bytes(30_000)]),
    )
    a.write(files)
    let packs = 0
    b.onOperation = (operation) => {
      if (operation === 'objects.writePack:done' && ++packs % 2 === 0 && packs < 9) devices.network.cut(a.id, b.id)
    }
    await devices.start()
    await devices.agree()
    expect(packs).toBeGreaterThan(5)
    expect(b.engine!.peerReports()[0]!.traffic.bytesReceived).toBeLessThan(1.15 * 400 * 30_000)
  })

  it('is refused at the end of a truncated or damaged pack; nothing of it is kept, and no ref moves', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Note.md': 'one\n' })
    const known = b.refs.get(`refs/devices/${a.id}`)!
    await devices.stop(b)
    a.write({ 'Note.md': 'two\n', 'New.md': 'new\n' })
    await devices.pass(3_000)
    const repository = await repositoryOf(a)
    const pack = await buildUpdatePack(repository, listObjects(repository, [a.head!], [known], { blobs: true }))
    expect(pack.length).toBeGreaterThan(0)
    for (let cut = 1; cut < pack.length; cut += 7) {
      const before = b.objects.objects.size
      const store = new MemoryObjectStore(nodeCodec, b.objects)
      const broken = cut % 2 ? pack.subarray(0, cut) : pack.map((byte, i) => (i === cut ? byte ^ 1 : byte))
      await expect(store.writePack(broken)).rejects.toMatchObject({ name: 'CorruptObjectError' })
      expect(b.objects.objects.size).toBe(before)
    }
    await devices.start(b)
    await devices.agree()
    expect(b.read('New.md')).toBe('new\n')
  })

  it(
    'three devices that offer the same large file send it once, and nobody is in error',
    { timeout: 60_000 },
    async () => {
      const devices = new TestDevices([{}, {}, {}])
      const [a, b, c] = devices.all as [TestDevice, TestDevice, TestDevice]
      a.write({ 'film.mp4': seededRandom(4).bytes(6 * 1024 * 1024), 'Note.md': 'note\n' })
      await devices.start(a, b)
      await devices.agree()
      await devices.start(c)
      await devices.agree()
      const received = c.engine!.peerReports().reduce((sum, peer) => sum + peer.traffic.bytesReceived, 0)
      expect(received).toBeLessThan(1.5 * 6 * 1024 * 1024)
      expect(c.engine!.peerReports().map((peer) => peer.state.lastError)).toEqual([null, null])
    },
  )
})

describe('[T2] connectivity: a ref moves only to what is whole', () => {
  it('finds each missing commit, tree and blob, and takes the head only when nothing is missing', async () => {
    const { devices, device } = await aShare({ 'Note.md': 'one\n', 'sub/deep/Other.md': 'other\n' })
    device.write({ 'Note.md': 'two\n', 'sub/deep/More.md': 'more\n' })
    await devices.pass(3_000)
    const head = device.head!
    const other = new TestDevices([{}, {}]).all[1]!
    for (const absent of device.objects.objects.keys()) {
      const store = new MemoryObjectStore(nodeCodec, {
        objects: new Map([...device.objects.objects].filter(([oid]) => oid !== absent)),
        partials: new Map(),
      })
      const refs = new MemoryRefStore()
      const repository = await Repository.open(store, refs, nodeCodec, other.id)
      const result = await repository.receive(new Map([[device.id, head]]))
      expect(result.result, device.objects.objects.get(absent)!.type).toBe('incomplete')
      expect((await refs.list()).size).toBe(0)
      const { missingCommits, missingTrees, missingBlobs } = await checkConnectivity(store, repository.graph, [head])
      expect([...missingCommits, ...missingTrees, ...missingBlobs]).toEqual([absent])
    }
    const whole = new MemoryObjectStore(nodeCodec, device.objects)
    const repository = await Repository.open(whole, new MemoryRefStore(), nodeCodec, other.id)
    expect(isConnected(await checkConnectivity(whole, repository.graph, [head]))).toBe(true)
    expect(await repository.receive(new Map([[device.id, head]]))).toMatchObject({ result: 'received' })
  })

  it('has no view, and no head, of refs that name what is not there', async () => {
    const { device } = await aShare({ 'Note.md': 'one\n' })
    device.objects.objects.delete(device.head!)
    const repository = await repositoryOf(device)
    expect(repository.heads()).toEqual(new Map())
    await expect(repository.view()).rejects.toMatchObject({ code: 'damaged' })
    await expect(repository.mend()).rejects.toMatchObject({ code: 'damaged' })
    expect(await repository.lost()).toEqual([device.head])
    expect(device.refs.has(`refs/devices/${device.id}`)).toBe(true)
  })

  it('[V2] refuses a head that does not continue the one it knows, and keeps that', async () => {
    const { a, b } = await twoDevicesWith({ 'Note.md': 'one\n' })
    const { device: stranger } = await aShare({ 'Else.md': 'else\n' })
    for (const [oid, object] of stranger.objects.objects) b.objects.objects.set(oid, object)
    const repository = await repositoryOf(b)
    const result = await repository.receive(new Map([[a.id, stranger.head!]]))
    expect(result).toMatchObject({
      result: 'received',
      refused: [{ device: a.id, offered: stranger.head, kept: a.head }],
    })
    expect(b.refs.get(`refs/devices/${a.id}`)).toBe(a.head)
  })

  it('[S1] moves no head of who may not change the share any more when all of it is here', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Note.md': 'one\n' })
    await devices.stop(b)
    a.write({ 'Note.md': 'two\n' })
    await devices.pass(3_000)
    let mayWrite = true
    const operations: string[] = []
    const objects = new MemoryObjectStore(nodeCodec, { ...b.objects, objects: new Map(a.objects.objects) }, (name) => {
      operations.push(name)
      if (name === 'objects.missing') mayWrite = false // the last that is looked at
    })
    const refs = new MemoryRefStore(b.refs)
    const repository = await Repository.open(objects, refs, nodeCodec, b.id)
    const before = new Map(b.refs)
    const heads = new Map([[a.id, a.head!]])
    expect(await repository.receive(heads, () => mayWrite)).toEqual({
      result: 'received',
      moved: new Map(),
      refused: [],
    })
    expect(operations.at(-1)).toBe('objects.missing')
    expect(new Map(b.refs)).toEqual(before)
    mayWrite = true
    expect(await repository.receive(heads)).toMatchObject({ moved: heads })
  })
})

describe('what is sent', () => {
  it('is exactly what the other lacks: one edit of a small note among many costs less than 2 KB', async () => {
    const { devices, a, b } = await twoDevicesWith(
      Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`folder ${i % 10}/Note ${i}.md`, `Note ${i}\n`])),
    )
    await devices.pass(120_000)
    const repository = await repositoryOf(a)
    const known = a.head!
    a.write({ 'folder 3/Note 3.md': 'Note 3, edited\n' })
    await devices.agree()
    const after = await repositoryOf(a)
    const listed = []
    for await (const object of listObjects(after, [a.head!], [known], { blobs: true })) listed.push(object.kind)
    expect(listed).toEqual(['commit', 'tree', 'tree', 'blob'])
    const pack = await buildUpdatePack(after, listObjects(after, [a.head!], [known], { blobs: true }))
    expect(pack.length).toBeLessThan(2_000)
    expect(repository.graph.has(a.head!)).toBe(false)
    expect(b.read('folder 3/Note 3.md')).toBe('Note 3, edited\n')
  })

  it('[T8] holds no delta chain longer than 50, and no circle when a note goes back to an old version', async () => {
    const { devices, device } = await aShare({ 'Note.md': bigNote(0) })
    for (let i = 1; i <= 70; i++) {
      device.write({ 'Note.md': bigNote(i % 5 === 4 ? 0 : i) })
      await devices.pass(1_000)
    }
    const repository = await repositoryOf(device)
    const builder = new PackBuilder(repository)
    for await (const object of listObjects(repository, [device.head!], [], { blobs: true })) await builder.add(object)
    const store = new MemoryObjectStore(nodeCodec)
    const oids = await store.writePack(builder.take())
    expect(await store.missing(reachable(device))).toEqual([])
    expect(oids.length).toBeGreaterThan(150)
  })
})

function bigNote(version: number): string {
  return Array.from(
    { length: 60 },
    (_, i) => `Line ${i} of a longer note, ${i === version % 60 ? `changed in version ${version}` : 'unchanged'}.`,
  ).join('\n')
}

function reachable(device: TestDevice): Oid[] {
  const seen = new Set<Oid>()
  const queue = [device.head!]
  for (let oid = queue.pop(); oid; oid = queue.pop()) {
    if (seen.has(oid)) continue
    seen.add(oid)
    const object = device.objects.objects.get(oid)!
    if (object.type === 'commit') queue.push(device.commit(oid).tree, ...device.commit(oid).parents)
    else if (object.type === 'tree') queue.push(...decodeTree(object.content).map((entry) => entry.oid))
  }
  return [...seen]
}
