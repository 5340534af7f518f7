/** The known name that a mistyped one most likely means: at most two in five letters wrong. Case does not count. */
export function closestName(typed: string, known: readonly string[]): string | undefined {
  if (typed.length > 100) return undefined
  let best: string | undefined
  let least = Infinity
  for (const name of known) {
    const wrong = editDistance(typed.toLowerCase(), name.toLowerCase())
    if (wrong < least && wrong <= Math.max(1, name.length * 0.4)) [best, least] = [name, wrong]
  }
  return best
}

/** Letters to insert, remove or replace (Levenshtein). */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const replaced = row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[right.length]!
}
