import type { VaultComparison } from '../history/compare-vaults.ts'
import { printable } from './printable.ts'

/** Paths of each kind that go to scripts; and letters in them, so that the whole stays far below a line's 1 MiB. */
const MAX_PATHS = 100
const MAX_LETTERS = 64 * 1024
/** Paths of each kind that people are shown. */
const SHOWN_PATHS = 5

/** A comparison of two vaults as plain JSON: numbers of files, and the first of their paths. */
export interface ComparisonReport {
  readonly onlyHere: number
  readonly onlyThere: number
  readonly same: number
  readonly different: number
  readonly paths: {
    readonly onlyHere: readonly string[]
    readonly onlyThere: readonly string[]
    readonly different: readonly string[]
  }
}

export function comparisonReport({ onlyHere, onlyThere, different, same }: VaultComparison): ComparisonReport {
  return {
    onlyHere: onlyHere.length,
    onlyThere: onlyThere.length,
    same,
    different: different.length,
    paths: { onlyHere: first(onlyHere), onlyThere: first(onlyThere), different: first(different) },
  }
}

function first(paths: readonly string[]): string[] {
  let letters = 0
  return paths.slice(0, MAX_PATHS).filter(({ length }) => (letters += length) <= MAX_LETTERS)
}

/** The same for people, before they are asked. */
export function comparisonLines({ onlyHere, onlyThere, same, different, paths }: ComparisonReport): string[] {
  const lines = [
    '\nBoth vaults hold files:',
    `Only here ${onlyHere} · only there ${onlyThere} · the same ${same} · different ${different}`,
  ]
  const name = (title: string, shown: readonly string[], count: number): void => {
    if (!count) return
    const names = shown.slice(0, SHOWN_PATHS)
    const rest = count - names.length
    lines.push(`  ${title} ${names.map(printable).join(', ')}${rest ? `, and ${rest} more` : ''}`)
  }
  name('Only here: ', paths.onlyHere, onlyHere)
  name('Only there:', paths.onlyThere, onlyThere)
  name('Different: ', paths.different, different)
  if (different)
    lines.push(
      'Of a note that differs, the longer version stays if it holds all lines of the other one; else both stay, one of them',
      'with "conflict" in its name.',
    )
  return lines
}
