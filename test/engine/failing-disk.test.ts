import { describe, expect, it } from 'vitest'
import { VaultError } from '../../src/ports/errors.ts'
import { someNotes, twoDevicesWith } from '../support/devices.ts'
import type { TestDevice } from '../support/test-device.ts'

const KEPT = { 'Keep.md': 'kept\n' }

/** Every write of this file fails, until it is healed. */
function unwritable(device: TestDevice, path: string): () => void {
  const problem = (at: string): void => {
    if (at === path) throw new VaultError('unwritable', `“${path}” cannot be written.`, { path })
  }
  const problems = interference.get(device) ?? new Set()
  interference.set(device, problems.add(problem))
  return () => void problems.delete(problem)
}

const interference = new Map<TestDevice, Set<(path: string) => void>>()

async function two(files: Record<string, string>) {
  const writer: { device?: TestDevice } = {}
  const beforeReplace = (path: string): void => {
    for (const problem of (writer.device && interference.get(writer.device)) ?? []) problem(path)
  }
  const made = await twoDevicesWith(files, {}, { files: { beforeReplace } })
  writer.device = made.b
  return made
}

describe('a file that cannot be written in the middle of a checkout', () => {
  it('is shown, the others are written, current is not claimed, and it heals by itself', async () => {
    const { devices, a, b } = await two({ ...KEPT, ...someNotes(10) })
    const heal = unwritable(b, 'Note 4.md')
    for (let i = 0; i < 10; i++) a.write({ [`Note ${i}.md`]: `new text ${i}\n` })
    await devices.pass(60_000)
    expect(b.share.tree.issues.failed.map((issue) => issue.path)).toEqual(['Note 4.md'])
    expect(Object.values(b.vault()).filter((text) => text.startsWith('new text'))).toHaveLength(9)
    expect(b.share.state().applied).toBeNull()
    for (const device of [a, b]) expect(device.engine!.peerReports()[0]!.current).toBe(false)
    await devices.pass(300_000)
    expect(b.share.tree.issues.failed).toHaveLength(1)
    heal()
    await devices.agree()
    expect(b.read('Note 4.md')).toBe('new text 4\n')
    expect(b.share.tree.issues.failed).toEqual([])
    expect(b.head).toBeNull()
  })

  it('is not taken for an edit or a deletion, also after a restart', async () => {
    const { devices, a, b } = await two({ ...KEPT, 'Note.md': 'old\n' })
    const heal = unwritable(b, 'Note.md')
    a.write({ 'Note.md': 'new\n' })
    await devices.pass(10_000)
    await devices.stop(b)
    await devices.start(b)
    await devices.pass(10_000)
    b.write({ 'Other.md': 'other\n' })
    await devices.pass(10_000)
    expect(a.vault()).toEqual({ ...KEPT, 'Note.md': 'new\n', 'Other.md': 'other\n' })
    heal()
    await devices.agree()
    expect(b.vault()).toEqual(a.vault())
  })

  it('becomes a conflict copy when the person edits the old text meanwhile; the newer text still gets its place', async () => {
    const { devices, a, b } = await two({ ...KEPT, 'Note.md': 'old\n' })
    const heal = unwritable(b, 'Note.md')
    a.write({ 'Note.md': 'new of A\n' })
    await devices.pass(10_000)
    b.write({ 'Note.md': 'old, edited by B\n' })
    await devices.pass(10_000)
    heal()
    await devices.agree()
    const names = Object.keys(a.vault()).sort()
    expect(names).toEqual(['Keep.md', expect.stringMatching(/^Note \(conflict B 2026-01-15 \d{4}\)\.md$/), 'Note.md'])
    expect(a.read(names[1]!)).toBe('old, edited by B\n')
    expect(a.read('Note.md')).toBe('new of A\n')
  })

  it('and two of one family that a person edits at once become two conflict copies, not one', async () => {
    const files = { 'Note.md': 'old\n', 'Note (conflict A 2026-01-02 0900).md': 'old copy\n' }
    const { devices, a, b } = await two({ ...KEPT, ...files })
    const heals = Object.keys(files).map((path) => unwritable(b, path))
    a.write(Object.fromEntries(Object.keys(files).map((path) => [path, `new of A in ${path}\n`])))
    await devices.pass(10_000)
    b.write(Object.fromEntries(Object.entries(files).map(([path, text]) => [path, `${text}edited by B\n`])))
    await devices.pass(10_000)
    for (const heal of heals) heal()
    await devices.agree()
    const texts = Object.values(a.vault())
    expect(texts).toHaveLength(5)
    for (const text of Object.values(files)) expect(texts).toContain(`${text}edited by B\n`)
    for (const path of Object.keys(files)) expect(a.read(path)).toBe(`new of A in ${path}\n`)
  })

  for (const point of [
    'objects.commit',
    'objects.commit:done',
    'refs.compareAndSwap',
    'refs.compareAndSwap:done',
    'index.save',
    'index.save:done',
  ]) {
    it(`makes one conflict copy, whose text is not lost when the device is killed at ${point}`, async () => {
      for (let kill = 1; kill <= 4; kill++) {
        const { devices, a, b } = await two({ ...KEPT, 'Note.md': 'old\n' })
        const heal = unwritable(b, 'Note.md')
        a.write({ 'Note.md': 'new of A\n' })
        await devices.pass(10_000)
        let left = kill
        b.onOperation = (operation) => {
          if (operation === point && --left === 0) b.crash()
        }
        b.write({ 'Note.md': 'old, edited by B\n' })
        await devices.pass(10_000)
        b.onOperation = () => undefined
        b.crash()
        await devices.pass(120_000)
        heal()
        await devices.start(b)
        await devices.agree()
        expect(Object.values(a.vault()).sort(), `kill ${kill}`).toEqual(['kept\n', 'new of A\n', 'old, edited by B\n'])
        await devices.stop()
      }
    })
  }

  it('that was to be deleted stays, is shown, and goes to the trash once it can', async () => {
    const { devices, a, b } = await two({ ...KEPT, 'Gone.md': 'gone soon\n' })
    const heal = unwritable(b, 'Gone.md')
    a.disk.userDelete('Gone.md')
    await devices.pass(30_000)
    expect(b.vault()).toHaveProperty(['Gone.md'])
    expect(a.vault()).toEqual(KEPT)
    heal()
    await devices.agree()
    expect([...b.disk.trash.keys()]).toEqual(['Gone.md'])
  })
})

