import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { vaultEndpoint } from '../../../src/engine/vault-git.ts'
import { aShare, twoDevicesWith } from '../../support/devices.ts'
import type { TestDevices } from '../../support/devices.ts'
import { GitDaemon } from '../../support/git-daemon.ts'
import { runGitBeside, StockGit } from '../../support/git.ts'
import type { GitResult } from '../../support/git.ts'
import type { TestDevice } from '../../support/test-device.ts'
import { AGENT, Folders } from './git-fixture.ts'

const folders = new Folders()
const daemons: GitDaemon[] = []
afterEach(async () => {
  for (const daemon of daemons.splice(0)) {
    expect(daemon.errors).toEqual([])
    await daemon.close()
  }
  folders.dispose()
})

const NOTES = { 'Note.md': 'one\n\ntwo\n\nthree\n', 'Other.md': 'other\n' }

/** A stock clone of the device's vault. */
async function cloneOf(device: TestDevice, canWrite = true): Promise<Clone> {
  const daemon = await GitDaemon.start(() => vaultEndpoint(device.share, { agent: AGENT, canWrite: () => canWrite }))
  daemons.push(daemon)
  const folder = folders.make()
  expect(await runGitBeside(folder, ['clone', '--quiet', daemon.url('/vault'), '.'])).toMatchObject({ status: 0 })
  return new Clone(folder)
}

class Clone extends StockGit {
  edit(path: string, content: string): void {
    writeFileSync(join(this.dir, path), content)
    this.run('add', '--all')
    this.run('commit', '--quiet', '--message', `Edit ${path}`)
  }

  push(...refs: string[]): Promise<GitResult> {
    return runGitBeside(this.dir, ['push', 'origin', ...(refs.length ? refs : ['main'])])
  }

  async pull(): Promise<void> {
    expect(await runGitBeside(this.dir, ['pull', '--quiet', '--no-edit', '--no-rebase'])).toMatchObject({ status: 0 })
    expect(this.text('fsck', '--strict')).not.toMatch(/error|missing|broken/)
  }
}

async function expectSame(devices: TestDevices, device: TestDevice, clone: Clone): Promise<void> {
  await devices.agree()
  expect(device.refs.get('refs/heads/main')).toBe(clone.text('rev-parse', 'HEAD'))
  for (const [path, text] of Object.entries(device.vault()))
    expect(clone.run('show', `HEAD:${path}`).toString()).toBe(text)
}

