import type { FileEntry } from '../history/file-entry.ts'
import { flattenTree, type TreeChange } from '../history/tree-diff.ts'
import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { Breathe } from '../ports/clock.ts'
import type { IndexEntry, IndexStore } from '../ports/index-store.ts'
import type { Repository } from './repository.ts'

/** Checkouts that were cut one after another, each with files that nobody could look at since: more than this are no use. */
const MOST_UNFINISHED = 8
/** Rows that are taken up between two breaths. */
const ROWS_PER_BREATH = 1000

/**
 * The stored index with the tree of its base commit beside it, and where the two differ.
 * What is changed here is stored first: memory never knows more than the disk.
 */
export class TrackedIndex {
  readonly #store: IndexStore
  readonly #breathe: Breathe
  readonly #entries = new Map<VaultPath, IndexEntry>()
  readonly #baseTree = new Map<VaultPath, FileEntry>()
  readonly #apart = new Set<VaultPath>()
  #base: Oid | null = null
  #takenUp = false
  #unfinished: readonly Oid[] = []
  /** What the store says of them. */
  #storedUnfinished: readonly Oid[] = []

  private constructor(store: IndexStore, breathe: Breathe) {
    this.#store = store
    this.#breathe = breathe
  }

  static async load(store: IndexStore, repository: Repository): Promise<TrackedIndex> {
    const index = new TrackedIndex(store, repository.breathe)
    const { entries, base, unfinished } = await store.load()
    index.#unfinished = index.#storedUnfinished = unfinished
    let rows = 0
    for (const [path, entry] of entries) {
      index.#entries.set(path, entry)
      if (++rows % ROWS_PER_BREATH === 0) await repository.breathe()
    }
    index.#base = base
    return index
  }

  /** Whether the base and its tree are known; else only the entries are. */
  get isTakenUp(): boolean {
    return this.#takenUp
  }

