import type { App } from 'obsidian'
import { conflictCopies, type ConflictCopy } from './conflict-copies.ts'

/** The conflict copies that the vault holds now. */
export function vaultConflicts({ vault }: App): ConflictCopy[] {
  return conflictCopies(vault.getFiles().map(({ path }) => path))
}