describe('[T4] git push onto a vault', () => {
  it('becomes what every device shows, as the very commit that was pushed', { timeout: 60_000 }, async () => {
    const { devices, a, b } = await twoDevicesWith(NOTES)
    const clone = await cloneOf(a)
    expect(clone.text('log', '--format=%an', '-1')).toBe(a.name)
    clone.edit('Note.md', 'one\n\ntwo\n\nthree, by git\n')
    clone.edit('New.md', 'new\n')
    expect(await clone.push()).toMatchObject({ status: 0 })
    await expectSame(devices, b, clone)
    expect(a.read('Note.md')).toBe('one\n\ntwo\n\nthree, by git\n')
    expect(b.read('New.md')).toBe('new\n')
    expect(a.head).toBe(clone.text('rev-parse', 'HEAD'))
    expect(b.log.filter(({ event }) => event === 'ref.refused')).toEqual([])

    b.write({ 'Note.md': 'one, by b\n\ntwo\n\nthree, by git\n' })
    await devices.agree()
    await clone.pull()
    await expectSame(devices, a, clone)
  })

  it(
    'is told to fetch first when a device edited meanwhile, also when that edit is not committed yet',
    { timeout: 60_000 },
    async () => {
      const { devices, a, b } = await twoDevicesWith(NOTES)
      const clone = await cloneOf(a)
      clone.edit('Note.md', 'one\n\ntwo\n\nthree, by git\n')
      b.write({ 'Note.md': 'one, by b\n\ntwo\n\nthree\n' })
      await devices.agree()
      const late = await clone.push()
      expect(late).toMatchObject({ status: 1, stderr: expect.stringContaining('(fetch first)') })
      await clone.pull()
      a.write({ 'Other.md': 'typed just now\n' })
      a.share.tree.markAllDirty()
      const typing = await clone.push()
      expect(typing).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('[remote rejected] main -> main (fetch first)'),
      })
      await clone.pull()
      expect(await clone.push()).toMatchObject({ status: 0 })
      await expectSame(devices, b, clone)
      expect(a.vault()).toEqual({ 'Note.md': 'one, by b\n\ntwo\n\nthree, by git\n', 'Other.md': 'typed just now\n' })
    },
  )

  it('[V2] onto a view that is a merge moves our own ref forward, over the merge', { timeout: 60_000 }, async () => {
    const { devices, a, b } = await twoDevicesWith(NOTES)
    await devices.stop(b)
    a.write({ 'Note.md': 'one, by a\n\ntwo\n\nthree\n' })
    await devices.pass(2_000)
    await devices.stop(a)
    await devices.start(b)
    b.write({ 'Note.md': 'one\n\ntwo\n\nthree, by b\n' })
    await devices.pass(2_000)
    await devices.start(a)
    await devices.agree()
    const view = a.refs.get('refs/heads/main')!
    expect(a.commit(view).parents.length).toBe(2)
    const before = a.head!
    const clone = await cloneOf(a)
    clone.edit('New.md', 'new\n')
    expect(await clone.push()).toMatchObject({ status: 0 })
    await expectSame(devices, b, clone)
    expect(clone.text('merge-base', before, a.head!)).toBe(before)
    expect(a.vault()).toEqual({ ...NOTES, 'Note.md': 'one, by a\n\ntwo\n\nthree, by b\n', 'New.md': 'new\n' })
  })

  it('[V6] keeps what was typed while the push came in', { timeout: 60_000 }, async () => {
    const { devices, device } = await aShare(NOTES)
    const clone = await cloneOf(device)
    clone.edit('Note.md', 'one\n\ntwo, by git\n\nthree\n')
    device.onOperation = (operation) => {
      if (operation !== 'refs.compareAndSwap:done') return
      device.onOperation = () => undefined
      device.write({ 'Note.md': 'one\n\ntwo\n\nthree\n\nfour, typed\n' })
    }
    expect(await clone.push()).toMatchObject({ status: 0 })
    await devices.agree()
    expect(device.read('Note.md')).toBe('one\n\ntwo, by git\n\nthree\n\nfour, typed\n')
    await clone.pull()
    await expectSame(devices, device, clone)
  })

  it('[E3] that deletes most of the vault waits for a yes', { timeout: 60_000 }, async () => {
    const files = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${i}.md`, `note ${i}\n`]))
    const { devices, device } = await aShare(files)
    const clone = await cloneOf(device)
    for (const path of Object.keys(files).slice(1)) rmSync(join(clone.dir, path))
    clone.edit('last.md', 'last\n')
    expect(await clone.push()).toMatchObject({ status: 0 })
    await devices.pass(2_000)
    expect(device.share.tree.consent).toMatchObject({ direction: 'incoming' })
    expect(Object.keys(device.vault()).length).toBe(60)
    await devices.complete(device.share.answerConsent(true))
    expect(Object.keys(device.vault())).toEqual(['0.md', 'last.md'])
  })

  it('is refused for other refs, deletions, links, and for who may only read', { timeout: 60_000 }, async () => {
    const { device } = await aShare(NOTES)
    const refs = new Map(device.refs)
    const clone = await cloneOf(device)
    expect((await clone.push('main:refs/heads/other')).stderr).toContain('a vault takes pushes to main only')
    expect((await clone.push(`main:refs/devices/${device.id}`)).status).toBe(0) // up to date
    expect((await clone.push(':main')).stderr).toContain('deletion prohibited')
    clone.edit('x.md', 'x\n')
    expect((await clone.push(`main:refs/devices/${device.id}`)).stderr).toContain('a vault takes pushes to main only')
    const reader = await cloneOf(device, false)
    reader.edit('y.md', 'y\n')
    expect((await reader.push()).stderr).toContain('remote unpack failed: this device may read the vault, not write it')
    expect((await reader.push(':main')).stderr).toContain('this device may read the vault, not write it')
    symlinkSync('/etc/passwd', join(clone.dir, 'link.md'))
    clone.edit('z.md', 'z\n')
    expect((await clone.push()).stderr).toContain('the symbolic link link.md, which is not allowed here')
    expect(new Map(device.refs)).toEqual(refs)
    expect(device.vault()).toEqual(NOTES)
  })

  it('[S5] shows main and the devices’ refs, and nothing of ours beside them', async () => {
    const { device } = await aShare(NOTES)
    device.refs.set(`refs/tandem/rescued/${device.head!}`, device.head!)
    const clone = await cloneOf(device)
    const listed = await runGitBeside(clone.dir, ['ls-remote', '--quiet', 'origin'])
    const names = listed.stdout.split('\n').filter(Boolean)
    expect(names.map((line) => line.split('\t')[1])).toEqual(['HEAD', `refs/devices/${device.id}`, 'refs/heads/main'])
  })
})
