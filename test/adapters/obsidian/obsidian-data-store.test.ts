import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { ObsidianDataStore } from '../../../src/adapters/obsidian/obsidian-data-store.ts'
import type { PeerRecord } from '../../../src/ports/data-store.ts'
import type { EndpointId } from '../../../src/ports/transport.ts'
import { quickClock } from '../../support/quick-clock.ts'
import { FakeDiskAdapter } from '../../support/obsidian/vault-disk.ts'

const FOLDER = '.obsidian/plugins/tandem-sync'
const FILE = `${FOLDER}/data.json`
const idOf = (digit: string): EndpointId => digit.repeat(64) as EndpointId
const SELF = idOf('a')
const peer = (digit: string, more: object = {}): PeerRecord => ({
  nodeId: idOf(digit),
  name: `Device ${digit}`,
  ticket: 'ticket',
  addedAt: 1,
  lastSyncAt: null,
  autoConnect: true,
  ...more,
})

describe('data.json', () => {
  let disk: MemoryDisk
  let adapter: FakeDiskAdapter
  let notices: string[]
  beforeEach(() => {
    disk = new MemoryDisk({ clock: quickClock })
    adapter = new FakeDiskAdapter(disk, { onChange: () => undefined })
    disk.userMkdir(FOLDER)
    notices = []
  })
  const text = (name = FILE): string | undefined => {
    const bytes = disk.files().get(name)
    return bytes && new TextDecoder().decode(bytes)
  }
  const json = (): unknown => JSON.parse(text()!)
  const put = (value: unknown): void => disk.userWrite(FILE, typeof value === 'string' ? value : JSON.stringify(value))
  /** As Obsidian: null for a file that is not there or cannot be parsed. */
  const plugin = {
    loadData: async (): Promise<unknown> => {
      try {
        return JSON.parse(await adapter.read(FILE))
      } catch {
        return null
      }
    },
    saveData: (data: unknown) => adapter.write(FILE, JSON.stringify(data)),
  }
  const open = (self = SELF): Promise<ObsidianDataStore> =>
    ObsidianDataStore.open({
      plugin,
      disk: adapter,
      folder: FOLDER,
      self,
      onNotice: (sentence) => notices.push(sentence),
    })

  it('keeps shared folders beside peers and settings, also when the file is read again', async () => {
    put({ version: 1, deviceId: SELF, settings: { relay: 'off' }, peers: [peer('b')], later: 1 })
    const share = { id: 'c'.repeat(32), folder: 'Plan', title: 'Plan', createdAt: 5, from: null, access: null }
    const store = await open()
    expect(await store.loadShares()).toEqual([])
    await store.saveShares([share])
    await store.savePeers([peer('b'), peer('d')])
    for (const one of [store, await open()]) expect(await one.loadShares()).toEqual([share])
    expect(json()).toMatchObject({ settings: { relay: 'off' }, shares: [share], later: 1 })
  })

  it('[P6] leaves the shared folders of another device to that one', async () => {
    const share = { id: 'c'.repeat(32), folder: 'Plan', title: 'Plan', createdAt: 5, from: null, access: null }
    put({ version: 1, deviceId: idOf('b'), settings: {}, peers: [], shares: [share] })
    const store = await open()
    expect(await store.loadShares()).toEqual([])
    await store.saveShares([])
    expect(json()).toMatchObject({ deviceId: SELF, shares: [], otherDevices: { [idOf('b')]: { shares: [share] } } })
  })

  it('[C2] holds peers beside settings, and what it does not know stays', async () => {
    put({ settings: { relay: 'off', theirs: 1 }, future: [1], peers: [peer('b', { colour: 'red' })] })
    const store = await open()
    expect(await store.loadPeers()).toEqual([peer('b', { colour: 'red' })])
    expect(store.settings()).toEqual({ relay: 'off', theirs: 1 })
    await store.savePeers([...(await store.loadPeers()), peer('c')])
    await store.saveSettings({ relay: 'default', maxPeers: 3 })
    expect(json()).toEqual({
      settings: { relay: 'default', theirs: 1, maxPeers: 3 },
      future: [1],
      deviceId: SELF,
      peers: [peer('b', { colour: 'red' }), peer('c')],
    })
    expect(notices).toEqual([])
  })

  it('is not made before there is something to keep', async () => {
    const store = await open()
    expect([await store.loadPeers(), store.settings(), text()]).toEqual([[], {}, undefined])
  })

  it('[C2] loses none of many changes at once, nor what another program wrote in between', async () => {
    const store = await open()
    const changes = [
      ...Array.from({ length: 20 }, (_, i) => store.saveSettings({ [`k${i}`]: i })),
      store.savePeers([peer('b')]),
    ]
    await Promise.all(changes)
    put({ ...(json() as object), outside: true })
    await store.saveSettings({ last: 1 })
    expect(json()).toMatchObject({ outside: true, peers: [peer('b')], settings: { k0: 0, k19: 19, last: 1 } })
  })

  it('is read again when it changed outside', async () => {
    const store = await open()
    put({ settings: { relay: 'off' }, peers: [peer('d')] })
    await store.reload()
    expect([store.settings(), await store.loadPeers()]).toEqual([{ relay: 'off' }, [peer('d')]])
  })

  it('[P6] of another device does no harm: its peers are not ours, and are kept for it', async () => {
    put({ deviceId: idOf('e'), peers: [peer('a'), peer('f')], settings: { relay: 'off' } })
    const store = await open()
    expect(await store.loadPeers()).toEqual([])
    await store.savePeers([peer('b')])
    expect(await (await open(idOf('e'))).loadPeers()).toEqual([peer('a'), peer('f')])
    expect(await (await open()).loadPeers()).toEqual([peer('b')])
  })

  it.each([
    ['cut off', '{"peers":[{"no'],
    ['empty', ''],
    ['no object', '[1,2]'],
    ['of another shape', '{"peers":5}'],
  ])('that is %s is kept under another name, told once, and nothing of it is written over', async (_, broken) => {
    put(broken)
    disk.userWrite(`${FILE}.damaged-1`, 'an earlier one')
    const store = await open()
    expect([await store.loadPeers(), store.settings()]).toEqual([[], {}])
    expect([text(`${FILE}.damaged-1`), text(`${FILE}.damaged-2`)]).toEqual(['an earlier one', broken])
    await store.saveSettings({ relay: 'off' })
    await store.reload()
    expect(json()).toMatchObject({ settings: { relay: 'off' } })
    expect(notices).toEqual([expect.stringContaining('data.json.damaged-2')])
  })

  it('keeps the good part of a file whose other part makes no sense', async () => {
    put({ settings: { relay: 'off' }, peers: 5 })
    expect((await open()).settings()).toEqual({ relay: 'off' })
  })

  it('is left alone when the damaged file cannot be kept', async () => {
    put('{"peers"')
    disk.failNext('write', Object.assign(new Error('full'), { code: 'ENOSPC' }))
    await expect(open()).rejects.toMatchObject({ code: 'damaged' })
    expect(text()).toBe('{"peers"')
  })

  it('of a newer version is not touched', async () => {
    put({ version: 99, peers: 'new shape' })
    await expect(open()).rejects.toMatchObject({ code: 'newer-version' })
    expect(json()).toEqual({ version: 99, peers: 'new shape' })
  })

  it('is read by us when Obsidian fails to hand it over', async () => {
    put({ settings: { relay: 'off' } })
    const deaf = { ...plugin, loadData: () => Promise.reject(new Error('busy')) }
    const store = await ObsidianDataStore.open({ plugin: deaf, disk: adapter, folder: FOLDER, self: SELF })
    expect(store.settings()).toEqual({ relay: 'off' })
  })
})
