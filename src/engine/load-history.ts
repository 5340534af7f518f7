import type { CommitGraph } from '../history/commit-graph.ts'
import type { Commit } from '../objects/commit.ts'
import type { Oid } from '../objects/oid.ts'
import { readCommit, type ObjectReader } from './connectivity.ts'

/**
 * Brings commits and their histories into the graph, as far as they are whole there: a commit joins it only after all of its ancestors
 * did. `onDamage` is told of each commit that cannot be read: whether to go on without it.
 *
 * Every ref was proven whole before it named its commit (T2), so only commits are read. What a damaged one lacks may be more than itself:
 * its parents are not known before it is back.
 */
export async function loadHistory(
  store: ObjectReader,
  graph: CommitGraph,
  tips: Iterable<Oid>,
  onDamage: (oid: Oid, error: unknown) => boolean,
): Promise<void> {
  const commits = new Map<Oid, Commit>()
  const met = new Set<Oid>()
  const pending = [...tips]
  for (let oid = pending.pop(); oid !== undefined; oid = pending.pop()) {
    if (met.has(oid) || graph.has(oid)) continue
    met.add(oid)
    const commit = await read(oid)
    if (!commit) continue
    commits.set(oid, commit)
    pending.push(...commit.parents)
  }
  addWhole(graph, commits)

  async function read(oid: Oid): Promise<Commit | null> {
    let error: unknown = null
    try {
      const commit = await readCommit(store, oid)
      if (commit) return commit
    } catch (thrown) {
      error = thrown
    }
    if (!onDamage(oid, error)) throw error
    return null
  }
}

/** Parents first, without recursion: histories are long. */
function addWhole(graph: CommitGraph, commits: ReadonlyMap<Oid, Commit>): void {
  const judged = new Set<Oid>()
  for (const start of commits.keys()) {
    const stack = [start]
    for (let oid = stack.at(-1); oid !== undefined; oid = stack.at(-1)) {
      const commit = commits.get(oid)!
      const waiting = judged.has(oid)
        ? []
        : commit.parents.filter((parent) => commits.has(parent) && !judged.has(parent))
      if (waiting.length) {
        stack.push(...waiting)
        continue
      }
      stack.pop()
      if (judged.has(oid)) continue
      judged.add(oid)
      if (commit.parents.every((parent) => graph.has(parent))) graph.add(oid, nodeOf(commit))
    }
  }
}

/** What the graph keeps of a commit. */
export function nodeOf({ parents, tree, committer }: Commit): { parents: readonly Oid[]; tree: Oid; seconds: number } {
  return { parents, tree, seconds: committer.seconds }
}
