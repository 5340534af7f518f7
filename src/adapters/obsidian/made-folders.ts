import { parentOf } from './vault-access.ts'
import type { VaultAccess } from './vault-access.ts'

/** Folders that a step made on its way, to be taken back when it fails. */
export class MadeFolders {
  readonly #access: VaultAccess
  readonly #made: string[] = []

  constructor(access: VaultAccess) {
    this.#access = access
  }

  /** Outermost first. Another step may make the same folder at the same time. */
  async make(folders: readonly string[], shown: boolean): Promise<void> {
    const { app, disk } = this.#access
    for (const folder of folders) {
      try {
        if (shown) await app.vault.createFolder(folder)
        else await disk.mkdir(folder)
        this.#made.push(folder)
      } catch (cause) {
        if ((await disk.stat(folder))?.type !== 'folder') throw cause
      }
    }
  }

  async undo(): Promise<void> {
    for (const folder of this.#made.reverse()) if (!(await removeIfEmpty(this.#access, folder))) return
  }
}

/** Removes the folders above a path that hold nothing any more, as git would. */
export async function removeEmptied(access: VaultAccess, path: string): Promise<void> {
  for (let folder = parentOf(path); folder !== ''; folder = parentOf(folder))
    if (!(await removeIfEmpty(access, folder))) return
}

async function removeIfEmpty({ disk }: VaultAccess, folder: string): Promise<boolean> {
  try {
    const { files, folders } = await disk.list(folder)
    if (files.length + folders.length > 0) return false
    await disk.rmdir(folder, false)
    return true
  } catch {
    return false // Not empty any more, or not ours to remove.
  }
}
