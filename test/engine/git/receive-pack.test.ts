import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileSpool } from '../../../src/adapters/node/file-spool.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import type { GitEndpoint } from '../../../src/engine/git-server.ts'
import { concatBytes } from '../../../src/objects/bytes.ts'
import type { FileMode } from '../../../src/objects/tree.ts'
import type { GitObject, Oid } from '../../../src/objects/oid.ts'
import { encodeEntryHeader, encodePackHeader } from '../../../src/objects/pack.ts'
import type { RefName } from '../../../src/ports/ref-store.ts'
import { GitDaemon } from '../../support/git-daemon.ts'
import { runGitBeside, StockGit } from '../../support/git.ts'
import { history, nobodys, rawTree, vault } from '../../support/hostile-objects.ts'
import { aBlob, noise, oidOf, packOf } from '../../support/object-samples.ts'
import { rawPack, withTrailer } from '../../support/raw-pack.ts'
import { rawPush } from '../../support/raw-push.ts'
import { emptyOnDisk, Folders, plainEndpoint } from './git-fixture.ts'
import type { OnDisk } from './git-fixture.ts'

const MAIN: RefName = 'refs/heads/main'
const folders = new Folders()
let served: OnDisk
let endpoint: GitEndpoint
let daemon: GitDaemon
let work: StockGit
let spools: string

beforeEach(async () => {
  served = await emptyOnDisk(folders.make())
  spools = folders.make()
  const plain = plainEndpoint(served)
  endpoint = { ...plain, receive: { ...plain.receive!, spool: () => fileSpool(spools) } }
  daemon = await GitDaemon.start(() => endpoint)
  work = StockGit.create()
  work.run('remote', 'add', 'origin', daemon.url('/vault'))
})
afterEach(async () => {
  expect(daemon.errors).toEqual([])
  expect(readdirSync(spools)).toEqual([])
  expect(served.git.text('fsck', '--strict')).not.toMatch(/error|missing|broken/)
  await daemon.close()
  await served.repository.objects.close()
  work.dispose()
})
afterAll(() => folders.dispose())

function edit(path: string, content: string | Uint8Array, message = `Edit ${path}`): void {
  mkdirSync(join(work.dir, path, '..'), { recursive: true })
  writeFileSync(join(work.dir, path), content)
  work.run('add', '--all')
  work.run('commit', '--quiet', '--message', message)
}

function push(...args: string[]) {
  return runGitBeside(work.dir, ['push', '--porcelain', ...(args.length ? args : ['origin', 'main'])])
}

function objectCount(): number {
  return served.git.text('cat-file', '--batch-all-objects', '--batch-check').split('\n').filter(Boolean).length
}

