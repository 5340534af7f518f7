import { editTree } from '../history/edit-tree.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { IndexEntry } from '../ports/index-store.ts'
import { distrustedEntry, wasOutside } from './disk-changes.ts'
import type { Repository } from './repository.ts'
import type { TrackedIndex } from './tracked-index.ts'

/** Stores those of the trees that the repository lost that are the folders of this disk, as it was last looked at. */
export async function makeTreesAnew(
  repository: Repository,
  entries: ReadonlyMap<VaultPath, Pick<IndexEntry, 'oid'>>,
): Promise<void> {
  const lost = new Set(await repository.lost())
  if (!lost.size) return
  const files = new Map([...entries].map(([path, { oid }]) => [path, { oid, mode: '100644' } as const]))
  const { objects } = await repository.run(editTree(repository.codec, null, files))
  const found = objects.filter(({ oid }) => lost.has(oid))
  if (found.length) await repository.storeObjects(found)
}

/** Files whose content the repository lost: the next look takes them for changed, and stores them anew. Gives them. */
export async function distrustLost(repository: Repository, index: TrackedIndex): Promise<readonly VaultPath[]> {
  const lost = new Set(await repository.lost())
  if (!lost.size) return []
  const here = [...index.entries].filter(([, entry]) => lost.has(entry.oid) && !wasOutside(entry))
  await index.setEntries(new Map(here.map(([path, entry]) => [path, distrustedEntry(entry)])))
  return here.map(([path]) => path)
}
