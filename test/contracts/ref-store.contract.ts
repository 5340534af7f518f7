import { describe, expect, it, onTestFinished } from 'vitest'
import type { Oid } from '../../src/objects/oid.ts'
import { isRefName } from '../../src/ports/ref-store.ts'
import type { RefName, RefStore } from '../../src/ports/ref-store.ts'

/** Where a store keeps its data: opened again, it is the device after a restart. */
export interface RefStorePlace {
  open(): Promise<RefStore>
  dispose(): Promise<void>
}

const ONE = '1'.repeat(40) as Oid
const TWO = '2'.repeat(40) as Oid
const THREE = '3'.repeat(40) as Oid
const MAIN: RefName = 'refs/heads/main'
const DEVICE: RefName = `refs/devices/${'ab'.repeat(32)}`

/** What every {@link RefStore} must do. */
export function refStoreContract(name: string, createPlace: () => Promise<RefStorePlace>): void {
  const setUp = async () => {
    const place = await createPlace()
    onTestFinished(() => place.dispose())
    return { place, store: await place.open() }
  }

  describe(`ref store contract: ${name}`, () => {
    it('has no refs at first', async () => {
      const { store } = await setUp()
      expect([...(await store.list())]).toEqual([])
      expect(await store.read(MAIN)).toBeNull()
    })

    it('creates, moves and deletes a ref', async () => {
      const { store } = await setUp()
      expect(await store.compareAndSwap(MAIN, null, ONE)).toBe(true)
      expect(await store.read(MAIN)).toBe(ONE)
      expect(await store.compareAndSwap(MAIN, ONE, TWO)).toBe(true)
      expect(await store.read(MAIN)).toBe(TWO)
      expect(await store.compareAndSwap(MAIN, TWO, null)).toBe(true)
      expect(await store.read(MAIN)).toBeNull()
      expect((await store.list()).size).toBe(0)
    })

    it('lists every ref once, with its value', async () => {
      const { store } = await setUp()
      await store.compareAndSwap(MAIN, null, ONE)
      await store.compareAndSwap(DEVICE, null, TWO)
      await store.compareAndSwap('refs/tandem/backup/2024/one', null, THREE)
      await store.compareAndSwap(DEVICE, TWO, THREE)
      expect(Object.fromEntries(await store.list())).toEqual({
        [MAIN]: ONE,
        [DEVICE]: THREE,
        'refs/tandem/backup/2024/one': THREE,
      })
    })

    it('keeps what it had when the ref is not where it was expected', async () => {
      const { store } = await setUp()
      expect(await store.compareAndSwap(MAIN, ONE, TWO)).toBe(false)
      expect(await store.read(MAIN)).toBeNull()
      await store.compareAndSwap(MAIN, null, ONE)
      expect(await store.compareAndSwap(MAIN, null, TWO)).toBe(false)
      expect(await store.compareAndSwap(MAIN, TWO, THREE)).toBe(false)
      expect(await store.compareAndSwap(MAIN, TWO, null)).toBe(false)
      expect(await store.read(MAIN)).toBe(ONE)
    })

    it('answers a swap of a value for itself', async () => {
      const { store } = await setUp()
      expect(await store.compareAndSwap(MAIN, null, null)).toBe(true)
      expect(await store.compareAndSwap(MAIN, ONE, ONE)).toBe(false)
      await store.compareAndSwap(MAIN, null, ONE)
      expect(await store.compareAndSwap(MAIN, ONE, ONE)).toBe(true)
      expect(await store.read(MAIN)).toBe(ONE)
    })

    it('lets one of two swaps at the same time win, also of two instances', async () => {
      const { place, store } = await setUp()
      const other = await place.open()
      for (let round = 0; round < 10; round++) {
        const before = await store.read(MAIN)
        const values = before === ONE ? [TWO, THREE] : [ONE, before === TWO ? THREE : TWO]
        const won = await Promise.all([
          store.compareAndSwap(MAIN, before, values[0]!),
          other.compareAndSwap(MAIN, before, values[1]!),
        ])
        expect(won.filter(Boolean)).toHaveLength(1)
        expect(await store.read(MAIN)).toBe(values[won.indexOf(true)])
      }
    })

    it('moves many refs at the same time', async () => {
      const { store } = await setUp()
      const names = Array.from({ length: 30 }, (_, i): RefName => `refs/devices/${i}`)
      const results = await Promise.all(names.map((ref) => store.compareAndSwap(ref, null, ONE)))
      expect(results.every(Boolean)).toBe(true)
      expect((await store.list()).size).toBe(30)
    })

    it('still holds everything after a restart', async () => {
      const { place, store } = await setUp()
      await store.compareAndSwap(MAIN, null, ONE)
      await store.compareAndSwap(DEVICE, null, TWO)
      await store.compareAndSwap(DEVICE, TWO, null)
      const reopened = await place.open()
      expect(Object.fromEntries(await reopened.list())).toEqual({ [MAIN]: ONE })
    })

    it('hands out a list that later moves do not change', async () => {
      const { store } = await setUp()
      await store.compareAndSwap(MAIN, null, ONE)
      const list = await store.list()
      await store.compareAndSwap(MAIN, ONE, TWO)
      expect(list.get(MAIN)).toBe(ONE)
    })

    it.each([
      'heads/main',
      'refs/heads/../../config',
      'refs/heads/a.lock',
      'refs/heads/.a',
      'refs/heads/a b',
      'refs/heads/a/',
      'refs//a',
      'refs/a\\b',
      'refs/',
    ])('refuses %j, which git would not take as a name', async (bad) => {
      const { store } = await setUp()
      expect(isRefName(bad)).toBe(false)
      await expect(store.compareAndSwap(bad as RefName, null, ONE)).rejects.toMatchObject({ code: 'bad-ref' })
      expect(await store.read(bad as RefName)).toBeNull()
    })

    it('refuses a ref where another is a folder of it, as files cannot be both', async () => {
      const { store } = await setUp()
      await store.compareAndSwap('refs/tandem/a/b', null, ONE)
      await expect(store.compareAndSwap('refs/tandem/a', null, ONE)).rejects.toMatchObject({ code: 'bad-ref' })
      await expect(store.compareAndSwap('refs/tandem/a/b/c', null, ONE)).rejects.toMatchObject({ code: 'bad-ref' })
      await store.compareAndSwap('refs/tandem/a/b', ONE, null)
      expect(await store.compareAndSwap('refs/tandem/a', null, TWO)).toBe(true)
    })
  })
}
