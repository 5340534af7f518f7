import { expect, it } from 'vitest'
import { MemoryDisk } from '../../src/adapters/memory/memory-disk.ts'
import { createMemoryIndexDisk, MemoryIndexStore } from '../../src/adapters/memory/memory-index-store.ts'
import { MemoryObjectStore } from '../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../src/adapters/memory/memory-ref-store.ts'
import { MemoryVaultFiles } from '../../src/adapters/memory/memory-vault-files.ts'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { identityOf } from '../../src/engine/device.ts'
import { Repository } from '../../src/engine/repository.ts'
import { Share } from '../../src/engine/share.ts'
import { WorkingTree } from '../../src/engine/working-tree.ts'
import { aShare, TestDevices } from '../support/devices.ts'
import { anId } from '../support/sample-messages.ts'

const pathsOf = (listing: readonly { readonly path: string }[]) => listing.map(({ path }) => path)

it('[E9] lists what the vault holds at this moment, in order', async () => {
  const { devices, device } = await aShare({ 'b.md': 'b', 'B.md': 'B', 'a/c.md': 'c', 'ä.md': 'ä' })
  device.write({ 'new.md': 'not seen by any watcher yet' })
  device.disk.userDelete('b.md')
  const listing = await device.share.listing()
  expect(pathsOf(listing)).toEqual(['B.md', 'a/c.md', 'new.md', 'ä.md'])
  expect(new Set(listing.map(({ oid }) => oid)).size).toBe(4)
  await devices.stop()
})

it('[E5] [E9] commits what the disk holds and applies nothing of a peer, on a share that was never started', async () => {
  const { devices, device } = await aShare({ 'theirs.md': 'theirs' })
  // Another device that has fetched their version and shows only a file of its own.
  const disk = new MemoryDisk({ clock: devices.clock })
  disk.userWrite('mine.md', 'mine')
  const files = new MemoryVaultFiles({ disk, codec: nodeCodec })
  const objects = new MemoryObjectStore(nodeCodec, device.objects)
  const repository = await Repository.open(objects, new MemoryRefStore(new Map(device.refs)), nodeCodec, anId(77))
  const tree = await WorkingTree.open({
    repository,
    files,
    index: new MemoryIndexStore(createMemoryIndexDisk()),
    codec: nodeCodec,
    clock: devices.clock,
    identity: () => identityOf('mine', anId(77), devices.clock),
  })
  const share = new Share('vault', repository, tree, files, devices.clock, { log: () => undefined })
  expect(pathsOf(await share.listing())).toEqual(['mine.md'])
  expect([[...disk.files().keys()], repository.heads().size]).toEqual([['mine.md'], 2])
  await share.stop()
  await devices.stop()
})

it('[E9] throws when the vault cannot be looked at', async () => {
  const devices = new TestDevices([{}])
  const device = devices.all[0]!
  await devices.start()
  device.share.files.scan = () => {
    throw new Error('no such disk')
  }
  await expect(device.share.listing()).rejects.toThrow('no such disk')
  await devices.stop()
})
