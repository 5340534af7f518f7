import type { VaultPath } from '../objects/vault-path.ts'
import type { FileEntry } from './file-entry.ts'
import type { TreeChange } from './tree-diff.ts'

export type Side = 'left' | 'right'

export function otherSide(side: Side): Side {
  return side === 'left' ? 'right' : 'left'
}

/** One place in the merged tree and the three versions that meet there; null stands for no file. */
export interface MergeSlot {
  readonly path: VaultPath
  readonly base: FileEntry | null
  readonly left: FileEntry | null
  readonly right: FileEntry | null
  /** Where each side's own tree holds its version: another path once a rename was followed. */
  readonly at: { readonly left: VaultPath; readonly right: VaultPath }
  /** The side that chose this path for a file that the other has elsewhere. */
  readonly placedBy: Side | null
}

export type MergeSlots = Map<VaultPath, MergeSlot>

/** A slot per path that at least one side changed, from the two diffs against the base. */
export function slotsOf(left: readonly TreeChange[], right: readonly TreeChange[]): MergeSlots {
  const slots: MergeSlots = new Map()
  for (const { path, left: base, right: entry } of left) {
    slots.set(path, { path, base, left: entry, right: base, at: { left: path, right: path }, placedBy: null })
  }
  for (const { path, left: base, right: entry } of right) {
    const slot = slots.get(path)
    if (slot) slots.set(path, { ...slot, right: entry })
    else slots.set(path, { path, base, left: base, right: entry, at: { left: path, right: path }, placedBy: null })
  }
  return slots
}
