import { decodeTree } from './tree.ts'
import type { TreeEntry } from './tree.ts'

/** More than so many changed entries are found as fast by reading both trees. */
const MOST_CHANGES = 64
const SPACE = 0x20

export interface TreeChanges {
  /** Entries of the tree: all that the base does not hold alike, and perhaps some that it does. */
  readonly entries: readonly TreeEntry[]
  /** Entries of the base: all of the same names as those, and perhaps others. */
  readonly bases: readonly TreeEntry[]
}

/**
 * What a tree does not have in common with another, by comparing bytes: of two folders of a thousand notes that differ by one, the
 * other entries are never decoded. `base` is known to be sound; `content` is then checked as strictly as `decodeTree` checks it.
 * @throws CorruptObjectError `bad-tree`
 */
export function changedEntries(content: Uint8Array, base: Uint8Array): TreeChanges {
  return changesOf(content, base) ?? { entries: decodeTree(content), bases: decodeTree(base) }
}

function changesOf(content: Uint8Array, base: Uint8Array): TreeChanges | null {
  const [ours, theirs] = [entryStarts(content), entryStarts(base)]
  if (!ours || !theirs) return null
  const [count, baseCount] = [ours.length - 1, theirs.length - 1]
  const shared = Math.min(count, baseCount)
  const isSame = (at: number, baseAt: number): boolean =>
    equalBytes(content, ours[at]!, ours[at + 1]!, base, theirs[baseAt]!, theirs[baseAt + 1]!)
  let head = 0
  while (head < shared && isSame(head, head)) head++
  let tail = 0
  while (tail < shared - head && isSame(count - 1 - tail, baseCount - 1 - tail)) tail++
  if (count - head - tail > MOST_CHANGES) return null
  // A neighbour on either side comes along, so that the order is checked across the seams.
  const from = Math.max(0, head - 1)
  const kept = Math.max(0, tail - 1)
  for (let at = head; at < count - tail; at++) {
    // A file and a folder of one name need not be neighbours.
    for (let other = 0; other < from; other++) if (haveSameName(content, ours, at, other)) return null
    for (let other = count - kept; other < count; other++) if (haveSameName(content, ours, at, other)) return null
  }
  return {
    entries: decodeTree(content.subarray(ours[from], ours[count - kept])),
    bases: decodeTree(base.subarray(theirs[from], theirs[baseCount - kept])),
  }
}

/** Where the entries begin, and where the last one ends; null when that cannot be told. */
function entryStarts(content: Uint8Array): number[] | null {
  const starts: number[] = []
  let at = 0
  while (at < content.length) {
    starts.push(at)
    const end = content.indexOf(0, at)
    if (end < 0 || end + 21 > content.length) return null
    at = end + 21
  }
  starts.push(at)
  return starts
}

function equalBytes(a: Uint8Array, from: number, to: number, b: Uint8Array, bFrom: number, bTo: number): boolean {
  if (to - from !== bTo - bFrom) return false
  // The oid is what differs most, and lies at the end.
  for (let i = to - from - 1; i >= 0; i--) if (a[from + i] !== b[bFrom + i]) return false
  return true
}

function haveSameName(content: Uint8Array, starts: readonly number[], one: number, other: number): boolean {
  const [a, aEnd] = nameRange(content, starts, one)
  const [b, bEnd] = nameRange(content, starts, other)
  return equalBytes(content, a, aEnd, content, b, bEnd)
}

function nameRange(content: Uint8Array, starts: readonly number[], entry: number): [number, number] {
  return [content.indexOf(SPACE, starts[entry]) + 1, starts[entry + 1]! - 21]
}
