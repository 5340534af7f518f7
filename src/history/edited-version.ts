import type { Oid } from '../objects/oid.ts'
import { keepsMost } from './kept-text.ts'
import { decodeText, MAX_MERGE_BYTES } from './merge-content.ts'
import { readBlobs, type Reading } from './reading.ts'

/** The version that a person edited; `unclear`: it may be either, so both must stay beside the edit (V6). */
export type EditedVersion = 'old' | 'new' | 'unclear'

/** A shorter line inside another one proves nothing. */
const SHORTEST_PART = 8
/** Lines that are looked for inside others: bounds the work. */
const MOST_PARTS = 200

/**
 * A checkout that was cut may have replaced `old` by `written` before a person made `now` of it; undefined: no file. Tells which of
 * the two they had before their eyes, by the lines that only one of them has. `new` only where `now` still has every line that
 * `written` brought: as an edit of it, it takes out nothing that came from a peer. `old` only where `now` has none of them.
 */
export function* editedVersion(
  old: Oid | undefined,
  written: Oid | undefined,
  now: Oid | undefined,
): Reading<EditedVersion> {
  if (old === written) return 'old'
  if (!now) return 'unclear'
  if (!written) return old && (yield* keepsMost(old, now)) ? 'old' : 'new'
  const contents = yield* readBlobs([written, now, ...(old ? [old] : [])], MAX_MERGE_BYTES)
  const [newText, text, oldText] = contents.map((bytes) => bytes && decodeText(bytes))
  if (typeof newText !== 'string' || typeof text !== 'string' || oldText === null) return 'unclear'
  const before = linesOf(oldText ?? '')
  const after = linesOf(newText)
  const brought = [...after].filter((line) => !before.has(line))
  const removed = [...before].filter((line) => !after.has(line))
  const keptNew = countIn(text, brought)
  const keptOld = countIn(text, removed)
  if (keptNew === brought.length) return brought.length || !keptOld ? 'new' : 'old'
  if (keptNew > 0) return 'unclear'
  return keptOld || !removed.length ? 'old' : 'unclear'
}

function linesOf(text: string): Set<string> {
  return new Set(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  )
}

/** How many of the lines are there, whole or with words before or behind. */
function countIn(text: string, lines: readonly string[]): number {
  const there = linesOf(text)
  let parts = MOST_PARTS
  return lines.filter((line) => there.has(line) || (line.length >= SHORTEST_PART && parts-- > 0 && text.includes(line)))
    .length
}
