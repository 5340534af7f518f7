import { editedVersion, type EditedVersion } from '../history/edited-version.ts'
import type { FileEntry } from '../history/file-entry.ts'
import { MissingObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { IndexEntry } from '../ports/index-store.ts'
import { unseenEntry } from './disk-changes.ts'
import type { Repository } from './repository.ts'
import type { TrackedIndex } from './tracked-index.ts'

type Contents = ReadonlyMap<VaultPath, Oid>

/** What the checkouts that were cut would have brought to the paths that `entriesOf` looks at, newest first. */
export async function cutCheckouts(
  index: TrackedIndex,
  entriesOf: (tree: Oid) => Promise<ReadonlyMap<VaultPath, FileEntry>>,
): Promise<Contents[]> {
  const trees: Contents[] = []
  for (const tree of [...index.unfinished].reverse()) {
    try {
      trees.push(new Map([...(await entriesOf(tree))].map(([path, { oid }]) => [path, oid])))
    } catch (error) {
      // No ref needs a view that was replaced: git may have removed it, and then it tells nothing any more.
      if (!(error instanceof MissingObjectError)) throw error
    }
  }
  return trees
}

/**
 * Lets the index know of files that a cut checkout had written before a person edited them. Returns the paths of edits of which
 * nobody can tell whether the person saw the old version or that one.
 */
export async function judgeEdits(
  repository: Repository,
  index: TrackedIndex,
  changed: ReadonlyMap<VaultPath, IndexEntry | null>,
  { unfinished, view }: { readonly unfinished: readonly Contents[]; readonly view: Contents },
): Promise<ReadonlySet<VaultPath>> {
  const written = new Map<VaultPath, IndexEntry | null>()
  const unclear = new Set<VaultPath>()
  for (const [path, entry] of unfinished.length ? changed : []) {
    const now = entry?.oid
    const seen = index.entries.get(path)?.oid
    const versions = unfinished.map((tree) => tree.get(path))
    if (now === seen || [view.get(path), ...versions].includes(now)) continue
    for (const version of new Set(versions)) {
      let edited: EditedVersion = 'unclear'
      try {
        edited = await repository.run(editedVersion(seen, version, now))
      } catch (error) {
        if (!repository.noteLoss(error)) throw error // a version that cannot be read: both stay
      }
      if (edited === 'old') continue
      if (edited === 'new') {
        written.set(path, version ? unseenEntry(version) : null)
        unclear.delete(path)
        break
      }
      unclear.add(path)
    }
  }
  await index.setEntries(written)
  return unclear
}
