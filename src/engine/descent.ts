import type { CommitGraph } from '../history/commit-graph.ts'
import type { Oid } from '../objects/oid.ts'
import type { FreshCommit } from './connectivity.ts'

/** Whether `to` is `from` or descends from it, through commits of the graph and `fresh` ones above it. */
export function descends(graph: CommitGraph, fresh: readonly FreshCommit[], from: Oid, to: Oid): boolean {
  const parents = new Map(fresh.map(({ oid, commit }) => [oid, commit.parents]))
  const seen = new Set<Oid>()
  const waiting = [to]
  for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
    if (oid === from) return true
    if (seen.has(oid)) continue
    seen.add(oid)
    const above = parents.get(oid)
    if (above) waiting.push(...above)
    else if (graph.has(from) && graph.has(oid) && graph.isAncestor(from, oid)) return true
  }
  return false
}
