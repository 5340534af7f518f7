import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import { compareText } from './oid-order.ts'

/** A file of a vault, as two devices tell each other of it before they are paired. */
export interface ListedFile {
  readonly path: VaultPath
  readonly oid: Oid
}

/** The files of a vault, each path once, ordered by `compareText`. */
export type VaultListing = readonly ListedFile[]

/** Two vaults before they become one (E9): what each holds that the other lacks, and what both hold. Paths in order. */
export interface VaultComparison {
  readonly onlyHere: readonly string[]
  readonly onlyThere: readonly string[]
  /** Both have a file of this path, with other content. */
  readonly different: readonly string[]
  /** Files that are equal, by number. */
  readonly same: number
}

/** Walks both listings once. Swapping the two swaps `onlyHere` and `onlyThere`, and nothing else. */
export function compareVaults(here: VaultListing, there: VaultListing): VaultComparison {
  const onlyHere: string[] = []
  const onlyThere: string[] = []
  const different: string[] = []
  let same = 0
  let i = 0
  let j = 0
  while (i < here.length || j < there.length) {
    const [mine, theirs] = [here[i], there[j]]
    const order = !mine ? 1 : !theirs ? -1 : compareText(mine.path, theirs.path)
    if (order < 0) onlyHere.push(mine!.path)
    else if (order > 0) onlyThere.push(theirs!.path)
    else if (mine!.oid === theirs!.oid) same++
    else different.push(mine!.path)
    if (order <= 0) i++
    if (order >= 0) j++
  }
  return { onlyHere, onlyThere, different, same }
}
