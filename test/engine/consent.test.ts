import { describe, expect, it } from 'vitest'
import { VaultError } from '../../src/ports/errors.ts'
import { aShare, someNotes, twoDevicesWith } from '../support/devices.ts'
import type { TestDevice } from '../support/test-device.ts'

const KEPT = { 'Keep.md': 'kept\n' }

function deleteNotes(device: TestDevice, count: number, from = 0): void {
  for (let i = from; i < from + count; i++) device.disk.userDelete(`Note ${i}.md`)
}

function rewriteNotes(device: TestDevice, count: number): void {
  for (let i = 0; i < count; i++) device.write({ [`Note ${i}.md`]: `rewritten ${i}\n` })
}

describe('[E3] deletions made on this device', () => {
  for (const { files, free } of [
    { files: 100, free: 50 },
    { files: 400, free: 80 },
  ]) {
    it(`of ${files} files, ${free} go unasked and ${free + 1} wait`, async () => {
      const few = await aShare(someNotes(files))
      deleteNotes(few.device, free)
      await few.devices.pass(5_000)
      expect(few.device.share.tree.consent).toBeNull()
      expect(few.device.ownCommits()).toHaveLength(2)

      const many = await aShare(someNotes(files))
      deleteNotes(many.device, free + 1)
      await many.devices.pass(5_000)
      expect(many.device.share.tree.consent).toMatchObject({ direction: 'local', overwrites: [] })
      expect(many.device.share.tree.consent!.deletes).toHaveLength(free + 1)
      expect(many.device.ownCommits()).toHaveLength(1)
    })
  }

  it('wait also after a restart, while other edits go on, and are made on a yes', async () => {
    const { devices, a, b } = await twoDevicesWith({ ...someNotes(60), ...KEPT })
    deleteNotes(a, 51)
    await devices.pass(5_000)
    await devices.stop(a)
    a.write({ 'Keep.md': 'kept and edited\n', 'New.md': 'new\n' })
    await devices.start(a)
    b.write({ 'Note 55.md': 'edited by B\n' })
    await devices.pass(10_000)
    expect(Object.keys(b.vault())).toHaveLength(62)
    expect(b.read('Keep.md')).toBe('kept and edited\n')
    expect(a.share.tree.consent).toMatchObject({ direction: 'local' })
    await devices.complete(a.share.answerConsent(true))
    await devices.pass(5_000)
    // B is asked in its turn.
    expect(b.share.tree.consent).toMatchObject({ direction: 'incoming' })
    await devices.complete(b.share.answerConsent(true))
    await devices.agree()
    expect(Object.keys(b.vault())).toHaveLength(11)
    expect(b.read('Note 55.md')).toBe('edited by B\n')
    expect(b.disk.trash.size).toBe(51)
  })

  it('are asked anew when there is one more; a yes counts once', async () => {
    const { devices, device } = await aShare({ ...someNotes(120), ...KEPT })
    deleteNotes(device, 51)
    await devices.pass(5_000)
    const asked = device.share.tree.consent!.key
    deleteNotes(device, 1, 60)
    device.share.tree.approve()
    await devices.pass(5_000)
    expect(device.share.tree.consent!.key).not.toBe(asked)
    expect(device.ownCommits()).toHaveLength(1)
    await devices.complete(device.share.answerConsent(true))
    expect(device.share.tree.consent).toBeNull()
    expect(device.ownCommits()).toHaveLength(2)

    device.write(someNotes(52))
    device.write({ 'Note 60.md': '# Note 60\n\nText number 60.\n' })
    await devices.pass(5_000)
    deleteNotes(device, 51)
    deleteNotes(device, 1, 60)
    await devices.pass(5_000)
    expect(device.share.tree.consent).toMatchObject({ direction: 'local' })
  })

  it('are undone by a no: the files are written back, newer text of a peer included', async () => {
    const { devices, a, b } = await twoDevicesWith({ ...someNotes(60), ...KEPT })
    const before = a.vault()
    deleteNotes(a, 55)
    await devices.pass(5_000)
    b.write({ 'Note 3.md': 'newer text of B\n' })
    a.write({ 'Note 58.md': 'edited by A\n' })
    await devices.pass(5_000)
    await devices.complete(a.share.answerConsent(false))
    await devices.agree()
    expect(a.vault()).toEqual({ ...before, 'Note 3.md': 'newer text of B\n', 'Note 58.md': 'edited by A\n' })
    expect(a.share.tree.consent).toBeNull()
  })

  it('are asked again when a no cannot be carried out, and the error is told', async () => {
    let full = false
    const beforeReplace = (path: string): void => {
      if (full) throw new VaultError('disk-full', 'no room', { path })
    }
    const { devices, device } = await aShare({ ...someNotes(60), ...KEPT }, { files: { beforeReplace } })
    const before = device.vault()
    deleteNotes(device, 55)
    await devices.pass(5_000)
    full = true
    await expect(devices.complete(device.share.answerConsent(false))).rejects.toMatchObject({ code: 'disk-full' })
    expect(device.share.tree.consent).toMatchObject({ direction: 'local' })
    full = false
    await devices.complete(device.share.answerConsent(false))
    expect(device.vault()).toEqual(before)
    expect(device.share.tree.consent).toBeNull()
  })

  it('are forgotten when the files come back by themselves', async () => {
    const { devices, device } = await aShare({ ...someNotes(60), ...KEPT })
    deleteNotes(device, 55)
    await devices.pass(5_000)
    device.write(someNotes(55))
    await devices.pass(5_000)
    expect(device.share.tree.consent).toBeNull()
    expect(device.ownCommits()).toHaveLength(1)
  })

  it('do not count when they are moves: a folder of 60 notes renamed needs no consent on either side', async () => {
    const { devices, a, b } = await twoDevicesWith({ ...someNotes(60, 'Old/Note '), ...KEPT })
    a.disk.userRename('Old', 'New')
    await devices.agree()
    expect(b.share.tree.consent).toBeNull()
    expect(Object.keys(b.vault()).filter((path) => path.startsWith('New/'))).toHaveLength(60)
    expect(Object.keys(b.vault())).toHaveLength(61)
  })

  it('that wait do not make copies of files that were moved beside them', async () => {
    const { devices, device } = await aShare({
      ...someNotes(60),
      'Old/Moved.md': 'moved beside a mass deletion\n',
      ...KEPT,
    })
    deleteNotes(device, 60)
    device.disk.userRename('Old/Moved.md', 'Moved.md')
    await devices.pass(5_000)
    expect(device.share.tree.consent!.deletes).toHaveLength(60)
    await devices.complete(device.share.answerConsent(false))
    await devices.pass(5_000)
    expect(device.read('Old/Moved.md')).toBeUndefined()
    expect(device.read('Moved.md')).toBe('moved beside a mass deletion\n')
    expect(Object.keys(device.vault())).toHaveLength(62)
  })
})

