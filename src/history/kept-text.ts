import type { Oid } from '../objects/oid.ts'
import { decodeText, MAX_MERGE_BYTES } from './merge-content.ts'
import { readBlobs, type Reading } from './reading.ts'

/** An edit leaves at least this much of the old text. */
const KEPT_SHARE = 0.5

/**
 * Whether a new version of a file still holds most of the old one: an edit, as opposed to other content under the same name.
 * Measured in the old text's lines, or in its beginning and end, whichever keeps more. Not for binary and very large files.
 */
export function* keepsMost(old: Oid, next: Oid): Reading<boolean> {
  if (old === next) return true
  const [before = null, after = null] = (yield* readBlobs([old, next], MAX_MERGE_BYTES)).map(
    (bytes) => bytes && decodeText(bytes),
  )
  if (before === '') return true
  if (before === null || after === null) return false
  return Math.max(keptLines(before, after), keptEnds(before, after)) >= KEPT_SHARE * before.length
}

/** Characters of the old text's lines that are in the new one, each as often as it is there. */
function keptLines(before: string, after: string): number {
  const left = new Map<string, number>()
  for (const line of after.split('\n')) left.set(line, (left.get(line) ?? 0) + 1)
  let kept = 0
  for (const line of before.split('\n')) {
    const count = left.get(line) ?? 0
    left.set(line, count - 1)
    if (count > 0) kept += line.length + 1
  }
  return kept
}

function keptEnds(before: string, after: string): number {
  const most = Math.min(before.length, after.length)
  let start = 0
  while (start < most && before[start] === after[start]) start++
  let end = 0
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++
  return start + end
}
