import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Oid } from '../../../src/objects/oid.ts'
import type { RefName } from '../../../src/ports/ref-store.ts'
import { aRepository } from '../../support/git-history.ts'
import { GitDaemon } from '../../support/git-daemon.ts'
import { runGitBeside, StockGit } from '../../support/git.ts'
import { Folders, openOnDisk, plainEndpoint } from './git-fixture.ts'
import type { OnDisk } from './git-fixture.ts'

const folders = new Folders()
let work: StockGit
let served: OnDisk
let daemon: GitDaemon
const hiddenRefs: RefName[] = []
/** Bytes of packs. */
let sent = 0

beforeAll(async () => {
  work = aRepository()
  served = await openOnDisk(join(work.dir, '.git'))
  daemon = await GitDaemon.start((path) => {
    if (path !== '/vault') return undefined
    const { upload } = plainEndpoint(served, hiddenRefs)
    return { upload: { ...upload!, onBytes: (count) => (sent += count) } }
  })
})
afterEach(() => {
  expect(daemon.errors).toEqual([])
  hiddenRefs.length = 0
})
afterAll(async () => {
  await daemon.close()
  await served.repository.objects.close()
  work.dispose()
  folders.dispose()
})

async function cloned(...args: string[]): Promise<StockGit> {
  const folder = folders.make()
  const result = await runGitBeside(folder, ['clone', '--quiet', ...args, daemon.url('/vault'), 'clone'])
  expect(result).toMatchObject({ status: 0 })
  return new StockGit(join(folder, 'clone'))
}

async function ok(git: StockGit, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runGitBeside(git.dir, args)
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
  return stdout.trim()
}

function missingOf(git: StockGit): string[] {
  return git
    .text('rev-list', '--objects', '--all', '--missing=print')
    .split('\n')
    .filter((line) => line.startsWith('?'))
}

describe('[T1] stock git fetches from our server', () => {
  it('clones a history with merges, renames, tags and odd names, byte for byte', async () => {
    const clone = await cloned()
    expect(clone.text('fsck', '--strict')).toBe('')
    expect(clone.text('rev-parse', 'HEAD', 'v1', 'origin/side')).toBe(work.text('rev-parse', 'HEAD', 'v1', 'side'))
    expect(clone.text('symbolic-ref', 'HEAD')).toBe('refs/heads/main')
    expect(clone.text('rev-list', '--objects', '--all', '--count')).toBe(
      work.text('rev-list', '--objects', '--all', '--count'),
    )
    expect(clone.text('status', '--porcelain')).toBe('')
  })

  it('sends an edit as a few hundred bytes, and nothing when there is nothing new', async () => {
    const clone = await cloned()
    expect(await ok(clone, 'fetch', '--verbose')).toBe('')
    writeFileSync(join(work.dir, 'notes/long.md'), `${work.text('show', 'HEAD:notes/long.md')}\nOne more line\n`)
    work.run('commit', '--quiet', '--all', '--message', 'One more')
    sent = 0
    const { stderr } = await runGitBeside(clone.dir, ['fetch'], { GIT_TRACE_PACKET: '1' })
    expect(stderr).toMatch(/< ready$/m)
    expect(clone.text('rev-parse', 'origin/main')).toBe(work.text('rev-parse', 'main'))
    expect(clone.text('count-objects', '--verbose')).toMatch(/^count: 4$/m)
    expect(sent).toBeGreaterThan(200)
    expect(sent).toBeLessThan(900)
    expect(clone.text('fsck', '--strict')).toBe('')
  })

  it('finds what both have in a client that is far ahead of it', async () => {
    const clone = await cloned()
    for (let i = 0; i < 60; i++) clone.run('commit', '--quiet', '--allow-empty', '--message', `Alone ${i}`)
    writeFileSync(join(work.dir, 'far.md'), 'far\n')
    work.run('add', 'far.md')
    work.run('commit', '--quiet', '--message', 'Far')
    await ok(clone, 'fetch')
    expect(clone.text('count-objects', '--verbose')).toMatch(/^count: 63$/m)
    expect(clone.text('fsck', '--strict')).toBe('')
  })

  for (const filter of ['blob:none', 'blob:limit=1k', 'tree:0']) {
    it(
      `makes a partial clone with ${filter}, and gives the rest when it is asked for`,
      { timeout: 60_000 },
      async () => {
        const clone = await cloned(`--filter=${filter}`, '--no-checkout')
        expect(missingOf(clone).length).toBeGreaterThan(0)
        if (filter === 'blob:limit=1k') {
          const small = clone.text('rev-parse', 'HEAD:a')
          expect(missingOf(clone)).not.toContain(`?${small}`)
          expect(missingOf(clone)).toContain(`?${clone.text('rev-parse', 'HEAD:picture.png')}`)
        }
        await ok(clone, 'checkout', 'main')
        expect(clone.text('status', '--porcelain')).toBe('')
        expect(clone.text('rev-parse', 'HEAD^{tree}')).toBe(work.text('rev-parse', 'main^{tree}'))
        expect(clone.text('fsck', '--strict')).toBe('')
      },
    )
  }

  it('follows new commits in a partial clone', async () => {
    const clone = await cloned('--filter=blob:none')
    writeFileSync(join(work.dir, 'notes/long.md'), `partial\n${work.text('show', 'HEAD:notes/long.md')}\n`)
    work.run('commit', '--quiet', '--all', '--message', 'For the partial clone')
    await ok(clone, 'pull', '--quiet')
    expect(clone.text('rev-parse', 'HEAD^{tree}')).toBe(work.text('rev-parse', 'main^{tree}'))
    expect(clone.text('status', '--porcelain')).toBe('')
    expect(clone.text('fsck', '--strict')).toBe('')
  })

  for (const args of [[], ['--filter=blob:none'], ['--filter=blob:limit=1k']]) {
    it(
      `serves a store that git has packed with deltas: clone ${args.join()}, and a fetch`,
      { timeout: 60_000 },
      async () => {
        const clone = await cloned(...args)
        work.run('commit', '--quiet', '--allow-empty', '--message', 'Before it is packed')
        work.run('gc', '--quiet', '--aggressive', '--prune=now')
        const packed = work.text('verify-pack', '--verbose', ...readdirSync(join(work.dir, '.git/objects/pack')).filter((name) => name.endsWith('.idx')).map((name) => join('.git/objects/pack', name))) // prettier-ignore
        expect(packed).toMatch(/^chain length = \d+: \d+ objects?$/m)
        await ok(clone, 'pull', '--quiet')
        const fresh = await cloned(...args)
        for (const git of [clone, fresh]) {
          expect(git.text('rev-parse', 'HEAD')).toBe(work.text('rev-parse', 'main'))
          expect(git.text('status', '--porcelain')).toBe('')
          expect(git.text('fsck', '--strict')).toBe('')
        }
        writeFileSync(join(work.dir, 'notes/long.md'), `${work.text('show', 'HEAD:notes/long.md')}\n${args.join()}\n`)
        work.run('commit', '--quiet', '--all', '--message', 'On what is packed')
        await ok(fresh, 'pull', '--quiet')
        expect(fresh.text('rev-parse', 'HEAD^{tree}')).toBe(work.text('rev-parse', 'main^{tree}'))
        expect(fresh.text('fsck', '--strict')).toBe('')
      },
    )
  }

  it('lets git say that shallow clones are not to be had', async () => {
    const { status, stderr } = await runGitBeside(folders.make(), ['clone', '--depth=1', daemon.url('/vault'), '.'])
    expect({ status, stderr }).toEqual({ status: 128, stderr: expect.stringMatching(/does not support shallow/) })
  })

  it('clones an empty vault: HEAD is known before it is born', async () => {
    const folder = folders.make()
    new StockGit(folder).run('init', '--quiet', '--bare', '--initial-branch=main', 'empty')
    const empty = await openOnDisk(join(folder, 'empty'))
    const other = await GitDaemon.start(() => plainEndpoint(empty))
    const result = await runGitBeside(folder, [
      'clone',
      '--quiet',
      '-c',
      'init.defaultBranch=other',
      other.url('/x'),
      'c',
    ])
    expect(result.status).toBe(0)
    expect(new StockGit(join(folder, 'c')).text('symbolic-ref', 'HEAD')).toBe('refs/heads/main')
    await other.close()
    await empty.repository.objects.close()
  })
})

