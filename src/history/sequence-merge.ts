import { diffSequences } from './sequence-diff.ts'
import type { Hunk, WorkBudget } from './sequence-diff.ts'

/** A half-open range of a sequence's elements. */
export type Range = readonly [from: number, to: number]

/** A stretch of the merged sequence: taken from one of the three as it is, or changed differently on both sides. */
export type MergeRegion =
  | { readonly kind: 'taken'; readonly from: 'base' | 'left' | 'right'; readonly range: Range }
  | { readonly kind: 'overlap'; readonly base: Range; readonly left: Range; readonly right: Range }

/**
 * Merges two descendants of `base` (diff3: Khanna, Kunal, Pierce, "A formal investigation of diff3", 2007). Hunks that
 * overlap or touch in the base form an overlap, unless both sides put the same there. Swapping left and right swaps the
 * names in the result and nothing else (V5). Undefined when the budget runs out.
 */
export function mergeSequences(
  base: Int32Array,
  left: Int32Array,
  right: Int32Array,
  budget: WorkBudget,
): MergeRegion[] | undefined {
  const leftHunks = diffSequences(base, left, budget)
  const rightHunks = leftHunks && diffSequences(base, right, budget)
  if (rightHunks === undefined) return undefined
  const regions: MergeRegion[] = []
  const leftSide = new Side(leftHunks!)
  const rightSide = new Side(rightHunks)
  let at = 0
  for (;;) {
    const from = Math.min(leftSide.nextStart(), rightSide.nextStart())
    if (from === Infinity) break
    if (from > at) regions.push({ kind: 'taken', from: 'base', range: [at, from] })
    let to = from
    const leftStart = leftSide.start()
    const rightStart = rightSide.start()
    let inLeft = false
    let inRight = false
    for (;;) {
      if (leftSide.nextStart() <= to) {
        to = Math.max(to, leftSide.take())
        inLeft = true
      } else if (rightSide.nextStart() <= to) {
        to = Math.max(to, rightSide.take())
        inRight = true
      } else break
    }
    const leftRange: Range = [from + leftStart, to + leftSide.start()]
    const rightRange: Range = [from + rightStart, to + rightSide.start()]
    if (!inRight || equalRanges(left, leftRange, right, rightRange)) {
      regions.push({ kind: 'taken', from: 'left', range: leftRange })
    } else if (!inLeft) regions.push({ kind: 'taken', from: 'right', range: rightRange })
    else regions.push({ kind: 'overlap', base: [from, to], left: leftRange, right: rightRange })
    at = to
  }
  if (at < base.length) regions.push({ kind: 'taken', from: 'base', range: [at, base.length] })
  return regions
}

/** One side's hunks, walked in order. */
class Side {
  private readonly hunks: readonly Hunk[]
  private next = 0
  private shift = 0

  constructor(hunks: readonly Hunk[]) {
    this.hunks = hunks
  }

  /** Where in the base the next hunk begins. */
  nextStart(): number {
    return this.hunks[this.next]?.aFrom ?? Infinity
  }

  /** How far this side's positions are ahead of the base's behind the hunks taken. */
  start(): number {
    return this.shift
  }

  /** Takes the next hunk; where in the base it ends. */
  take(): number {
    const hunk = this.hunks[this.next++]!
    this.shift = hunk.bTo - hunk.aTo
    return hunk.aTo
  }
}

function equalRanges(a: Int32Array, [aFrom, aTo]: Range, b: Int32Array, [bFrom, bTo]: Range): boolean {
  if (aTo - aFrom !== bTo - bFrom) return false
  for (let i = 0; i < aTo - aFrom; i++) if (a[aFrom + i] !== b[bFrom + i]) return false
  return true
}

/** Gives equal strings equal numbers, so that sequences of them compare quickly. */
export class Interner {
  private readonly ids = new Map<string, number>()

  encode(tokens: readonly string[]): Int32Array {
    return Int32Array.from(tokens, (token) => {
      const known = this.ids.get(token)
      if (known !== undefined) return known
      this.ids.set(token, this.ids.size)
      return this.ids.size - 1
    })
  }
}

/**
 * The order for the names of two lists that come from `base`: all names of both, each once, where its side put it. What
 * both put at one place comes list by list, the smaller list first. Which names stay is the caller's to say. Symmetric (V5).
 */
export function mergeOrder(base: readonly string[], left: readonly string[], right: readonly string[]): string[] {
  const inRight = new Set(right)
  const inBoth = new Set(left.filter((name) => inRight.has(name)))
  // A name that one side removed is as new on the other: so it keeps a place, should it stay.
  const common = base.filter((name) => inBoth.has(name))
  const names = new Interner()
  const regions = mergeSequences(names.encode(common), names.encode(left), names.encode(right), { left: Infinity })!
  const sources = { base: common, left, right }
  const merged = new Set<string>()
  for (const region of regions) {
    if (region.kind === 'taken') sources[region.from].slice(...region.range).forEach((name) => merged.add(name))
    else {
      const both = [left.slice(...region.left), right.slice(...region.right)]
      if (both[1]!.join('\0') < both[0]!.join('\0')) both.reverse()
      both.flat().forEach((name) => merged.add(name))
    }
  }
  return [...merged]
}
