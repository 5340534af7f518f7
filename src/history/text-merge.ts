import { Interner, mergeSequences } from './sequence-merge.ts'
import type { MergeRegion } from './sequence-merge.ts'
import type { WorkBudget } from './sequence-diff.ts'

export type TextMerge = { readonly clean: true; readonly text: string } | { readonly clean: false }

/** About a tenth of a second. Two full rewrites of some 2,000 lines each still fit; beyond that both texts are kept. */
const MAX_WORK = 10_000_000

const UNCLEAN: TextMerge = { clean: false }

export interface TextMergeOptions {
  /** Whether lines that both sides changed may merge by their words; default true. */
  readonly words?: boolean
}

/**
 * Merges two texts that come from `base`, by lines and, inside a hunk that both changed, by words (V7). Line ends, a
 * missing last newline and a byte order mark are content like any other and stay as they are. Symmetric (V5).
 */
export function mergeText(base: string, left: string, right: string, options: TextMergeOptions = {}): TextMerge {
  if (left === right || right === base) return { clean: true, text: left }
  if (left === base) return { clean: true, text: right }
  const budget = { left: MAX_WORK }
  const words = options.words ?? true
  return mergeTokens(splitLines(base), splitLines(left), splitLines(right), budget, (overlap) => {
    return words ? mergeWords(overlap, budget) : UNCLEAN
  })
}

/**
 * Both sides added a text and there is no base (V7): the larger one, if it holds every line of the other in the same
 * order. Line ends don't count for that.
 */
export function mergeAddedText(left: string, right: string): TextMerge {
  if (left === right) return { clean: true, text: left }
  const leftLines = bareLines(left)
  const rightLines = bareLines(right)
  const leftHoldsRight = isSubsequence(rightLines, leftLines)
  const rightHoldsLeft = isSubsequence(leftLines, rightLines)
  if (leftHoldsRight && rightHoldsLeft) return { clean: true, text: largerText(left, right) }
  if (leftHoldsRight) return { clean: true, text: left }
  if (rightHoldsLeft) return { clean: true, text: right }
  return UNCLEAN
}

/** Lines with their line ends; only the last may lack one. */
export function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

/** Names may stand in the text as they are: two halves of a date, a number or an address don't make a new one. */
function splitWords(text: string): string[] {
  // Here and not as a constant: a pattern of scripts takes a millisecond to make, which the start of an app can do without.
  const words =
    /https?:\/\/\S+|\p{N}+(?:[-.,:/]\p{N}+)*|[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]|(?:(?![\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}])[\p{L}\p{M}_])[\p{L}\p{M}\p{N}_]*|\r\n|[^]/gu
  return text.match(words) ?? []
}

function mergeWords([base, left, right]: Overlap, budget: WorkBudget): TextMerge {
  return mergeTokens(splitWords(base), splitWords(left), splitWords(right), budget, () => UNCLEAN)
}

type Overlap = readonly [base: string, left: string, right: string]

function mergeTokens(
  base: readonly string[],
  left: readonly string[],
  right: readonly string[],
  budget: WorkBudget,
  mergeOverlap: (overlap: Overlap) => TextMerge,
): TextMerge {
  const ids = new Interner()
  const regions = mergeSequences(ids.encode(base), ids.encode(left), ids.encode(right), budget)
  if (regions === undefined) return UNCLEAN
  const sources = { base, left, right }
  const merged: string[] = []
  for (const region of regions) {
    if (region.kind === 'taken') {
      merged.push(sources[region.from].slice(...region.range).join(''))
      continue
    }
    const inner = mergeOverlap(overlapTexts(region))
    if (!inner.clean) return UNCLEAN
    merged.push(inner.text)
  }
  return { clean: true, text: merged.join('') }

  function overlapTexts(region: Extract<MergeRegion, { kind: 'overlap' }>): Overlap {
    return [
      base.slice(...region.base).join(''),
      left.slice(...region.left).join(''),
      right.slice(...region.right).join(''),
    ]
  }
}

function bareLines(text: string): string[] {
  return splitLines(text).map((line) => line.replace(/\r?\n$/, ''))
}

function isSubsequence(short: readonly string[], long: readonly string[]): boolean {
  let found = 0
  for (const line of long) if (found < short.length && short[found] === line) found++
  return found === short.length
}

function largerText(a: string, b: string): string {
  if (a.length !== b.length) return a.length > b.length ? a : b
  return a > b ? a : b
}
