import type { CommitGraph } from '../history/commit-graph.ts'
import type { Oid } from '../objects/oid.ts'

/** Commits to tell a server of, so that it finds what both have. */
export interface HaveSource {
  /** At most `count` that were not named yet; none when there are no more. What `common` descends from is left out from now on. */
  next(count: number, common: Iterable<Oid>): readonly Oid[]
}

/** All that `tips` reach, the newest first. */
export function commitHaves(graph: CommitGraph, tips: Iterable<Oid>): HaveSource {
  const order = graph.ancestorsNotIn(tips, [])
  const known = new Set<Oid>()
  let at = 0
  return {
    next(count, common) {
      const waiting = [...common].filter((oid) => graph.has(oid))
      for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
        if (known.has(oid)) continue
        known.add(oid)
        waiting.push(...graph.node(oid).parents)
      }
      const haves: Oid[] = []
      for (; at < order.length && haves.length < count; at++) if (!known.has(order[at]!)) haves.push(order[at]!)
      return haves
    },
  }
}

export const NO_HAVES: HaveSource = { next: () => [] }
