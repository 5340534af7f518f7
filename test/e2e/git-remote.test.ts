import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NodeByteStream } from '../../src/adapters/node/node-byte-stream.ts'
import { PktStream, runGitSession } from '../../src/engine/pkt-stream.ts'
import { concatBytes, encodeUtf8 } from '../../src/objects/bytes.ts'
import { encodeEntryHeader, encodePackHeader } from '../../src/objects/pack.ts'
import { FLUSH_PKT } from '../../src/objects/pkt-line.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { readPushReport } from '../../src/protocol/git/push-report.ts'
import type { PushReport } from '../../src/protocol/git/push-report.ts'
import { encodeCommands } from '../../src/protocol/git/receive-commands.ts'
import { callControl } from '../../src/cli/control-client.ts'
import { runGit } from '../support/git.ts'
import type { GitResult } from '../support/git.ts'
import { GitClone } from '../support/git-clone.ts'
import { TandemGit } from '../support/git-remote.ts'
import { history, rawTree, vault as aVault } from '../support/hostile-objects.ts'
import { aBlob, oidOf } from '../support/object-samples.ts'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import {
  aTestFolder,
  differences,
  expectSoundHistory,
  filesOf,
  twoDevices,
  untilInStep,
  type PeerFolders,
} from '../support/peer-folders.ts'
import { awaitThat, killLeftovers } from '../support/tandem-process.ts'

const folder = aTestFolder()
const git = new TandemGit(folder.path)
let ada: PeerFolders
let bob: PeerFolders

beforeAll(async () => {
  ;[ada, bob] = await twoDevices(folder.path)
  ada.write('Plan.md', 'one\n\ntwo\n\nthree\n')
  ada.write('Ideas/Ümlaut 🌱.md', 'first\n')
  ada.write('Empty.md', '')
  ada.write(
    'picture.png',
    new Uint8Array(300_000).map((_, i) => (i * 2654435761) >>> 13),
  )
  for (const device of [ada, bob]) await device.start()
  await untilInStep([ada, bob], (files) => files.size === 4)
}, 120_000)
afterAll(async () => {
  await killLeftovers()
  folder.dispose()
})

class Clone extends GitClone {
  constructor(name: string) {
    super(git, join(folder.path, name))
  }

  static async of(name: string, url: string, env: Readonly<Record<string, string>> = {}): Promise<Clone> {
    const clone = new Clone(name)
    const result = await git.run(folder.path, ['clone', '--quiet', url, clone.dir], env)
    expect(result, result.stderr).toMatchObject({ status: 0 })
    clone.expectSound()
    return clone
  }

  expectIs(device: PeerFolders): void {
    expect(this.differencesFrom(device)).toEqual([])
  }

  differencesFrom(device: PeerFolders): string[] {
    const files = [...filesOf(this.dir)].filter(([path]) => !path.startsWith('.git/'))
    return differences(device.files(), new Map(files))
  }
}

/** Everything that the device's repository holds, by name and size: a refused push adds nothing, not even a stray file. */
function holdings(device: PeerFolders): string {
  return execFileSync('find', [device.repository, '-type', 'f', '-printf', '%P %s\n'])
    .toString()
    .split('\n')
    .sort()
    .join()
}

const shows = (device: PeerFolders, path: string, text: string): Promise<void> =>
  awaitThat(() => existsSync(join(device.vault, path)) && device.read(path) === text, `${device.name} shows ${path}`)

