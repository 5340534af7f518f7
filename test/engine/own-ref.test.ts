import { describe, expect, it } from 'vitest'
import { createMemoryIndexDisk } from '../../src/adapters/memory/memory-index-store.ts'
import { createMemoryObjectDisk } from '../../src/adapters/memory/memory-object-store.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { TestDevices, twoDevicesWith } from '../support/devices.ts'
import type { TestDevice } from '../support/test-device.ts'

const KEPT = { 'Keep.md': 'kept\n', 'Note.md': 'one\n\ntwo\n\nthree\n' }

function loseState(device: TestDevice): void {
  device.objects = createMemoryObjectDisk()
  device.refs = new Map()
  device.index = createMemoryIndexDisk()
}

function backUp({ objects, refs, index }: TestDevice): () => Pick<TestDevice, 'objects' | 'refs' | 'index'> {
  const copy = { objects: new Map(objects.objects), refs: [...refs], entries: [...index.entries], index: { ...index } }
  return () => ({
    objects: { objects: new Map(copy.objects), partials: new Map() },
    refs: new Map(copy.refs),
    index: { ...copy.index, entries: new Map(copy.entries) },
  })
}

function isAncestor(device: TestDevice, old: Oid, from: Oid): boolean {
  const seen = new Set<Oid>()
  const queue = [from]
  for (let oid = queue.pop(); oid; oid = queue.pop()) {
    if (oid === old) return true
    if (seen.has(oid)) continue
    seen.add(oid)
    queue.push(...device.commit(oid).parents)
  }
  return false
}

/** [V2] Notes every value of a device's ref, and throws when it moves other than forward. */
function watchRef(device: TestDevice): Oid[] {
  const values: Oid[] = []
  device.onOperation = (operation) => {
    if (operation !== 'refs.compareAndSwap:done') return
    const { head } = device
    const last = values.at(-1)
    if (!head || head === last) return
    if (last && !isAncestor(device, last, head))
      throw new Error(`[V2] the ref of ${device.name} moved back from ${last} to ${head}`)
    values.push(head)
  }
  return values
}

describe('[V2] the own ref', () => {
  for (const point of ['refs.compareAndSwap', 'refs.compareAndSwap:done', 'index.save', 'index.save:done']) {
    it(`moves forward only, also after a kill at ${point}`, async () => {
      const { devices, a, b } = await twoDevicesWith(KEPT)
      const values = watchRef(a)
      const check = a.onOperation
      for (let round = 0; round < 4; round++) {
        let kill = (round % 2) + 1
        a.onOperation = (operation) => {
          check(operation)
          if (operation === point && --kill === 0) a.crash()
        }
        a.write({ 'Note.md': a.read('Note.md')!.replace(/one.*/, `one ${round}`) })
        await devices.pass(2_000)
        b.write({ 'Note.md': b.read('Note.md')!.replace(/three.*/, `three ${round}`) })
        await devices.pass(2_000)
        a.onOperation = check
        a.crash()
        await devices.start(a)
        await devices.agree()
      }
      expect(values.length).toBeGreaterThanOrEqual(3)
      expect(a.vault()).toEqual({ 'Keep.md': 'kept\n', 'Note.md': 'one 3\n\ntwo\n\nthree 3\n' })
      for (const device of [a, b]) expect(device.log.filter((record) => record.event === 'ref.refused')).toEqual([])
    })
  }

  it('of another device is never moved by us, and passes through us unchanged', async () => {
    const devices = new TestDevices([{}, {}, {}])
    const [a, b, c] = devices.all as [TestDevice, TestDevice, TestDevice]
    a.records = [b.record]
    b.records = [a.record, c.record]
    c.records = [b.record]
    a.write(KEPT)
    await devices.start()
    await devices.agree()
    c.write({ 'From C.md': 'c\n' })
    await devices.agree()
    expect(a.read('From C.md')).toBe('c\n')
    expect([...b.refs.keys()].filter((name) => name.startsWith('refs/devices/')).sort()).toEqual([
      `refs/devices/${a.id}`,
      `refs/devices/${c.id}`,
    ])
    expect(b.refs.get(`refs/devices/${a.id}`)).toBe(a.head)
  })
})

