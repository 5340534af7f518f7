import { describe, expect, it } from 'vitest'
import type { Oid } from '../../src/objects/oid.ts'
import { someNotes, TestDevices, twoDevicesWith } from '../support/devices.ts'
import type { TestDevice } from '../support/test-device.ts'

const FILES = { 'Note.md': 'one\n', 'Folder/deep/Other.md': 'other\n', ...someNotes(5) }

/** A bit of an object flips on the disk; nobody has noticed yet. */
function damage(device: TestDevice, oid: Oid): void {
  const object = device.objects.objects.get(oid)!
  device.objects.objects.set(oid, { ...object, content: object.content.map((byte, at) => (at ? byte : byte ^ 1)) })
}

/** Every commit and tree of a device's store. */
const historyOf = (device: TestDevice): Oid[] =>
  [...device.objects.objects].filter(([, { type }]) => type !== 'blob').map(([oid]) => oid)

describe('a commit or a tree of the own store that a failing disk damaged, found at the start', () => {
  it('is set aside and comes again from a peer, whichever it is: nothing is lost, nothing is reverted', async () => {
    const first = await twoDevicesWith(FILES)
    first.a.write({ 'Note.md': 'two\n' })
    await first.devices.agree()
    const all = historyOf(first.b).length
    expect(all).toBeGreaterThan(5)
    for (let n = 0; n < all; n++) {
      const { devices, a, b } = await twoDevicesWith(FILES)
      a.write({ 'Note.md': 'two\n' })
      await devices.agree()
      b.write({ 'Of B.md': 'from B\n' })
      await devices.agree()
      await devices.stop(b)
      damage(b, historyOf(b)[n]!)
      b.write({ 'Note.md': 'two, and edited while away\n' })
      a.write({ 'Folder/deep/Other.md': 'edited by A\n' })
      await devices.pass(2_000)
      await devices.start(b)
      await devices.until(() =>
        [a, b].every((d) => d.engine!.isSettled && d.engine!.peerReports().every(({ current }) => current)),
      )
      const expected = {
        ...FILES,
        'Note.md': 'two, and edited while away\n',
        'Folder/deep/Other.md': 'edited by A\n',
        'Of B.md': 'from B\n',
      }
      expect(a.vault()).toEqual(expected)
      expect(b.vault()).toEqual(expected)
      a.history()
    }
  })

  it('keeps the share waiting, not the device: it tells why, changes nothing, and goes on when a peer is back', async () => {
    const { devices, a, b } = await twoDevicesWith(FILES)
    await devices.stop(a)
    await devices.stop(b)
    const [refs, notes] = [new Map(b.refs), b.vault()]
    damage(b, b.refs.get(`refs/devices/${a.id}`)!)
    for (let run = 0; run < 2; run++) {
      await devices.start(b)
      b.write({ 'New.md': 'new\n' })
      await devices.pass(130_000)
      expect(b.share.lastError).toMatchObject({ code: 'damaged' })
      expect(b.share.isSettled).toBe(false)
      expect(b.share.state().applied).toBeNull()
      expect(new Map(b.refs)).toEqual(refs)
      expect(b.vault()).toEqual({ ...notes, 'New.md': 'new\n' })
      await devices.stop(b)
    }
    await devices.start(b)
    await devices.start(a)
    await devices.agree()
    expect(a.read('New.md')).toBe('new\n')
    expect(b.share.lastError).toBeNull()
  })

  it('a tree is made anew from the files, where they still are what it says: no peer is needed', async () => {
    const { devices, a, b } = await twoDevicesWith(FILES)
    await devices.stop(a)
    const trees = [...b.objects.objects].filter(([, { type }]) => type === 'tree').map(([oid]) => oid)
    expect(trees.length).toBeGreaterThan(2)
    for (const tree of trees) {
      await devices.stop(b)
      damage(b, tree)
      await devices.start(b)
      await devices.pass(1_000)
      expect(b.share.lastError).toBeNull()
      expect(b.share.isSettled).toBe(true)
      b.history()
    }
    b.write({ 'New.md': 'new\n' })
    await devices.pass(1_000)
    expect(b.ownCommits()).toHaveLength(1)
  })

  it('is asked of a third device when the first has not got it', async () => {
    const devices = new TestDevices([{}, {}, {}])
    const [a, b, c] = devices.all as [TestDevice, TestDevice, TestDevice]
    a.write(FILES)
    await devices.start(a, b, c)
    await devices.agree()
    await devices.stop(a, b, c)
    for (const device of [a, b]) damage(device, c.refs.get(`refs/devices/${a.id}`)!)
    await devices.start(a, b)
    await devices.pass(130_000)
    for (const device of [a, b]) expect(device.share.lastError).toMatchObject({ code: 'damaged' })
    await devices.start(c)
    await devices.agree()
    a.write({ 'Note.md': 'goes on\n' })
    await devices.agree()
    expect(b.read('Note.md')).toBe('goes on\n')
  })

  it.each([
    ['the last commit', 'commit', false],
    ['a commit below it', 'commit', true],
    ['the tree of the last commit', 'tree', false],
  ] as const)(
    '[V8] and nobody else has it, %s: what was not sent yet is committed anew from the files',
    async (_what, type, isInner) => {
      const { devices, a, b } = await twoDevicesWith(FILES)
      b.write({ 'Early.md': 'early\n' })
      await devices.agree()
      await devices.stop(a)
      const before = new Set(b.objects.objects.keys())
      b.write({ 'Note.md': 'two\n', 'Unsent.md': 'unsent\n' })
      b.disk.userDelete('Note 1.md')
      await devices.pass(3_000)
      if (isInner) b.write({ 'Unsent too.md': 'unsent too\n' })
      await devices.pass(3_000)
      await devices.stop(b)
      const [unsent] = [...b.objects.objects].find(([oid, object]) => !before.has(oid) && object.type === type)!
      damage(b, unsent)
      await devices.start(b)
      b.write({ 'Note 2.md': 'typed while waiting\n' })
      await devices.pass(10_000)
      await devices.start(a)
      a.write({ 'Note 3.md': 'by A\n' })
      await devices.agree()
      expect(a.vault()).toMatchObject({
        'Early.md': 'early\n',
        'Unsent.md': 'unsent\n',
        ...(isInner ? { 'Unsent too.md': 'unsent too\n' } : {}),
      })
      expect(Object.values(a.vault())).toEqual(expect.arrayContaining(['two\n', 'typed while waiting\n', 'by A\n']))
    },
  )

  it.each([[[0]], [[1]], [[2]], [[0, 1]], [[1, 2]], [[0, 1, 2]]])(
    '[V6] [V8] below commits that were not sent yet (%j): when a peer brings it back, those count as before',
    async (which) => {
      const { devices, a, b } = await twoDevicesWith(FILES)
      b.write({ 'Early.md': 'early\n' })
      await devices.agree()
      a.write({ 'Of A.md': 'by A\n' })
      await devices.agree()
      const shared = historyOf(b).filter((oid) => b.objects.objects.get(oid)!.type === 'commit')
      expect(shared).toHaveLength(3)
      await devices.stop(a)
      b.write({ 'Note.md': 'two\n', 'Unsent.md': 'unsent\n' })
      b.disk.userDelete('Note 1.md')
      await devices.pass(3_000)
      const head = b.head!
      await devices.stop(b)
      for (const n of which) damage(b, shared[n]!)
      await devices.start(b)
      await devices.pass(3_000)
      expect(b.share.lastError).toMatchObject({ code: 'damaged' })
      await devices.start(a)
      await devices.agree()
      const expected: Record<string, string> = {
        ...FILES,
        'Early.md': 'early\n',
        'Of A.md': 'by A\n',
        'Note.md': 'two\n',
        'Unsent.md': 'unsent\n',
      }
      delete expected['Note 1.md']
      expect(b.vault()).toEqual(expected)
      expect(a.vault()).toEqual(expected)
      expect(b.share.repository.graph.isAncestor(head, b.head!)).toBe(true)
    },
  )

  it('[V6] [V8] below them, and the first peer that comes has not got it: they count when another brings it back', async () => {
    const devices = new TestDevices([{}, {}, {}])
    const [a, b, c] = devices.all as [TestDevice, TestDevice, TestDevice]
    a.write(FILES)
    await devices.start(a, b, c)
    await devices.agree()
    b.write({ 'Early.md': 'early\n' })
    await devices.agree()
    await devices.stop(a)
    c.write({ 'Of C.md': 'by C\n' })
    await devices.until(() => b.read('Of C.md') === 'by C\n')
    await devices.pass(5_000)
    await devices.stop(c)
    b.write({ 'Note.md': 'two\n', 'Unsent.md': 'unsent\n' })
    b.disk.userDelete('Note 1.md')
    await devices.pass(3_000)
    const head = b.head!
    await devices.stop(b)
    damage(b, c.head!)
    await devices.start(b, a)
    await devices.pass(10_000)
    expect(b.share.lastError).toMatchObject({ code: 'damaged' })
    await devices.start(c)
    await devices.agree()
    const expected: Record<string, string> = {
      ...FILES,
      'Early.md': 'early\n',
      'Of C.md': 'by C\n',
      'Note.md': 'two\n',
      'Unsent.md': 'unsent\n',
    }
    delete expected['Note 1.md']
    for (const device of devices.all) expect(device.vault()).toEqual(expected)
    expect(b.share.repository.graph.isAncestor(head, b.head!)).toBe(true)
  })

  it('[V8] in a repository that is gone as a whole, while the index of the files is left: nothing that was not sent yet is deleted or replaced', async () => {
    const { devices, a, b } = await twoDevicesWith(FILES)
    await devices.stop(a)
    b.write({ 'Note.md': 'two\n', 'Unsent.md': 'unsent\n' })
    await devices.pass(3_000)
    await devices.stop(b)
    b.objects.objects.clear()
    b.refs.clear()
    a.write({ 'Note 3.md': 'by A\n' })
    await devices.pass(3_000)
    await devices.start(b)
    await devices.pass(3_000)
    await devices.start(a)
    await devices.agree()
    expect(a.read('Unsent.md')).toBe('unsent\n')
    expect(Object.values(a.vault())).toEqual(expect.arrayContaining(['two\n', 'by A\n']))
  })
})
