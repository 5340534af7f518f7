import type { App } from 'obsidian'
import { conflictCopies, isMarked, type ConflictCopy } from './conflict-copies.ts'

/** The conflict copies that the vault holds now. */
export function vaultConflicts({ vault }: App): ConflictCopy[] {
  const files = vault.getFiles()
  // Asked again and again, and mostly there are none.
  if (!files.some(({ path }) => isMarked(path))) return []
  return conflictCopies(files.map(({ path }) => path))
}
