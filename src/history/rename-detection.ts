import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import { sameEntry, isRegular } from './file-entry.ts'
import { decodeText, MAX_MERGE_BYTES } from './merge-content.ts'
import { otherSide } from './merge-slot.ts'
import type { MergeSlot, MergeSlots, Side } from './merge-slot.ts'
import { compareText } from './oid-order.ts'
import { readBlobs } from './reading.ts'
import type { Reading } from './reading.ts'
import { splitLines } from './text-merge.ts'

/** What one side moved. */
export interface Renames {
  /** From the base's path to the side's. */
  readonly files: ReadonlyMap<VaultPath, VaultPath>
  /** From the base's folder to the side's, both with a slash at the end. */
  readonly folders: ReadonlyMap<string, string>
}

/** Git's empty blob: files without content are alike, and tell nothing. */
const EMPTY_BLOB = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
/** Share of the text that must be in both, as in git. */
const MIN_SIMILARITY = 0.5
/** Texts read to find one similar rename, and such searches in one merge: bounds the work. */
const MAX_CANDIDATES = 16
const MAX_SEARCHES = 64

/**
 * The renames of one side (V7). Sure ones first: the same content, gone in one place and new in one other. Then files
 * that moved with their folder. Then similar text, looked for only where it matters: the other side edited the old path.
 */
export function* detectRenames(slots: MergeSlots, side: Side): Reading<Renames> {
  const gone = new Map<VaultPath, MergeSlot>()
  const added = new Map<VaultPath, MergeSlot>()
  for (const slot of [...slots.values()].sort((a, b) => compareText(a.path, b.path))) {
    if (slot.base !== null && slot[side] === null) gone.set(slot.path, slot)
    if (slot.base === null && slot[side] !== null) added.set(slot.path, slot)
  }
  const files = new Map<VaultPath, VaultPath>()
  const pair = (from: VaultPath, to: VaultPath) => {
    files.set(from, to)
    gone.delete(from)
    added.delete(to)
  }
  pairSameContent(gone, added, side, pair)
  const folders = renamedFolders(files)
  for (const from of [...gone.keys()]) {
    const to = movedPath(from, folders)
    if (to !== null && added.has(to as VaultPath)) pair(from, to as VaultPath)
  }
  yield* pairSimilarText(gone, added, side, pair)
  return { files, folders }
}

/** Where a path goes with the nearest of its folders that was renamed; null when none was. */
export function movedPath(path: string, folders: ReadonlyMap<string, string>): string | null {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const to = folders.get(path.slice(0, slash + 1))
    if (to !== undefined) return to + path.slice(slash + 1)
  }
  return null
}

type Slots = ReadonlyMap<VaultPath, MergeSlot>
type Pair = (from: VaultPath, to: VaultPath) => void

function pairSameContent(gone: Slots, added: Slots, side: Side, pair: Pair): void {
  const byOid = new Map<string, { from: VaultPath[]; to: VaultPath[] }>()
  const group = (oid: string) => {
    let found = byOid.get(oid)
    if (!found) byOid.set(oid, (found = { from: [], to: [] }))
    return found
  }
  for (const slot of gone.values()) group(slot.base!.oid).from.push(slot.path)
  for (const slot of added.values()) group(slot[side]!.oid).to.push(slot.path)
  for (const [oid, { from, to }] of byOid) {
    if (oid !== EMPTY_BLOB && from.length === 1 && to.length === 1) {
      pair(from[0]!, to[0]!)
      continue
    }
    // Several files of one content: only a name that is unique on both sides says which went where.
    for (const path of from) {
      const name = nameOf(path)
      const targets = to.filter((other) => nameOf(other) === name)
      if (targets.length === 1 && from.filter((other) => nameOf(other) === name).length === 1) pair(path, targets[0]!)
    }
  }
}

/** Folders whose files, where they were followed, all went to one other folder. */
function renamedFolders(files: ReadonlyMap<VaultPath, VaultPath>): Map<string, string> {
  const folders = new Map<string, string | null>()
  for (const [from, to] of files) {
    let a = from as string
    let b = to as string
    while (nameOf(a) === nameOf(b)) {
      a = parentOf(a)
      b = parentOf(b)
      if (a === b || a === '' || b === '') break
      const known = folders.get(`${a}/`)
      folders.set(`${a}/`, known === undefined || known === `${b}/` ? `${b}/` : null)
    }
  }
  return new Map([...folders].filter((entry): entry is [string, string] => entry[1] !== null))
}

function* pairSimilarText(gone: Slots, added: Slots, side: Side, pair: Pair): Reading<void> {
  let searches = 0
  for (const slot of [...gone.values()]) {
    const theirs = slot[otherSide(side)]
    if (theirs === null || sameEntry(theirs, slot.base) || !isRegular(slot.base!)) continue
    if (++searches > MAX_SEARCHES) return
    const candidates = [...added.values()]
      .filter((other) => isRegular(other[side]!) && extensionOf(other.path) === extensionOf(slot.path))
      .sort((a, b) => nearness(b.path, slot.path) - nearness(a.path, slot.path))
      .slice(0, MAX_CANDIDATES)
    const oids = [slot.base!.oid, ...candidates.map((other) => other[side]!.oid)]
    const [base, ...texts] = (yield* readBlobs(oids, MAX_MERGE_BYTES)).map((bytes) => bytes && decodeText(bytes))
    if (!base) continue
    let best: VaultPath | null = null
    let bestScore = 0
    texts.forEach((text, i) => {
      const score = text ? similarity(base, text) : 0
      if (score < MIN_SIMILARITY || score <= bestScore) return
      bestScore = score
      best = candidates[i]!.path
    })
    if (best !== null) pair(slot.path, best)
  }
}

/** Whether two blobs are texts that a rename with an edit may connect. */
export function* areSimilar(a: Oid, b: Oid): Reading<boolean> {
  if (a === b) return true
  const [left, right] = (yield* readBlobs([a, b], MAX_MERGE_BYTES)).map((bytes) => bytes && decodeText(bytes))
  return Boolean(left && right && similarity(left, right) >= MIN_SIMILARITY)
}

/** Text in lines that both have, as a share of the larger text. */
function similarity(a: string, b: string): number {
  const lines = new Map<string, number>()
  for (const line of splitLines(a)) lines.set(line, (lines.get(line) ?? 0) + 1)
  let common = 0
  for (const line of splitLines(b)) {
    const count = lines.get(line) ?? 0
    if (count === 0) continue
    lines.set(line, count - 1)
    common += line.length
  }
  return common / Math.max(a.length, b.length)
}

/** A file of the same name elsewhere, or of another name in the same folder, comes before others. */
function nearness(a: string, b: string): number {
  return Number(nameOf(a) === nameOf(b)) * 2 + Number(parentOf(a) === parentOf(b))
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0))
}

function extensionOf(path: string): string {
  const name = nameOf(path)
  const dot = name.lastIndexOf('.')
  return dot <= 0 ? '' : name.slice(dot).toLowerCase()
}
