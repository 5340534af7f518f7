import { describe, expect, it } from 'vitest'
import { someNotes, twoDevicesWith } from '../support/devices.ts'

const NOTES = { 'Home.md': 'home\n', 'sub/One.md': 'one\n', 'sub/Two.md': 'two\n', 'other/Three.md': 'three\n' }

describe('[E2] absences that are no deletions', () => {
  it('an unreadable folder deletes nothing anywhere, is shown, and what changes elsewhere goes on', async () => {
    const { devices, a, b } = await twoDevicesWith(NOTES)
    a.disk.unreadableFolders.add('sub')
    a.disk.userDelete('other/Three.md')
    a.write({ 'Home.md': 'home, edited\n' })
    await devices.pass(60_000)
    expect(b.vault()).toEqual({ ...NOTES, 'Home.md': 'home, edited\n' })
    expect(a.share.tree.issues.unreadable.map((issue) => issue.path)).toEqual(['sub'])
    a.disk.unreadableFolders.clear()
    await devices.agree()
    expect(b.vault()).toEqual({ 'Home.md': 'home, edited\n', 'sub/One.md': 'one\n', 'sub/Two.md': 'two\n' })
    expect(a.share.tree.issues.unreadable).toEqual([])
  })

  it('an unreadable folder at start deletes nothing, and heals', async () => {
    const { devices, a, b } = await twoDevicesWith(NOTES)
    await devices.stop(a)
    a.disk.unreadableFolders.add('sub')
    await devices.start(a)
    await devices.pass(120_000)
    expect(b.vault()).toEqual(NOTES)
    b.write({ 'sub/One.md': 'one of B\n' })
    await devices.pass(120_000)
    a.disk.unreadableFolders.clear()
    await devices.agree()
    expect(a.vault()).toEqual({ ...NOTES, 'sub/One.md': 'one of B\n' })
  })

  it('a vault folder that is gone deletes nothing and receives nothing; when it is back, everything is in step', async () => {
    const { devices, a, b } = await twoDevicesWith(NOTES)
    a.disk.rootMissing = true
    b.write({ 'New.md': 'new\n', 'Home.md': 'home of B\n' })
    a.share.tree.markAllDirty()
    await devices.pass(120_000)
    expect(b.vault()).toEqual({ ...NOTES, 'New.md': 'new\n', 'Home.md': 'home of B\n' })
    expect(a.vault()).toEqual(NOTES)
    a.disk.rootMissing = false
    await devices.agree()
    expect(a.vault()).toEqual(b.vault())
    expect(a.read('New.md')).toBe('new\n')
  })

  it('an emptied vault folder deletes nothing, receives nothing, and heals when the files are back', async () => {
    const { devices, a, b } = await twoDevicesWith(NOTES)
    await devices.stop(a)
    for (const path of ['Home.md', 'sub', 'other']) a.disk.userDelete(path)
    await devices.start(a)
    expect(a.share.tree.issues.unreadable.map((issue) => issue.path)).toContain('')
    b.write({ 'New.md': 'new\n' })
    await devices.pass(120_000)
    expect(b.vault()).toEqual({ ...NOTES, 'New.md': 'new\n' })
    expect(a.vault()).toEqual({})
    a.write(NOTES)
    await devices.agree()
    expect(a.vault()).toEqual({ ...NOTES, 'New.md': 'new\n' })
    expect(b.head).not.toBeNull()
    expect(a.ownCommits()).toHaveLength(1)
  })

  it('a folder emptied under a running device deletes nothing', async () => {
    const { devices, a, b } = await twoDevicesWith(NOTES)
    for (const path of ['Home.md', 'sub', 'other']) a.disk.userDelete(path)
    await devices.pass(120_000)
    expect(b.vault()).toEqual(NOTES)
    b.write({ 'New.md': 'new\n' })
    await devices.pass(120_000)
    expect(b.vault()).toEqual({ ...NOTES, 'New.md': 'new\n' })
    a.write(NOTES)
    await devices.agree()
    expect(a.vault()).toEqual({ ...NOTES, 'New.md': 'new\n' })
  })

  it('another folder in the place of the vault, with none of its files, asks before it deletes any', async () => {
    const { devices, a, b } = await twoDevicesWith(NOTES)
    await devices.stop(a)
    for (const path of ['Home.md', 'sub', 'other']) a.disk.userDelete(path)
    a.write({ 'Something else.md': 'else\n' })
    await devices.start(a)
    await devices.pass(120_000)
    b.write({ 'New.md': 'new\n' })
    await devices.pass(30_000)
    await devices.stop(a)
    await devices.start(a)
    await devices.pass(30_000)
    expect(b.vault()).toEqual({ ...NOTES, 'New.md': 'new\n' })
    expect(a.vault()).toEqual({ 'Something else.md': 'else\n' })
    expect(a.share.tree.consent).toMatchObject({ direction: 'local' })
    expect([...a.share.tree.consent!.deletes].sort()).toEqual(Object.keys(NOTES).sort())
    await devices.complete(a.share.answerConsent(false))
    await devices.agree()
    expect(a.vault()).toEqual({ ...NOTES, 'New.md': 'new\n', 'Something else.md': 'else\n' })
  })

  it('files that are all replaced by others on purpose go when a person says so', async () => {
    const { devices, a, b } = await twoDevicesWith(NOTES)
    for (const path of ['Home.md', 'sub', 'other']) a.disk.userDelete(path)
    a.write({ 'Something else.md': 'else\n' })
    await devices.pass(5_000)
    await devices.complete(a.share.answerConsent(true))
    await devices.agree()
    expect(b.vault()).toEqual({ 'Something else.md': 'else\n' })
  })

  it('one note alone may be renamed, and replaced by another', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Only.md': 'the only note, with enough text to be recognised\n' })
    a.disk.userRename('Only.md', 'Renamed.md')
    await devices.agree()
    expect(b.vault()).toEqual({ 'Renamed.md': 'the only note, with enough text to be recognised\n' })
  })

  it('a folder replaced by a symbolic link deletes nothing, stops nothing else, and heals', async () => {
    const { devices, a, b } = await twoDevicesWith(NOTES)
    a.disk.userRename('sub', 'elsewhere')
    a.disk.userLink('sub')
    await devices.pass(30_000)
    expect(b.vault()).toMatchObject(NOTES)
    expect(a.share.tree.issues.skipped.map((issue) => issue.path)).toEqual(['sub'])
    a.write({ 'Home.md': 'home, edited\n' })
    b.write({ 'sub/One.md': 'one of B\n' })
    await devices.pass(30_000)
    expect(b.read('Home.md')).toBe('home, edited\n')
    expect(a.share.lastError).toBeNull()
    a.disk.userDelete('sub')
    a.disk.userRename('elsewhere', 'sub')
    await devices.agree()
    expect(a.read('sub/One.md')).toBe('one of B\n')
    expect(a.read('sub/Two.md')).toBe('two\n')
  })

  it('a file replaced by a symbolic link is not deleted elsewhere', async () => {
    const { devices, a, b } = await twoDevicesWith(NOTES)
    a.disk.userDelete('Home.md')
    a.disk.userLink('Home.md')
    a.write({ 'sub/One.md': 'one of A\n' })
    await devices.pass(30_000)
    expect(b.vault()).toEqual({ ...NOTES, 'sub/One.md': 'one of A\n' })
    expect(a.share.lastError).toBeNull()
  })
})

