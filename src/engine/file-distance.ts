import { diffTrees } from '../history/tree-diff.ts'
import type { Oid } from '../objects/oid.ts'
import type { Repository } from './repository.ts'

/** How far apart two vaults are, in files: a file that both changed differently counts on both sides. */
export interface FileDistance {
  /** Files that are newer here. */
  readonly ahead: number
  /** Files that are newer there. */
  readonly behind: number
}

/** Pairs whose distance is remembered: a few per peer, for those who ask every second. */
const REMEMBERED = 64

type History = Pick<Repository, 'graph' | 'run'>

const TOGETHER: FileDistance = { ahead: 0, behind: 0 }

/**
 * Measures how far apart two views of one share are, each pair once: what two commits hold never changes. Runs when somebody
 * asks, never by itself, because it reads the trees in which the two differ.
 */
export class FileDistances {
  readonly #repository: History
  /** By both oids; the pair that was asked for longest ago comes first. */
  readonly #known = new Map<string, Promise<FileDistance>>()

  constructor(repository: History) {
    this.#repository = repository
  }

  /** Null when one of the commits is not in our store, or nobody has said which it is: a guess would be worse than that. */
  async between(ours: Oid | null | undefined, theirs: Oid | null | undefined): Promise<FileDistance | null> {
    if (!ours || !theirs) return null
    if (ours === theirs) return TOGETHER
    const { graph } = this.#repository
    if (!graph.has(ours) || !graph.has(theirs)) return null
    const pair = `${ours} ${theirs}`
    const measured = this.#known.get(pair) ?? this.#measure(ours, theirs)
    this.#known.delete(pair)
    this.#known.set(pair, measured)
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value!)
    try {
      return await measured
    } catch {
      this.#known.delete(pair) // a store that cannot be read now is reported where it matters
      return null
    }
  }

  /** A file that differs is newer on the side that has moved away from every commit which both descend from. */
  async #measure(ours: Oid, theirs: Oid): Promise<FileDistance> {
    const { graph } = this.#repository
    const tree = graph.node(ours).tree
    const theirTree = graph.node(theirs).tree
    const bases = graph.mergeBases([ours], [theirs]).map((base) => graph.node(base).tree)
    const differing = await this.#paths(tree, theirTree)
    const movedHere = await this.#moved(bases, tree)
    const movedThere = await this.#moved(bases, theirTree)
    let ahead = 0
    let behind = 0
    for (const path of differing) {
      const here = movedHere(path)
      const there = movedThere(path)
      // Histories that crossed may each show what one of the bases held: then either is news to the other.
      if (here || !there) ahead++
      if (there || !here) behind++
    }
    return { ahead, behind }
  }

  /** Whether a path differs from what every base holds there; without a base, from nothing. */
  async #moved(bases: readonly Oid[], tree: Oid): Promise<(path: string) => boolean> {
    const changed = await Promise.all((bases.length ? bases : [null]).map((base) => this.#paths(base, tree)))
    return (path) => changed.every((paths) => paths.has(path))
  }

  async #paths(left: Oid | null, right: Oid): Promise<ReadonlySet<string>> {
    return new Set((await this.#repository.run(diffTrees(left, right))).map(({ path }) => path))
  }
}
