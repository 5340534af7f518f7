import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'

type Contents = ReadonlyMap<VaultPath, Oid>

/** What is known of the share's files; a path that a map lacks has no file there. */
export interface CommitPlanInput {
  /** The tree of the commit that the disk was last brought to in full. */
  readonly base: Contents
  /** What the disk held when we last looked. */
  readonly index: Contents
  /** What the disk holds now. */
  readonly disk: Contents
  /** The tree of the current view, perhaps checked out in part. */
  readonly view: Contents
  /** The trees of checkouts that may have done more than the index knows. */
  readonly unfinished?: readonly Contents[]
}

/** Where each difference between disk and index belongs. */
export interface CommitPlan {
  /** Edits of files as they were in the base: committed with the base as parent, first. Null: deleted. */
  readonly onBase: ReadonlyMap<VaultPath, Oid | null>
  /** Edits of files that the checkout had brought to the view already: committed on top of the view, then (V4). */
  readonly onView: ReadonlyMap<VaultPath, Oid | null>
  /** No edits: checkout steps that were done just before a crash kept the index from knowing. Only the index follows. */
  readonly applied: readonly VaultPath[]
}

/**
 * Tells a person's edits from a checkout that did not finish, by content alone. An edit goes on top of the version that
 * the person had before their eyes; else it would seem to undo what came in.
 */
export function planCommit({ base, index, disk, view, unfinished = [] }: CommitPlanInput): CommitPlan {
  const onBase = new Map<VaultPath, Oid | null>()
  const onView = new Map<VaultPath, Oid | null>()
  const applied: VaultPath[] = []
  for (const path of [...new Set([...index.keys(), ...disk.keys()])].sort()) {
    const now = disk.get(path)
    const seen = index.get(path)
    if (now === seen) continue
    if (now === view.get(path) || unfinished.some((tree) => now === tree.get(path))) applied.push(path)
    else if (seen !== base.get(path) && seen === view.get(path)) onView.set(path, now ?? null)
    else onBase.set(path, now ?? null)
  }
  return { onBase, onView, applied }
}