describe('[T1] [T4] stock git and a running peer, through the tandem up of another one', () => {
  let clone: Clone
  beforeAll(async () => {
    clone = await Clone.of('clone', `tandem::${bob.state}#ada`)
  }, 60_000)

  it('git clone gives the vault, byte for byte', () => {
    clone.expectIs(ada)
    expect(clone.run('rev-parse', 'HEAD')).toBe(runGit(ada.repository, ['rev-parse', 'main']).toString().trim())
  })

  it('git fetch brings what was edited since', async () => {
    ada.write('Plan.md', 'one, by ada\n\ntwo\n\nthree\n')
    await untilInStep([ada, bob], (files) => String(files.get('Plan.md')).includes('by ada'))
    await clone.pull()
    clone.expectIs(ada)
  }, 90_000)

  it('a push that continues the view shows up in every vault', async () => {
    clone.edit('Plan.md', 'one, by ada\n\ntwo\n\nthree, by git\n')
    clone.edit('From/git.md', 'new\n')
    const pushed = await clone.push()
    expect(pushed, pushed.stderr).toMatchObject({ status: 0 })
    for (const device of [ada, bob]) await shows(device, 'From/git.md', 'new\n')
    await untilInStep([ada, bob])
    clone.expectIs(bob)
    expect(runGit(ada.repository, ['rev-parse', 'main']).toString().trim()).toBe(clone.run('rev-parse', 'HEAD'))
  }, 90_000)

  it('another is refused with "fetch first", and after a pull goes in', async () => {
    clone.edit('Other.md', 'from git\n')
    ada.write('Late.md', 'from ada\n')
    await untilInStep([ada, bob], (files) => files.has('Late.md'))
    const late = await clone.push()
    expect(late.status).toBe(1)
    expect(late.stderr).toMatch(/! \[rejected\] +main -> main \(fetch first\)/)
    expect(existsSync(join(ada.vault, 'Other.md'))).toBe(false)
    const forced = await clone.push('+main')
    expect(forced.status).toBe(1)
    expect(forced.stderr).toMatch(/remote rejected\] main -> main/)
    await clone.pull()
    const pushed = await clone.push()
    expect(pushed, pushed.stderr).toMatchObject({ status: 0 })
    for (const device of [ada, bob]) await shows(device, 'Other.md', 'from git\n')
    await untilInStep([ada, bob])
    clone.expectIs(ada)
  }, 120_000)

  describe('[E6] [T2] a hostile push is refused with a reason and leaves nothing behind', () => {
    /** Pushes a commit whose root tree is written as it stands, past all of git's own care. */
    async function pushTree(entries: Parameters<typeof rawTree>[0]): Promise<GitResult> {
      const bad = await Clone.of(`bad-${readdirSync(folder.path).length}`, `tandem::${bob.state}#ada`)
      for (const content of ['evil\n', '/etc/passwd']) runGit(bad.dir, ['hash-object', '-w', '--stdin'], content)
      const { content } = rawTree(entries)
      const tree = runGit(bad.dir, ['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], content)
        .toString()
        .trim()
      const commit = bad.run('commit-tree', tree, '-p', 'HEAD', '-m', 'Innocent')
      return bad.push(`${commit}:refs/heads/main`)
    }
    const evil = oidOf(nodeCodec, aBlob('evil\n'))
    const passwd = oidOf(nodeCodec, aBlob('/etc/passwd'))
    const folderOf = (name: string, mode = '100644', oid: Oid = evil) => [{ mode, name, oid }]

    it.each([
      ['a file called ..', folderOf('..'), /\.\./],
      ['a file called .git', folderOf('.git'), /leads into a git folder/],
      ['a file called .GIT', folderOf('.GIT'), /leads into a git folder/],
      ['a file whose name holds a slash', folderOf('a/../../b'), /a name with a slash/],
      ['a symbolic link out of the vault', folderOf('link.md', '120000', passwd), /symbolic link link\.md/],
      ['a submodule', folderOf('sub', '160000'), /submodule sub/],
    ])(
      '%s',
      async (_, entries, reason) => {
        const [before, files] = [holdings(ada), ada.files()]
        const refused = await pushTree(entries)
        expect(refused.status).toBe(1)
        expect(refused.stderr).toMatch(/remote unpack failed|remote rejected/)
        expect(refused.stderr).toMatch(reason)
        expect(holdings(ada)).toBe(before)
        expect(differences(files, ada.files())).toEqual([])
      },
      60_000,
    )

    it('[T8] an object that claims 5 GB, and a pack that is cut off', async () => {
      const before = holdings(ada)
      const from = runGit(ada.repository, ['rev-parse', 'main']).toString().trim() as Oid
      const { commit } = aVault({ 'a.md': 'a\n' }, [from])
      const claim = concatBytes([encodePackHeader(1), encodeEntryHeader('blob', 5_000_000_000), new Uint8Array(1000)])
      const report = await rawHelperPush(from, commit, claim)
      expect(report.unpack).toMatch(/5000000000|too large|maximum/)
      expect(report.refs.get('refs/heads/main')).toBe('unpacker error')
      const { pack } = history(rawTree([]), [])
      const cut = await rawHelperPush(from, commit, pack.subarray(0, pack.length - 30))
      expect(cut.unpack).toMatch(/unexpected end|cut/)
      expect(holdings(ada)).toBe(before)
    }, 60_000)

    /** The helper without git: any commands, then any bytes. */
    async function rawHelperPush(from: Oid, to: Oid, pack: Uint8Array): Promise<PushReport> {
      const child = git.helper(`${bob.state}#ada`)
      const stream = new NodeByteStream(child.stdout, child.stdin)
      try {
        await stream.write(encodeUtf8('connect git-receive-pack\n'))
        expect(await stream.read(1)).toEqual(encodeUtf8('\n'))
        const lines = new PktStream(stream)
        while ((await lines.read())?.kind === 'data');
        const commands = encodeCommands([{ name: 'refs/heads/main', from, to }], 'report-status')
        for (const part of [...commands, FLUSH_PKT, pack]) await lines.write(part)
        await lines.flush()
        await stream.finish()
        return await runGitSession<never, PushReport>(readPushReport(), lines, () => Promise.resolve())
      } finally {
        child.kill('SIGKILL')
      }
    }
  })

  it('says what is wrong with the address, and who is known', async () => {
    const unknown = await git.run(folder.path, ['ls-remote', `tandem::${bob.state}#eve`])
    expect(unknown.status).not.toBe(0)
    expect(unknown.stderr).toContain('No paired device is called eve; there are: ada.')
    const share = await git.run(folder.path, ['ls-remote', `tandem::${bob.state}#ada?share=secret`])
    expect(share.stderr).toContain('access denied or repository not exported')
  }, 60_000)
})

describe('[T1] stock git with a state that nothing runs on', () => {
  beforeAll(async () => {
    await bob.stop()
  }, 60_000)

  it('opens the network itself: clone, edit, push, and the vault shows it', async () => {
    const clone = await Clone.of('resting', `tandem::ada`, { TANDEM_STATE: bob.state })
    clone.expectIs(ada)
    clone.edit('Resting.md', 'pushed while bob rests\n')
    const pushed = await git.run(clone.dir, ['push', 'origin', 'main'], { TANDEM_STATE: bob.state })
    expect(pushed, pushed.stderr).toMatchObject({ status: 0 })
    await shows(ada, 'Resting.md', 'pushed while bob rests\n')
    expect(existsSync(join(bob.vault, 'Resting.md'))).toBe(false)
  }, 90_000)

  it('a partial clone fetches what it needs when it needs it', async () => {
    const dir = join(folder.path, 'partial')
    const args = ['clone', '--quiet', '--filter=blob:none', 'tandem::ada', dir]
    const cloned = await git.run(folder.path, args, { TANDEM_STATE: bob.state })
    expect(cloned, cloned.stderr).toMatchObject({ status: 0 })
    new Clone('partial').expectIs(ada)
  }, 60_000)

  it('finds the device by its name among the states in the data folder', async () => {
    mkdirSync(join(git.data, 'tandem'), { recursive: true })
    symlinkSync(bob.state, join(git.data, 'tandem', 'bob-0123456789'))
    expect(await git.must(folder.path, 'ls-remote', 'tandem::ada')).toMatch(/refs\/heads\/main/)
    const none = await git.run(folder.path, ['ls-remote', 'tandem::nobody'])
    expect(none.stderr).toContain('No paired device is called nobody; there are: ada.')
  }, 60_000)
})

describe('[P1] git clone with a pairing link', () => {
  it('makes a device of its own that clones, pushes and fetches with the same URL', async () => {
    const inviting = ada.spawn('invite', ['--json', '--yes'])
    const { link } = await inviting.waitFor((event) => typeof event.link === 'string', 'a link')
    const clone = await Clone.of('by-link', `tandem::${String(link)}`, { TANDEM_YES: '1' })
    expect((await inviting.ended).code).toBe(0)
    clone.expectIs(ada)
    const { peers } = await ada.status()
    expect(peers.map(({ name }) => name)).toContainEqual(expect.stringMatching(/\(git clone\)$/))
    clone.edit('By link.md', 'hello\n')
    const pushed = await clone.push()
    expect(pushed, pushed.stderr).toMatchObject({ status: 0 })
    await shows(ada, 'By link.md', 'hello\n')
    ada.write('By link.md', 'hello, too\n')
    await awaitThat(async () => (await ada.status()).settled, 'ada has committed')
    await awaitThat(async () => {
      await clone.pull()
      return clone.run('show', 'HEAD:By link.md') === 'hello, too'
    }, 'the clone has it')
    // The device removed: nothing more is served.
    await ada.must('remove', peers.find(({ name }) => name.endsWith('(git clone)'))!.id, '--json')
    const over = await git.run(clone.dir, ['fetch'])
    expect(over.status).not.toBe(0)
    expect(over.stderr).toMatch(/not paired|no open invitation|removed/)
  }, 180_000)

  it('[P3] asks at the terminal whether the codes are equal', async () => {
    let link = ''
    let asked: { code: string; question: string } | undefined
    const paired = callControl(ada.state, 'invite', {}, (event) => {
      const told = event as { link?: string; code?: string; question?: string }
      link ||= told.link ?? ''
      if (told.code && told.question) asked = { code: told.code, question: told.question }
    })
    await awaitThat(() => link !== '', 'a link')
    const dir = join(folder.path, 'asked')
    const line = `git clone --quiet 'tandem::${link}' '${dir}'`
    const env = { ...process.env, ...git.env, LC_ALL: 'C' }
    const terminal = spawn('script', ['-qfec', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'ignore'] })
    let shown = ''
    terminal.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()))
    const ended = new Promise((resolve) => terminal.on('close', resolve))
    await awaitThat(() => asked !== undefined, 'a code')
    const { code, question } = asked!
    await awaitThat(
      () => shown.includes(`show the code ${code}, too? [y/N]`),
      () => `asked, not: ${shown}`,
    )
    terminal.stdin.write('y\n')
    await callControl(ada.state, 'answer', { question, accepted: true })
    await paired
    expect(await ended, shown).toBe(0)
    expect(shown).toContain('Paired with ada.')
    new Clone('asked').expectIs(ada)
  }, 90_000)

  it('a used link is refused, and without a terminal nobody says yes unasked', async () => {
    const inviting = ada.spawn('invite', ['--json', '--yes'])
    const { link } = await inviting.waitFor((event) => typeof event.link === 'string', 'a link')
    const result = await git.run(folder.path, ['clone', '--quiet', `tandem::${String(link)}`, 'unasked'])
    expect(result.status).not.toBe(0)
    expect(result.stderr).toContain('TANDEM_YES=1')
    await inviting.stop()
    const late = await git.run(folder.path, ['clone', '--quiet', `tandem::${String(link)}`, 'late'], {
      TANDEM_YES: '1',
    })
    expect(late.status).not.toBe(0)
    expect(late.stderr).toMatch(/no longer|no open invitation|expired|secret|invite/i)
  }, 120_000)
})

