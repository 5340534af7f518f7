import { vaultPathProblem } from '../../objects/vault-path.ts'
import type { VaultPath } from '../../objects/vault-path.ts'
import type { FileStat, ScanIssue, ScanResult } from '../../ports/vault-files.ts'
import type { DiskFile, DiskFolder, DiskNode, MemoryDisk } from './memory-disk.ts'
import { findPlace, joined } from './memory-place.ts'
import { isTemporaryName } from './vault-scope.ts'
import type { Scope } from './vault-scope.ts'

export const statOf = (path: VaultPath, file: DiskFile): FileStat => ({
  path,
  size: file.content.length,
  mtimeMs: file.mtimeMs,
  ctimeMs: file.ctimeMs,
  ino: file.ino,
})

/** One scan of a {@link MemoryDisk}, at one moment. */
export class MemoryScan implements ScanResult {
  readonly files: FileStat[] = []
  readonly errors: ScanIssue[] = []
  readonly skipped: ScanIssue[] = []
  readonly #disk: MemoryDisk
  readonly #inScope: Scope
  readonly #isLeftover: (disk: string) => boolean
  /** Two names on disk that are one path in NFC must not both become files of the tree. */
  readonly #kinds = new Map<string, DiskNode['kind']>()

  /** `isLeftover`: whether a temporary file is one that a killed process left, to be removed now. */
  constructor(disk: MemoryDisk, inScope: Scope, isLeftover: (disk: string) => boolean) {
    this.#disk = disk
    this.#inScope = inScope
    this.#isLeftover = isLeftover
  }

  /** The files at and below a path; '' is the root. */
  run(path: string): ScanResult {
    if (path === '') this.#walk(this.#disk.root, '', '')
    else {
      const place = findPlace(this.#disk, path as VaultPath)
      if (place.kind === 'folder') this.#walk(place.folder, place.disk, path)
      else if (place.kind === 'file') this.files.push(statOf(path as VaultPath, place.file))
      else if (place.kind === 'special' || place.kind === 'behind-link') this.#skip(path, 'it is a symbolic link')
    }
    return this
  }

  #walk(folder: DiskFolder, disk: string, path: string): void {
    if (this.#disk.unreadableFolders.has(disk)) {
      this.errors.push({ path, reason: 'this user has no permission' })
      return
    }
    // Names that are NFC already first: of twins, these win.
    const composed = (name: string): number => (name === name.normalize('NFC') ? 0 : 1)
    const children = [...folder.children.values()].sort((a, b) => composed(a.name) - composed(b.name))
    for (const { name, node } of children)
      this.#visit(node, name, joined(disk, name), joined(path, name.normalize('NFC')))
  }

  #visit(node: DiskNode, name: string, disk: string, path: string): void {
    if (isTemporaryName(name) && this.#isLeftover(disk)) this.#disk.detach(disk)
    if (!this.#inScope(path)) return
    const problem = node.kind === 'link' ? 'it is a symbolic link' : vaultPathProblem(path)
    if (problem !== null) return this.#skip(path, problem)
    const before = this.#kinds.get(path)
    if (before && (before === 'file' || node.kind === 'file'))
      return this.#skip(disk, 'it is a second spelling of the same name')
    this.#kinds.set(path, node.kind)
    if (node.kind === 'folder') this.#walk(node, disk, path)
    else if (node.kind === 'file') this.files.push(statOf(path as VaultPath, node))
  }

  #skip(path: string, reason: string): void {
    this.skipped.push({ path, reason })
  }
}
