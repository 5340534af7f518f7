import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CommitGraph } from '../../src/history/commit-graph.ts'
import { planBidirectionalSync, type SyncStrategy } from '../../src/history/sync-plan.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { isRefName, type RefName, type Refs } from '../../src/ports/ref-store.ts'

const oid = (n: number) => n.toString(16).padStart(40, '0') as Oid
const TREE = oid(0xffff)

/** 1 <- 2 <- 3, and 1 <- 4 beside them. 9 was never seen here. */
function history(): CommitGraph {
  const graph = new CommitGraph()
  const add = (n: number, ...parents: number[]) =>
    graph.add(oid(n), { parents: parents.map(oid), tree: TREE, seconds: n })
  add(1)
  add(2, 1)
  add(3, 2)
  add(4, 1)
  return graph
}

const MAIN = 'refs/heads/main'
const at = (n: number | null): Refs => new Map<RefName, Oid>(n === null ? [] : [[MAIN, oid(n)]])

describe('the plan of a synchronisation', () => {
  it.each([
    ['equal refs', 2, 2, 'up-to-date', [], []],
    ['a ref that is missing here', null, 9, 'fetch', [9], []],
    ['a ref that is missing there', 2, null, 'push', [], [2]],
    ['a remote that is ahead, and known', 1, 3, 'fetch', [], []],
    ['a remote that is behind', 3, 1, 'push', [], [3]],
    ['a remote commit that is not here', 3, 9, 'learn', [9], []],
  ] as const)('[T3] decides on %s', (_what, local, remote, action, toFetch, toPush) => {
    const plan = planBidirectionalSync(at(local), at(remote), history())
    expect(plan.refs).toMatchObject([{ name: MAIN, action }])
    expect(plan.toFetch).toEqual(toFetch.map(oid))
    expect(plan.toPush).toEqual(toPush.map(oid))
    expect(plan.needsSync).toBe(action !== 'up-to-date')
    expect(plan.conflicts).toEqual([])
  })

  it.each([
    ['merge', 'merge', [], [3]],
    ['conflict', 'conflict', [MAIN], []],
    ['prefer-local', 'keep-local', [], [3]],
    ['prefer-remote', 'take-remote', [], []],
  ] as const)('[T3] settles a ref that both moved by the strategy %s', (strategy, action, conflicts, toPush) => {
    const plan = planBidirectionalSync(at(3), at(4), history(), strategy)
    expect(plan.refs[0]!.action).toBe(action)
    expect(plan.conflicts).toEqual(conflicts)
    expect(plan.toPush).toEqual(toPush.map(oid))
    expect(plan.needsSync).toBe(true)
  })

  it('[T3] keeps what loses under a backup ref of its own', () => {
    const [local] = planBidirectionalSync(at(3), at(4), history(), 'prefer-local').refs
    const [remote] = planBidirectionalSync(at(3), at(4), history(), 'prefer-remote').refs
    expect([local!.backup, remote!.backup]).toEqual([
      `refs/backup/heads/main/${oid(4).slice(0, 12)}`,
      `refs/backup/heads/main/${oid(3).slice(0, 12)}`,
    ])
    expect(isRefName(local!.backup!)).toBe(true)
  })

  it('[T3] is mirrored on the other side: what one fetches the other pushes, and nobody decides twice', () => {
    const graph = history()
    const refs = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 4 })), {
      selector: ([name]) => name,
    })
    const toRefs = (list: [string, number][]): Refs =>
      new Map(list.map(([name, n]) => [`refs/heads/${name}` as RefName, oid(n)]))
    const mirror: Record<string, string> = { fetch: 'push', push: 'fetch', 'take-remote': 'keep-local', 'keep-local': 'take-remote' } // prettier-ignore
    const opposite: Record<SyncStrategy, SyncStrategy> = { merge: 'merge', conflict: 'conflict', 'prefer-local': 'prefer-remote', 'prefer-remote': 'prefer-local' } // prettier-ignore
    fc.assert(
      fc.property(refs, refs, fc.constantFrom(...(Object.keys(opposite) as SyncStrategy[])), (a, b, strategy) => {
        const here = planBidirectionalSync(toRefs(a), toRefs(b), graph, strategy)
        const there = planBidirectionalSync(toRefs(b), toRefs(a), graph, opposite[strategy])
        expect(there.refs.map((r) => [r.name, r.action, r.backup])).toEqual(
          here.refs.map((r) => [r.name, mirror[r.action] ?? r.action, r.backup]),
        )
        expect(here.needsSync).toBe(there.needsSync)
      }),
    )
  })
})
