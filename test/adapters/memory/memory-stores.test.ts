import { describe, expect, it } from 'vitest'
import { createMemoryIndexDisk, MemoryIndexStore } from '../../../src/adapters/memory/memory-index-store.ts'
import { createMemoryObjectDisk, MemoryObjectStore } from '../../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../../src/adapters/memory/memory-ref-store.ts'
import type { MemoryRefDisk } from '../../../src/adapters/memory/memory-ref-store.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import { indexStoreContract, rows } from '../../contracts/index-store.contract.ts'
import { damaged, objectStoreContract } from '../../contracts/object-store.contract.ts'
import { refStoreContract } from '../../contracts/ref-store.contract.ts'
import { aBlob } from '../../support/object-samples.ts'

const nothing = async () => undefined

refStoreContract('memory', async () => {
  const disk: MemoryRefDisk = new Map()
  return { open: async () => new MemoryRefStore(disk), dispose: nothing }
})

indexStoreContract('memory', async () => {
  const disk = createMemoryIndexDisk()
  return { open: async () => new MemoryIndexStore(disk), dispose: nothing }
})

objectStoreContract(
  'memory',
  async () => nodeCodec,
  async () => {
    const disk = createMemoryObjectDisk()
    const damage = async () => {
      for (const [oid, { type, content }] of disk.objects) disk.objects.set(oid, { type, content: damaged(content) })
    }
    return { open: async () => new MemoryObjectStore(nodeCodec, disk), damage, dispose: nothing }
  },
)

describe('faults of the memory stores', () => {
  const failing = (operation: string) => (at: string) => {
    if (at === operation) throw new Error(`no ${at}`)
  }
  const ONE = '1'.repeat(40) as Oid

  it('leave nothing behind when they come before an operation', async () => {
    const objects = createMemoryObjectDisk()
    const batch = await new MemoryObjectStore(nodeCodec, objects, failing('objects.commit')).begin()
    const oid = await batch.add('blob', aBlob('lost').content)
    await expect(batch.commit()).rejects.toThrow('no objects.commit')
    expect(await new MemoryObjectStore(nodeCodec, objects).has(oid)).toBe(false)

    const refs: MemoryRefDisk = new Map()
    await expect(
      new MemoryRefStore(refs, failing('refs.compareAndSwap')).compareAndSwap('refs/heads/main', null, ONE),
    ).rejects.toThrow()
    expect(refs.size).toBe(0)

    const index = createMemoryIndexDisk()
    await expect(new MemoryIndexStore(index, failing('index.save')).save({ put: rows(3), base: ONE })).rejects.toThrow()
    expect(index).toEqual(createMemoryIndexDisk())
  })

  it('leave the effect when they come after an operation', async () => {
    const refs: MemoryRefDisk = new Map()
    const store = new MemoryRefStore(refs, failing('refs.compareAndSwap:done'))
    await expect(store.compareAndSwap('refs/heads/main', null, ONE)).rejects.toThrow()
    expect(refs.get('refs/heads/main')).toBe(ONE)
  })

  it('can hold an operation up', async () => {
    let go!: () => void
    const gate = new Promise<void>((resolve) => (go = resolve))
    const disk = createMemoryObjectDisk()
    const store = new MemoryObjectStore(nodeCodec, disk, (at) => (at === 'objects.commit' ? gate : undefined))
    const batch = await store.begin()
    const oid = await batch.add('blob', aBlob('late').content)
    const committed = batch.commit()
    expect(disk.objects.has(oid)).toBe(false)
    go()
    await committed
    expect(disk.objects.has(oid)).toBe(true)
  })
})
