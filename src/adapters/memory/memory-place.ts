import type { VaultPath } from '../../objects/vault-path.ts'
import type { DiskFile, DiskFolder, MemoryDisk } from './memory-disk.ts'

/** What is at a vault path; `disk` is how the disk spells it. `twin`: in another case. */
export type Place =
  | { readonly kind: 'file'; readonly disk: string; readonly file: DiskFile }
  | { readonly kind: 'folder'; readonly disk: string; readonly folder: DiskFolder }
  | { readonly kind: 'absent'; readonly disk: string }
  | { readonly kind: 'special' | 'behind-link' | 'behind-file' }
  | { readonly kind: 'twin'; readonly name: string }

/** Finds a vault path (always NFC) on a disk that may spell names in NFD or fold case. Follows no link. */
export function findPlace(memoryDisk: MemoryDisk, path: VaultPath): Place {
  const names = path.split('/')
  let disk = ''
  let folder = memoryDisk.root
  for (const [at, name] of names.entries()) {
    const found = findName(memoryDisk, disk, folder, name)
    if (!found) return { kind: 'absent', disk: joined(disk, names.slice(at).join('/')) }
    const stored = found.path.slice(disk === '' ? 0 : disk.length + 1)
    if (stored.normalize('NFC') !== name) return { kind: 'twin', name: found.path }
    disk = found.path
    const last = at === names.length - 1
    if (found.node.kind === 'folder') {
      if (last) return { kind: 'folder', disk, folder: found.node }
      folder = found.node
    } else if (!last) return { kind: found.node.kind === 'link' ? 'behind-link' : 'behind-file' }
    else if (found.node.kind === 'file') return { kind: 'file', disk, file: found.node }
  }
  return { kind: 'special' }
}

/** By the name itself, else by another composition of it, which only a disk that tells them apart needs. */
function findName(
  memoryDisk: MemoryDisk,
  disk: string,
  folder: DiskFolder,
  name: string,
): ReturnType<MemoryDisk['find']> {
  const found = memoryDisk.find(joined(disk, name))
  if (found) return found
  const other = [...folder.children.values()].find((child) => child.name.normalize('NFC') === name)
  return other && memoryDisk.find(joined(disk, other.name))
}

/** How many folders on the way to a path exist. */
export function existingFolders(memoryDisk: MemoryDisk, disk: string): number {
  const names = disk.split('/').slice(0, -1)
  let depth = 0
  while (depth < names.length && memoryDisk.find(names.slice(0, depth + 1).join('/'))) depth++
  return depth
}

/** Removes the folders above a path that are empty, down to `keep` of them. */
export function removeEmptied(memoryDisk: MemoryDisk, disk: string, keep: number): void {
  const names = disk.split('/').slice(0, -1)
  for (; names.length > keep; names.pop()) {
    const node = memoryDisk.find(names.join('/'))?.node
    if (node?.kind !== 'folder' || node.children.size > 0) return
    memoryDisk.detach(names.join('/'))
  }
}

export const joined = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`)
