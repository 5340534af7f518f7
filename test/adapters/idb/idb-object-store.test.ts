import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { IdbIndexStore } from '../../../src/adapters/idb/idb-index-store.ts'
import { IdbObjectStore } from '../../../src/adapters/idb/idb-object-store.ts'
import { IdbRefStore } from '../../../src/adapters/idb/idb-ref-store.ts'
import { ShareDatabase } from '../../../src/adapters/idb/share-database.ts'
import { createWebCodec } from '../../../src/adapters/web/web-codec.ts'
import type { GitObject, Oid } from '../../../src/objects/oid.ts'
import { encodePack } from '../../../src/objects/pack.ts'
import { BASE, rows } from '../../contracts/index-store.contract.ts'
import { aBlob, collected, deltaEntry, inChunks, noise, notes, oidOf, packOf } from '../../support/object-samples.ts'

const codec = await createWebCodec()

async function aShare() {
  const factory = new IDBFactory()
  const database = new ShareDatabase('share', factory)
  onTestFinished(() => database.close())
  const store = await IdbObjectStore.open(codec, database)
  const keys = async () => (await database.read((records) => records.getAllKeys())).map(String)
  return { factory, database, store, keys }
}

async function put(store: IdbObjectStore, objects: readonly GitObject[]): Promise<void> {
  const batch = await store.begin()
  for (const { type, content } of objects) await batch.add(type, content)
  await batch.commit()
}

async function expectHolds(store: IdbObjectStore, objects: readonly GitObject[]): Promise<void> {
  for (const object of objects)
    expect(Buffer.compare((await store.read(oidOf(codec, object))).content, object.content)).toBe(0)
}

const starting = (keys: readonly string[], prefix: string) => keys.filter((key) => key.startsWith(prefix))