describe('[E3] what other devices ask of this vault', () => {
  /** A deleted so many (its own person agreed), B has not said anything yet. */
  async function deletedOnA(count: number, files = 100) {
    const two = await twoDevicesWith({ ...someNotes(files - 1), ...KEPT })
    deleteNotes(two.a, count)
    await two.devices.pass(5_000)
    if (two.a.share.tree.consent) await two.devices.complete(two.a.share.answerConsent(true))
    await two.devices.pass(5_000)
    return two
  }

  it('50 deletions go unasked, 51 wait and survive a restart', async () => {
    const few = await deletedOnA(50)
    expect(Object.keys(few.b.vault())).toHaveLength(50)

    const { devices, b } = await deletedOnA(51)
    expect(b.share.tree.consent!.deletes).toHaveLength(51)
    await devices.stop(b)
    await devices.start(b)
    await devices.pass(5_000)
    expect(Object.keys(b.vault())).toHaveLength(100)
    expect(b.share.tree.consent!.deletes).toHaveLength(51)
    await devices.complete(b.share.answerConsent(true))
    await devices.agree()
    expect(Object.keys(b.vault())).toHaveLength(49)
  })

  it('deletions and overwrites count together; additions do not', async () => {
    const { devices, a, b } = await twoDevicesWith({ ...someNotes(99), ...KEPT })
    rewriteNotes(a, 30)
    for (let i = 30; i < 51; i++) a.disk.userDelete(`Note ${i}.md`)
    a.write(someNotes(200, 'Added '))
    await devices.pass(10_000)
    expect(b.share.tree.consent).toMatchObject({ direction: 'incoming' })
    expect(b.share.tree.consent!.deletes).toHaveLength(21)
    expect(b.share.tree.consent!.overwrites).toHaveLength(30)

    const added = await twoDevicesWith({ ...someNotes(20), ...KEPT })
    added.a.write(someNotes(300, 'Added '))
    await added.devices.agree()
    expect(Object.keys(added.b.vault())).toHaveLength(321)
  })

  it('a yes applies exactly that plan: a changed plan asks anew', async () => {
    const { devices, a, b } = await deletedOnA(51)
    const asked = b.share.tree.consent!.key
    b.share.tree.approve()
    a.disk.userDelete('Note 70.md')
    await devices.pass(5_000)
    expect(b.share.tree.consent!.key).not.toBe(asked)
    expect(Object.keys(b.vault())).toHaveLength(100)
    await devices.complete(b.share.answerConsent(true))
    await devices.agree()
    expect(Object.keys(b.vault())).toHaveLength(48)
  })

  it('a file edited here while the plan waits is kept, and the changed plan asks anew', async () => {
    const { devices, b } = await deletedOnA(53)
    const asked = b.share.tree.consent!.key
    b.write({ 'Note 5.md': 'edited while it waits\n' })
    await devices.pass(5_000)
    expect(b.share.tree.consent!.key).not.toBe(asked)
    await devices.complete(b.share.answerConsent(true))
    await devices.agree()
    expect(b.read('Note 5.md')).toBe('edited while it waits\n')
    expect(Object.keys(b.vault())).toHaveLength(48)
  })

  it('a no keeps the files, and they come back on the other devices', async () => {
    const { devices, a, b } = await deletedOnA(60)
    b.write({ 'Note 2.md': 'edited by B meanwhile\n' })
    a.write({ 'Keep.md': 'edited by A meanwhile\n' })
    await devices.pass(5_000)
    await devices.complete(b.share.answerConsent(false))
    await devices.agree()
    expect(Object.keys(a.vault())).toHaveLength(100)
    expect(a.read('Note 2.md')).toBe('edited by B meanwhile\n')
    expect(a.read('Keep.md')).toBe('edited by A meanwhile\n')
    expect(b.share.tree.consent).toBeNull()
  })

  it('a no to overwritten files keeps this text; the other stays in the history', async () => {
    const { devices, a, b } = await twoDevicesWith({ ...someNotes(60), ...KEPT })
    const before = b.vault()
    rewriteNotes(a, 55)
    await devices.pass(5_000)
    expect(b.share.tree.consent!.overwrites).toHaveLength(55)
    await devices.complete(b.share.answerConsent(false))
    await devices.pass(5_000)
    // Now A is asked to take its own rewriting back.
    expect(a.share.tree.consent).toMatchObject({ direction: 'incoming' })
    await devices.complete(a.share.answerConsent(true))
    await devices.agree()
    expect(a.vault()).toEqual(before)
    expect(b.history().has('rewritten 54\n')).toBe(true)
  })

  it('a no to one plan is no yes to another that came meanwhile', async () => {
    const { devices, a, b } = await deletedOnA(51, 200)
    const consent = b.share.tree.consent!
    expect(consent.deletes).toHaveLength(51)
    // B answers on the plan that it was shown, at the moment when A's next large change arrives.
    b.engine!.shares.get('vault')!
      .pause()
      .catch(() => undefined)
    for (let i = 60; i < 140; i++) a.disk.userDelete(`Note ${i}.md`)
    await devices.pass(5_000)
    await devices.complete(a.share.answerConsent(true))
    await devices.pass(5_000)
    await devices.complete(b.share.tree.reject())
    await devices.complete(b.share.resume())
    await devices.pass(5_000)
    expect(Object.keys(b.vault())).toHaveLength(200)
    expect(b.share.tree.consent).toMatchObject({ direction: 'incoming' })
  })
})

