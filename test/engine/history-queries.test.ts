import { beforeAll, describe, expect, it } from 'vitest'
import { fileAt, HistoryError, readLog, resolveCommit } from '../../src/engine/history-queries.ts'
import type { Repository } from '../../src/engine/repository.ts'
import { restoreFile } from '../../src/engine/restore.ts'
import { VaultError } from '../../src/ports/errors.ts'
import { aShare, twoDevicesWith, type TestDevices } from '../support/devices.ts'
import type { TestDevice } from '../support/test-device.ts'

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    if (error instanceof HistoryError || error instanceof VaultError) return error.code
    throw error
  }
  return 'no error'
}

describe('questions about the history', () => {
  let repository: Repository
  let device: TestDevice
  beforeAll(async () => {
    const { devices, device: made } = await aShare(
      { 'Note.md': 'one\n', 'sub/Other.md': 'other\n' },
      { name: 'Laptop' },
    )
    device = made
    for (const change of [
      () => device.write({ 'Note.md': 'two\n' }),
      () => device.write({ 'sub/Other.md': 'other, edited\n' }),
      () => device.disk.userDelete('Note.md'),
      () => device.write({ 'Note.md': 'three\n' }),
    ]) {
      change()
      await devices.pass(60_000)
    }
    repository = device.share.repository
  })

  it('lists commits newest first, with device, time and what happened', async () => {
    const log = await readLog(repository, undefined, 100)
    expect(log.map((entry) => entry.subject)).toEqual([
      'Add Note.md',
      'Delete Note.md',
      'Edit sub/Other.md',
      'Edit Note.md',
      'Add 2 files',
    ])
    expect(new Set(log.map((entry) => entry.device))).toEqual(new Set(['Laptop']))
    expect(log[0]!.seconds).toBeGreaterThan(log[4]!.seconds)
    expect(log[0]!.zoneMinutes).toBe(60)
  })

  it('lists those of one path, its deletion included, and no more than asked for', async () => {
    const log = await readLog(repository, 'Note.md', 100)
    expect(log.map(({ subject, deleted }) => [subject, deleted])).toEqual([
      ['Add Note.md', false],
      ['Delete Note.md', true],
      ['Edit Note.md', false],
      ['Add 2 files', false],
    ])
    expect(await readLog(repository, 'Note.md', 2)).toHaveLength(2)
    expect(await readLog(repository, undefined, 3)).toHaveLength(3)
    expect(await readLog(repository, 'Nowhere.md', 10)).toEqual([])
  })

  it('has no log before the first commit', async () => {
    const { device: empty } = await aShare()
    expect(await readLog(empty.share.repository, undefined, 10)).toEqual([])
    expect(await readLog(empty.share.repository, 'Note.md', 10)).toEqual([])
  })

  it('finds a file as of a commit, named in full or by its first digits', async () => {
    const [newest, deleted, , second, first] = (await readLog(repository, undefined, 100)).map((entry) => entry.commit)
    const textOf = async (commit: string) =>
      new TextDecoder().decode(await repository.readBlob((await fileAt(repository, commit, 'Note.md')).oid))
    expect(await textOf(first!)).toBe('one\n')
    expect(await textOf(second!.slice(0, 12))).toBe('two\n')
    expect(await textOf(newest!)).toBe('three\n')
    expect(await codeOf(() => fileAt(repository, deleted!, 'Note.md'))).toBe('no-file')
    expect(await codeOf(() => fileAt(repository, first!, 'sub'))).toBe('no-file')
    expect(await codeOf(() => fileAt(repository, first!, 'Nowhere.md'))).toBe('no-file')
    expect(await codeOf(() => fileAt(repository, first!, 'Note.md/below'))).toBe('no-file')
    for (const path of ['../Note.md', '/Note.md', 'C:/x', '.git/config', '', 'a\0b'])
      expect(await codeOf(() => fileAt(repository, first!, path)), path).toBe('bad-path')
    expect(await codeOf(() => readLog(repository, '../Note.md', 10))).toBe('bad-path')
  })

  it('refuses names of commits that are none, too short, or stand for several', async () => {
    for (const name of ['f'.repeat(40), '0123456789', 'abc', '', 'HEAD', 'zzzz', 'A'.repeat(8)])
      expect(await codeOf(() => resolveCommit(repository, name)), name).toBe('no-commit')
    const twins = { withPrefix: () => ['1'.repeat(40), `1111${'2'.repeat(36)}`], has: () => false }
    expect(await codeOf(() => resolveCommit({ graph: twins } as unknown as Repository, '1111'))).toBe('ambiguous')
  })
})