describe('objects in IndexedDB', () => {
  it('merges small packs by itself when there are more than 50, and loses nothing', async () => {
    const { database, store, keys } = await aShare()
    const all: GitObject[] = []
    const base = aBlob('a text that is edited again and again\n'.repeat(40))
    await put(store, [base])
    all.push(base)
    for (let i = 0; i < 25; i++) {
      const target = aBlob(`${Buffer.from(base.content).toString()}edit ${i}\n`)
      await store.writePack(encodePack(codec, [deltaEntry(codec, base, target)]))
      await put(store, notes(2, `batch ${i}`))
      all.push(target, ...notes(2, `batch ${i}`))
    }
    expect(starting(await keys(), 'pack/')).toHaveLength(1)
    expect(starting(await keys(), 'data/')).toHaveLength(1)
    for (const instance of [store, await IdbObjectStore.open(codec, database)]) await expectHolds(instance, all)
  })

  it('is read while packs are merged', async () => {
    const { store } = await aShare()
    const all = Array.from({ length: 20 }, (_, i) => notes(30, `pack ${i}`))
    for (const some of all) await put(store, some)
    const [result] = await Promise.all([store.repack(3), ...all.map((some) => expectHolds(store, some))])
    expect(result).toEqual({ kind: 'merged', packs: 20, objects: 600 })
    await expectHolds(store, all.flat())
  })

  it('spreads a pack over records of 1 MiB, and reads objects across their borders', async () => {
    const { database, store, keys } = await aShare()
    const blobs = Array.from({ length: 12 }, (_, i): GitObject => ({ type: 'blob', content: noise(300_000, i) }))
    await put(store, blobs)
    expect(starting(await keys(), 'data/')).toHaveLength(4)
    for (const instance of [store, await IdbObjectStore.open(codec, database)]) await expectHolds(instance, blobs)
    await store.writePack(packOf(codec, [...notes(3), { type: 'blob', content: noise(2_000_000, 99) }]))
    await expectHolds(await IdbObjectStore.open(codec, database), [
      { type: 'blob', content: noise(2_000_000, 99) },
      ...notes(3),
    ])
  })

  it('ends a pack exactly at the end of a record', async () => {
    const { database, store } = await aShare()
    for (let spare = 1_048_500; spare < 1_048_545; spare += 3) {
      const blob: GitObject = { type: 'blob', content: noise(spare, spare) }
      const batch = await store.begin()
      await batch.add('blob', blob.content, { compressed: true })
      await batch.commit()
      await expectHolds(await IdbObjectStore.open(codec, database), [blob])
    }
  })

  it('removes at the next open what a crash left of a batch', async () => {
    const { database, store, keys } = await aShare()
    const batch = await store.begin()
    for (let i = 0; i < 12; i++) await batch.add('blob', noise(300_000, i))
    await batch.addStream(5_000_000, inChunks(noise(5_000_000, 77), 100_000))
    expect(starting(await keys(), 'data/').length).toBeGreaterThan(5)
    await IdbObjectStore.open(codec, database)
    expect(await keys()).toEqual([])
  })

  it('does not name bytes that another instance took for those of a crash', async () => {
    const { database, store, keys } = await aShare()
    const batch = await store.begin()
    for (let i = 0; i < 12; i++) await batch.add('blob', noise(300_000, i))
    const other = await IdbObjectStore.open(codec, database)
    await expect(batch.commit()).rejects.toMatchObject({ name: 'StoreError', code: 'damaged' })
    expect(starting(await keys(), 'pack/')).toEqual([])
    await put(other, notes(3))
    await expectHolds(await IdbObjectStore.open(codec, database), notes(3))
  })

  it('removes partial receptions after 30 days', async () => {
    const { database, store, keys } = await aShare()
    const reception = await store.receiveLarge('a'.repeat(40) as Oid, 3_000_000)
    await reception.write(noise(2_500_000))
    await reception.pause()
    expect(starting(await keys(), 'data/')).toHaveLength(3)
    const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 31 * 24 * 60 * 60 * 1000)
    await IdbObjectStore.open(codec, database)
    now.mockRestore()
    expect(await keys()).toEqual([])
  })

  it.each(['batch', 'large', 'pack', 'reception', 'refs', 'index'])(
    'says that the quota is used up, and leaves nothing: %s',
    async (what) => {
      const { database, store, keys } = await aShare()
      const content = noise(5_000_000)
      const work = async (): Promise<unknown> => {
        if (what === 'refs') return new IdbRefStore(database).compareAndSwap('refs/heads/main', null, BASE)
        if (what === 'index') return new IdbIndexStore(database).save({ put: rows(100), base: BASE })
        if (what === 'pack') return store.writePack(packOf(codec, [...notes(5), { type: 'blob', content }]))
        if (what === 'reception') {
          const reception = await store.receiveLarge(oidOf(codec, { type: 'blob', content }), content.length)
          return reception.write(content)
        }
        const batch = await store.begin()
        try {
          if (what === 'large') await batch.addStream(content.length, inChunks(content, 100_000))
          else for (const note of notes(5)) await batch.add('blob', note.content)
          await batch.commit()
        } finally {
          await batch.abort()
        }
        return undefined
      }
      const putSpy = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
        throw new DOMException('used up', 'QuotaExceededError')
      })
      await expect(work()).rejects.toMatchObject({ name: 'StoreError', code: 'disk-full' })
      putSpy.mockRestore()
      expect(await keys()).toEqual([])
    },
  )

  it('hands out a large blob of a pack, and one that was received, from memory-sized pieces', async () => {
    const { database, store } = await aShare()
    const blob: GitObject = { type: 'blob', content: noise(6_000_000, 5) }
    await store.writePack(packOf(codec, [blob, ...notes(3)]))
    const reopened = await IdbObjectStore.open(codec, database)
    expect(
      Buffer.compare(await collected(reopened.stream(oidOf(codec, blob), 5_999_990)), blob.content.subarray(5_999_990)),
    ).toBe(0)
  })

  it('refuses a pack that is too large to verify in memory', async () => {
    const { store } = await aShare()
    const endless = async function* () {
      for (;;) yield new Uint8Array(1_000_000)
    }
    await expect(store.writePack(endless())).rejects.toMatchObject({ code: 'too-large' })
  })

  it('refuses everything after it, or its database, is closed', async () => {
    const { database, store } = await aShare()
    const refs = new IdbRefStore(database)
    await store.close()
    await expect(store.read('a'.repeat(40) as Oid)).rejects.toMatchObject({ code: 'closed' })
    await database.close()
    await expect(refs.list()).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('the index in IndexedDB', () => {
  it.each([
    ['of another version', 'index/meta', { version: 2, base: null }],
    ['that make no sense', 'index/07', [['a', 'not an oid', 1, 1, 1, 1, 1]]],
  ])('[E2] begins anew with records %s, and says so', async (_, key, record) => {
    const { database } = await aShare()
    await new IdbIndexStore(database).save({ put: rows(10), base: BASE })
    await database.write(database.durable, (store) => void store.put(record, key))
    const onDamaged = vi.fn()
    const store = new IdbIndexStore(database, { onDamaged })
    await store.save({ put: rows(1, 50) })
    expect(onDamaged).toHaveBeenCalledOnce()
    expect((await store.load()).entries.size).toBe(1)
    expect(await new IdbIndexStore(database).load()).toMatchObject({ base: null })
  })
})
