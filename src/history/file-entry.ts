import { CorruptObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import type { FileMode, TreeEntry } from '../objects/tree.ts'
import { parseVaultPath } from '../objects/vault-path.ts'
import type { VaultPath } from '../objects/vault-path.ts'

/** Every mode but a folder's: what stands at a path in a flat view of a tree. */
export type LeafMode = Exclude<FileMode, '40000'>

/** A file (or symbolic link, or submodule) as a tree holds it. */
export interface FileEntry {
  readonly mode: LeafMode
  readonly oid: Oid
}

/** Folders within folders beyond this are refused: no vault is deeper, and a walk must end (T8). */
export const MAX_DEPTH = 128

export function isTree(entry: TreeEntry | undefined): boolean {
  return entry?.mode === '40000'
}

export function fileEntry(entry: TreeEntry | undefined): FileEntry | null {
  return entry === undefined || entry.mode === '40000' ? null : { mode: entry.mode, oid: entry.oid }
}

export function sameEntry(a: FileEntry | null, b: FileEntry | null): boolean {
  return a === b || (a !== null && b !== null && a.oid === b.oid && a.mode === b.mode)
}

/** Whether it is a plain file, executable or not: the only thing whose content merges and that a checkout writes. */
export function isRegular(entry: FileEntry): boolean {
  return entry.mode === '100644' || entry.mode === '100755'
}

/**
 * The path of a name in a tree's folder (`''` or `a/b/`).
 * @throws CorruptObjectError `bad-path`, also for a name that is not in NFC: such a tree was not made for a vault, and
 * two names that become one would hide a file.
 */
export function treePath(prefix: string, name: string): VaultPath {
  const text = prefix + name
  const path = parseVaultPath(text)
  if (path !== text || name.includes('/'))
    throw new CorruptObjectError('bad-path', 'a name in a tree is not normalised', { path: text })
  return path
}

/** @throws CorruptObjectError `too-large` beyond {@link MAX_DEPTH}. */
export function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw new CorruptObjectError('too-large', `folders nest deeper than ${MAX_DEPTH}`)
}
