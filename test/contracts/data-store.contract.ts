import { describe, expect, it, onTestFinished } from 'vitest'
import type { DataStore } from '../../src/ports/data-store.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import { anId } from '../support/sample-messages.ts'
import { aPeerRecord } from '../support/sample-records.ts'

/** Where a store keeps its file: opened again, it is the device after a restart. */
export interface DataStorePlace {
  readonly self: EndpointId
  open(): Promise<DataStore & { saveSettings(change: Readonly<Record<string, unknown>>): unknown }>
  /** The file as it is. */
  text(): Promise<string>
  /** As somebody else writes it. */
  write(text: string): Promise<void>
  /** Contents of what was set aside, oldest first. */
  aside(): Promise<string[]>
  dispose(): Promise<void>
}

/** What every {@link DataStore} must do. */
export function dataStoreContract(name: string, createPlace: () => Promise<DataStorePlace>): void {
  const setUp = async () => {
    const place = await createPlace()
    onTestFinished(() => place.dispose())
    const data = async () => JSON.parse(await place.text()) as Record<string, unknown>
    /** Changes fields of the file behind the store's back. */
    const edit = async (change: object) => place.write(JSON.stringify({ ...(await data()), ...change }))
    return { place, store: await place.open(), data, edit }
  }

  describe(`data store contract: ${name}`, () => {
    it('knows nobody at first', async () => {
      const { store } = await setUp()
      expect(await store.loadPeers()).toEqual([])
    })

    it('[C2] gives the records back after a restart, unknown fields too', async () => {
      const { place, store } = await setUp()
      const peers = [aPeerRecord(11, { colour: 'red' }), aPeerRecord(12, { lastSyncAt: 5 })]
      await store.savePeers(peers)
      expect(await (await place.open()).loadPeers()).toEqual(peers)
    })

    it('[C2] replaces the list, and leaves settings and unknown fields whole', async () => {
      const { store, data, edit } = await setUp()
      await store.savePeers([aPeerRecord(11)])
      await edit({ settings: { maxPeers: 'wrong', odd: [1] }, extra: { a: 1 } })
      await store.savePeers([aPeerRecord(12)])
      expect(await data()).toMatchObject({
        settings: { maxPeers: 'wrong', odd: [1] },
        extra: { a: 1 },
        peers: [aPeerRecord(12)],
      })
    })

    it('changed settings leave the list whole, and what they do not name', async () => {
      const { store, data } = await setUp()
      await store.savePeers([aPeerRecord(11)])
      await store.saveSettings({ relay: 'off', maxPeers: 5 })
      await store.saveSettings({ maxPeers: undefined, debounceMs: 400 })
      const { settings, peers } = await data()
      expect(settings).toMatchObject({ relay: 'off', debounceMs: 400 })
      expect(settings).not.toHaveProperty('maxPeers')
      expect(peers).toEqual([aPeerRecord(11)])
    })

    it('keeps a record that cannot be read in the file, and gives the others', async () => {
      const { place, store, data, edit } = await setUp()
      await store.savePeers([aPeerRecord(11)])
      await edit({ peers: [{ nodeId: 'x' }, aPeerRecord(11), 7] })
      const again = await place.open()
      expect(await again.loadPeers()).toEqual([aPeerRecord(11)])
      await again.savePeers([aPeerRecord(12)])
      expect((await data()).peers).toEqual([aPeerRecord(12), { nodeId: 'x' }, 7])
    })

    it('[P6] gives neither this device nor a second record of another', async () => {
      const { place, store, edit } = await setUp()
      await store.savePeers([])
      await edit({
        peers: [{ ...aPeerRecord(11), nodeId: place.self }, aPeerRecord(11), aPeerRecord(11, { name: 'twin' })],
      })
      expect(await (await place.open()).loadPeers()).toEqual([aPeerRecord(11)])
    })

    it('[P6] gives no list of another device, and keeps it for that one', async () => {
      const { place, store, data, edit } = await setUp()
      await store.savePeers([aPeerRecord(11)])
      await edit({ deviceId: anId(99), peers: [aPeerRecord(12)] })
      const again = await place.open()
      expect(await again.loadPeers()).toEqual([])
      await again.savePeers([aPeerRecord(13)])
      expect(await data()).toMatchObject({
        deviceId: place.self,
        peers: [aPeerRecord(13)],
        otherDevices: { [anId(99)]: { peers: [aPeerRecord(12)] } },
      })
    })

    it.each(['{"version": 1, "peers": [', '', '[]', '{"version": 1, "settings": 5}'])(
      'sets a file aside that became %j, and writes what is known',
      async (damage) => {
        const { place, store, data } = await setUp()
        await store.savePeers([aPeerRecord(11)])
        await place.write(damage)
        await store.savePeers([aPeerRecord(11), aPeerRecord(12)])
        expect(await place.aside()).toEqual([damage])
        expect((await data()).peers).toEqual([aPeerRecord(11), aPeerRecord(12)])
        await place.write('again')
        await store.saveSettings({ relay: 'off' })
        expect(await place.aside()).toEqual([damage, 'again'])
        expect(await data()).toMatchObject({ settings: { relay: 'off' }, peers: [aPeerRecord(11), aPeerRecord(12)] })
      },
    )

    it('leaves a file of a newer version alone', async () => {
      const { place, store, edit } = await setUp()
      await store.savePeers([aPeerRecord(11)])
      await edit({ version: 2 })
      const before = await place.text()
      await expect(store.savePeers([])).rejects.toMatchObject({ code: 'newer-version' })
      expect(await place.text()).toBe(before)
      expect(await place.aside()).toEqual([])
    })

    it('takes changes at the same time one after the other', async () => {
      const { store, data } = await setUp()
      const saves = [1, 2, 3].map((n) => store.savePeers(Array.from({ length: n }, (_, i) => aPeerRecord(11 + i))))
      await Promise.all([...saves, store.saveSettings({ relay: 'off' })])
      expect(await data()).toMatchObject({
        peers: [aPeerRecord(11), aPeerRecord(12), aPeerRecord(13)],
        settings: { relay: 'off' },
      })
    })
  })
}
