import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GitPeer } from '../../../src/engine/git-peer.ts'
import type { SyncOptions } from '../../../src/engine/sync-with-peer.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import type { RefName } from '../../../src/ports/ref-store.ts'
import type { GitService } from '../../../src/protocol/git/service-request.ts'
import { Folders } from './git-fixture.ts'
import { branch, CARRIERS, counting, results, syncSide, twoSides } from './sync-fixture.ts'
import type { Carrier, Side } from './sync-fixture.ts'

const PATIENT = 60_000
const MAIN = branch('main')
const MEMORY = CARRIERS['our server over memory streams']!
const PIPES = CARRIERS['stock git on pipes']!

const folders = new Folders()
let here: Side
let there: Side
let base: string
let carrier: Carrier | null = null

beforeEach(() => {
  ;({ base, here, there } = twoSides(folders))
})
afterEach(async () => {
  await carrier?.close()
  carrier = null
  for (const side of [here, there]) {
    await side.close()
    expect(side.faults()).toBe('')
  }
})
afterAll(() => folders.dispose())

const sync = (peer: GitPeer, more: Partial<SyncOptions> = {}, side = here) => syncSide(side, peer, more)

/** The commit still is the past of some ref. */
function expectKept(side: Side, ...commits: Oid[]): void {
  for (const commit of commits)
    expect(side.git.text('for-each-ref', '--contains', commit, '--format=%(refname)')).not.toBe('')
}

/** Both moved `main`, each in its own line. */
function movedApart(): { ours: Oid; theirs: Oid } {
  const ours = here.edit('main', { 'Note.md': 'one, here\n\ntwo\n\nthree\n', 'Here.md': 'here\n' })
  const theirs = there.edit('main', { 'Note.md': 'one\n\ntwo\n\nthree, there\n', 'There.md': 'there\n' })
  return { ours, theirs }
}

/** Calls back before a conversation of that kind begins, at most once. */
function before(peer: GitPeer, service: GitService, act: () => void): GitPeer {
  let done = false
  return {
    connect: (asked, signal) => {
      if (asked === service && !done) {
        done = true
        act()
      }
      return peer.connect(asked, signal)
    },
  }
}

describe.each(Object.entries(CARRIERS))('[T3] a sync with %s', (_name, open) => {
  beforeEach(async () => {
    for (const side of [here, there]) {
      side.edit('equal', { 'E.md': 'equal\n' }, MAIN)
      side.edit('behind', { 'B.md': 'one\n' }, MAIN)
      side.edit('ahead', { 'A.md': 'one\n' }, MAIN)
    }
    here.edit('only-here', { 'H.md': 'here\n' }, MAIN)
    there.edit('only-there', { 'T.md': 'there\n' }, MAIN)
    there.edit('behind', { 'B.md': 'two\n' })
    here.edit('ahead', { 'A.md': 'two\n' })
  })

  it('does what the table says, both ways, and the second time nothing', { timeout: PATIENT }, async () => {
    const { ours, theirs } = movedApart()
    carrier = await open(there, base)
    const report = await sync(carrier.peer)
    expect(results(report)).toEqual({
      equal: 'up-to-date',
      'only-here': 'pushed',
      'only-there': 'fetched',
      behind: 'fetched',
      ahead: 'pushed',
      main: 'merged',
    })
    expect(new Map(there.refs())).toEqual(new Map(here.refs()))
    const merged = here.refs().get(MAIN)!
    expect(here.git.text('rev-parse', `${merged}^1`, `${merged}^2`).split('\n').sort()).toEqual([ours, theirs].sort())
    expect(there.text('main', 'Note.md')).toBe('one, here\n\ntwo\n\nthree, there')
    expect([there.text('main', 'Here.md'), here.text('main', 'There.md')]).toEqual(['here', 'there'])

    const again = await sync(carrier.peer)
    expect(new Set(Object.values(results(again)))).toEqual(new Set(['up-to-date']))
    expect(again.plan.needsSync).toBe(false)
  })

  it('in one direction changes nothing on the other side', { timeout: PATIENT }, async () => {
    carrier = await open(there, base)
    const before = there.refs()
    expect(results(await sync(carrier.peer, { direction: 'fetch' }))).toMatchObject({
      'only-here': 'ahead-here',
      ahead: 'ahead-here',
      'only-there': 'fetched',
      behind: 'fetched',
    })
    expect(there.refs()).toEqual(before)
    there.edit('behind', { 'B.md': 'three\n' })
    const ours = here.refs()
    expect(results(await sync(carrier.peer, { direction: 'push' }))).toMatchObject({
      'only-here': 'pushed',
      ahead: 'pushed',
      behind: 'ahead-there',
    })
    expect(here.refs()).toEqual(ours)
    expect(there.refs().get(branch('ahead'))).toBe(ours.get(branch('ahead')))
  })

  it('[T3] keeps what loses under a backup ref, whichever side is preferred', { timeout: PATIENT }, async () => {
    const { ours, theirs } = movedApart()
    carrier = await open(there, base)
    const local = await sync(carrier.peer, { strategy: 'prefer-local' })
    const backup: RefName = `refs/backup/heads/main/${theirs.slice(0, 12)}`
    expect(local.refs.get(MAIN)).toEqual({ result: 'kept-local', backup })
    expect([there.refs().get(MAIN), there.refs().get(backup)]).toEqual([ours, theirs])
    expect([here.refs().get(MAIN), here.refs().has(backup)]).toEqual([ours, false])

    const next = here.edit('main', { 'Note.md': 'here again\n' })
    const other = there.edit('main', { 'Note.md': 'there again\n' })
    const remote = await sync(carrier.peer, { strategy: 'prefer-remote' })
    const kept: RefName = `refs/backup/heads/main/${next.slice(0, 12)}`
    expect(remote.refs.get(MAIN)).toEqual({ result: 'took-remote', backup: kept })
    expect([here.refs().get(MAIN), here.refs().get(kept), there.refs().get(MAIN)]).toEqual([other, next, other])
    expectKept(there, theirs, other, ours)
  })

  it('leaves a conflict to a person, and both sides as they are', { timeout: PATIENT }, async () => {
    const { ours, theirs } = movedApart()
    carrier = await open(there, base)
    const report = await sync(carrier.peer, { strategy: 'conflict' })
    expect(report.refs.get(MAIN)).toEqual({ result: 'conflict' })
    expect(report.plan.conflicts).toEqual([MAIN])
    expect([here.refs().get(MAIN), there.refs().get(MAIN)]).toEqual([ours, theirs])
    expect(results(report)).toMatchObject({ 'only-here': 'pushed', 'only-there': 'fetched' })
  })
})

