import { treePath } from '../history/file-entry.ts'
import { CorruptObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import { changedEntries } from '../objects/tree-changes.ts'
import { decodeTree, type TreeEntry } from '../objects/tree.ts'

/** Folders nested deeper than this are refused (T8). */
const MAX_DEPTH = 128

/** Reads a tree's content; null when it is not there. */
export type TreeReader = (oid: Oid) => Promise<Uint8Array | null>

type EntryKind = 'tree' | 'blob'

/** What walks have met. */
export type WalkedObjects = Map<Oid, EntryKind>

/** What the walk meets: an object that no base tree holds at the same path. `base` is what the first base tree holds there. */
export interface NewEntry {
  readonly kind: EntryKind
  readonly oid: Oid
  readonly path: string
  readonly base: Oid | undefined
}

/**
 * Visits the trees and blobs below `tree` that none of `bases` holds at the same path; equal subtrees are not opened.
 * Each oid is met once per `seen`. Trees come before what they hold. A tree that cannot be read is visited and not entered.
 *
 * @throws CorruptObjectError for a tree that is malformed, too deep, or holds a submodule or a name that no vault may hold (E6), and
 * for an object that is met as a file and as a folder.
 */
export async function walkNewEntries(
  readTree: TreeReader,
  tree: Oid,
  bases: readonly Oid[],
  seen: WalkedObjects,
  visit: (entry: NewEntry) => void | Promise<void>,
): Promise<void> {
  const walk = async (oid: Oid, baseTrees: readonly Oid[], path: string, depth: number): Promise<void> => {
    if (baseTrees.includes(oid) || isSeen(seen, oid, 'tree')) return
    if (depth > MAX_DEPTH)
      throw new CorruptObjectError('bad-tree', `folders are nested more than ${MAX_DEPTH} deep at ${path}`)
    seen.set(oid, 'tree')
    await visit({ kind: 'tree', oid, path, base: baseTrees[0] })
    const content = await readTree(oid)
    if (!content) return
    const baseContents: Uint8Array[] = []
    for (const base of baseTrees) {
      const baseContent = await readTree(base)
      if (baseContent) baseContents.push(baseContent)
    }
    const { entries, baseEntries } = compared(content, baseContents)
    for (const entry of entries) {
      const there = baseEntries.map((b) => b.get(entry.name)).filter((e) => e !== undefined)
      const same = there.filter((e) => e.oid === entry.oid)
      if (same.some((e) => kindOf(e) === kindOf(entry))) continue
      const below = treePath(path && `${path}/`, entry.name)
      if (entry.mode === '160000')
        throw new CorruptObjectError('bad-tree', `${below} is a git submodule, which a vault cannot hold`)
      if (same.length > 0) throw twoKinds(entry.oid)
      if (entry.mode === '40000') {
        await walk(
          entry.oid,
          there.filter((e) => e.mode === '40000').map((e) => e.oid),
          below,
          depth + 1,
        )
      } else if (!isSeen(seen, entry.oid, 'blob')) {
        seen.set(entry.oid, 'blob')
        await visit({ kind: 'blob', oid: entry.oid, path: below, base: there.find((e) => e.mode !== '40000')?.oid })
      }
    }
  }
  await walk(tree, bases, '', 0)
}

function kindOf({ mode }: TreeEntry): EntryKind | 'submodule' {
  return mode === '40000' ? 'tree' : mode === '160000' ? 'submodule' : 'blob'
}

/** An object is of one kind: with its oid alone a folder could hide behind a file that was met, and never be looked at. */
function isSeen(seen: WalkedObjects, oid: Oid, kind: EntryKind): boolean {
  const known = seen.get(oid)
  if (known !== undefined && known !== kind) throw twoKinds(oid)
  return known !== undefined
}

function twoKinds(oid: Oid): CorruptObjectError {
  return new CorruptObjectError('bad-tree', `${oid} is a file in one place and a folder in another`)
}

/** A tree's entries that may be new, and those of the bases by name. The bases are sound: they are ours, or were walked before. */
function compared(
  content: Uint8Array,
  bases: readonly Uint8Array[],
): { readonly entries: readonly TreeEntry[]; readonly baseEntries: readonly ReadonlyMap<string, TreeEntry>[] } {
  const byName = (entries: readonly TreeEntry[]) => new Map(entries.map((entry) => [entry.name, entry]))
  if (bases.length !== 1)
    return { entries: decodeTree(content), baseEntries: bases.map((base) => byName(decodeTree(base))) }
  const changes = changedEntries(content, bases[0]!)
  return { entries: changes.entries, baseEntries: [byName(changes.bases)] }
}