  /**
   * Reads the tree of the base, once. To be called before anything but `entries` is asked, when the history is whole (`Repository.mend`).
   * @throws MissingObjectError, CorruptObjectError when a damaged tree is in it; then it can be tried again
   */
  async takeUp(repository: Repository): Promise<void> {
    if (this.#takenUp) return
    const saved = await knownBase(repository, this.#base)
    if (this.#base && !saved) await this.#forget()
    if (saved) await repository.keep(saved)
    const base = recoverBase(repository, saved)
    const tree = base && repository.graph.get(base)!.tree
    const files = await repository.run(flattenTree(tree))
    let rows = 0
    this.#base = base
    for (const [path, entry] of files) {
      this.#baseTree.set(path, entry)
      this.#markApart(path)
      if (++rows % ROWS_PER_BREATH === 0) await repository.breathe()
    }
    for (const path of this.#entries.keys()) {
      this.#markApart(path)
      if (++rows % ROWS_PER_BREATH === 0) await repository.breathe()
    }
    this.#takenUp = true
  }

  /** L9: the store lets go of its file. */
  close(): Promise<void> {
    return this.#store.close()
  }

  /** What the disk held when we last looked. */
  get entries(): ReadonlyMap<VaultPath, IndexEntry> {
    return this.#entries
  }

  /** The commit whose tree the disk was last brought to; null before the first. */
  get base(): Oid | null {
    return this.#base
  }

  /** The files of the base. */
  get baseTree(): ReadonlyMap<VaultPath, FileEntry> {
    return this.#baseTree
  }

  /** Paths where the disk, as we know it, is not what the base says: files not on this device, or a checkout that did not finish. */
  get apart(): ReadonlySet<VaultPath> {
    return this.#apart
  }

  /** Trees of checkouts that may have done more on the disk than the entries say, oldest first. */
  get unfinished(): readonly Oid[] {
    return this.#unfinished
  }

  /** A checkout to this tree is about to begin. Stored when it resolves, before the first file is touched. */
  async checkoutBegins(tree: Oid): Promise<void> {
    this.#unfinished = [...this.#unfinished.filter((other) => other !== tree), tree].slice(-MOST_UNFINISHED)
    if (this.#storedUnfinished.includes(tree)) return
    await this.#save(new Map(), this.#base)
  }

  /** The entries know all that the checkout to this tree did; stored with the next change, for nothing depends on it. */
  checkoutEnded(tree: Oid): void {
    this.#unfinished = this.#unfinished.filter((other) => other !== tree)
  }

  /** Every file was looked at: whatever cut checkouts did, the entries know of it now. */
  allSeen(): void {
    this.#unfinished = []
  }

  /** What the disk holds now at some paths; null: nothing. */
  async setEntries(rows: ReadonlyMap<VaultPath, IndexEntry | null>): Promise<void> {
    if (rows.size) await this.#save(rows, this.#base)
  }

  /** A new base: a commit that differs from the old one by `changes`; `rows` as in `setEntries`. All of it or nothing is stored. */
  async moveBase(
    base: Oid,
    changes: readonly Pick<TreeChange, 'path' | 'right'>[],
    rows: ReadonlyMap<VaultPath, IndexEntry | null> = new Map(),
  ): Promise<void> {
    await this.#save(rows, base)
    for (const { path, right } of changes) {
      if (right) this.#baseTree.set(path, right)
      else this.#baseTree.delete(path)
    }
    await this.#markAllApart(changes.map(({ path }) => path))
  }

  /**
   * The history of which this was the index is gone, or another one is in its place: what the disk held says nothing about it. As
   * with a lost index, every file is looked at anew, and none counts as deleted (E2).
   */
  async #forget(): Promise<void> {
    const none = new Map([...this.#entries.keys()].map((path) => [path, null] as const))
    this.#unfinished = []
    await this.#save(none, null)
  }

  async #save(rows: ReadonlyMap<VaultPath, IndexEntry | null>, base: Oid | null): Promise<void> {
    const put = [...rows].filter((row): row is [VaultPath, IndexEntry] => row[1] !== null)
    const remove = [...rows].filter(([, entry]) => entry === null).map(([path]) => path)
    const unfinished = this.#unfinished
    await this.#store.save({
      put,
      remove,
      ...(base === this.#base ? {} : { base }),
      ...(unfinished.join() === this.#storedUnfinished.join() ? {} : { unfinished }),
    })
    this.#storedUnfinished = unfinished
    this.#base = base
    for (const [path, entry] of rows) {
      if (entry) this.#entries.set(path, entry)
      else this.#entries.delete(path)
    }
    await this.#markAllApart([...rows.keys()])
  }

  /** Whatever else is saved in between: each path is judged by what is known of it in that moment. */
  async #markAllApart(paths: readonly VaultPath[]): Promise<void> {
    for (const [i, path] of paths.entries()) {
      if (i % ROWS_PER_BREATH === ROWS_PER_BREATH - 1) await this.#breathe()
      this.#markApart(path)
    }
  }

  #markApart(path: VaultPath): void {
    if (this.#entries.get(path)?.oid === this.#baseTree.get(path)?.oid) this.#apart.delete(path)
    else this.#apart.add(path)
  }
}

/** The saved base, if it is in the history. The commit of a view is made anew where it was lost: it is the same on every device (V3). */
async function knownBase(repository: Repository, saved: Oid | null): Promise<Oid | null> {
  if (!saved || (await repository.recall(saved))) return saved
  await repository.view()
  return (await repository.recall(saved)) ? saved : null
}

/** Killed between a commit and the index that should name it: the disk showed the commit's tree when it was made. */
function recoverBase(repository: Repository, saved: Oid | null): Oid | null {
  const own = repository.ownHead()
  const parents = own ? repository.graph.get(own)!.parents : []
  return own && (saved ? parents.includes(saved) : !parents.length) ? own : saved
}
