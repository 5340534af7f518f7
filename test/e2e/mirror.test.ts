import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runGit } from '../support/git.ts'
import { aTestFolder, differences, expectSoundHistory, filesOf, PeerFolders } from '../support/peer-folders.ts'
import { awaitThat, killLeftovers, runTandem, type Finished } from '../support/tandem-process.ts'
import { freePort } from '../support/stock-daemon.ts'

let folder: ReturnType<typeof aTestFolder>
let ada: PeerFolders
beforeEach(async () => {
  folder = aTestFolder()
  ada = await new PeerFolders(folder.path, 'ada').init()
  ada.write('Plan.md', 'one\n\ntwo\n\nthree\n')
  ada.write('Ideas/Ümlaut 🌱.md', 'first\n')
  ada.write(
    'picture.png',
    new Uint8Array(200_000).map((_, i) => (i * 2654435761) >>> 13),
  )
}, 60_000)
afterEach(async () => {
  await killLeftovers()
  folder.dispose()
})

const text = (repository: string, ...args: string[]): string => runGit(repository, args).toString().trim()
const last = ({ lines }: Finished) => lines.at(-1)!

/** Stock git finds no fault with the mirror, and its clone is the vault. */
function expectMirror(mirror: string, device: PeerFolders): void {
  expect(text(mirror, 'fsck', '--strict')).not.toMatch(/error|missing|broken/)
  const clone = aTestFolder()
  try {
    runGit(clone.path, ['clone', '--quiet', mirror, 'clone'])
    const files = [...filesOf(join(clone.path, 'clone'))].filter(([path]) => !path.startsWith('.git/'))
    expect(differences(device.files(), new Map(files))).toEqual([])
  } finally {
    clone.dispose()
  }
}

/** A commit of a person, made on the mirror with stock git. */
function editOnMirror(mirror: string, path: string, content: string): string {
  const work = join(folder.path, `work-${path}`)
  runGit(folder.path, ['clone', '--quiet', mirror, work])
  writeFileSync(join(work, path), content)
  runGit(work, ['add', '--all'])
  runGit(work, ['commit', '--quiet', '--message', `Edit ${path}`])
  runGit(work, ['push', '--quiet', 'origin', 'main'])
  return text(work, 'rev-parse', 'HEAD')
}

