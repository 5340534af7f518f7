/** Two vaults before they become one (E9): what each holds that the other lacks, and what both hold. Paths in order. */
export interface VaultComparison {
  readonly onlyHere: readonly string[]
  readonly onlyThere: readonly string[]
  /** Both have a file of this path, with other content. */
  readonly different: readonly string[]
  /** Files that are equal, by number. */
  readonly same: number
}
