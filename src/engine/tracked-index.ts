import type { FileEntry } from '../history/file-entry.ts'
import { flattenTree, type TreeChange } from '../history/tree-diff.ts'
import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
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
  readonly #entries = new Map<VaultPath, IndexEntry>()
  readonly #baseTree = new Map<VaultPath, FileEntry>()
  readonly #apart = new Set<VaultPath>()
  #base: Oid | null = null
  #unfinished: readonly Oid[] = []
  /** What the store says of them. */
  #storedUnfinished: readonly Oid[] = []

  private constructor(store: IndexStore) {
    this.#store = store
  }

  static async load(store: IndexStore, repository: Repository): Promise<TrackedIndex> {
    const index = new TrackedIndex(store)
    const { entries, base, unfinished } = await store.load()
    index.#unfinished = index.#storedUnfinished = unfinished
    let rows = 0
    for (const [path, entry] of entries) {
      index.#entries.set(path, entry)
      if (++rows % ROWS_PER_BREATH === 0) await repository.breathe()
    }
    index.#base = recoverBase(repository, base && (await repository.recall(base)) ? base : null)
    const tree = index.#base && repository.graph.get(index.#base)!.tree
    for (const [path, entry] of await repository.run(flattenTree(tree))) {
      index.#baseTree.set(path, entry)
      index.#markApart(path)
      if (++rows % ROWS_PER_BREATH === 0) await repository.breathe()
    }
    for (const path of index.#entries.keys()) {
      index.#markApart(path)
      if (++rows % ROWS_PER_BREATH === 0) await repository.breathe()
    }
    return index
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
      this.#markApart(path)
    }
    for (const path of rows.keys()) this.#markApart(path)
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
      this.#markApart(path)
    }
  }

  #markApart(path: VaultPath): void {
    if (this.#entries.get(path)?.oid === this.#baseTree.get(path)?.oid) this.#apart.delete(path)
    else this.#apart.add(path)
  }
}

/** Killed between a commit and the index that should name it: the disk showed the commit's tree when it was made. */
function recoverBase(repository: Repository, saved: Oid | null): Oid | null {
  const own = repository.ownHead()
  const parents = own ? repository.graph.get(own)!.parents : []
  return own && (saved ? parents.includes(saved) : !parents.length) ? own : saved
}
