import { describe, expect, it } from 'vitest'
import { aShare, twoDevices, twoDevicesWith } from '../support/devices.ts'

describe('commits of one device', () => {
  it('[V4] writes no commit for a vault that nobody edited, and none by merging alone', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Note.md': 'one\n\ntwo\n\nthree\n' })
    expect(b.head).toBeNull()
    a.write({ 'Note.md': 'one of A\n\ntwo\n\nthree\n' })
    b.write({ 'Note.md': 'one\n\ntwo\n\nthree of B\n' })
    await devices.agree()
    const heads = [a.head, b.head]
    expect(a.read('Note.md')).toBe('one of A\n\ntwo\n\nthree of B\n')
    await devices.stop()
    await devices.start()
    await devices.agree()
    expect([a.head, b.head]).toEqual(heads)
    expect(b.ownCommits()).toHaveLength(1)
  })

  it('[V4] the parent of a commit is the view, also when that is a merge', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Note.md': 'one\n\ntwo\n\nthree\n' })
    a.write({ 'Note.md': 'one of A\n\ntwo\n\nthree\n' })
    b.write({ 'Note.md': 'one\n\ntwo\n\nthree of B\n' })
    await devices.agree()
    const view = a.refs.get('refs/heads/main')!
    expect(a.commit(view).parents).toEqual([a.head!, b.head!].sort())
    a.write({ 'Other.md': 'more\n' })
    await devices.agree()
    expect(a.commit(a.head!).parents).toEqual([view])
  })

  it('[V4] [V8] the parent is the view also for an edit made while the device was stopped on a merge', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Note.md': 'one\n\ntwo\n\nthree\n' })
    a.write({ 'Note.md': 'one of A\n\ntwo\n\nthree\n' })
    b.write({ 'Note.md': 'one\n\ntwo\n\nthree of B\n' })
    await devices.agree()
    const view = a.refs.get('refs/heads/main')!
    await devices.stop(a)
    a.write({ 'Note.md': 'one of A, later\n\ntwo\n\nthree of B\n' })
    await devices.start(a)
    expect(a.commit(a.head!).parents).toEqual([view])
    await devices.agree()
    expect(b.vault()).toEqual({ 'Note.md': 'one of A, later\n\ntwo\n\nthree of B\n' })
  })

  it('[E4] own writes make no commits: what arrived is recognised by its content', async () => {
    const { devices, a, b } = await twoDevicesWith({
      'Note.md': 'old\n',
      'Gone.md': 'gone soon\n',
      'Moved.md': 'moved soon\n',
    })
    a.write({ 'Note.md': 'new\n', 'New.md': 'new\n' })
    a.disk.userDelete('Gone.md')
    a.disk.userRename('Moved.md', 'There.md')
    await devices.agree()
    await devices.pass(60_000)
    expect(b.vault()).toEqual({ 'New.md': 'new\n', 'Note.md': 'new\n', 'There.md': 'moved soon\n' })
    expect(b.head).toBeNull()
    expect(a.ownCommits()).toHaveLength(2)
  })

  it('[E4] incoming deletions go to the trash', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Keep.md': 'kept\n', 'sub/Gone.md': 'gone soon\n' })
    a.disk.userDelete('sub/Gone.md')
    await devices.agree()
    expect([...b.disk.trash.keys()]).toEqual(['sub/Gone.md'])
    expect(a.disk.trash.size).toBe(0)
  })

  it('a file that is touched, or written with the same content, is no edit', async () => {
    const { devices, device } = await aShare({ 'Note.md': 'same\n' })
    const { head } = device
    await devices.pass(10_000)
    device.write({ 'Note.md': 'same\n' })
    await devices.pass(10_000)
    expect(device.head).toBe(head)
  })

  it('[E5] what changed while the device was stopped is committed before anything of a peer is applied', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Note.md': 'base\n', 'Both.md': 'one\n\ntwo\n\nthree\n' })
    await devices.stop(b)
    b.write({ 'Both.md': 'one\n\ntwo\n\nthree of B\n', 'Only B.md': 'made offline\n' })
    a.write({ 'Both.md': 'one of A\n\ntwo\n\nthree\n', 'Note.md': 'edited by A\n' })
    await devices.pass(2_000)
    const before = b.index.base!
    await devices.start(b)
    expect(b.commit(b.head!).parents).toEqual([before])
    await devices.agree()
    expect(b.vault()).toEqual({
      'Both.md': 'one of A\n\ntwo\n\nthree of B\n',
      'Note.md': 'edited by A\n',
      'Only B.md': 'made offline\n',
    })
  })

  it('[E5] [V7] a daily note made from a template at start does not replace the real one that arrives (pitfall 2)', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Home.md': 'home\n' })
    await devices.stop(b)
    a.write({ 'Daily/2026-01-15.md': '# Thursday\n\n## Tasks\n- call Ada\n- write to Grace\n\n## Notes\nlong text\n' })
    await devices.pass(2_000)
    b.write({ 'Daily/2026-01-15.md': '# Thursday\n\n## Tasks\n\n## Notes\n' })
    await devices.start(b)
    await devices.agree()
    expect(b.read('Daily/2026-01-15.md')).toContain('- call Ada\n- write to Grace')
    expect(Object.keys(b.vault())).toEqual(['Daily/2026-01-15.md', 'Home.md'])
    expect(a.history().has('# Thursday\n\n## Tasks\n\n## Notes\n')).toBe(true)
  })

  it('two vaults that were never together become one: equal files stay, others are kept both', async () => {
    const { devices, a, b } = twoDevices()
    a.write({ 'Same.md': 'same\n', 'A.md': 'a\n', 'Other.md': 'text of A\n' })
    b.write({ 'Same.md': 'same\n', 'B.md': 'b\n', 'Other.md': 'text of B\n' })
    await devices.start()
    await devices.agree()
    const texts = Object.entries(a.vault())
    expect(
      texts
        .filter(([path]) => path.startsWith('Other'))
        .map(([, text]) => text)
        .sort(),
    ).toEqual(['text of A\n', 'text of B\n'])
    expect(a.vault()).toMatchObject({ 'Same.md': 'same\n', 'A.md': 'a\n', 'B.md': 'b\n' })
  })
})
