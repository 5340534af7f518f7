import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { CommitGraph } from './commit-graph.ts'
import type { ConflictOrigin } from './conflict-name.ts'
import { compareOids, sortedOids } from './oid-order.ts'
import { readCommit, readTogether } from './reading.ts'
import type { Reading, TreeReader } from './reading.ts'
import { entryAt } from './tree-diff.ts'
import { isViewIdentity } from './view-identity.ts'

/** Commits walked back to find who wrote a version. A conflict's versions are newer than the merge base, so few are met. */
const MAX_WALK = 1_000

/**
 * Who wrote a blob at a path, and when: the author of the commit that brought it there, found by walking back from
 * `heads` while a parent has the same. A commit of the view stands for the newest of what it joins. A function of the
 * history behind `heads` alone, so all devices name a conflict's copy alike (V3).
 */
export function* originOfBlob(
  graph: CommitGraph,
  heads: readonly Oid[],
  path: VaultPath,
  oid: Oid,
  read: TreeReader,
): Reading<ConflictOrigin> {
  const start = yield* firstWith(graph, sortedOids(heads), path, oid, read)
  let commit = start ?? newest(graph, heads)
  if (start !== null) {
    for (let walked = 0; walked < MAX_WALK; walked++) {
      const parent = yield* firstWith(graph, graph.node(commit).parents, path, oid, read)
      if (parent === null) break
      commit = parent
    }
  }
  for (let walked = 0; ; walked++) {
    const { author, parents } = yield* readCommit(commit)
    if (!isViewIdentity(author) || parents.length === 0 || walked === MAX_WALK) {
      return { device: author.name, seconds: author.seconds, zoneMinutes: author.zoneMinutes }
    }
    commit = newest(graph, parents)
  }
}

function* firstWith(
  graph: CommitGraph,
  commits: readonly Oid[],
  path: VaultPath,
  oid: Oid,
  read: TreeReader,
): Reading<Oid | null> {
  const entries = yield* readTogether(commits.map((commit) => entryAt(graph.node(commit).tree, path, read)))
  const index = entries.findIndex((entry) => entry?.oid === oid)
  return commits[index] ?? null
}

/** The commit with the latest time; of several the one with the smallest oid. */
function newest(graph: CommitGraph, commits: readonly Oid[]): Oid {
  const inOrder = [...commits].sort((a, b) => graph.node(b).seconds - graph.node(a).seconds || compareOids(a, b))
  return inOrder[0]!
}
