import { diffSequences } from '../history/sequence-diff.ts'
import { Interner } from '../history/sequence-merge.ts'
import { splitLines } from '../history/text-merge.ts'

/** Two texts side by side, line by line. Lines are without their line ends. */
export type DiffRow =
  | { readonly kind: 'same'; readonly text: string }
  /** A line of each side that stand for one another; null: that side has none. */
  | { readonly kind: 'changed'; readonly left: string | null; readonly right: string | null }
  /** Equal lines that are not shown. */
  | { readonly kind: 'gap'; readonly lines: number }

/** A tenth of a second at most; beyond it the texts are called different as a whole. */
const MAX_WORK = 10_000_000
/** Equal lines that are shown around a change. */
const CONTEXT = 3
/** A stretch of equal lines is only left out when that saves something. */
const LEAST_GAP = 3

interface Stretch {
  readonly left: readonly string[]
  readonly right: readonly string[]
  readonly same: boolean
}

/** The rows of two texts. `whole`: also the equal lines far from any change. */
export function diffRows(left: string, right: string, { whole = false } = {}): DiffRow[] {
  const stretches = stretchesOf(left, right)
  return stretches.flatMap((stretch, i) => {
    if (!stretch.same) return changedRows(stretch)
    const rows = stretch.left.map((text): DiffRow => ({ kind: 'same', text: bare(text) }))
    if (whole || stretches.length === 1) return rows
    return withGap(rows, i === 0 ? 0 : CONTEXT, i === stretches.length - 1 ? 0 : CONTEXT)
  })
}

/** Lines that only one side has, by number. */
export function countChanges(left: string, right: string): { readonly removed: number; readonly added: number } {
  const changed = stretchesOf(left, right).filter(({ same }) => !same)
  const sum = (pick: (stretch: Stretch) => number) => changed.reduce((total, stretch) => total + pick(stretch), 0)
  return { removed: sum((stretch) => stretch.left.length), added: sum((stretch) => stretch.right.length) }
}

/** A text with the lines of both: where they differ, the left one's come first. */
export function joinTexts(left: string, right: string): string {
  return stretchesOf(left, right)
    .map(({ left, right, same }) => (same ? left.join('') : endLine(left.join('')) + right.join('')))
    .join('')
}

function endLine(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

function stretchesOf(left: string, right: string): Stretch[] {
  const a = splitLines(left)
  const b = splitLines(right)
  const interner = new Interner()
  const hunks = diffSequences(interner.encode(a), interner.encode(b), { left: MAX_WORK }) ?? [
    { aFrom: 0, aTo: a.length, bFrom: 0, bTo: b.length },
  ]
  const stretches: Stretch[] = []
  let at = 0
  const same = (to: number): void => {
    if (to > at) stretches.push({ left: a.slice(at, to), right: a.slice(at, to), same: true })
  }
  for (const { aFrom, aTo, bFrom, bTo } of hunks) {
    same(aFrom)
    stretches.push({ left: a.slice(aFrom, aTo), right: b.slice(bFrom, bTo), same: false })
    at = aTo
  }
  same(a.length)
  return stretches
}

function changedRows({ left, right }: Stretch): DiffRow[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, i) => ({
    kind: 'changed' as const,
    left: i < left.length ? bare(left[i]!) : null,
    right: i < right.length ? bare(right[i]!) : null,
  }))
}

function withGap(rows: readonly DiffRow[], before: number, after: number): DiffRow[] {
  const hidden = rows.length - before - after
  if (hidden < LEAST_GAP) return [...rows]
  return [...rows.slice(0, before), { kind: 'gap', lines: hidden }, ...rows.slice(rows.length - after)]
}

function bare(line: string): string {
  return line.replace(/\r?\n$/, '')
}
