import type { Stat, TFile } from 'obsidian'
import { portableNameProblem } from '../../objects/vault-path.ts'
import type { VaultPath } from '../../objects/vault-path.ts'
import type { VaultAccess } from './vault-access.ts'

/**
 * What is at a vault path. `file` is null while Obsidian does not show the file (yet), as those of the config folder.
 * `absent`: `missing` are the folders to make first, outermost first. `twin`: this disk folds case, and holds the name in another
 * case. `unholdable`: no file can bear this name here (E6).
 */
export type Place =
  | { readonly kind: 'file'; readonly stat: Stat; readonly file: TFile | null }
  | { readonly kind: 'folder' }
  | { readonly kind: 'absent'; readonly missing: readonly string[] }
  | { readonly kind: 'behind-file' }
  | { readonly kind: 'twin'; readonly name: string }
  | { readonly kind: 'unholdable'; readonly reason: string }

/**
 * Finds a vault path by its exact name. Obsidian finds names in NFD by their NFC; and what it shows is there under just that name,
 * so only what it does not show has to be told from a twin.
 */
export async function findPlace({ app, disk, platform }: VaultAccess, path: VaultPath): Promise<Place> {
  const reason = portableNameProblem(path, platform) ?? obsidianNameProblem(path)
  if (reason !== null) return { kind: 'unholdable', reason }
  const file = app.vault.getFileByPath(path)
  if (file) {
    const stat = await disk.stat(path)
    if (stat?.type === 'file') return { kind: 'file', stat, file }
  }
  const names = path.split('/')
  const at = (count: number): string => names.slice(0, count).join('/')
  for (let depth = 1; depth <= names.length; depth++) {
    const part = at(depth)
    const last = depth === names.length
    const known = app.vault.getFolderByPath(part) !== null
    if (known && !last) continue
    const stat = await disk.stat(part)
    if (!stat) {
      const missing = names.slice(depth - 1, -1).map((_, i) => at(depth + i))
      return { kind: 'absent', missing }
    }
    if (!known && !(await disk.exists(part, true))) return { kind: 'twin', name: part }
    if (last) return stat.type === 'file' ? { kind: 'file', stat, file: null } : { kind: 'folder' }
    if (stat.type === 'file') return { kind: 'behind-file' }
  }
  return { kind: 'folder' }
}

/** Obsidian replaces these in every path that it is given (`normalizePath`), so that it would reach another file. */
function obsidianNameProblem(path: string): string | null {
  if (path.includes('\\')) return 'Obsidian takes a backslash in a name for the end of a folder’s name'
  if (/[\u00a0\u202f]/.test(path)) return 'Obsidian takes a no-break space in a name for a plain space'
  return null
}