describe('[T4] stock git pushes to our server', () => {
  it('a first commit, further ones as deltas, a large file, and a merge', { timeout: 60_000 }, async () => {
    edit('Note.md', Array.from({ length: 200 }, (_, i) => `line ${i}`).join('\n'))
    expect(await push()).toMatchObject({ status: 0 })
    edit('Note.md', Array.from({ length: 201 }, (_, i) => `line ${i}`).join('\n'))
    edit('film.bin', noise(7 * 1024 * 1024))
    for (let i = 0; i < 30; i++) edit(`n/${i % 3}/${i}.md`, `note ${i}\n`)
    work.run('checkout', '--quiet', '-b', 'side', 'HEAD~5')
    edit('side.md', 'side\n')
    work.run('checkout', '--quiet', 'main')
    work.run('merge', '--quiet', '--no-edit', 'side')
    const { status, stdout } = await push()
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining('refs/heads/main') })
    expect(served.git.text('rev-parse', 'main')).toBe(work.text('rev-parse', 'main'))
    expect((await push()).stdout).toContain('[up to date]')
    edit('film.bin', concatBytes([noise(7 * 1024 * 1024), noise(100, 2)]), 'A delta on a blob that we never read whole')
    expect(await push()).toMatchObject({ status: 0 })
    expect(served.git.text('rev-parse', 'main')).toBe(work.text('rev-parse', 'main'))
  })

  it('several refs, of which one is refused; with --atomic none moves', async () => {
    edit('a.md', 'a')
    await push()
    const first = work.text('rev-parse', 'main')
    edit('b.md', 'b')
    work.run('branch', 'other')
    served.git.run('update-ref', 'refs/heads/main', first)
    endpoint = {
      ...endpoint,
      receive: {
        ...endpoint.receive!,
        mayUpdate: (updates) => new Map(updates.map(({ name }) => [name, name === MAIN ? 'no writing here' : null])),
      },
    }
    const atomic = await push('--atomic', 'origin', 'main', 'other')
    expect(atomic.status).toBe(1)
    expect(atomic.stdout).toContain('no writing here')
    expect(atomic.stdout).toContain('atomic push failure')
    expect(served.git.text('for-each-ref', '--format=%(refname)')).toBe('refs/heads/main')
    const both = await push('origin', 'main', 'other')
    expect(both.stdout).toContain('[remote rejected] (no writing here)')
    expect(served.git.text('for-each-ref', '--format=%(refname)')).toBe('refs/heads/main\nrefs/heads/other')
    expect((await push('origin', ':other')).status).toBe(0)
    expect(served.git.text('for-each-ref', '--format=%(refname)')).toBe('refs/heads/main')
  })

  it('is told to fetch first when the ref has moved, and that a forced push is no way forward', async () => {
    edit('a.md', 'a')
    await push()
    const other = new StockGit(folders.make())
    expect((await runGitBeside(other.dir, ['clone', '--quiet', daemon.url('/vault'), '.'])).status).toBe(0)
    edit('b.md', 'b')
    await push()
    other.run('commit', '--quiet', '--allow-empty', '--message', 'Beside')
    const late = await runGitBeside(other.dir, ['push', 'origin', 'main'])
    expect(late.status).toBe(1)
    expect(late.stderr).toContain('(fetch first)')
    const forced = await runGitBeside(other.dir, ['push', '--force', 'origin', 'main'])
    expect(forced.stderr).toContain('[remote rejected] main -> main (non-fast-forward)')
    expect(served.git.text('rev-parse', 'main')).toBe(work.text('rev-parse', 'main'))
  })

  it('is refused symbolic links and submodules where they are not allowed, with the reason', async () => {
    edit('a.md', 'a')
    await push()
    const before = objectCount()
    symlinkSync('/etc/passwd', join(work.dir, 'link'))
    work.run('add', '--all')
    work.run('commit', '--quiet', '--message', 'Link')
    const link = await push()
    expect(link).toMatchObject({ status: 1, stderr: expect.stringContaining('the symbolic link link') })
    expect(link.stdout).toContain('unpacker error')
    work.run('reset', '--quiet', '--hard', 'HEAD~1')
    work.run('update-index', '--add', '--cacheinfo', `160000,${work.text('rev-parse', 'HEAD')},sub`)
    work.run('commit', '--quiet', '--message', 'Submodule')
    expect((await push()).stderr).toContain('the submodule sub')
    expect(objectCount()).toBe(before)
  })
})

