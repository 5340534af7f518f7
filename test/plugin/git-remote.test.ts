// @vitest-environment happy-dom
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodePairingLink } from '../../src/peers/pairing-link.ts'
import { VAULT_SHARE, type Grant } from '../../src/ports/share-record.ts'
import { eventually } from '../support/eventually.ts'
import { runGit } from '../support/git.ts'
import { GitClone } from '../support/git-clone.ts'
import { TandemGit } from '../support/git-remote.ts'
import { rawTree } from '../support/hostile-objects.ts'
import { ObsidianDevice } from '../support/obsidian/app-plugin.ts'
import { differences, filesOf } from '../support/peer-folders.ts'
import { killLeftovers } from '../support/tandem-process.ts'

const PATIENCE_MS = 90_000
const until = (what: string, is: () => boolean): Promise<unknown> =>
  eventually(what, () => is() || undefined, { withinMs: PATIENCE_MS })

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tandem-plugin-git-')))
const git = new TandemGit(folder)
const ada = new ObsidianDevice(join(folder, 'ada'), 'ada')

beforeAll(async () => {
  ada.write('Plan.md', 'one\n\ntwo\n\nthree\n')
  ada.write('Ideas/Ümlaut 🌱.md', 'first\n')
  ada.write('Empty.md', '')
  ada.write(
    'picture.png',
    new Uint8Array(300_000).map((_, i) => (i * 2654435761) >>> 13),
  )
  ada.open()
  await until('ada runs', () => ada.face.condition.kind === 'running' && ada.face.device?.isSettled === true)
  ada.face.answerQuestions('inviter', () => Promise.resolve(true))
}, 120_000)
afterAll(async () => {
  await killLeftovers()
  await ada.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A stock clone of Ada's vault, or of a folder of it. */
class Clone extends GitClone {
  constructor(name: string) {
    super(git, join(folder, name))
  }

  /** By a link that Ada makes, as somebody who clones it for the first time. */
  static async byLink(name: string, share = VAULT_SHARE, grant: Grant = 'write'): Promise<Clone> {
    const clone = new Clone(name)
    const title = share === VAULT_SHARE ? {} : { title: name }
    const { offer, paired } = ada.face.device!.peers.invite(share, { grant, ...title })
    const args = ['clone', '--quiet', `tandem::${encodePairingLink(offer)}`, clone.dir]
    const [result] = await Promise.all([git.run(folder, args, { TANDEM_YES: '1' }), paired])
    expect(result, result.stderr).toMatchObject({ status: 0 })
    clone.expectSound()
    return clone
  }

  /** Until the clone, pulled again and again, holds this. */
  async untilHolds(path: string, content: string): Promise<void> {
    const look = async (): Promise<true | undefined> => {
      await this.pull()
      return filesOf(this.dir).get(path)?.toString() === content || undefined
    }
    await eventually(`the clone holds ${path}`, look, { withinMs: PATIENCE_MS, everyMs: 200 })
  }

  /** What Obsidian shows is what the clone holds, byte for byte; the settings of the app are not synced (E8). */
  expectIsTheVault(below = ''): void {
    const of = (root: string, hidden: RegExp) => new Map([...filesOf(root)].filter(([path]) => !hidden.test(path)))
    expect(differences(of(join(ada.vault, below), /^\.obsidian\//), of(this.dir, /^\.git\//))).toEqual([])
  }
}

const shows = (path: string, text: string): Promise<unknown> =>
  until(`ada shows ${path}`, () => ada.has(path) && ada.read(path) === text)

describe('[T1] [T4] stock git and the running plugin', () => {
  let clone: Clone
  beforeAll(async () => {
    clone = await Clone.byLink('clone')
  }, 120_000)

  it('git clone gives the vault, byte for byte', () => {
    clone.expectIsTheVault()
    expect(clone.run('ls-files')).not.toContain('.obsidian')
  })

  it('git fetch brings what was edited since', async () => {
    ada.write('Plan.md', 'one, by ada\n\ntwo\n\nthree\n')
    await clone.untilHolds('Plan.md', 'one, by ada\n\ntwo\n\nthree\n')
    clone.expectIsTheVault()
  }, 120_000)

  it('a push that continues the view shows up in the vault', async () => {
    clone.edit('Plan.md', 'one, by ada\n\ntwo\n\nthree, by git\n')
    clone.edit('From/git.md', 'new\n')
    const pushed = await clone.push()
    expect(pushed, pushed.stderr).toMatchObject({ status: 0 })
    await shows('From/git.md', 'new\n')
    await shows('Plan.md', 'one, by ada\n\ntwo\n\nthree, by git\n')
    clone.expectIsTheVault()
  }, 120_000)

  it('another is refused with "fetch first", also when it is forced, and after a pull goes in', async () => {
    clone.edit('Other.md', 'from git\n')
    ada.write('Late.md', 'from ada\n')
    await until('it is committed', () => ada.face.device!.isSettled)
    const late = await clone.push()
    expect(late.status).toBe(1)
    expect(late.stderr).toMatch(/! \[rejected\] +main -> main \(fetch first\)/)
    const forced = await clone.push('+main')
    expect(forced.status).toBe(1)
    expect(forced.stderr).toMatch(/remote rejected\] main -> main/)
    expect([ada.has('Other.md'), ada.read('Late.md')]).toEqual([false, 'from ada\n'])
    await clone.untilHolds('Late.md', 'from ada\n')
    const pushed = await clone.push()
    expect(pushed, pushed.stderr).toMatchObject({ status: 0 })
    await shows('Other.md', 'from git\n')
    clone.expectIsTheVault()
  }, 120_000)

  it('[E6] [T2] a push of a hostile tree is refused with a reason, and the next good one goes in', async () => {
    const bad = await Clone.byLink('hostile') // whose own repository is never sound again
    const blob = bad.run('hash-object', '-w', 'Other.md')
    for (const [name, mode, reason] of [
      ['..', '100644', /\.\./],
      ['.git', '100644', /leads into a git folder/],
      ['link.md', '120000', /symbolic link link\.md/],
    ] as const) {
      const { content } = rawTree([{ mode, name, oid: blob as never }])
      const tree = runGit(bad.dir, ['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], content)
      const commit = bad.run('commit-tree', tree.toString().trim(), '-p', 'HEAD', '-m', 'Innocent')
      const refused = await bad.push(`${commit}:refs/heads/main`)
      expect(refused.status, name).toBe(1)
      expect(refused.stderr).toMatch(reason)
    }
    clone.expectIsTheVault()
    clone.edit('Good.md', 'good\n')
    const pushed = await clone.push()
    expect(pushed, pushed.stderr).toMatchObject({ status: 0 })
    await shows('Good.md', 'good\n')
  }, 120_000)

  it('goes on with the same clone after the app was closed and opened', async () => {
    await ada.close()
    const away = await git.run(clone.dir, ['fetch'])
    expect(away.status).not.toBe(0)
    ada.write('Meanwhile.md', 'while closed\n')
    ada.open()
    await until('ada runs', () => ada.face.condition.kind === 'running' && ada.face.device?.isSettled === true)
    ada.face.answerQuestions('inviter', () => Promise.resolve(true))
    await clone.untilHolds('Meanwhile.md', 'while closed\n')
    clone.expectIsTheVault()
  }, 180_000)
})

describe('[S1] [S5] what stock git may do is what it was granted', () => {
  it('who may read clones and fetches; its push is refused, and the vault stays as it is', async () => {
    const clone = await Clone.byLink('reader', VAULT_SHARE, 'read')
    clone.expectIsTheVault()
    clone.edit('Reader.md', 'mine\n')
    const refused = await clone.push()
    expect(refused.status).not.toBe(0)
    expect(refused.stderr).toMatch(/read-only|may read|not allowed|denied/i)
    expect(ada.has('Reader.md')).toBe(false)
  }, 120_000)

  it('who has a folder clones that, pushes to it, and finds nothing else; taken back, it is not there', async () => {
    ada.write('Projects/Boat/log.md', 'we sail\n')
    const { folders, peers } = ada.face.device!
    const { id } = await folders.create('Projects/Boat')
    await until('it is in its history', () => ada.face.device!.isSettled)
    const clone = await Clone.byLink('boat', id)
    clone.expectIsTheVault('Projects/Boat')
    clone.edit('log.md', 'we sail\nby git\n')
    const pushed = await clone.push()
    expect(pushed, pushed.stderr).toMatchObject({ status: 0 })
    await shows('Projects/Boat/log.md', 'we sail\nby git\n')
    expect(clone.run('log', '--all', '--name-only', '--format=%an %s')).not.toMatch(/Plan|Ideas|Projects/)

    const peer = peers.getPeers().find(({ nodeId }) => peers.grantOf(nodeId, id) !== null)!
    await folders.setGrant(peer.nodeId, id, null)
    const over = await git.run(clone.dir, ['fetch'])
    expect(over.status).not.toBe(0)
    expect(over.stderr).toContain('access denied or repository not exported')
    expect(existsSync(join(clone.dir, 'log.md'))).toBe(true)
  }, 120_000)
})
