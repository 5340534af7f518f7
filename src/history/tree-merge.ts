import type { Codec } from '../objects/codec.ts'
import { hashObject } from '../objects/hash.ts'
import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import { editTree } from './edit-tree.ts'
import { isRegular, sameEntry } from './file-entry.ts'
import type { FileEntry, LeafMode } from './file-entry.ts'
import { followRenames } from './follow-renames.ts'
import type { MergeTrees } from './follow-renames.ts'
import { MAX_MERGE_BYTES, mergeContent } from './merge-content.ts'
import { placeDisplaced } from './merge-conflict.ts'
import type { Conflict, DisplacedFile, OriginOf } from './merge-conflict.ts'
import { slotsOf } from './merge-slot.ts'
import type { MergeSlot } from './merge-slot.ts'
import { compareOids, compareText } from './oid-order.ts'
import { readBlobs, rememberingTreeReader } from './reading.ts'
import type { NewObject, Reading, TreeReader } from './reading.ts'
import { diffTrees } from './tree-diff.ts'

export interface MergedTree {
  readonly tree: Oid
  /** The blobs and trees that the merge made, each once. */
  readonly objects: readonly NewObject[]
  readonly conflicts: readonly Conflict[]
}

/**
 * Merges two trees that come from `base` (null: the empty tree). Symmetric: swapping left and right gives the same tree
 * (V5). Nothing that either side changed is lost (V6):
 * - a path that one side changed is as that side has it; modified beats deleted, in a deleted folder too;
 * - changed on both sides, content merges by kind (V7), or else both are kept: the version with the smaller blob oid at
 *   the path, so that any number of versions give the same one in any order, and the other beside it;
 * - between a file and a folder of one name the folder keeps the name;
 * - renames are followed.
 * Times decide nothing; they are only seen in the names of copies.
 */
export function* mergeTrees(
  codec: Codec,
  trees: MergeTrees,
  originOf: OriginOf,
  read: TreeReader = rememberingTreeReader(),
): Reading<MergedTree> {
  const { base, left, right } = trees
  const unchanged = left === right || right === base ? left : left === base ? right : null
  if (unchanged !== null) return { tree: unchanged, objects: [], conflicts: [] }

  // One after the other: the second finds the base's trees remembered.
  const ours = yield* diffTrees(base, left, read)
  const theirs = yield* diffTrees(base, right, read)
  const slots = slotsOf(ours, theirs)
  yield* followRenames(slots, trees, read)

  const results = new Map<VaultPath, FileEntry | null>()
  const blobs: NewObject[] = []
  const displaced: DisplacedFile[] = []
  for (const slot of [...slots.values()].sort((a, b) => compareText(a.path, b.path))) {
    const resolved = yield* resolveSlot(codec, slot)
    results.set(slot.path, resolved.entry)
    if (resolved.blob) blobs.push(resolved.blob)
    if (resolved.displaced) displaced.push(resolved.displaced)
  }
  displaced.push(...makeWayForFolders(results, slots))
  const conflicts = yield* placeDisplaced(displaced, results, base, originOf, read)

  const before = new Map([
    ...theirs.map(({ path, left: entry }) => [path, entry] as const),
    ...ours.map(({ path, right: entry }) => [path, entry] as const),
  ])
  const edits = new Map(
    [...results].filter(([path, entry]) => !before.has(path) || !sameEntry(before.get(path)!, entry)),
  )
  const edited = yield* editTree(codec, left, edits, read)
  return { tree: edited.tree, objects: [...uniqueObjects(blobs), ...edited.objects], conflicts }
}

interface ResolvedSlot {
  readonly entry: FileEntry | null
  readonly blob?: NewObject
  readonly displaced?: DisplacedFile
}

function* resolveSlot(codec: Codec, slot: MergeSlot): Reading<ResolvedSlot> {
  const { base, left, right } = slot
  if (sameEntry(left, right) || sameEntry(right, base)) return { entry: left }
  if (sameEntry(left, base)) return { entry: right }
  // Modified beats deleted.
  if (left === null) return { entry: right }
  if (right === null) return { entry: left }
  if (isRegular(left) && isRegular(right)) {
    const mode = mergeMode(base, left, right)
    if (left.oid === right.oid) return { entry: { mode, oid: left.oid } }
    const baseOid = base !== null && isRegular(base) ? base.oid : null
    if (left.oid === baseOid) return { entry: { mode, oid: right.oid } }
    if (right.oid === baseOid) return { entry: { mode, oid: left.oid } }
    const merged = yield* mergeBlobs(codec, slot.path, baseOid, left.oid, right.oid)
    if (merged) return { entry: { mode, oid: merged.oid }, blob: merged }
  }
  const leftStays = comesFirst(left, right)
  const [stays, goes, side] = leftStays ? ([left, right, 'right'] as const) : ([right, left, 'left'] as const)
  return {
    entry: stays,
    displaced: { path: slot.path, reason: 'content', entry: goes, heldBy: [{ side, path: slot.at[side] }] },
  }
}

/** Null when they don't merge. A blob is read only up to the size that may merge. */
function* mergeBlobs(
  codec: Codec,
  path: VaultPath,
  base: Oid | null,
  left: Oid,
  right: Oid,
): Reading<NewObject | null> {
  const contents = yield* readBlobs(base === null ? [left, right] : [left, right, base], MAX_MERGE_BYTES)
  const [leftContent, rightContent, baseContent] = contents
  if (!leftContent || !rightContent) return null
  const content = mergeContent(path, baseContent ?? null, leftContent, rightContent)
  return content && { type: 'blob', content, oid: hashObject(codec, 'blob', content) }
}

/** Executable when a side made it so, unless that side's other one is what it was. */
function mergeMode(base: FileEntry | null, left: FileEntry, right: FileEntry): LeafMode {
  if (left.mode === right.mode) return left.mode
  if (base?.mode === left.mode) return right.mode
  if (base?.mode === right.mode) return left.mode
  return '100755'
}

/** Which of two versions keeps the path: a plain file before a link, then by oid. Never by time or device. */
function comesFirst(a: FileEntry, b: FileEntry): boolean {
  if (isRegular(a) !== isRegular(b)) return isRegular(a)
  return (compareOids(a.oid, b.oid) || compareText(a.mode, b.mode)) < 0
}

/** Takes the files out of the results whose name a folder of the results has. */
function makeWayForFolders(
  results: Map<VaultPath, FileEntry | null>,
  slots: ReadonlyMap<VaultPath, MergeSlot>,
): DisplacedFile[] {
  const folders = new Set<string>()
  for (const [path, entry] of results) {
    if (entry === null) continue
    for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1))
      folders.add(path.slice(0, slash))
  }
  const displaced: DisplacedFile[] = []
  for (const [path, entry] of results) {
    if (entry === null || !folders.has(path)) continue
    const slot = slots.get(path)!
    const holders = (['left', 'right'] as const).filter((side) => slot[side]?.oid === entry.oid)
    const sides = holders.length > 0 ? holders : (['left', 'right'] as const).filter((side) => slot[side] !== null)
    const heldBy = sides.map((side) => ({ side, path: slot.at[side] }))
    displaced.push({ path, reason: 'folder', entry, heldBy })
  }
  for (const { path } of displaced) results.set(path, null)
  return displaced
}

function uniqueObjects(objects: readonly NewObject[]): NewObject[] {
  return [...new Map(objects.map((object) => [object.oid, object])).values()]
}