describe('[E3] deletions here and a large change from elsewhere that wait at once', () => {
  async function bothWait() {
    const { devices, a, b } = await twoDevicesWith({ ...someNotes(130), ...KEPT })
    devices.network.partition(a.id, b.id)
    for (let i = 60; i < 120; i++) b.write({ [`Note ${i}.md`]: `rewritten by B ${i}\n` })
    await devices.pass(5_000)
    deleteNotes(a, 51)
    await devices.pass(5_000)
    expect(a.share.tree.consent).toMatchObject({ direction: 'local' })
    devices.network.heal(a.id, b.id)
    await devices.until(() => a.share.repository.heads().get(b.id) === b.head)
    await devices.pass(5_000)
    return { devices, a, b }
  }
  const waits = (device: TestDevice) => device.share.tree.consent

  it('are asked one after the other, and neither is forgotten over the other', async () => {
    const { devices, a, b } = await bothWait()
    expect(waits(a)?.direction).toBe('local')
    expect(a.share.isSettled).toBe(false)
    expect(Object.keys(b.vault())).toHaveLength(131)
    await devices.complete(a.share.answerConsent(true))
    await devices.pass(5_000)
    expect(waits(a)?.direction).toBe('incoming')
    expect(waits(b)?.direction).toBe('incoming')
    await devices.complete(b.share.answerConsent(true))
    await devices.complete(a.share.answerConsent(true))
    await devices.agree()
    expect(a.read('Note 119.md')).toBe('rewritten by B 119\n')
  })

  it('go on waiting after a no to one of them', async () => {
    const { devices, a } = await bothWait()
    await devices.complete(a.share.answerConsent(false))
    await devices.pass(5_000)
    expect(waits(a)?.direction).toBe('incoming')
    expect(a.read('Note 0.md')).toContain('Text number 0')
  })
})

