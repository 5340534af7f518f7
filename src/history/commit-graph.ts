import { MissingObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import { Heap } from './heap.ts'
import { compareOids, sortedOids } from './oid-order.ts'

/** What the graph knows of a commit. */
export interface CommitNode {
  readonly parents: readonly Oid[]
  readonly tree: Oid
  /** The committer's time, seconds since 1970. Orders lists for people; decides nothing (V3). */
  readonly seconds: number
}

interface Vertex extends CommitNode {
  readonly oid: Oid
  /** 1 + the greatest generation among the parents; 0 until computed. An ancestor's is always smaller. */
  generation: number
}

const LEFT = 1
const RIGHT = 2
/** A common ancestor's ancestor: common as well, but not a best one. */
const STALE = 4

/**
 * The commits of one share in memory. Commits may be added in any order, children first too; a question that leads to a
 * parent that was never added throws MissingObjectError. Walks stop by generation number, and nothing recurses.
 */
export class CommitGraph {
  private readonly vertices = new Map<Oid, Vertex>()
  private readonly children = new Map<Oid, Oid[]>()

  get size(): number {
    return this.vertices.size
  }

  /** Adds a commit; again adding it changes nothing. */
  add(oid: Oid, node: CommitNode): void {
    if (this.vertices.has(oid)) return
    const parents = [...node.parents]
    this.vertices.set(oid, { oid, parents, tree: node.tree, seconds: node.seconds, generation: 0 })
    for (const parent of new Set(parents)) {
      const siblings = this.children.get(parent)
      if (siblings) siblings.push(oid)
      else this.children.set(parent, [oid])
    }
  }

  has(oid: Oid): boolean {
    return this.vertices.has(oid)
  }

  /** The commits whose oids begin with these hex digits, sorted. */
  withPrefix(prefix: string): Oid[] {
    return sortedOids([...this.vertices.keys()].filter((oid) => oid.startsWith(prefix)))
  }

  get(oid: Oid): CommitNode | undefined {
    return this.vertices.get(oid)
  }

  /** The commit's node. @throws MissingObjectError */
  node(oid: Oid): CommitNode {
    return this.vertex(oid)
  }

  /** The commits that name `oid` as a parent, in byte order. */
  childrenOf(oid: Oid): Oid[] {
    return sortedOids(this.children.get(oid) ?? [])
  }

  /** The length of the longest way to a root, 1 for a root. @throws MissingObjectError */
  generation(oid: Oid): number {
    return this.vertex(oid).generation
  }

  /** Whether `a` is `b` or one of its ancestors. */
  isAncestor(a: Oid, b: Oid): boolean {
    const { generation } = this.vertex(a)
    const seen = new Set<Oid>([b])
    const waiting = [b]
    for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
      if (oid === a) return true
      const vertex = this.vertex(oid)
      if (vertex.generation <= generation) continue
      for (const parent of vertex.parents) {
        if (seen.has(parent)) continue
        seen.add(parent)
        waiting.push(parent)
      }
    }
    return false
  }

  /** The heads that are no ancestor of another head (V3), each once, in byte order. */
  maximal(heads: Iterable<Oid>): Oid[] {
    const candidates = sortedOids(heads)
    if (candidates.length < 2) {
      candidates.forEach((oid) => this.vertex(oid))
      return candidates
    }
    const lowest = Math.min(...candidates.map((oid) => this.generation(oid)))
    const below = new Set<Oid>()
    const waiting = [...candidates]
    for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
      const vertex = this.vertex(oid)
      if (vertex.generation <= lowest) continue
      for (const parent of vertex.parents) {
        if (below.has(parent)) continue
        below.add(parent)
        waiting.push(parent)
      }
    }
    return candidates.filter((oid) => !below.has(oid))
  }

  /**
   * All best common ancestors of two sets of commits, in byte order: common to both sets, and no ancestor of another
   * such commit. A set stands for a merge, not made yet, of its commits. Empty for unrelated histories.
   */
  mergeBases(a: readonly Oid[], b: readonly Oid[]): Oid[] {
    const bases: Oid[] = []
    this.paint(a, b, (oid, flags) => {
      if ((flags & (LEFT | RIGHT)) !== (LEFT | RIGHT)) return flags
      if ((flags & STALE) === 0) bases.push(oid)
      return flags | STALE
    })
    return bases.sort(compareOids)
  }

  /** The commits reachable from `wants` and not from `haves`: newest first, yet children always before their parents. */
  ancestorsNotIn(wants: Iterable<Oid>, haves: Iterable<Oid>): Oid[] {
    const wanted = new Set<Oid>()
    this.paint([...wants], [...haves], (oid, flags) => {
      if ((flags & RIGHT) === 0) {
        wanted.add(oid)
        return flags
      }
      return flags | STALE
    })
    return this.newestFirst(wanted)
  }

  /**
   * Walks down from both sets, children before parents, and hands each commit's flags to `visit`; what it returns is
   * passed on to the parents. Ends when only STALE commits are left: nothing below them can be news.
   */
  private paint(left: readonly Oid[], right: readonly Oid[], visit: (oid: Oid, flags: number) => number): void {
    const flags = new Map<Oid, number>()
    const waiting = new Heap<Vertex>((x, y) => x.generation > y.generation)
    let fresh = 0
    const mark = (oid: Oid, more: number) => {
      const before = flags.get(oid)
      const after = (before ?? 0) | more
      flags.set(oid, after)
      if (before === undefined) waiting.push(this.vertex(oid))
      const wasFresh = before !== undefined && (before & STALE) === 0
      const isFresh = (after & STALE) === 0
      fresh += Number(isFresh) - Number(wasFresh)
    }
    for (const oid of left) mark(oid, LEFT)
    for (const oid of right) mark(oid, RIGHT)
    while (fresh > 0) {
      const vertex = waiting.pop()!
      const own = flags.get(vertex.oid)!
      if ((own & STALE) === 0) fresh--
      const passed = visit(vertex.oid, own)
      for (const parent of vertex.parents) mark(parent, passed)
    }
  }

  /** Topological order by Kahn's algorithm; among those whose children are out, the newest first, then by oid. */
  private newestFirst(commits: ReadonlySet<Oid>): Oid[] {
    const childCount = new Map<Oid, number>()
    for (const oid of commits) {
      for (const parent of new Set(this.vertex(oid).parents)) {
        if (commits.has(parent)) childCount.set(parent, (childCount.get(parent) ?? 0) + 1)
      }
    }
    const ready = new Heap<Vertex>((x, y) => x.seconds > y.seconds || (x.seconds === y.seconds && x.oid < y.oid))
    for (const oid of commits) if (!childCount.has(oid)) ready.push(this.vertex(oid))
    const order: Oid[] = []
    for (let vertex = ready.pop(); vertex !== undefined; vertex = ready.pop()) {
      order.push(vertex.oid)
      for (const parent of new Set(vertex.parents)) {
        const count = childCount.get(parent)
        if (count === undefined) continue
        childCount.set(parent, count - 1)
        if (count === 1) ready.push(this.vertex(parent))
      }
    }
    return order
  }

  /** The vertex, its generation computed. */
  private vertex(oid: Oid): Vertex {
    const vertex = this.vertices.get(oid)
    if (vertex === undefined) throw new MissingObjectError(oid)
    if (vertex.generation === 0) this.computeGeneration(vertex)
    return vertex
  }

  private computeGeneration(start: Vertex): void {
    const stack = [start]
    for (let vertex = stack.at(-1); vertex !== undefined; vertex = stack.at(-1)) {
      let greatest = 0
      let open = false
      for (const oid of vertex.parents) {
        const parent = this.vertices.get(oid)
        if (parent === undefined) throw new MissingObjectError(oid)
        if (parent.generation === 0) {
          stack.push(parent)
          open = true
        } else greatest = Math.max(greatest, parent.generation)
      }
      if (open) continue
      vertex.generation = greatest + 1
      stack.pop()
    }
  }
}