describe('[T2] a hostile push is refused with a reason, and leaves nothing behind', () => {
  const blob = aBlob('content\n')
  const file = oidOf(nodeCodec, blob)

  async function refused(to: Oid, pack: Uint8Array, reason: RegExp, name: string = MAIN): Promise<void> {
    const report = await rawPush(endpoint, [{ name, from: null, to }], pack)
    expect(report.refs.get(name)).not.toBeNull()
    expect(report.unpack ?? report.refs.get(name)).toMatch(reason)
    expect(objectCount()).toBe(0)
    expect(served.git.text('for-each-ref')).toBe('')
  }

  for (const name of [
    '..',
    '.',
    '.git',
    '.GIT',
    '.g\u200cit',
    'git~1',
    '.git ',
    'a/b',
    '',
    '.gitmodules',
    'C:\\.git\\x',
  ]) {
    it(`a tree with the name ${JSON.stringify(name)}`, async () => {
      const { commit, pack } = history(rawTree([{ name, oid: file }]), [blob])
      await refused(commit, pack, /a tree holds|malformed/)
    })
  }

  for (const [what, entries] of [
    ['a mode that git does not know', [{ mode: '100664', name: 'a', oid: file }]],
    [
      'names out of order',
      [
        { name: 'b', oid: file },
        { name: 'a', oid: file },
      ],
    ],
    [
      'a name twice',
      [
        { name: 'a', oid: file },
        { name: 'a', oid: file },
      ],
    ],
    ['a file where a folder belongs', [{ mode: '40000' as FileMode, name: 'a', oid: file }]],
    ['a control character', [{ name: 'a\u0007b', oid: file }]],
  ] as const) {
    it(`a tree with ${what}`, async () => {
      const { commit, pack } = history(rawTree(entries), [blob])
      await refused(commit, pack, /a tree holds|belongs|control character/)
    })
  }

  it('a commit whose tree, blob or parent is missing', async () => {
    const tree = rawTree([{ name: 'a', oid: file }])
    await refused(history(tree, []).commit, history(tree, []).pack, /missing necessary objects/)
    const { objects, commit } = history(tree, [blob])
    await refused(commit, packOf(nodeCodec, [objects[0]!]), /missing necessary objects/)
    const orphan = vault({ 'a.md': 'a' }, [nobodys(1)])
    await refused(orphan.commit, orphan.pack, /missing necessary objects/)
    await refused(nobodys(2), packOf(nodeCodec, []), /missing necessary objects/)
  })

  it('a malformed commit, and a ref that names no commit', async () => {
    const bad: GitObject = { type: 'commit', content: Buffer.from(`tree ${file}\nauthor nobody\n\n`) }
    await refused(oidOf(nodeCodec, bad), packOf(nodeCodec, [bad]), /malformed/)
    await refused(file, packOf(nodeCodec, [blob]), /non-commit object/)
  })

  it('a pack that is damaged, cut, miscounted, or holds an object twice', async () => {
    const { commit, pack } = vault({ 'a.md': 'a', 'b.md': 'b' })
    const body = pack.subarray(0, -20)
    await refused(commit, concatBytes([body, new Uint8Array(20)]), /does not match its checksum/)
    await refused(
      commit,
      withTrailer(body.map((byte, i) => (i === 11 ? byte - 1 : byte))),
      /checksum|more than it says/,
    )
    await refused(
      commit,
      withTrailer(body.map((byte, i) => (i === 30 ? byte ^ 0xff : byte))),
      /zlib|checksum|unknown kind/,
    )
    await refused(commit, packOf(nodeCodec, [blob, blob]), /twice/)
    await refused(commit, new TextEncoder().encode('not a pack, but long enough for one'), /not a pack/)
  })

  it('deltas without a base, in a circle, or that make bombs', async () => {
    const { commit } = vault({ 'a.md': 'a' })
    const delta = Uint8Array.from([4, 4, 0x90, 4])
    await refused(commit, rawPack([{ base: nobodys(3), content: delta }]), /base .* is missing/)
    const bomb = Uint8Array.from([8, 0x80, 0x80, 0x80, 0x80, 0x40, 0x90, 8])
    await refused(commit, rawPack([{ content: new Uint8Array(8) }, { base: 0, content: bomb }]), /more than/)
    const zeros = new Uint8Array(16 * 1024 * 1024)
    const many = Array.from({ length: 40 }, (_, i) => ({ base: 0, content: bigCopy(zeros.length, i) }))
    await refused(commit, rawPack([{ content: zeros }, ...many]), /inflates to too much/)
  })

  it('an entry that claims five gigabytes is refused at its header', async () => {
    const claim = concatBytes([encodePackHeader(1), encodeEntryHeader('blob', 5 * 1024 ** 3), noise(1000)])
    await refused(nobodys(4), claim, /an object of 5368709120 bytes/)
  })

  it('ref names that git refuses, and deletions of what is not there', async () => {
    const { commit, pack } = vault({ 'a.md': 'a' })
    for (const name of [
      'refs/heads/../x',
      'refs/heads/a.lock',
      'HEAD',
      'refs/heads/a~1',
      'refs/heads/\x01',
      'config',
    ]) {
      await refused(commit, pack, /funny refname/, name)
    }
    const report = await rawPush(endpoint, [{ name: MAIN, from: commit, to: null }])
    expect(report).toEqual({ unpack: null, refs: new Map([[MAIN, 'stale info']]) })
  })

  it('a ref that is named twice does not move; a good one beside a bad one does', async () => {
    const { commit, pack } = vault({ 'a.md': 'a' })
    const report = await rawPush(
      endpoint,
      [
        { name: MAIN, from: null, to: commit },
        { name: MAIN, from: null, to: commit },
      ],
      pack,
    )
    expect(report.unpack).toBeNull()
    expect(served.git.text('for-each-ref', '--format=%(refname)')).toBe('')
    expect(report.refs.get(MAIN)).toMatch(/multiple updates/)
    const beside = [
      { name: 'refs/heads/a..b', from: null, to: commit },
      { name: MAIN, from: null, to: commit },
    ]
    expect([...(await rawPush(endpoint, beside, pack)).refs.values()]).toEqual(['funny refname', null])
    expect(served.git.text('rev-parse', 'main')).toBe(commit)
  })
})

/** A delta that copies a base of `size` bytes whole, and then says its number, so that no two make the same. */
function bigCopy(size: number, number: number): Uint8Array {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)])
  const copies: number[] = []
  for (let at = 0; at < size; at += 0x800000)
    copies.push(0x80 | 4 | 8 | 0x40, (at >> 16) & 0xff, (at >> 24) & 0xff, 0x80)
  return Uint8Array.from([...varint(size), ...varint(size + 1), ...copies, 1, number])
}
