/** A stretch of `a` that is replaced by a stretch of `b`; half-open ranges, at least one of them not empty. */
export interface Hunk {
  aFrom: number
  aTo: number
  bFrom: number
  bTo: number
}

/** Steps that a computation may still take. Counting steps, not time, gives every device the same answer (V3). */
export interface WorkBudget {
  left: number
}

/**
 * The shortest edit from `a` to `b` by Myers' linear-space algorithm ("An O(ND) difference algorithm", 1986), as hunks
 * in order that do not touch. A pure insertion or deletion that could lie at several places is put at the last one, as
 * git does, so that the same edit lies at the same place on both sides of a merge.
 * Undefined when the budget runs out.
 */
export function diffSequences(a: Int32Array, b: Int32Array, budget: WorkBudget): Hunk[] | undefined {
  const changedA = new Uint8Array(a.length)
  const changedB = new Uint8Array(b.length)
  const forward = new Int32Array(a.length + b.length + 4)
  const backward = new Int32Array(a.length + b.length + 4)
  const boxes: [number, number, number, number][] = [[0, a.length, 0, b.length]]
  for (let box = boxes.pop(); box !== undefined; box = boxes.pop()) {
    let [aFrom, aTo, bFrom, bTo] = box
    while (aFrom < aTo && bFrom < bTo && a[aFrom] === b[bFrom]) (aFrom++, bFrom++)
    while (aFrom < aTo && bFrom < bTo && a[aTo - 1] === b[bTo - 1]) (aTo--, bTo--)
    const split =
      aFrom === aTo || bFrom === bTo ? 'whole' : findSplit(a, aFrom, aTo, b, bFrom, bTo, forward, backward, budget)
    if (split === undefined) return undefined
    if (split === 'whole') {
      changedA.fill(1, aFrom, aTo)
      changedB.fill(1, bFrom, bTo)
    } else {
      boxes.push([aFrom, split.a, bFrom, split.b], [split.a, aTo, split.b, bTo])
    }
  }
  return settle(a, b, collectHunks(changedA, changedB))
}

/**
 * A point on a shortest path through the box, found from both ends at once; `whole` when nothing in the box matches.
 * The box's first elements differ, and so do its last.
 */
function findSplit(
  a: Int32Array,
  aFrom: number,
  aTo: number,
  b: Int32Array,
  bFrom: number,
  bTo: number,
  forward: Int32Array,
  backward: Int32Array,
  budget: WorkBudget,
): { a: number; b: number } | 'whole' | undefined {
  const n = aTo - aFrom
  const m = bTo - bFrom
  const most = (n + m + 1) >> 1
  const zero = most
  const size = 2 * most + 2
  // The furthest x on each diagonal k = x - y, at index zero + k; -1 where no path went yet.
  forward.fill(-1, 0, size)
  backward.fill(-1, 0, size)
  forward[zero + 1] = 0
  backward[zero + 1] = 0
  budget.left -= size
  const delta = n - m
  const odd = (delta & 1) !== 0
  // Diagonals that left the box are not followed any more.
  let forwardLow = 0
  let forwardHigh = 0
  let backwardLow = 0
  let backwardHigh = 0
  for (let d = 0; d < most; d++) {
    for (let k = -d + forwardLow; k <= d - forwardHigh; k += 2) {
      const at = zero + k
      let x = k === -d || (k !== d && forward[at - 1]! < forward[at + 1]!) ? forward[at + 1]! : forward[at - 1]! + 1
      let y = x - k
      const from = x
      while (x < n && y < m && a[aFrom + x] === b[bFrom + y]) (x++, y++)
      budget.left -= 1 + x - from
      forward[at] = x
      if (x > n) forwardHigh += 2
      else if (y > m) forwardLow += 2
      else if (odd) {
        const other = zero + delta - k
        if (other >= 0 && other < size && backward[other] !== -1 && x >= n - backward[other]!) return corner(x, y)
      }
    }
    for (let k = -d + backwardLow; k <= d - backwardHigh; k += 2) {
      const at = zero + k
      let x = k === -d || (k !== d && backward[at - 1]! < backward[at + 1]!) ? backward[at + 1]! : backward[at - 1]! + 1
      let y = x - k
      const from = x
      while (x < n && y < m && a[aTo - 1 - x] === b[bTo - 1 - y]) (x++, y++)
      budget.left -= 1 + x - from
      backward[at] = x
      if (x > n) backwardHigh += 2
      else if (y > m) backwardLow += 2
      else if (!odd) {
        const other = zero + delta - k
        if (other >= 0 && other < size && forward[other] !== -1 && forward[other]! >= n - x) {
          return corner(forward[other]!, forward[other]! - (delta - k))
        }
      }
    }
    if (budget.left < 0) return undefined
  }
  return 'whole'

  function corner(x: number, y: number): { a: number; b: number } | 'whole' {
    const nothingGained = (x === 0 && y === 0) || (x === n && y === m)
    return nothingGained ? 'whole' : { a: aFrom + x, b: bFrom + y }
  }
}

function collectHunks(changedA: Uint8Array, changedB: Uint8Array): Hunk[] {
  const hunks: Hunk[] = []
  let i = 0
  let j = 0
  while (i < changedA.length || j < changedB.length) {
    const aFrom = i
    const bFrom = j
    while (i < changedA.length && changedA[i] === 1) i++
    while (j < changedB.length && changedB[j] === 1) j++
    if (i > aFrom || j > bFrom) hunks.push({ aFrom, aTo: i, bFrom, bTo: j })
    i++
    j++
  }
  return hunks
}

/** Moves each pure insertion and deletion down as far as it goes; one that meets the next hunk becomes part of it. */
function settle(a: Int32Array, b: Int32Array, hunks: readonly Hunk[]): Hunk[] {
  const settled: Hunk[] = []
  for (let i = hunks.length - 1; i >= 0; i--) {
    const hunk = { ...hunks[i]! }
    for (;;) {
      const next = settled.at(-1)
      const limit = next?.aFrom ?? a.length
      const inserts = hunk.aFrom === hunk.aTo
      const deletes = hunk.bFrom === hunk.bTo
      if (inserts !== deletes) {
        while (hunk.aTo < limit && (inserts ? b[hunk.bFrom] === b[hunk.bTo] : a[hunk.aFrom] === a[hunk.aTo])) {
          ;(hunk.aFrom++, hunk.aTo++, hunk.bFrom++, hunk.bTo++)
        }
      }
      if (next === undefined || hunk.aTo < next.aFrom) break
      settled.pop()
      hunk.aTo = next.aTo
      hunk.bTo = next.bTo
    }
    settled.push(hunk)
  }
  return settled.reverse()
}
