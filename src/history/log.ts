import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { CommitGraph } from './commit-graph.ts'
import { fileEntry, sameEntry } from './file-entry.ts'
import type { FileEntry } from './file-entry.ts'
import { readTogether, rememberingTreeReader } from './reading.ts'
import type { Reading } from './reading.ts'
import { entryAt } from './tree-diff.ts'

/** A commit that changed a file. */
export interface LogEntry {
  readonly commit: Oid
  /** The committer's time, seconds since 1970. */
  readonly seconds: number
  /** The file as of this commit; null: deleted by it. */
  readonly entry: FileEntry | null
}

/** Commits whose trees are asked for in one request. */
const BATCH = 64

/**
 * The history of a path, newest first, at most `limit` entries: the commits behind `heads` in which the file is other
 * than in all of their parents. So a merge that only took one side's version is none.
 */
export function* logPath(
  graph: CommitGraph,
  heads: Iterable<Oid>,
  path: VaultPath,
  limit: number,
): Reading<LogEntry[]> {
  const commits = graph.ancestorsNotIn(heads, [])
  const read = rememberingTreeReader()
  // By tree: many commits share the file's folder, and a parent's answer serves its child.
  const entries = new Map<Oid, FileEntry | null>()
  const log: LogEntry[] = []
  for (let from = 0; from < commits.length && log.length < limit; from += BATCH) {
    const batch = commits.slice(from, from + BATCH)
    const involved = batch.flatMap((oid) => [oid, ...graph.node(oid).parents]).map((oid) => graph.node(oid).tree)
    const unknown = [...new Set(involved)].filter((tree) => !entries.has(tree))
    const found = yield* readTogether(unknown.map((tree) => entryAt(tree, path, read)))
    unknown.forEach((tree, i) => entries.set(tree, fileEntry(found[i] ?? undefined)))
    for (const commit of batch) {
      const { tree, parents, seconds } = graph.node(commit)
      const entry = entries.get(tree)!
      const before = parents.map((parent) => entries.get(graph.node(parent).tree)!)
      const changed = parents.length === 0 ? entry !== null : before.every((old) => !sameEntry(old, entry))
      if (changed && log.length < limit) log.push({ commit, seconds, entry })
    }
  }
  return log
}
