import type { Oid } from '../objects/oid.ts'
import { parseVaultPath, vaultPathProblem } from '../objects/vault-path.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import { isTree, sameEntry } from './file-entry.ts'
import { otherSide } from './merge-slot.ts'
import type { MergeSlot, MergeSlots, Side } from './merge-slot.ts'
import { compareText } from './oid-order.ts'
import { entryAt } from './tree-diff.ts'
import type { Reading, TreeReader } from './reading.ts'
import { areSimilar, detectRenames, movedPath } from './rename-detection.ts'
import type { Renames } from './rename-detection.ts'

const SIDES: readonly Side[] = ['left', 'right']

/** The three trees of a merge; null is the empty one. */
export interface MergeTrees {
  readonly base: Oid | null
  readonly left: Oid | null
  readonly right: Oid | null
}

/**
 * Carries each side's edits and additions along with the other side's renames (V7), by moving slots. Where two things
 * would meet at one path nothing is carried: then both stay where they are, and nothing is lost (V6).
 */
export function* followRenames(slots: MergeSlots, trees: MergeTrees, read: TreeReader): Reading<void> {
  const renames: Record<Side, Renames> = {
    left: yield* detectRenames(slots, 'left'),
    right: yield* detectRenames(slots, 'right'),
  }
  for (const side of SIDES) for (const [from, to] of renames[side].files) yield* followFile(slots, side, from, to)
  // Decided for both sides before anything moves, so that the order of the sides does not matter (V5).
  const moves: [MergeSlot, VaultPath][] = []
  for (const side of SIDES) {
    const folders = yield* wholeFolders(renames[side].folders, side, trees, read)
    if (folders.size > 0) moves.push(...folderMoves(slots, otherSide(side), folders))
  }
  moves.sort(([a], [b]) => compareText(a.path, b.path))
  for (const [slot, to] of moves) if (!slots.has(to)) moveSlot(slots, slot, to)
}

function* followFile(slots: MergeSlots, side: Side, from: VaultPath, to: VaultPath): Reading<void> {
  const other = otherSide(side)
  const old = slots.get(from)!
  const next = slots.get(to)!
  if (next[other] !== null) {
    // Both moved it there, one with an edit: they have a base after all.
    if (old[other] === null && (yield* areSimilar(old.base!.oid, next[other].oid))) {
      slots.set(to, { ...next, base: old.base })
    }
    return
  }
  if (old[other] === null || sameEntry(old[other], old.base)) return
  slots.set(to, {
    ...next,
    base: old.base,
    [other]: old[other],
    at: { ...next.at, [other]: from },
    placedBy: side,
  })
  slots.set(from, { ...old, left: null, right: null })
}

/** Of the renamed folders those that are gone on the renaming side, with a new folder in their place. */
function* wholeFolders(
  folders: ReadonlyMap<string, string>,
  side: Side,
  trees: MergeTrees,
  read: TreeReader,
): Reading<Map<string, string>> {
  const whole = new Map<string, string>()
  for (const [from, to] of folders) {
    const remaining = yield* entryAt(trees[side], from.slice(0, -1) as VaultPath, read)
    const existing = yield* entryAt(trees.base, to.slice(0, -1) as VaultPath, read)
    if (!isTree(remaining ?? undefined) && existing === null) whole.set(from, to)
  }
  return whole
}

/** Files that `adder` put into folders which the other side renamed, and where they go. */
function folderMoves(slots: MergeSlots, adder: Side, folders: ReadonlyMap<string, string>): [MergeSlot, VaultPath][] {
  const moves: [MergeSlot, VaultPath][] = []
  for (const slot of slots.values()) {
    const placed =
      slot.placedBy === null ? slot.base === null && slot[otherSide(adder)] === null : slot.placedBy === adder
    if (!placed || slot[adder] === null) continue
    const to = movedPath(slot.path, folders)
    if (to !== null && vaultPathProblem(to) === null) moves.push([slot, parseVaultPath(to)])
  }
  return moves
}

function moveSlot(slots: MergeSlots, slot: MergeSlot, to: VaultPath): void {
  slots.set(to, { ...slot, path: to })
  slots.set(slot.path, { ...slot, base: null, left: null, right: null, placedBy: null })
}