describe('restoring a file', () => {
  async function restore(devices: TestDevices, device: TestDevice, commit: string, path: string): Promise<string> {
    const { share } = device
    const found = await fileAt(share.repository, commit, path)
    return devices.complete(restoreFile(share.repository, share.files, found.path, found.oid))
  }

  it('is an ordinary new edit, and arrives like one', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Keep.md': 'kept\n', 'Note.md': 'first\n' })
    const first = a.head!
    a.write({ 'Note.md': 'second\n' })
    await devices.agree()
    expect(await restore(devices, b, first, 'Note.md')).toBe('restored')
    await devices.agree()
    expect(a.read('Note.md')).toBe('first\n')
    expect(b.ownCommits().map((commit) => commit.message)).toEqual(['Edit Note.md\n'])
    expect(a.history().has('second\n')).toBe(true)
    expect(await restore(devices, b, first, 'Note.md')).toBe('same')
  })

  it('brings a deleted file back, with its folder', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Keep.md': 'kept\n', 'sub/Gone.md': 'gone\n' })
    const first = a.head!
    b.disk.userDelete('sub')
    await devices.agree()
    expect(await restore(devices, a, first, 'sub/Gone.md')).toBe('restored')
    await devices.agree()
    expect(b.read('sub/Gone.md')).toBe('gone\n')
  })

  it('[E1] does not replace what the history does not hold yet', async () => {
    const { devices, device } = await aShare({ 'Note.md': 'first\n' })
    const first = device.head!
    device.write({ 'Note.md': 'second\n' })
    await devices.pass(5_000)
    device.write({ 'Note.md': 'third, a moment ago\n' })
    expect(await codeOf(() => restore(devices, device, first, 'Note.md'))).toBe('unstable')
    expect(device.read('Note.md')).toBe('third, a moment ago\n')
    await devices.pass(5_000)
    expect(await restore(devices, device, first, 'Note.md')).toBe('restored')
    expect(device.history().has('third, a moment ago\n')).toBe(true)
  })

  it('[E1] does not replace a large file that the history does not hold yet, nor take it for held after a first try', async () => {
    const { devices, device } = await aShare({ 'film.mp4': 'first\n' })
    const first = device.head!
    device.write({ 'film.mp4': new Uint8Array(5 * 1024 * 1024).fill(7) })
    for (let tries = 0; tries < 2; tries++)
      expect(await codeOf(() => restore(devices, device, first, 'film.mp4'))).toBe('unstable')
    expect(device.disk.files().get('film.mp4')).toHaveLength(5 * 1024 * 1024)
  })

  it('says so when the name cannot be on this device', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Keep.md': 'kept\n' }, {}, { files: { platform: 'windows' } })
    a.write({ 'con.md': 'reserved\n' })
    await devices.pass(5_000)
    expect(await codeOf(() => restore(devices, b, a.head!, 'con.md'))).toBe('bad-path')
  })

  it('refuses a file that this device leaves out', async () => {
    const { devices, a, b } = await twoDevicesWith(
      { 'Keep.md': 'kept\n' },
      {},
      { files: { scope: { configFolder: false } } },
    )
    a.write({ '.obsidian/app.json': '{}\n' })
    await devices.pass(5_000)
    expect(await codeOf(() => restore(devices, b, a.head!, '.obsidian/app.json'))).toBe('bad-path')
  })

  it('restores a large attachment as a stream', async () => {
    const large = new Uint8Array(5 * 1024 * 1024).fill(7)
    const { devices, device } = await aShare({ 'film.mp4': large })
    const first = device.head!
    device.write({ 'film.mp4': 'small now\n' })
    await devices.pass(5_000)
    expect(await restore(devices, device, first, 'film.mp4')).toBe('restored')
    expect(Buffer.compare(device.disk.files().get('film.mp4')!, large)).toBe(0)
  })
})