describe('tandem mirror to a folder', () => {
  let mirror: string
  beforeEach(() => {
    mirror = join(folder.path, 'off site', 'notes.git')
  })

  it('makes a bare repository that stock git can clone, then sends what is new', async () => {
    const first = last(await ada.must('mirror', mirror, '--json'))
    expect(first).toMatchObject({ event: 'mirrored', main: text(mirror, 'rev-parse', 'HEAD'), ahead: [] })
    expect(text(mirror, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main')
    expectMirror(mirror, ada)

    expect((await ada.must('mirror', mirror)).stdout).toBe('The mirror held everything already.\n')
    const objects = Number(text(mirror, 'rev-list', '--objects', '--all', '--count'))
    ada.write('Plan.md', 'one\n\ntwo\n\nthree\n\nfour\n')
    const packs = text(mirror, 'count-objects', '-v')
    expect(last(await ada.must('mirror', mirror, '--json')).pushed).toHaveLength(2)
    expect(Number(text(mirror, 'rev-list', '--objects', '--all', '--count'))).toBe(objects + 3) // commit, tree, note
    expect(text(mirror, 'count-objects', '-v')).not.toBe(packs)
    expectMirror(mirror, ada)
    expect((await ada.must('mirror', mirror)).stderr).toBe('')
  }, 90_000)

  it('works through a running up, with what was typed just now', async () => {
    await ada.start()
    ada.write('Typed.md', 'just now\n')
    await ada.must('status') // whatever the watcher has seen by now
    const { stdout } = await ada.must('mirror', mirror)
    expect(stdout).toMatch(/^Copied to the mirror, up to [0-9a-f]{10}\.\n$/)
    expectMirror(mirror, ada)
  }, 90_000)

  it('[V3] follows the view from one merge to the next, though neither continues the other', async () => {
    await ada.commit()
    const bob = await new PeerFolders(folder.path, 'bob').init()
    await ada.must('mirror', mirror)
    await bob.must('mirror', mirror, '--restore')
    expect(differences(ada.files(), bob.files())).toEqual([])
    // Each edits without the other, and takes the mirror's history in: two devices, one view.
    ada.write('A.md', 'ada\n')
    await ada.must('mirror', mirror)
    bob.write('B.md', 'bob\n')
    const behind = await bob.must('mirror', mirror, '--json')
    expect(last(behind).ahead).not.toEqual([])
    await bob.must('mirror', mirror, '--restore')
    await bob.must('mirror', mirror)
    const merged = text(mirror, 'rev-parse', 'main')
    expect(text(mirror, 'log', '-1', '--format=%an %P', merged)).toMatch(/^Tandem [0-9a-f]{40} [0-9a-f]{40}$/)
    expectMirror(mirror, bob)
    ada.write('A.md', 'ada again\n') // without having seen the merge
    await ada.commit()
    await ada.must('mirror', mirror, '--restore')
    await ada.must('mirror', mirror)
    const next = text(mirror, 'rev-parse', 'main')
    expect(text(mirror, 'merge-base', merged, next)).not.toBe(merged)
    expectMirror(mirror, ada)
    expect([...ada.files().keys()]).toEqual(expect.arrayContaining(['A.md', 'B.md']))
  }, 180_000)

  it('hides nothing that a person put on the mirror: exit code 7, and --restore takes it in', async () => {
    await ada.must('mirror', mirror)
    const theirs = editOnMirror(mirror, 'Pushed.md', 'by hand\n')
    ada.write('Plan.md', 'edited here\n')
    const refused = await ada.run('mirror', mirror, '--json')
    expect(refused.code).toBe(7)
    expect(last(refused)).toMatchObject({ event: 'error', code: 'not-forward' })
    expect(text(mirror, 'rev-parse', 'main')).toBe(theirs)
    expect((await ada.must('mirror', mirror, '--restore', '--json')).lines.at(-1)).toMatchObject({
      event: 'restored',
      changed: true,
      settled: true,
    })
    expect(ada.read('Pushed.md')).toBe('by hand\n')
    expect(ada.read('Plan.md')).toBe('edited here\n')
    await ada.must('mirror', mirror)
    expectMirror(mirror, ada)
    expectSoundHistory(ada)
  }, 120_000)

  it('restores a lost vault on a new device, byte for byte, and into a folder beside it', async () => {
    await ada.must('mirror', mirror)
    const files = ada.files()
    const eve = await new PeerFolders(folder.path, 'eve').init()
    mkdirSync(join(eve.vault, '.obsidian'))
    writeFileSync(join(eve.vault, '.obsidian', 'app.json'), '{}') // a vault that Obsidian has just made
    const { stdout } = await eve.must('mirror', mirror, '--restore')
    expect(stdout).toMatch(/^Restored: \S+ holds 4 files, as of [0-9a-f]{10}\.\n$/)
    rmSync(join(eve.vault, '.obsidian'), { recursive: true })
    expect(differences(files, eve.files())).toEqual([])

    const data = join(folder.path, 'data')
    const into = join(folder.path, 'beside')
    const env = { XDG_DATA_HOME: data }
    const beside = await runTandem(ada.args('mirror', mirror, '--restore', '--into', into, '--json'), { env })
    expect(beside.code, beside.stderr).toBe(0)
    expect(differences(files, filesOf(into))).toEqual([])
    expect(differences(files, ada.files())).toEqual([])
    const again = await runTandem(['log', into, '--json'], { env })
    expect(again.lines.length).toBeGreaterThan(0)
    expect(text(eve.repository, 'fsck', '--strict')).not.toMatch(/error|missing|broken/)
  }, 120_000)

  it('[E9] mixes nothing with the history of another vault, neither way, and deletes nothing', async () => {
    await ada.must('mirror', mirror)
    const eve = await new PeerFolders(folder.path, 'eve').init()
    eve.write('Own.md', 'mine\n')
    const refused = await eve.run('mirror', mirror, '--restore', '--json')
    expect(refused.code).toBe(2)
    expect(last(refused)).toMatchObject({ code: 'unrelated' })
    expect(text(eve.repository, 'count-objects')).toMatch(/^3 objects/) // its own alone: nothing was even fetched
    const over = await eve.run('mirror', mirror, '--json')
    expect([last(over).code, over.code]).toEqual(['unrelated', 2])
    expectMirror(mirror, ada)
    expect([...eve.files().keys()]).toEqual(['Own.md'])
    // One that is behind the vault changes nothing.
    ada.write('New.md', 'newer than the mirror\n')
    expect(last(await ada.must('mirror', mirror, '--restore', '--json'))).toMatchObject({ changed: false })
    expect(ada.read('New.md')).toBe('newer than the mirror\n')
  }, 90_000)

  it('says clearly what is wrong with the place', async () => {
    const code = async (url: string, ...rest: string[]) => {
      const finished = await ada.run('mirror', url, '--json', ...rest)
      return [last(finished).code, finished.code]
    }
    const file = join(folder.path, 'file')
    writeFileSync(file, 'x')
    expect(await code(file)).toEqual(['not-a-repository', 6])
    const plain = join(folder.path, 'plain')
    mkdirSync(plain)
    writeFileSync(join(plain, 'x'), 'x')
    expect(await code(plain)).toEqual(['not-a-repository', 6])
    expect(await code(mirror, '--restore')).toEqual(['not-a-repository', 6])
    expect(existsSync(mirror)).toBe(false)
    runGit(folder.path, ['init', '--quiet', 'checkout'])
    expect(await code(join(folder.path, 'checkout'))).toEqual(['not-a-repository', 6])
    runGit(folder.path, ['init', '--quiet', '--bare', 'empty.git'])
    expect(await code(join(folder.path, 'empty.git'), '--restore')).toEqual(['nothing-there', 6])
    expect(await code(join(ada.vault, 'mirror.git'))).toEqual(['inside-vault', 2])
    expect(await code(ada.repository)).toEqual(['inside-vault', 2])
    expect(await code('https://example.org/x.git')).toEqual(['usage', 2])
    expect(await code('host:x.git')).toEqual(['usage', 2])
    expect(await code('git://127.0.0.1:1/x.git')).toEqual(['unreachable', 6])
    const env = { PATH: folder.path }
    const none = await runTandem([...ada.args('mirror', mirror), '--json'], { env })
    expect([last(none).code, none.code]).toEqual(['no-git', 6])
  }, 120_000)

  it('a mirror that lost objects is told to be damaged, and harms no vault', async () => {
    await ada.must('mirror', mirror)
    const tree = text(mirror, 'rev-parse', 'main^{tree}')
    const broken = join(folder.path, 'broken.git')
    runGit(folder.path, ['init', '--quiet', '--bare', '--initial-branch=main', broken])
    for (const line of text(mirror, 'cat-file', '--batch-all-objects', '--batch-check').split('\n')) {
      const [oid, type] = line.split(' ') as [string, string]
      if (oid !== tree)
        runGit(
          broken,
          ['hash-object', '-t', type, '-w', '--stdin', '--literally'],
          runGit(mirror, ['cat-file', type, oid]),
        )
    }
    writeFileSync(join(broken, 'refs/heads/main'), `${text(mirror, 'rev-parse', 'main')}\n`)
    const eve = await new PeerFolders(folder.path, 'eve').init()
    const refused = await eve.run('mirror', broken, '--restore', '--json')
    expect(refused.code).toBe(6)
    expect(['damaged', 'refused']).toContain(last(refused).code)
    expect(eve.files().size).toBe(0)
    expect(text(eve.repository, 'for-each-ref')).toBe('')
  }, 90_000)
})

describe('tandem mirror to a git daemon', () => {
  let daemon: ChildProcess
  let url: string
  let base: string

  async function startDaemon(...more: string[]): Promise<void> {
    base = join(folder.path, 'served')
    mkdirSync(base)
    runGit(base, ['init', '--quiet', '--bare', '--initial-branch=main', 'notes.git'])
    const port = await freePort()
    const args = [
      'daemon',
      '--export-all',
      `--base-path=${base}`,
      '--listen=127.0.0.1',
      `--port=${port}`,
      ...more,
      base,
    ]
    daemon = spawn('git', ['-c', 'safe.directory=*', ...args], { stdio: 'ignore', detached: true })
    url = `git://127.0.0.1:${port}/notes.git`
    const look = () => {
      try {
        return text(base, 'ls-remote', url) === ''
      } catch {
        return false
      }
    }
    await awaitThat(look, 'the git daemon answers')
  }
  afterEach(() => {
    if (daemon.pid) process.kill(-daemon.pid, 'SIGKILL')
  })

  it('sends, sends what is new, and restores', async () => {
    await startDaemon('--enable=receive-pack')
    await ada.must('mirror', url)
    expectMirror(join(base, 'notes.git'), ada)
    ada.write('New.md', 'new\n')
    expect(last(await ada.must('mirror', url, '--json')).pushed).toContain('refs/heads/main')
    expectMirror(join(base, 'notes.git'), ada)
    const eve = await new PeerFolders(folder.path, 'eve').init()
    await eve.start()
    await eve.must('mirror', url, '--restore')
    expect(differences(ada.files(), eve.files())).toEqual([])
    await eve.stop()
    expectSoundHistory(eve)
  }, 120_000)

  it('that takes no pushes, or does not serve the path, is told in its words', async () => {
    await startDaemon('--informative-errors')
    const refused = await ada.run('mirror', url, '--json')
    expect(refused.code).toBe(6)
    expect(last(refused)).toMatchObject({
      code: 'refused',
      detail: expect.stringContaining('service not enabled') as string,
    })
    const absent = await ada.run('mirror', url.replace('notes', 'nothing'), '--json')
    expect(last(absent)).toMatchObject({
      code: 'refused',
      detail: expect.stringContaining('no such repository') as string,
    })
  }, 90_000)
})
