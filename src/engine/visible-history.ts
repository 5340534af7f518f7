import type { CommitGraph } from '../history/commit-graph.ts'
import type { Codec } from '../objects/codec.ts'
import { CorruptObjectError, MissingObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { RefName, Refs } from '../ports/ref-store.ts'
import type { GitRef } from '../protocol/git/git-refs.ts'
import { tagTarget } from '../protocol/git/tag-object.ts'
import { walkNewEntries } from './tree-walk.ts'
import type { WalkedObjects } from './tree-walk.ts'

/** What git's wire protocol is served from; a `Repository` is one. */
export interface GitRepository {
  readonly objects: ObjectStore
  readonly graph: CommitGraph
  readonly codec: Codec
  /** Brings a commit and its history into the graph; false when the store does not hold it. */
  recall(oid: Oid): Promise<boolean>
  /** A tree's content; null when it is not there. */
  readTree(oid: Oid): Promise<Uint8Array | null>
}

/** The refs that one peer may see, now. */
export interface VisibleRefs {
  readonly refs: Refs
  /** What HEAD stands for, whether it exists or not; null: no HEAD is shown. */
  readonly head: RefName | null
}

/** An annotated tag that a ref names, and the commit that it leads to. */
export interface VisibleTag {
  /** The tag objects on the way, the ref's own first. */
  readonly tags: readonly Oid[]
  readonly commit: Oid
}

/** Tags of tags of tags: nobody's. */
const MAX_PEEL = 10

/**
 * What is reachable from a set of refs, and thus may be wanted. Commits are known from the graph; trees and blobs are found by a
 * walk from the newest commits down that goes only as far as it must, and remembers. One serves until the refs change.
 */
export class VisibleHistory {
  readonly #repository: GitRepository
  readonly #visible: VisibleRefs
  /** Whatever the repository holds may be wanted by its oid. */
  readonly #open: boolean
  readonly #tips = new Set<Oid>()
  readonly #tagged = new Map<Oid, VisibleTag>()
  #commits: Set<Oid> | null = null
  /** Trees and blobs met so far, and the commits whose trees are still to be walked. */
  readonly #met: WalkedObjects = new Map()
  #unwalked: Iterator<Oid> | null = null

  private constructor(repository: GitRepository, visible: VisibleRefs, open: boolean) {
    this.#repository = repository
    this.#visible = visible
    this.#open = open
  }

  /** All that the repository holds, reachable or not, as with git's `uploadpack.allowAnySHA1InWant`. It shows no refs. */
  static all(repository: GitRepository): VisibleHistory {
    return new VisibleHistory(repository, { refs: new Map(), head: null }, true)
  }

  /** A ref that names neither a commit nor a tag of one is not shown. */
  static async open(repository: GitRepository, visible: VisibleRefs): Promise<VisibleHistory> {
    const history = new VisibleHistory(repository, visible, false)
    for (const oid of new Set(visible.refs.values())) {
      const found = await peel(repository, oid)
      if (!found) continue
      history.#tips.add(found.commit)
      if (found.tags.length > 0) history.#tagged.set(oid, found)
    }
    return history
  }

  get tips(): ReadonlySet<Oid> {
    return this.#tips
  }

  /** By the oid that a ref names. */
  get tags(): ReadonlyMap<Oid, VisibleTag> {
    return this.#tagged
  }

  /** HEAD first, then by name. */
  refs(): GitRef[] {
    const refs = [...this.#visible.refs]
      .filter(([, oid]) => this.#tips.has(oid) || this.#tagged.has(oid))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, oid]): GitRef => {
        const tag = this.#tagged.get(oid)
        return { name, oid, ...(tag ? { peeled: tag.commit } : {}) }
      })
    const { head } = this.#visible
    if (head === null) return refs
    return [{ name: 'HEAD', oid: refs.find(({ name }) => name === head)?.oid ?? null, target: head }, ...refs]
  }

  /** The commit that an oid of a commit or of a visible tag leads to. */
  commitOf(oid: Oid): Oid | undefined {
    return this.#isCommit(oid) ? oid : this.#tagged.get(oid)?.commit
  }

  /** Those that are visible commits. */
  common(oids: Iterable<Oid>): Oid[] {
    return [...oids].filter((oid) => this.#isCommit(oid))
  }

  /** Whether an object may be had: what the refs reach, unless all of it may. */
  async reaches(oid: Oid): Promise<boolean> {
    return this.#open || (await this.#hidden([oid])).length === 0
  }

  /** The size of each object; null for one that is not there, or that no visible ref reaches, or that is damaged: `onFault` is told. */
  async sizes(
    oids: readonly Oid[],
    onFault: (error: unknown, oid: Oid) => void = () => undefined,
  ): Promise<(number | null)[]> {
    const hidden = new Set(this.#open ? [] : await this.#hidden(oids))
    const sizes: (number | null)[] = []
    for (const oid of oids) sizes.push(hidden.has(oid) ? null : await this.#sizeOf(oid, onFault))
    return sizes
  }

  async #sizeOf(oid: Oid, onFault: (error: unknown, oid: Oid) => void): Promise<number | null> {
    try {
      return (await this.#repository.objects.info(oid))?.size ?? null
    } catch (error) {
      if (!(error instanceof CorruptObjectError || error instanceof MissingObjectError)) throw error
      onFault(error, oid)
      return null
    }
  }

  /** The first of these that no visible ref reaches. */
  async notOurs(oids: readonly Oid[]): Promise<Oid | null> {
    const unknown = this.#unknown(oids)
    const [absent] = await this.#repository.objects.missing(unknown)
    if (absent !== undefined) return absent
    const [first] = this.#open ? [] : await this.#hidden(unknown)
    return first ?? null
  }

  /** Those that are neither refs nor commits nor among what the walk has met. */
  #unknown(oids: readonly Oid[]): Oid[] {
    const isNamed = (oid: Oid) => this.#tips.has(oid) || this.#tagged.has(oid)
    const unnamed = oids.filter((oid) => !isNamed(oid))
    if (unnamed.length === 0) return []
    const inner = new Set([...this.#tagged.values()].flatMap(({ tags }) => tags))
    return unnamed.filter((oid) => !this.#isCommit(oid) && !inner.has(oid) && !this.#met.has(oid))
  }

  /** Those that no visible ref reaches, in the order given. */
  async #hidden(oids: readonly Oid[]): Promise<Oid[]> {
    const unknown = this.#unknown(oids)
    let hidden = new Set(unknown)
    while (hidden.size > 0 && (await this.#walkOneMore()))
      hidden = new Set([...hidden].filter((oid) => !this.#met.has(oid)))
    return unknown.filter((oid) => hidden.has(oid))
  }

  /** Whether every wanted commit is or descends from one of `common`. */
  ready(wants: readonly Oid[], common: ReadonlySet<Oid>): boolean {
    const { graph } = this.#repository
    const lowest = Math.min(...[...common].map((oid) => graph.generation(oid)))
    const wanted = wants.map((oid) => this.commitOf(oid)).filter((oid) => oid !== undefined)
    const region = new Map<Oid, number>()
    const waiting = [...wanted]
    for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
      if (region.has(oid)) continue
      const generation = graph.generation(oid)
      region.set(oid, generation)
      if (generation > lowest && !common.has(oid)) waiting.push(...graph.node(oid).parents)
    }
    const reaching = new Set<Oid>()
    for (const [oid] of [...region].sort(([, a], [, b]) => a - b)) {
      if (common.has(oid) || graph.node(oid).parents.some((parent) => reaching.has(parent))) reaching.add(oid)
    }
    return wanted.every((oid) => reaching.has(oid))
  }

  #isCommit(oid: Oid): boolean {
    return this.#open ? this.#repository.graph.has(oid) : this.#allCommits().has(oid)
  }

  /** Newest first. */
  #allCommits(): Set<Oid> {
    return (this.#commits ??= new Set(this.#repository.graph.ancestorsNotIn(this.#tips, [])))
  }

  /** False when there is no commit left. */
  async #walkOneMore(): Promise<boolean> {
    this.#unwalked ??= this.#allCommits().values()
    const next = this.#unwalked.next()
    if (next.done) return false
    const { tree } = this.#repository.graph.node(next.value)
    await walkNewEntries(
      (oid) => this.#repository.readTree(oid),
      tree,
      [],
      this.#met,
      () => undefined,
    )
    return true
  }
}

/** Follows tags to a commit, which is in the graph then; undefined when that leads nowhere. */
async function peel(repository: GitRepository, start: Oid): Promise<VisibleTag | undefined> {
  const tags: Oid[] = []
  let oid = start
  for (let depth = 0; depth < MAX_PEEL; depth++) {
    if (repository.graph.has(oid)) return { tags, commit: oid }
    const info = await repository.objects.info(oid)
    if (info?.type === 'commit') return (await repository.recall(oid)) ? { tags, commit: oid } : undefined
    const target = info?.type === 'tag' ? tagTarget((await repository.objects.read(oid)).content) : undefined
    if (!target) return undefined
    tags.push(oid)
    oid = target
  }
  return undefined
}