describe('[E3] an answer', () => {
  it('counts for the plan that was shown, however many files another has by the time of the click', async () => {
    const { devices, device } = await aShare({ ...someNotes(130), ...KEPT })
    deleteNotes(device, 51)
    await devices.pass(5_000)
    const shown = device.share.tree.consent!
    deleteNotes(device, 60, 51)
    await devices.pass(5_000)
    for (const answer of [true, false]) {
      await devices.complete(device.share.answerConsent(answer, shown.key))
      await devices.pass(5_000)
      expect(device.share.tree.consent!.deletes).toHaveLength(111)
      expect(device.ownCommits()).toHaveLength(1)
      expect(device.read('Note 0.md')).toBeUndefined()
    }
  })

  it('can be given at every moment while the deletions wait, also while the disk is looked at once more', async () => {
    const { devices, device } = await aShare({ ...someNotes(60), ...KEPT })
    deleteNotes(device, 51)
    await devices.pass(5_000)
    const { key } = device.share.tree.consent!
    const seen = new Set<string | undefined>()
    device.onOperation = () => void seen.add(device.share.tree.consent?.key)
    device.write({ 'Keep.md': 'kept and edited\n', 'New.md': 'new\n' })
    await devices.pass(5_000)
    device.onOperation = () => undefined
    expect([...seen]).toEqual([key])
    expect(device.ownCommits()).toHaveLength(2)
  })

  it('counts for the plan that waited when it was given, not for one that took its place before it was heard', async () => {
    const { devices, a, b } = await twoDevicesWith({ ...someNotes(130), ...KEPT })
    deleteNotes(a, 51)
    await devices.pass(5_000)
    await devices.complete(a.share.answerConsent(true))
    await devices.pass(5_000)
    expect(b.share.tree.consent!.deletes).toHaveLength(51)
    // The plan grows, and the yes to the smaller one is given before the larger one is worked out.
    let answered: Promise<void> | undefined
    b.share.repository.onChange(() => void (answered ??= b.share.answerConsent(true)))
    deleteNotes(a, 60, 51)
    await devices.pass(3_000)
    expect(answered).toBeUndefined()
    await devices.complete(a.share.answerConsent(true))
    await devices.pass(5_000)
    await devices.complete(answered!)
    await devices.pass(5_000)
    expect(b.share.tree.consent!.deletes).toHaveLength(111)
    expect(Object.keys(b.vault())).toHaveLength(131)
  })
})

describe('[E3] many edits that take nothing', () => {
  it('of every note of a vault, a line added to each, are applied unasked on the other device', async () => {
    const { devices, a, b } = await twoDevicesWith({ ...someNotes(200), ...KEPT })
    for (let i = 0; i < 200; i++) a.write({ [`Note ${i}.md`]: `${a.read(`Note ${i}.md`)}added by a plugin\n` })
    await devices.pass(10_000)
    expect(b.share.tree.consent).toBeNull()
    await devices.agree()
    expect(b.read('Note 7.md')).toContain('added by a plugin')
  })
})
