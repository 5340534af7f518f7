import type { VaultPath } from '../objects/vault-path.ts'
import type { VaultFiles } from '../ports/vault-files.ts'
import type { FolderHost } from './folder-shares.ts'

/** Whether a folder of a vault can hold a share that comes from elsewhere: `free` is also a folder in which nothing lies. */
export async function lookAtFolder(vault: VaultFiles, folder: VaultPath): ReturnType<FolderHost['look']> {
  if (!vault.inScope(folder)) return 'not-synced'
  const { files, errors, skipped } = await vault.scanBelow(folder)
  return files.length + errors.length + skipped.length ? 'taken' : 'free'
}