describe('[S1] only what is reachable from visible refs can be wanted', () => {
  async function fetchOid(oid: string): Promise<{ status: number | null; stderr: string }> {
    const git = StockGit.create()
    const result = await runGitBeside(git.dir, ['fetch', '--quiet', daemon.url('/vault'), oid])
    git.dispose()
    return result
  }

  it('refuses a hidden commit, its trees and its blobs in git’s words, and serves them once they are visible', async () => {
    work.run('checkout', '--quiet', '-b', 'secret')
    writeFileSync(join(work.dir, 'secret.md'), 'secret\n')
    work.run('add', 'secret.md')
    work.run('commit', '--quiet', '--message', 'Secret')
    work.run('checkout', '--quiet', 'main')
    hiddenRefs.push('refs/heads/secret')
    const oids = work.text('rev-parse', 'secret', 'secret^{tree}', 'secret:secret.md').split('\n')
    for (const oid of oids) {
      expect(await fetchOid(oid)).toMatchObject({ status: 128, stderr: expect.stringContaining(`not our ref ${oid}`) })
    }
    expect(daemon.outcomes.at(-1)).toMatchObject({ result: 'refused', code: 'refused' })
    expect((await fetchOid(work.text('rev-parse', 'main~3'))).status).toBe(0)
    hiddenRefs.length = 0
    expect((await fetchOid(oids[0]!)).status).toBe(0)
  })

  it('refuses an object that is in the store and in no history', async () => {
    const oid = work.runWith({ input: 'orphan' }, 'hash-object', '-w', '--stdin').toString().trim() as Oid
    expect((await fetchOid(oid)).stderr).toContain(`not our ref ${oid}`)
    expect((await fetchOid('12'.repeat(20))).stderr).toContain('not our ref')
  })

  it('answers a path that is hidden as one that does not exist', async () => {
    const { status, stderr } = await runGitBeside(folders.make(), ['ls-remote', daemon.url('/other')])
    expect(status).toBe(128)
    expect(stderr).toContain('access denied or repository not exported: /other')
  })

  it('says which version it speaks to a client of another', async () => {
    const { status, stderr } = await runGitBeside(folders.make(), [
      '-c',
      'protocol.version=0',
      'ls-remote',
      daemon.url('/vault'),
    ])
    expect(status).toBe(128)
    expect(stderr).toContain("only version 2 of git's protocol is spoken here")
  })
})
