import type { CommitGraph } from '../history/commit-graph.ts'
import type { Oid } from '../objects/oid.ts'
import { decodeTree } from '../objects/tree.ts'
import type { FreshCommit, ObjectReader } from './connectivity.ts'

/**
 * Of fresh commits, parents first, those whose trees are all in the store, and so are those of all commits before them; only the newest
 * of these, from which no other of them descends. Whoever is told of them need send nothing of them again, but for blobs.
 */
export async function newestWholeCommits(
  store: ObjectReader,
  graph: CommitGraph,
  fresh: readonly FreshCommit[],
): Promise<Oid[]> {
  const trees = new Map<Oid, boolean>()
  const isWhole = async (oid: Oid): Promise<boolean> => {
    const known = trees.get(oid)
    if (known !== undefined) return known
    let whole = await store.has(oid)
    if (whole) {
      for (const entry of decodeTree((await store.read(oid)).content)) {
        if (entry.mode === '40000') whole = (await isWhole(entry.oid)) && whole
      }
    }
    trees.set(oid, whole)
    return whole
  }
  const commits = new Set<Oid>()
  const tips = new Set<Oid>()
  for (const { oid, commit } of fresh) {
    if (!commit.parents.every((parent) => graph.has(parent) || commits.has(parent))) continue
    if (!(await isWhole(commit.tree))) continue
    commits.add(oid)
    tips.add(oid)
    for (const parent of commit.parents) tips.delete(parent)
  }
  return [...tips]
}