describe('[T3] a sync while others move the same refs', () => {
  it('plans again when the peer’s ref was moved meanwhile, and loses neither', { timeout: PATIENT }, async () => {
    const ours = here.edit('main', { 'Here.md': 'here\n' })
    let theirs: Oid | undefined
    carrier = await PIPES(there, base)
    const peer = before(
      carrier.peer,
      'git-receive-pack',
      () => (theirs = there.edit('main', { 'There.md': 'there\n' })),
    )
    expect(results(await sync(peer))).toEqual({ main: 'merged' })
    expect(there.refs().get(MAIN)).toBe(here.refs().get(MAIN))
    expectKept(there, ours, theirs!)
  })

  it('plans again when our own was', { timeout: PATIENT }, async () => {
    const theirs = there.edit('main', { 'There.md': 'there\n' })
    carrier = await MEMORY(there, base)
    const { refs } = await here.opened()
    let ours: Oid | undefined
    const local = {
      list: () => refs.list(),
      compareAndSwap: (name: RefName, from: Oid | null, to: Oid | null) => {
        ours ??= here.edit('main', { 'Here.md': 'here\n' })
        return refs.compareAndSwap(name, from, to)
      },
    }
    expect(results(await sync(carrier.peer, { local }))).toEqual({ main: 'merged' })
    expect(there.refs().get(MAIN)).toBe(here.refs().get(MAIN))
    expectKept(here, ours!, theirs)
  })

  it('[V3] two sides that merge at once make the same commit', { timeout: PATIENT }, async () => {
    const { ours } = movedApart()
    carrier = await PIPES(there, base)
    await sync(carrier.peer, { direction: 'fetch' })
    const merged = here.refs().get(MAIN)!
    here.git.run('update-ref', MAIN, ours) // as it was when the other side looked
    const back = await PIPES(here, base)
    await sync(back.peer, { direction: 'fetch' }, there)
    expect(merged).not.toBe(ours)
    expect(there.refs().get(MAIN)).toBe(merged)
    await back.close()
  })

  it('leaves the ref of a peer that refuses, says why, and asks once', { timeout: PATIENT }, async () => {
    const hook = join(there.dir, 'hooks/update')
    writeFileSync(hook, '#!/bin/sh\n[ "$1" != refs/heads/main ]\n', { mode: 0o755 })
    const ours = here.edit('main', { 'Here.md': 'here\n' })
    here.edit('side', { 'Side.md': 'side\n' }, MAIN)
    const theirs = there.refs().get(MAIN)
    carrier = await PIPES(there, base)
    const { peer, count } = counting(carrier.peer, 'git-receive-pack')
    const report = await sync(peer)
    expect(report.refs.get(MAIN)).toEqual({ result: 'refused', side: 'there', reason: 'hook declined' })
    expect(results(report)).toMatchObject({ side: 'pushed' })
    expect([here.refs().get(MAIN), there.refs().get(MAIN)]).toEqual([ours, theirs])
    expect(count()).toBe(1)
  })

  it('[T3] moves nothing over what it could not keep', { timeout: PATIENT }, async () => {
    const { theirs } = movedApart()
    writeFileSync(join(there.dir, 'hooks/update'), '#!/bin/sh\ncase "$1" in refs/backup/*) exit 1;; esac\n', {
      mode: 0o755,
    })
    carrier = await PIPES(there, base)
    const report = await sync(carrier.peer, { strategy: 'prefer-local' })
    expect(report.refs.get(MAIN)).toMatchObject({ result: 'refused', side: 'there', reason: 'hook declined' })
    expect(there.refs()).toEqual(new Map([[MAIN, theirs]]))
  })
})
