import { fileAt, readLog } from '../../engine/history-queries.ts'
import { restoreFile } from '../../engine/restore.ts'
import type { Repository } from '../../engine/repository.ts'
import type { Share } from '../../engine/share.ts'
import { decodeText, MAX_MERGE_BYTES } from '../../history/merge-content.ts'
import { rememberingTreeReader } from '../../history/reading.ts'
import { diffTrees, entryAt } from '../../history/tree-diff.ts'
import { isViewIdentity } from '../../history/view-identity.ts'
import type { Oid } from '../../objects/oid.ts'
import type { VaultPath } from '../../objects/vault-path.ts'

/** A version of a note, as somebody left it. */
export interface NoteVersion {
  readonly commit: Oid
  /** Who wrote it; null: two devices' texts were joined. */
  readonly device: string | null
  /** ms since 1970. */
  readonly at: number
  /** Its content; null: the note was deleted. */
  readonly oid: Oid | null
}

/** A note that is not in the vault any more, as it was last. */
export interface DeletedNote {
  readonly path: VaultPath
  readonly oid: Oid
  /** When it was deleted, ms since 1970. */
  readonly at: number
  readonly device: string
}

export type VersionText =
  | { readonly kind: 'text'; readonly text: string }
  /** No text, or too much of it. */
  | { readonly kind: 'binary'; readonly bytes: number }

const MAX_VERSIONS = 200
/** Commits looked at, newest first, and notes found at most. */
const MAX_COMMITS = 5_000
const MAX_DELETED = 500

/** Newest first. */
export async function noteVersions(repository: Repository, path: string): Promise<NoteVersion[]> {
  const log = await readLog(repository, path, MAX_VERSIONS)
  return Promise.all(
    log.map(async ({ commit, device, seconds, deleted }): Promise<NoteVersion> => {
      const { author } = await repository.readCommit(commit)
      const oid = deleted ? null : (await fileAt(repository, commit, path)).oid
      return { commit, device: isViewIdentity(author) ? null : device, at: seconds * 1000, oid }
    }),
  )
}

export async function versionText(repository: Repository, oid: Oid): Promise<VersionText> {
  const info = await repository.objects.info(oid)
  const bytes = info?.size ?? 0
  if (bytes > MAX_MERGE_BYTES) return { kind: 'binary', bytes }
  const text = decodeText(await repository.readBlob(oid))
  return text === null ? { kind: 'binary', bytes } : { kind: 'text', text }
}

/** Notes that were deleted and are not there again, latest deletion first. */
export async function deletedNotes(repository: Repository): Promise<DeletedNote[]> {
  const view = await repository.view()
  if (!view) return []
  const { graph } = repository
  const read = rememberingTreeReader()
  const found = new Map<VaultPath, DeletedNote>()
  for (const commit of graph.ancestorsNotIn([view.commit], []).slice(0, MAX_COMMITS)) {
    const { parents, tree, seconds } = graph.get(commit)!
    if (parents.length !== 1) continue // a join deletes nothing by itself
    const changes = await repository.run(diffTrees(graph.get(parents[0]!)!.tree, tree, read))
    for (const { path, left, right } of changes) {
      if (!left || right || found.has(path)) continue
      if (await repository.run(entryAt(view.tree, path, read))) continue
      const { author } = await repository.readCommit(commit)
      found.set(path, { path, oid: left.oid, at: seconds * 1000, device: author.name })
    }
    if (found.size >= MAX_DELETED) break
  }
  return [...found.values()].sort((a, b) => b.at - a.at)
}

/** Puts an old content back into the vault. What is there now is in the history first. @throws VaultError `unstable` and others. */
export async function restoreVersion(share: Share, path: VaultPath, oid: Oid): Promise<'restored' | 'same'> {
  const settle = (): Promise<void> => {
    share.tree.markDirty([path])
    return share.settle()
  }
  await settle()
  const outcome = await restoreFile(share.repository, share.files, path, oid)
  await settle()
  return outcome
}

/** What the vault holds at a path now; null: nothing, or no text. */
export async function textNow(share: Share, path: VaultPath): Promise<string | null> {
  const stat = await share.files.stat(path)
  if (!stat || stat.size > MAX_MERGE_BYTES) return null
  return decodeText((await share.files.read(path)).content)
}
