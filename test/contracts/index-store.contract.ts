import { describe, expect, it, onTestFinished } from 'vitest'
import type { Oid } from '../../src/objects/oid.ts'
import type { VaultPath } from '../../src/objects/vault-path.ts'
import type { IndexEntry, IndexStore } from '../../src/ports/index-store.ts'

/** Where a store keeps its data: opened again, it is the device after a restart. */
export interface IndexStorePlace {
  open(): Promise<IndexStore>
  dispose(): Promise<void>
}

export const BASE = 'b'.repeat(40) as Oid

export function anEntry(n: number): IndexEntry {
  const oid = n.toString(16).padStart(40, '0') as Oid
  return {
    oid,
    size: n,
    mtimeMs: 1_700_000_000_000.25 + n,
    ctimeMs: 1_700_000_000_000 + n,
    ino: 2 ** 40 + n,
    hashedAt: 1_700_000_100_000 + n,
  }
}

export function rows(count: number, from = 0): [VaultPath, IndexEntry][] {
  return Array.from({ length: count }, (_, i) => [aPath(from + i), anEntry(from + i)])
}

export function aPath(n: number): VaultPath {
  return `Notes/Ordner ${n % 10}/Ümläut 🎉 ${n}.md` as VaultPath
}

/** What every {@link IndexStore} must do. */
export function indexStoreContract(name: string, createPlace: () => Promise<IndexStorePlace>): void {
  const setUp = async () => {
    const place = await createPlace()
    onTestFinished(() => place.dispose())
    return { place, store: await place.open() }
  }
  const contentOf = async (store: IndexStore) => {
    const { entries, base } = await store.load()
    return { entries: new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1))), base }
  }
  const sorted = (list: [VaultPath, IndexEntry][]) => new Map([...list].sort(([a], [b]) => (a < b ? -1 : 1)))

  describe(`index store contract: ${name}`, () => {
    it('is empty at first', async () => {
      const { store } = await setUp()
      expect(await contentOf(store)).toEqual({ entries: new Map(), base: null })
    })

    it('holds what was saved, before and after a restart', async () => {
      const { place, store } = await setUp()
      await store.save({ put: rows(300), base: BASE })
      await store.save({ put: [[aPath(7), anEntry(1007)]], remove: [aPath(8), 'not there' as VaultPath] })
      const expected = rows(300).flatMap(([path, entry]): [VaultPath, IndexEntry][] =>
        path === aPath(8) ? [] : [[path, path === aPath(7) ? anEntry(1007) : entry]],
      )
      expect(await contentOf(store)).toEqual({ entries: sorted(expected), base: BASE })
      expect(await contentOf(await place.open())).toEqual({ entries: sorted(expected), base: BASE })
    })

    it('saves without being loaded first', async () => {
      const { place, store } = await setUp()
      await store.save({ put: rows(1), base: BASE })
      await (await place.open()).save({ put: rows(1, 1) })
      expect(await contentOf(await place.open())).toEqual({ entries: sorted(rows(2)), base: BASE })
    })

    it('leaves the base alone unless told, and can clear it', async () => {
      const { place, store } = await setUp()
      await store.save({ base: BASE })
      await store.save({ put: rows(1) })
      expect((await store.load()).base).toBe(BASE)
      await store.save({ base: null })
      expect((await (await place.open()).load()).base).toBeNull()
    })

    it('leaves the unfinished checkouts alone unless told, and can clear them', async () => {
      const { place, store } = await setUp()
      expect((await store.load()).unfinished).toEqual([])
      const trees = [anEntry(1).oid, anEntry(2).oid]
      const saved = store.save({ unfinished: trees })
      trees.pop()
      await saved
      await store.save({ put: rows(1), base: BASE })
      expect((await store.load()).unfinished).toEqual([anEntry(1).oid, anEntry(2).oid])
      expect((await (await place.open()).load()).unfinished).toEqual([anEntry(1).oid, anEntry(2).oid])
      await store.save({ unfinished: [] })
      expect((await (await place.open()).load()).unfinished).toEqual([])
    })

    it('puts a path that is removed and put in one save', async () => {
      const { place, store } = await setUp()
      await store.save({ put: rows(1) })
      await store.save({ remove: [aPath(0)], put: [[aPath(0), anEntry(5)]] })
      expect((await (await place.open()).load()).entries.get(aPath(0))).toEqual(anEntry(5))
    })

    it('takes paths that are names of things in JavaScript', async () => {
      const { place, store } = await setUp()
      const odd = ['__proto__', 'constructor', 'a\nb"\\', 'toString'] as VaultPath[]
      await store.save({ put: odd.map((path, i) => [path, anEntry(i)]) })
      expect([...(await (await place.open()).load()).entries.keys()].sort()).toEqual([...odd].sort())
    })

    it('hands out a state that later saves do not change', async () => {
      const { store } = await setUp()
      await store.save({ put: rows(2) })
      const before = await store.load()
      await store.save({ remove: [aPath(0)], base: BASE })
      expect(before.entries.size).toBe(2)
      expect(before.base).toBeNull()
    })

    it('takes the changes as they are when save is called', async () => {
      const { store } = await setUp()
      const put = new Map(rows(2))
      const saved = store.save({ put })
      put.clear()
      await saved
      expect((await store.load()).entries.size).toBe(2)
    })

    it('applies saves in the order of the calls', async () => {
      const { place, store } = await setUp()
      await Promise.all(
        Array.from({ length: 50 }, (_, i) => store.save({ put: [[aPath(0), anEntry(i)]], base: anEntry(i).oid })),
      )
      const { entries, base } = await (await place.open()).load()
      expect(entries.get(aPath(0))).toEqual(anEntry(49))
      expect(base).toBe(anEntry(49).oid)
    })

    it('[L9] may be closed at any time, and goes on where it was when it is used again', async () => {
      const { place, store } = await setUp()
      await store.close()
      const saving = store.save({ put: rows(5), base: BASE })
      await store.close()
      await saving
      await store.save({ put: rows(1, 5) })
      await Promise.all([store.close(), store.close()])
      expect(await contentOf(store)).toEqual({ entries: sorted(rows(6)), base: BASE })
      expect(await contentOf(await place.open())).toEqual({ entries: sorted(rows(6)), base: BASE })
    })

    it('stays right over thousands of changes to the same rows', async () => {
      const { place, store } = await setUp()
      for (let round = 0; round < 25; round++) {
        await store.save({ put: rows(100, round % 2), remove: [aPath(round % 2 === 0 ? 100 : 0)] })
      }
      expect(await contentOf(await place.open())).toEqual({ entries: sorted(rows(100)), base: null })
    })
  })
}
