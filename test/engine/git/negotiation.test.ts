import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '../../../src/adapters/memory/memory-object-store.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { commitHaves } from '../../../src/engine/commit-haves.ts'
import { descends } from '../../../src/engine/descent.ts'
import { VisibleHistory } from '../../../src/engine/visible-history.ts'
import { CommitGraph } from '../../../src/history/commit-graph.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import type { RefName } from '../../../src/ports/ref-store.ts'

const oid = (n: number): Oid => n.toString(16).padStart(40, '0') as Oid
const TREE = oid(0xffff)

/** Commits by number, each with its parents; later ones are newer. */
function graphOf(commits: Readonly<Record<number, readonly number[]>>): CommitGraph {
  const graph = new CommitGraph()
  for (const [number, parents] of Object.entries(commits)) {
    graph.add(oid(Number(number)), { parents: parents.map(oid), tree: TREE, seconds: Number(number) })
  }
  return graph
}

function historyOf(graph: CommitGraph, tips: readonly number[]): Promise<VisibleHistory> {
  const objects = new MemoryObjectStore(nodeCodec)
  const repository = { objects, graph, codec: nodeCodec, recall: async () => false, readTree: async () => null }
  const refs = new Map(tips.map((tip) => [`refs/heads/${tip}` as RefName, oid(tip)]))
  return VisibleHistory.open(repository, { refs, head: null })
}

//  1 - 2 - 3 - 5 - 6        7 - 8 (unrelated)
//       \- 4 -/
const GRAPH = graphOf({ 1: [], 2: [1], 3: [2], 4: [2], 5: [3, 4], 6: [5], 7: [], 8: [7] })

describe('[T1] negotiation', () => {
  it('a server is ready when every want descends from something common', async () => {
    const history = await historyOf(GRAPH, [6, 8])
    const ready = (wants: number[], common: number[]) => history.ready(wants.map(oid), new Set(common.map(oid)))
    expect(ready([6], [3])).toBe(true)
    expect(ready([6], [6])).toBe(true)
    expect(ready([6, 8], [3])).toBe(false)
    expect(ready([6, 8], [3, 7])).toBe(true)
    expect(ready([3], [4])).toBe(false)
    expect(ready([3], [6])).toBe(false)
  })

  it('acknowledges visible commits only', async () => {
    const history = await historyOf(GRAPH, [3])
    expect(history.common([1, 2, 3, 4, 6, 8, 99].map(oid))).toEqual([1, 2, 3].map(oid))
    expect(await history.notOurs([oid(3), oid(1)])).toBeNull()
    expect(await history.notOurs([oid(3), oid(4)])).toBe(oid(4))
  })

  it('a client names its newest commits first, and nothing that is below what both have', () => {
    const haves = commitHaves(GRAPH, [oid(6), oid(8)])
    expect(haves.next(3, [])).toEqual([8, 7, 6].map(oid))
    expect(haves.next(2, [oid(7)])).toEqual([5, 4].map(oid))
    expect(haves.next(9, [oid(4)])).toEqual([oid(3)])
    expect(haves.next(9, [])).toEqual([])
  })

  it('a pushed commit continues another through what it brought', () => {
    const who = { name: 'A', email: 'a@b', seconds: 1, zoneMinutes: 0 }
    const fresh = [
      [10, 6],
      [11, 10],
      [12, 3],
    ].map(([number, parent]) => ({
      oid: oid(number!),
      commit: { tree: TREE, parents: [oid(parent!)], author: who, committer: who, message: '' },
    }))
    const is = (from: number, to: number) => descends(GRAPH, fresh, oid(from), oid(to))
    expect([is(6, 11), is(4, 11), is(11, 11), is(6, 12), is(4, 12), is(2, 12), is(8, 11)]).toEqual([
      true,
      true,
      true,
      false,
      false,
      true,
      false,
    ])
  })
})
