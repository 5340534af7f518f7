import type { Codec } from '../objects/codec.ts'
import { encodeCommit } from '../objects/commit.ts'
import { hashObject } from '../objects/hash.ts'
import type { Oid } from '../objects/oid.ts'
import { decodeTree } from '../objects/tree.ts'
import type { CommitGraph } from './commit-graph.ts'
import { originOfBlob } from './conflict-origin.ts'
import { MERGE_RULES } from './merge-content.ts'
import type { Conflict, OriginOf } from './merge-conflict.ts'
import { readCommit, readingWith, rememberingTreeReader } from './reading.ts'
import type { NewObject, Reading, TreeReader } from './reading.ts'
import { mergeTrees } from './tree-merge.ts'
import { isViewIdentity, viewIdentity } from './view-identity.ts'

/** What the vault shows (V3). */
export interface View {
  readonly commit: Oid
  readonly tree: Oid
  /** The maximal heads, in byte order. One: the view is that commit. */
  readonly parents: readonly Oid[]
  /** The commit's time, seconds since 1970. */
  readonly seconds: number
  /** What must be stored before the view's commit may be named: blobs and trees that merging made, and the commit last. Empty for one head. */
  readonly objects: readonly NewObject[]
  readonly conflicts: readonly Conflict[]
}

/**
 * Merge bases of merge bases of … beyond this depth are not merged any more, one of them serves: two devices that type at
 * once for an hour make thousands of such levels. What only the other base has, both sides then seem to have added, alike.
 */
const MAX_BASE_DEPTH = 8

/**
 * The view of a set of device heads: a pure function of the commits, whatever their order, and whose they are (V3). Null without
 * heads. Several maximal heads are merged one after the other in byte order; where two histories have several merge
 * bases, these are merged in the same way first (V5).
 * @throws MissingObjectError when history behind a head is missing, CorruptObjectError when it is damaged.
 */
export function* viewOf(codec: Codec, graph: CommitGraph, heads: Iterable<Oid>): Reading<View | null> {
  const parents = graph.maximal(heads)
  if (parents.length === 0) return null
  if (parents.length === 1) {
    const commit = parents[0]!
    const { tree, seconds } = graph.node(commit)
    return { commit, tree, parents, seconds, objects: [], conflicts: [] }
  }
  const fold = new ViewFold(codec, graph)
  const { tree, conflicts } = yield* readingWith(fold.made, fold.merge(parents, 0))
  const seconds = Math.max(...parents.map((oid) => graph.node(oid).seconds))
  const identity = viewIdentity(seconds)
  const message = `View of ${parents.length} devices\n\nTandem-Merge-Rules: ${MERGE_RULES}\n`
  const content = encodeCommit({ tree, parents, author: identity, committer: identity, message })
  const commit: NewObject = { type: 'commit', content, oid: hashObject(codec, 'commit', content) }
  const objects = [...reachableOf(tree, fold.made), commit]
  return { commit: commit.oid, tree, parents, seconds, objects, conflicts }
}

interface FoldedTree {
  readonly tree: Oid
  readonly conflicts: readonly Conflict[]
}

/** One computation of a view: the objects made so far, and the merge bases merged so far. */
class ViewFold {
  readonly made = new Map<Oid, NewObject>()
  private readonly bases = new Map<string, Oid>()
  private readonly read: TreeReader = rememberingTreeReader()
  private readonly codec: Codec
  private readonly graph: CommitGraph

  constructor(codec: Codec, graph: CommitGraph) {
    this.codec = codec
    this.graph = graph
  }

  /** Merges commits, in byte order, into one tree. */
  *merge(commits: readonly Oid[], depth: number): Reading<FoldedTree> {
    let { tree } = this.graph.node(commits[0]!)
    const conflicts: Conflict[] = []
    for (let i = 1; i < commits.length; i++) {
      const left = commits.slice(0, i)
      const right = [commits[i]!]
      const base = yield* this.baseOf(left, right, depth)
      const originOf: OriginOf = (side, path, oid) =>
        originOfBlob(this.graph, side === 'left' ? left : right, path, oid, this.read)
      const trees = { base, left: tree, right: this.graph.node(right[0]!).tree }
      const merged = yield* mergeTrees(this.codec, trees, originOf, this.read)
      for (const object of merged.objects) this.made.set(object.oid, object)
      conflicts.push(...merged.conflicts)
      tree = merged.tree
    }
    return { tree, conflicts }
  }

  /** The tree to merge against; null for unrelated histories. */
  private *baseOf(left: readonly Oid[], right: readonly Oid[], depth: number): Reading<Oid | null> {
    const bases = this.graph.mergeBases(left, right)
    if (bases.length === 0) return null
    if (bases.length === 1 || depth >= MAX_BASE_DEPTH) return this.graph.node(bases[0]!).tree
    const key = bases.join(' ')
    const known = this.bases.get(key) ?? (yield* this.viewInHistory(bases, [...left, ...right]))
    const tree = known ?? (yield* this.merge(bases, depth + 1)).tree
    this.bases.set(key, tree)
    return tree
  }

  /**
   * The tree of a view of exactly these commits that one side was built on: then the merge was made already. Keeps the
   * work small while two devices type at once, where each pair of merge bases leads to another pair. Only commits behind
   * the merged ones count, for they are the same on every device.
   */
  private *viewInHistory(bases: readonly Oid[], merged: readonly Oid[]): Reading<Oid | null> {
    for (const child of this.graph.childrenOf(bases[0]!)) {
      const { parents, tree } = this.graph.node(child)
      if (parents.length !== bases.length || parents.some((parent, i) => parent !== bases[i])) continue
      if (!merged.some((oid) => this.graph.isAncestor(child, oid))) continue
      const { committer } = yield* readCommit(child)
      if (isViewIdentity(committer)) return tree
    }
    return null
  }
}

/** Those of the made objects that the tree needs: merging leaves others behind. Folders after what they hold. */
function reachableOf(root: Oid, made: ReadonlyMap<Oid, NewObject>): NewObject[] {
  const needed = new Map<Oid, NewObject>()
  const waiting: Oid[] = [root]
  for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
    const object = made.get(oid)
    if (!object || needed.has(oid)) continue
    needed.set(oid, object)
    if (object.type === 'tree') for (const entry of decodeTree(object.content)) waiting.push(entry.oid)
  }
  return [...needed.values()].reverse()
}
