import { opendir, lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { createScope } from '../adapters/memory/vault-scope.ts'

export interface WalkedFile {
  /** NFC, `/`-separated, relative to the vault. */
  readonly path: string
  /** Where it is on this disk. */
  readonly file: string
  readonly bytes: number
}

export interface VaultWalk {
  readonly files: readonly WalkedFile[]
  /** What lies in the vault and cannot be synced: links, pipes, what may not be read. */
  readonly leftOut: readonly { readonly path: string; readonly why: string }[]
}

/**
 * The files of a vault as they are synced: without `.git`, `.trash` and the like (E8), sorted by path.
 * @throws when the vault's own folder cannot be read.
 */
export async function walkVault(root: string): Promise<VaultWalk> {
  const inScope = createScope()
  const files: WalkedFile[] = []
  const leftOut: { path: string; why: string }[] = []

  const walk = async (folder: string, prefix: string): Promise<void> => {
    for await (const entry of await opendir(folder)) {
      const path = (prefix + entry.name).normalize('NFC')
      const file = join(folder, entry.name)
      if (!inScope(path)) continue
      try {
        if (entry.isDirectory()) await walk(file, `${prefix}${entry.name}/`)
        else if (entry.isFile()) files.push({ path, file, bytes: (await lstat(file)).size })
        else leftOut.push({ path, why: entry.isSymbolicLink() ? 'a symbolic link' : 'neither a file nor a folder' })
      } catch (error) {
        leftOut.push({ path, why: (error as Error).message })
      }
    }
  }
  await walk(root, '')
  files.sort((one, other) => (one.path < other.path ? -1 : 1))
  return { files, leftOut }
}