describe('[V8] a lost or an old state folder', () => {
  it('a device that lost its whole state and kept its key takes its own ref back', async () => {
    const { devices, a, b } = await twoDevicesWith(KEPT)
    a.write({ 'Note.md': 'one\n\ntwo\n\nthree\n\nfour\n' })
    await devices.agree()
    const { head } = a
    a.crash()
    loseState(a)
    await devices.start(a)
    await devices.agree()
    expect(a.vault()).toEqual({ 'Keep.md': 'kept\n', 'Note.md': 'one\n\ntwo\n\nthree\n\nfour\n' })
    expect(isAncestor(a, head!, a.head!)).toBe(true)
    expect(b.refs.get(`refs/devices/${a.id}`)).toBe(a.head)
    a.write({ 'New.md': 'new\n' })
    await devices.agree()
    expect(b.read('New.md')).toBe('new\n')
    expect(isAncestor(b, head!, a.head!)).toBe(true)
  })

  it('what was edited, added and not yet sent while the state was lost is not lost', async () => {
    const { devices, a, b } = await twoDevicesWith(KEPT)
    await devices.stop(a)
    loseState(a)
    a.write({ 'Note.md': 'one\n\ntwo, edited without state\n\nthree\n', 'New.md': 'made without state\n' })
    b.write({ 'Keep.md': 'kept and edited by B\n' })
    await devices.pass(3_000)
    await devices.start(a)
    await devices.agree()
    const texts = Object.values(b.vault()).join('\n')
    for (const text of ['two, edited without state', 'made without state', 'kept and edited by B'])
      expect(texts).toContain(text)
    await devices.pass(200_000)
    await devices.agree()
    expect(Object.values(b.vault()).join('\n')).toBe(texts)
  })

  it('a device that lost its state while nobody else is there works alone, and joins later', async () => {
    const { devices, a, b } = await twoDevicesWith(KEPT)
    await devices.stop()
    loseState(a)
    await devices.start(a)
    a.write({ 'Alone.md': 'written alone\n' })
    await devices.pass(5_000)
    a.write({ 'Alone.md': 'written alone\nand again\n' })
    await devices.pass(5_000)
    b.write({ 'B.md': 'b\n' })
    await devices.start(b)
    await devices.agree()
    expect(b.vault()).toEqual({ ...KEPT, 'Alone.md': 'written alone\nand again\n', 'B.md': 'b\n' })
  })

  it('a state folder from an older backup that went on by itself joins both heads', async () => {
    const { devices, a, b } = await twoDevicesWith(KEPT)
    const restore = backUp(a)
    a.write({ 'After.md': 'after the backup\n', 'Note.md': 'one after\n\ntwo\n\nthree\n' })
    await devices.agree()
    const ahead = a.head!
    await devices.stop()
    Object.assign(a, restore())
    a.write({ 'Note.md': 'one after\n\ntwo\n\nthree and more\n' })
    await devices.start(a)
    await devices.pass(5_000)
    const diverged = a.head!
    expect(isAncestor(a, ahead, diverged)).toBe(false)
    await devices.start(b)
    await devices.agree()
    expect(a.vault()).toEqual({
      'Keep.md': 'kept\n',
      'After.md': 'after the backup\n',
      'Note.md': 'one after\n\ntwo\n\nthree and more\n',
    })
    expect(isAncestor(b, ahead, a.head!)).toBe(true)
    expect(isAncestor(b, diverged, a.head!)).toBe(true)
    expect([...a.refs.keys()].filter((name) => name.startsWith('refs/tandem/'))).toEqual([])
  })

  it('a device that lost its index alone commits nothing it holds already, and keeps both texts of what was edited', async () => {
    const { devices, a, b } = await twoDevicesWith(KEPT)
    b.write({ 'Note.md': 'one\n\ntwo of B\n\nthree\n' })
    await devices.agree()
    a.write({ 'Keep.md': 'kept and edited\n' })
    await devices.agree()
    const before = a.head
    await devices.stop(a)
    a.index = createMemoryIndexDisk()
    await devices.start(a)
    await devices.agree()
    expect(a.head).toBe(before)
    await devices.stop(a)
    a.index = createMemoryIndexDisk()
    a.write({ 'Note.md': 'one\n\ntwo of B\n\nthree, edited without an index\n', 'New.md': 'new\n' })
    await devices.start(a)
    await devices.agree()
    const texts = Object.values(b.vault()).join('\n')
    for (const text of ['three, edited without an index', 'two of B', 'kept and edited', 'new'])
      expect(texts).toContain(text)
  })

  it('an old backup together with the old files brings nothing back to the others that they changed', async () => {
    const { devices, a, b } = await twoDevicesWith({ ...KEPT, 'Gone.md': 'to be deleted\n' })
    const restore = backUp(a)
    const files = a.vault()
    b.write({ 'Note.md': 'one\n\ntwo of B\n\nthree\n' })
    b.disk.userDelete('Gone.md')
    a.write({ 'Keep.md': 'kept after the backup\n' })
    await devices.agree()
    await devices.stop(a)
    Object.assign(a, restore())
    a.write(files)
    await devices.start(a)
    await devices.agree()
    expect(a.vault()).toEqual({ 'Keep.md': 'kept after the backup\n', 'Note.md': 'one\n\ntwo of B\n\nthree\n' })
  })
})
