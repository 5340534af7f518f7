import type { Oid } from '../objects/oid.ts'
import type { Repository } from './repository.ts'
import { walkNewEntries, type NewEntry, type WalkedObjects } from './tree-walk.ts'

/** An object to send; `base` is one at the same place that the receiver holds, or gets before it: a delta's base. */
export interface ListedObject {
  readonly kind: 'commit' | 'tree' | 'blob'
  readonly oid: Oid
  readonly base: Oid | undefined
}

/**
 * What a peer that holds everything reachable from `haves` lacks of `wants`: parents before children, each commit followed by
 * its new trees (a tree before what is in it) and, when asked for, its new blobs.
 */
export async function* listObjects(
  repository: Pick<Repository, 'graph' | 'readTree'>,
  wants: readonly Oid[],
  haves: readonly Oid[],
  options: { blobs: boolean },
): AsyncGenerator<ListedObject> {
  const { graph } = repository
  const known = haves.filter((oid) => graph.has(oid))
  const commits = graph.ancestorsNotIn(wants, known)
  const seen: WalkedObjects = new Map()
  const readTree = (oid: Oid) => repository.readTree(oid)
  for (let i = commits.length - 1; i >= 0; i--) {
    const oid = commits[i]!
    const { parents, tree } = graph.get(oid)!
    yield { kind: 'commit', oid, base: undefined }
    // A root commit, and one whose parents the peer lacks too, is compared with the peer's own heads: much may be the same.
    const bases = parents.length ? parents : known
    const entries: NewEntry[] = []
    await walkNewEntries(
      readTree,
      tree,
      bases.map((b) => graph.get(b)!.tree),
      seen,
      (entry) => void (entry.kind === 'tree' || options.blobs ? entries.push(entry) : 0),
    )
    for (const { kind, oid: entry, base } of entries) yield { kind, oid: entry, base }
  }
}