describe('a file whose content changed under an unchanged size and time', () => {
  it('is not overwritten by what comes from a peer, but committed then, and merged', async () => {
    const { devices, a, b } = await two({ ...KEPT, 'Note.md': 'one\n\ntwo\n' })
    await devices.pass(10_000)
    const { node } = b.disk.find('Note.md')!
    if (node.kind !== 'file') throw new Error('no file')
    node.content = new TextEncoder().encode('ONE\n\ntwo\n')
    a.write({ 'Note.md': 'one\n\ntwo\n\nthree\n' })
    await devices.agree()
    expect(a.read('Note.md')).toBe('ONE\n\ntwo\n\nthree\n')
  })
})

describe('a disk that is full', () => {
  it('stops the checkout with an issue, commits nothing of it, and goes on when there is room', async () => {
    const { devices, a, b } = await two({ ...KEPT })
    let room = 5
    const fill = (path: string): void => {
      if (room-- <= 0) throw new VaultError('disk-full', `There is no room for “${path}”.`, { path })
    }
    interference.set(b, new Set([fill]))
    a.write(someNotes(40))
    await devices.pass(60_000)
    expect(b.share.tree.issues.failed.length).toBeGreaterThan(0)
    expect(Object.keys(b.vault()).length).toBeLessThan(15)
    expect(Object.keys(a.vault())).toHaveLength(41)
    expect(b.engine!.peerReports()[0]!.current).toBe(false)
    interference.delete(b)
    await devices.agree()
    expect(Object.keys(b.vault())).toHaveLength(41)
    expect(b.head).toBeNull()
    expect(b.share.tree.issues.failed).toEqual([])
  })

  it('under the index makes no edits of what a checkout wrote: what a peer takes back meanwhile stays taken back', async () => {
    const { devices, a, b } = await two({ ...KEPT, 'Note.md': 'one\n', 'Gone.md': 'gone\n', 'New.md': 'new\n' })
    a.disk.userDelete('New.md')
    await devices.agree()
    let begun = false
    b.onOperation = (operation) => {
      if (operation === 'index.save' && begun) throw new Error('ENOSPC')
      begun ||= operation === 'index.save'
    }
    a.write({ 'Note.md': 'one\ntwo\n', 'New.md': 'new\n' })
    a.disk.userDelete('Gone.md')
    await devices.pass(10_000)
    expect(b.vault()).toEqual({ ...KEPT, 'Note.md': 'one\ntwo\n', 'New.md': 'new\n' })
    a.write({ 'Note.md': 'one\n', 'Gone.md': 'gone\n' })
    a.disk.userDelete('New.md')
    await devices.pass(10_000)
    b.onOperation = () => undefined
    await devices.agree()
    expect(a.vault()).toEqual({ ...KEPT, 'Note.md': 'one\n', 'Gone.md': 'gone\n' })
    expect(b.head).toBeNull()
  })

  it('under the index, and a kill: what a peer takes back meanwhile stays taken back', async () => {
    const { devices, a, b } = await two({ ...KEPT, 'Note.md': 'one\n' })
    let begun = false
    let saves = 0
    b.onOperation = (operation) => {
      // The checkout is done, its note is not; what comes now is received before the process dies.
      if (operation === 'index.save' && begun) throw new Error('ENOSPC')
      begun ||= operation === 'index.save'
      if (operation === 'refs.compareAndSwap:done' && ++saves === 3) b.crash()
    }
    a.write({ 'Note.md': 'one\ntwo\n' })
    await devices.pass(4_000)
    expect(b.read('Note.md')).toBe('one\ntwo\n')
    a.write({ 'Note.md': 'one\n' })
    await devices.pass(10_000)
    expect(b.engine).toBeNull()
    b.onOperation = () => undefined
    await devices.start(b)
    await devices.agree()
    expect(a.vault()).toEqual({ ...KEPT, 'Note.md': 'one\n' })
    expect(b.head).toBeNull()
  })

  it('under the index from the start: no file is touched, for nobody could tell later who wrote it', async () => {
    const { devices, a, b } = await two({ ...KEPT, 'Note.md': 'one\n' })
    b.onOperation = (operation) => {
      if (operation === 'index.save') throw new Error('ENOSPC')
    }
    a.write({ 'Note.md': 'one\ntwo\n', 'New.md': 'new\n' })
    await devices.pass(30_000)
    expect(b.vault()).toEqual({ ...KEPT, 'Note.md': 'one\n' })
    expect(b.share.lastError).not.toBeNull()
    b.onOperation = () => undefined
    await devices.agree()
    expect(b.vault()).toEqual({ ...KEPT, 'Note.md': 'one\ntwo\n', 'New.md': 'new\n' })
  })

  it('under the repository loses no edit: it is committed when there is room', async () => {
    const { devices, a, b } = await two({ ...KEPT })
    b.onOperation = (operation) => {
      if (operation === 'objects.commit') throw new Error('ENOSPC')
    }
    b.write({ 'New.md': 'written on a full disk\n' })
    await devices.pass(30_000)
    expect(b.share.lastError).not.toBeNull()
    expect(a.vault()).toEqual(KEPT)
    b.onOperation = () => undefined
    await devices.agree()
    expect(a.read('New.md')).toBe('written on a full disk\n')
  })
})

describe('a file that cannot be read', () => {
  it('is shown, waits, and is neither deleted nor committed empty', async () => {
    const { devices, a, b } = await two({ ...KEPT, 'Note.md': 'old\n' })
    for (let i = 0; i < 3; i++) b.disk.failNext('read')
    b.write({ 'Note.md': 'new of B\n' })
    await devices.pass(700)
    expect(b.share.tree.issues.failed.map((issue) => issue.path)).toEqual(['Note.md'])
    expect(a.read('Note.md')).toBe('old\n')
    await devices.agree()
    expect(a.read('Note.md')).toBe('new of B\n')
    expect(b.share.tree.issues.failed).toEqual([])
  })
})
