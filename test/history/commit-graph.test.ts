import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { CommitGraph } from '../../src/history/commit-graph.ts'
import type { Oid } from '../../src/objects/oid.ts'

const TREE = 'a'.repeat(40) as Oid
const oid = (n: number) => n.toString(16).padStart(40, '0') as Oid

/** Commits 0, 1, 2 … with the parents given; later ones may only name earlier ones. */
function graphOf(parents: readonly (readonly number[])[], order = parents.map((_, i) => i)): CommitGraph {
  const graph = new CommitGraph()
  for (const i of order) graph.add(oid(i), { parents: parents[i]!.map(oid), tree: TREE, seconds: i })
  return graph
}

/** Random histories: each commit has up to three of the commits before it as parents. */
const histories = fc
  .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 14 })
  .map((picks) => picks.map((pick, i) => (i === 0 ? [] : [...new Set(pick.map((n) => n % i))])))

function ancestorsOf(parents: readonly (readonly number[])[], i: number): Set<number> {
  return new Set([i, ...parents[i]!.flatMap((parent) => [...ancestorsOf(parents, parent)])])
}

describe('CommitGraph', () => {
  const crissCross = [[], [0], [0], [1, 2], [1, 2], [3], [4]]

  it('takes commits in any order, children first too', () => {
    const graph = graphOf(crissCross, [6, 5, 4, 3, 2, 1, 0])
    expect(graph.generation(oid(6))).toBe(4)
    expect(graph.generation(oid(0))).toBe(1)
  })

  it('finds all best common ancestors of a criss-cross history', () => {
    expect(graphOf(crissCross).mergeBases([oid(5)], [oid(6)])).toEqual([oid(1), oid(2)])
  })

  it('takes a set of commits as a merge of them that is not made yet', () => {
    const graph = graphOf([[], [0], [0], [1], [2], [1, 2]])
    expect(graph.mergeBases([oid(3), oid(4)], [oid(5)])).toEqual([oid(1), oid(2)])
  })

  it('finds no merge base of unrelated histories', () => {
    expect(graphOf([[], []]).mergeBases([oid(0)], [oid(1)])).toEqual([])
  })

  it('says which commit is missing', () => {
    const graph = new CommitGraph()
    graph.add(oid(2), { parents: [oid(1)], tree: TREE, seconds: 0 })
    expect(() => graph.generation(oid(2))).toThrowError(
      expect.objectContaining({ code: 'missing-object', oid: oid(1) }),
    )
    expect(() => graph.maximal([oid(7)])).toThrowError(expect.objectContaining({ code: 'missing-object', oid: oid(7) }))
  })

  it('walks a history of 50,000 commits without recursion', () => {
    const graph = graphOf(Array.from({ length: 50_000 }, (_, i) => (i === 0 ? [] : [i - 1])))
    const [first, last] = [oid(0), oid(49_999)]
    expect(graph.isAncestor(first, last)).toBe(true)
    expect(graph.mergeBases([first], [last])).toEqual([first])
    expect(graph.maximal([first, last])).toEqual([last])
    expect(graph.ancestorsNotIn([last], [first])).toHaveLength(49_999)
  })

  it('agrees with the definition on random histories', () => {
    fc.assert(
      fc.property(
        histories,
        fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        (parents, a, b) => {
          const graph = graphOf(parents)
          const left = a.map((n) => n % parents.length)
          const right = b.map((n) => n % parents.length)
          const all = parents.map((_, i) => ancestorsOf(parents, i))
          const union = (commits: readonly number[]) => new Set(commits.flatMap((i) => [...all[i]!]))
          const best = (commits: Iterable<number>) => {
            const set = new Set(commits)
            return [...set]
              .filter((i) => ![...set].some((j) => j !== i && all[j]!.has(i)))
              .sort((x, y) => x - y)
              .map(oid)
          }
          const [leftAll, rightAll] = [union(left), union(right)]

          expect(graph.isAncestor(oid(left[0]!), oid(right[0]!))).toBe(all[right[0]!]!.has(left[0]!))
          expect(graph.maximal([...left, ...right].map(oid))).toEqual(best([...left, ...right]))
          expect(graph.mergeBases(left.map(oid), right.map(oid))).toEqual(
            best([...leftAll].filter((i) => rightAll.has(i))),
          )

          const listed = graph.ancestorsNotIn(left.map(oid), right.map(oid))
          expect([...listed].sort()).toEqual(
            [...leftAll]
              .filter((i) => !rightAll.has(i))
              .map(oid)
              .sort(),
          )
          for (const [at, commit] of listed.entries()) {
            for (const parent of graph.node(commit).parents) expect(listed.slice(0, at)).not.toContain(parent)
          }
        },
      ),
    )
  })

  it('lists newest first where the history leaves the choice', () => {
    const graph = new CommitGraph()
    graph.add(oid(0), { parents: [], tree: TREE, seconds: 9 })
    graph.add(oid(1), { parents: [oid(0)], tree: TREE, seconds: 1 })
    graph.add(oid(2), { parents: [oid(0)], tree: TREE, seconds: 5 })
    expect(graph.ancestorsNotIn([oid(1), oid(2)], [])).toEqual([oid(2), oid(1), oid(0)])
  })
})