describe('[E2] a changed scope', () => {
  const VAULT = { ...NOTES, '.obsidian/app.json': '{"a":1}\n', '.obsidian/themes/x.css': 'css\n' }

  it('deletes nothing on any device when the config folder is left out from now on', async () => {
    const { devices, a, b } = await twoDevicesWith(VAULT)
    await devices.stop(a)
    a.files = { scope: { configFolder: false } }
    await devices.start(a)
    await devices.agree()
    b.write({ '.obsidian/app.json': '{"a":2}\n' })
    a.write({ 'Home.md': 'home, edited\n' })
    await devices.pass(30_000)
    expect(b.vault()).toEqual({ ...VAULT, '.obsidian/app.json': '{"a":2}\n', 'Home.md': 'home, edited\n' })
    expect(a.vault()).toEqual({ ...VAULT, 'Home.md': 'home, edited\n' })
  })

  it('deletes nothing when the folder comes back into scope after it was removed or changed meanwhile', async () => {
    const { devices, a, b } = await twoDevicesWith(VAULT)
    await devices.stop(a)
    a.files = { scope: { configFolder: false } }
    await devices.start(a)
    a.disk.userDelete('.obsidian/themes')
    b.write({ '.obsidian/app.json': '{"a":2}\n' })
    await devices.pass(30_000)
    await devices.stop(a)
    a.files = {}
    await devices.start(a)
    await devices.agree()
    expect(a.vault()).toEqual({ ...VAULT, '.obsidian/app.json': '{"a":2}\n' })
    expect(b.vault()).toEqual(a.vault())
  })

  it('takes along what a device held there all the time once the folder is in scope', async () => {
    const files = { scope: { configFolder: false } }
    const { devices, a, b } = await twoDevicesWith(NOTES, { files })
    a.write({ '.obsidian/app.json': '{"a":1}\n' })
    await devices.pass(5_000)
    expect(b.read('.obsidian/app.json')).toBeUndefined()
    await devices.stop(a)
    a.files = {}
    await devices.start(a)
    await devices.agree()
    expect(b.read('.obsidian/app.json')).toBe('{"a":1}\n')
    expect(b.head).toBeNull()
  })
})

describe('[E2] many files', () => {
  it('a scan that fails in the middle of a large deletion commits none of it', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Home.md': 'home\n', ...someNotes(30, 'many/') })
    a.disk.unreadableFolders.add('many')
    for (let i = 0; i < 30; i++) a.disk.userDelete(`many/${i}.md`)
    await devices.pass(30_000)
    expect(Object.keys(b.vault())).toHaveLength(31)
    a.disk.unreadableFolders.clear()
    await devices.agree()
    expect(b.vault()).toEqual({ 'Home.md': 'home\n' })
  })
})