describe('[S1] [S5] stock git and what a device was granted', () => {
  const linkOf = async (params: object): Promise<{ link: string; paired: Promise<unknown> }> => {
    let told!: (link: string) => void
    const link = new Promise<string>((resolve) => (told = resolve))
    const paired = callControl(ada.state, 'invite', { yes: true, ...params }, (event) => {
      const found = (event as { link?: string }).link
      if (found) told(found)
    })
    return { link: await link, paired }
  }
  const idOf = ({ paired }: { paired: { id: string } }): string => paired.id

  it('who may read is refused a push, with the reason; after it is revoked the vault does not exist', async () => {
    const { link, paired } = await linkOf({ readOnly: true })
    const clone = await Clone.of('reader', `tandem::${link}`, { TANDEM_YES: '1' })
    const id = idOf((await paired) as { paired: { id: string } })
    clone.expectIs(ada)
    const [before, head] = [holdings(ada), clone.run('rev-parse', 'HEAD')]
    clone.edit('Sneaked in.md', 'x\n')
    const refused = await clone.push()
    expect(refused.status).toBe(1)
    expect(refused.stderr).toContain('this device may read the vault, not write it')
    expect(holdings(ada)).toBe(before)
    await callControl(ada.state, 'revoke', { share: 'vault', peer: id })
    const revoked = await git.run(clone.dir, ['fetch'])
    expect(revoked.status).not.toBe(0)
    expect(revoked.stderr).toContain('access denied or repository not exported: /vault')
    expect(clone.run('rev-parse', 'origin/main')).toBe(head)
  }, 120_000)

  it('[V1] a folder share is a repository of its own, and the vault around it stays hidden', async () => {
    const { share } = (await callControl(ada.state, 'share', { folder: 'Ideas' })) as { share: { id: string } }
    const { link, paired } = await linkOf({ share: share.id })
    const clone = await Clone.of('folder', `tandem::${link}`, { TANDEM_YES: '1' })
    await paired
    await awaitThat(async () => {
      await clone.pull()
      return existsSync(join(clone.dir, 'Ümlaut 🌱.md'))
    }, 'the share holds the folder')
    expect(clone.run('ls-tree', '-r', '--name-only', '-z', 'HEAD')).toBe('Ümlaut 🌱.md\0')
    clone.edit('Idea.md', 'by git\n')
    const pushed = await clone.push()
    expect(pushed, pushed.stderr).toMatchObject({ status: 0 })
    await shows(ada, 'Ideas/Idea.md', 'by git\n')
    const vault = await git.run(clone.dir, ['ls-remote', `tandem::${link.replace(/share=[^&]+/, 'share=vault')}`])
    expect(vault.status).not.toBe(0)
    expect(vault.stderr).toContain('access denied or repository not exported')
  }, 120_000)
})

it('git clone of what tandem repo prints is the vault, and the history is sound', async () => {
  const repository = (await ada.must('repo')).stdout.trim()
  const clone = await Clone.of('on-disk', repository)
  await awaitThat(async () => {
    await clone.pull()
    return clone.differencesFrom(ada).length === 0
  }, 'what was written last is committed, too')
  await ada.stop()
  expectSoundHistory(ada)
}, 60_000)
