import { planCommit } from '../history/commit-plan.ts'
import { conflictPath, familyOf, inFamily } from '../history/conflict-name.ts'
import { editTree } from '../history/edit-tree.ts'
import { isTree, type FileEntry } from '../history/file-entry.ts'
import { foldersOf } from '../history/folders-of.ts'
import { diffTrees, entryAt } from '../history/tree-diff.ts'
import type { View } from '../history/view.ts'
import type { Codec } from '../objects/codec.ts'
import type { Identity } from '../objects/commit.ts'
import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import { StoreError } from '../ports/errors.ts'
import type { IndexEntry } from '../ports/index-store.ts'
import { commitMessage } from './commit-message.ts'
import { cutCheckouts, judgeEdits } from './cut-checkouts.ts'
import type { Repository } from './repository.ts'
import type { TrackedIndex } from './tracked-index.ts'

export interface CommitRules {
  /** Asked once the index knows what a checkout did: whether this is another folder than the vault, so that nothing is committed (E2). */
  readonly isForeign: () => boolean
  /** What may be committed now (E3). */
  readonly hold: (edits: ReadonlyMap<VaultPath, Oid | null>) => ReadonlyMap<VaultPath, Oid | null>
  /** Told of edits that must be looked at once more. */
  readonly again: (paths: Iterable<VaultPath>) => void
}

/**
 * Turns what changed on the disk into commits. Each edit goes on top of the version that the person had before their eyes: the base,
 * or, where a checkout had come further, the view (V4). Whatever has no such version becomes a conflict copy (V6).
 */
export class EditCommitter {
  readonly #repository: Repository
  readonly #index: TrackedIndex
  readonly #codec: Codec
  readonly #identity: () => Identity

  constructor(repository: Repository, index: TrackedIndex, codec: Codec, identity: () => Identity) {
    this.#repository = repository
    this.#index = index
    this.#codec = codec
    this.#identity = identity
  }

  /** Commits what changed on the disk since the last look. */
  async commit(changed: ReadonlyMap<VaultPath, IndexEntry | null>, rules: CommitRules): Promise<Oid[]> {
    const { breathe } = this.#repository
    const view = await this.#repository.view()
    const viewTree =
      view && view.commit !== this.#index.base
        ? await this.#treeEntries(view.tree, changed.keys())
        : this.#index.baseTree
    const oids = async (map: ReadonlyMap<VaultPath, { readonly oid: Oid } | null>) => {
      await breathe()
      const found = new Map<VaultPath, Oid>()
      for (const path of changed.keys()) {
        const entry = map.get(path)
        if (entry) found.set(path, entry.oid)
      }
      return found
    }
    const contents = {
      base: await oids(this.#index.baseTree),
      disk: await oids(changed),
      view: await oids(viewTree),
      unfinished: await cutCheckouts(this.#index, (tree) => this.#treeEntries(tree, changed.keys())),
    }
    const unclear = await judgeEdits(this.#repository, this.#index, changed, contents)
    const index = await oids(this.#index.entries)
    await breathe()
    const plan = planCommit({ ...contents, index })
    await breathe()
    await this.#index.setEntries(new Map(plan.applied.map((path) => [path, changed.get(path) ?? null])))
    if (rules.isForeign()) return []
    const edits = new Map(plan.onBase)
    const stale = [...plan.onBase.keys(), ...plan.onView.keys()].filter(
      (path) =>
        unclear.has(path) ||
        (plan.onBase.has(path) && this.#index.entries.get(path)?.oid !== this.#index.baseTree.get(path)?.oid),
    )
    for (const path of stale) edits.delete(path)
    await breathe()
    const editsOnView = new Map([...plan.onView].filter(([path]) => !unclear.has(path)))
    const copies = await this.#copiesOfStale(stale, changed, view)
    for (const [path, oid] of copies) edits.set(path, oid)
    const fit =
      view && this.#isBaseBehind() ? await this.#fitForView(view, edits.keys(), viewTree) : new Set<VaultPath>()
    await breathe()
    const allowed = [...rules.hold(new Map([...edits, ...editsOnView]))]
    const belongsOnView = (path: VaultPath): boolean => editsOnView.has(path) || fit.has(path)
    const onBase = new Map(allowed.filter(([path]) => !belongsOnView(path)))
    const onView = new Map(allowed.filter(([path]) => belongsOnView(path)))
    await breathe()
    const commits = onBase.size ? await this.#commitEdits(onBase, changed) : []
    const onTop = onView.size ? await this.#commitOnView(onView, changed) : { commits: [], left: [] }
    rules.again(onTop.left) // the view moved on meanwhile: looked at again
    // Last: by then the copies are in the history, and the newer versions may take their places.
    if (onTop.left.some((path) => copies.has(path))) rules.again(stale)
    else await this.#index.setEntries(new Map(stale.map((path) => [path, changed.get(path) ?? null])))
    return [...commits, ...onTop.commits]
  }

  /**
   * Edits of files whose newer version could not be written here: what the person edited is older than the base, so the edit becomes
   * a conflict copy and the newer version still gets its place (V6). A deletion of the old version is no wish to delete the new one.
   */
  async #copiesOfStale(
    paths: readonly VaultPath[],
    disk: ReadonlyMap<VaultPath, IndexEntry | null>,
    view: View | null,
  ): Promise<Map<VaultPath, Oid>> {
    const copies = new Map<VaultPath, Oid>()
    if (!paths.length) return copies
    const base = this.#index.base && this.#repository.graph.get(this.#index.base)!.tree
    const inView = view ? await this.#repository.run(diffTrees(base, view.tree)) : []
    const known = new Map([
      ...[...this.#index.baseTree].map(([path, { oid }]) => [path, oid] as const),
      ...inView.map(({ path, right }) => [path, right?.oid] as const),
    ])
    const own = this.#repository.ownHead()
    const ownTree = own && this.#repository.graph.get(own)!.tree
    const { name, seconds, zoneMinutes } = this.#identity()
    for (const path of paths) {
      const entry = disk.get(path)
      if (!entry) continue
      const family = familyOf(path)
      // Killed before the index knew of it: the copy was made then, perhaps a minute ago and so under another name.
      if ([...known].some(([other, oid]) => oid === entry.oid && inFamily(other, family))) continue
      if ((await this.#repository.run(entryAt(ownTree, path)))?.oid === entry.oid) continue // committed on a view, then killed
      for (let number = 1; ; number++) {
        const copy = conflictPath(family, { device: name, seconds, zoneMinutes }, number)
        const there = [
          copies.get(copy),
          disk.get(copy)?.oid,
          this.#index.baseTree.get(copy)?.oid,
          known.get(copy),
          this.#index.entries.get(copy)?.oid,
        ]
        if (there.some((oid) => oid && oid !== entry.oid)) continue
        copies.set(copy, entry.oid)
        break
      }
    }
    return copies
  }

  /** What a tree, mostly much like the base's, has at these paths. */
  async #treeEntries(tree: Oid, paths: Iterable<VaultPath>): Promise<Map<VaultPath, FileEntry>> {
    const base = this.#index.base && this.#repository.graph.get(this.#index.base)!.tree
    const changes = new Map((await this.#repository.run(diffTrees(base, tree))).map((c) => [c.path, c.right]))
    const entries = new Map<VaultPath, FileEntry>()
    for (const path of paths) {
      const entry = changes.has(path) ? changes.get(path) : this.#index.baseTree.get(path)
      if (entry) entries.set(path, entry)
    }
    return entries
  }

  /**
   * Commits edits on top of the base (V4), then lets the index know what the disk holds there: whatever the next
   * checkout may replace is in the history by then. No commit when the tree stays the same.
   */
  async #commitEdits(
    edits: ReadonlyMap<VaultPath, Oid | null>,
    disk: ReadonlyMap<VaultPath, IndexEntry | null>,
  ): Promise<Oid[]> {
    const base = this.#index.base
    const baseTree = base && this.#repository.graph.get(base)!.tree
    const entries = new Map<VaultPath, FileEntry | null>(
      [...edits].map(([path, oid]) => [path, oid && { oid, mode: this.#index.baseTree.get(path)?.mode ?? '100644' }]),
    )
    await this.#repository.breathe()
    this.#makeWay(entries)
    const { tree, objects } = await this.#repository.run(editTree(this.#codec, baseTree, entries))
    const rows = new Map(
      [...edits.keys()].filter((path) => disk.has(path)).map((path) => [path, disk.get(path) ?? null]),
    )
    if (tree === baseTree) {
      await this.#index.setEntries(rows)
      return []
    }
    await this.#checkStored(edits)
    await this.#repository.breathe()
    const message = commitMessage(edits, this.#index.entries)
    const oid = await this.#repository.commit(tree, base ? [base] : [], this.#identity(), message, objects)
    await this.#repository.breathe()
    await this.#index.moveBase(
      oid,
      [...entries].map(([path, right]) => ({ path, right })),
      rows,
    )
    return [oid]
  }

  /**
   * The contents were stored when the disk was looked at. Until a commit names them, a person's `git gc --prune=now` may take them
   * away; the next look stores them again. @throws StoreError `unreadable`
   */
  async #checkStored(edits: ReadonlyMap<VaultPath, Oid | null>): Promise<void> {
    const oids = [...edits.values()].filter((oid) => oid !== null)
    const gone = await this.#repository.objects.missing(oids)
    if (!gone.length) return
    const message = 'another program took away what was just stored; it is stored again in a moment'
    throw new StoreError('unreadable', message, { oids: gone.slice(0, 5) })
  }

  /** Whether we committed on a view already whose checkout is unfinished: a commit on the base would be a second head (V2). */
  #isBaseBehind(): boolean {
    const own = this.#repository.ownHead()
    const { base } = this.#index
    return own !== null && !(base && this.#repository.graph.isAncestor(own, base))
  }

  /** Paths where the disk last held what base and view both say, or where a new file has room in the view. */
  async #fitForView(
    view: View,
    paths: Iterable<VaultPath>,
    viewTree: ReadonlyMap<VaultPath, FileEntry>,
  ): Promise<Set<VaultPath>> {
    const fit = new Set<VaultPath>()
    for (const path of paths) {
      const seen = this.#index.entries.get(path)?.oid
      if (seen !== viewTree.get(path)?.oid) continue
      if (seen || (await this.#hasRoom(view.tree, path))) fit.add(path)
    }
    return fit
  }

  /** Neither a folder at the path, nor a file on the way to it. */
  async #hasRoom(tree: Oid, path: VaultPath): Promise<boolean> {
    const names = path.split('/')
    for (let depth = 1; depth <= names.length; depth++) {
      const there = await this.#repository.run(entryAt(tree, names.slice(0, depth).join('/') as VaultPath))
      if (!there) return true
      if (!isTree(there)) return false
    }
    return false
  }

  /**
   * Where the base holds files that are not on this disk, a person may have made a file in the place of their folder, or a folder in
   * the place of such a file. As in a merge the folder keeps the name, and the file becomes a conflict copy (V6).
   */
  #makeWay(entries: Map<VaultPath, FileEntry | null>): void {
    const { baseTree } = this.#index
    const added = [...entries].filter(([path, entry]) => entry && !baseTree.has(path)).map(([path]) => path)
    if (!added.length) return
    const staying = foldersOf([...baseTree.keys()].filter((path) => entries.get(path) !== null))
    const needed = [...foldersOf(added)] as VaultPath[]
    const files = [
      ...added.filter((path) => staying.has(path)),
      ...needed.filter((path) => baseTree.has(path) && entries.get(path) !== null),
    ]
    for (const path of files) {
      const entry = entries.get(path) ?? baseTree.get(path)!
      entries.set(path, null)
      let number = 1
      const place = (): VaultPath => conflictPath(familyOf(path), { device: name, seconds, zoneMinutes }, number)
      const { name, seconds, zoneMinutes } = this.#identity()
      while (entries.has(place()) || baseTree.has(place()) || this.#index.entries.has(place())) number++
      entries.set(place(), entry)
    }
  }

  /**
   * Commits edits of files that an unfinished checkout has brought to the view already: a person changed what the view says (V4),
   * so what they took out stays out. The base stays, for the disk does not show the rest of the view. `left`: to be looked at again.
   */
  async #commitOnView(
    edits: ReadonlyMap<VaultPath, Oid | null>,
    disk: ReadonlyMap<VaultPath, IndexEntry | null>,
  ): Promise<{ readonly commits: readonly Oid[]; readonly left: readonly VaultPath[] }> {
    const view = (await this.#repository.view())!
    const shown = await this.#treeEntries(view.tree, edits.keys())
    const current = [...edits].filter(([path]) => shown.get(path)?.oid === this.#index.entries.get(path)?.oid)
    const entries = new Map(
      current.map(([path, oid]) => [path, oid && { oid, mode: shown.get(path)?.mode ?? '100644' }]),
    )
    const { tree, objects } = await this.#repository.run(editTree(this.#codec, view.tree, entries))
    const message = commitMessage(new Map(current), this.#index.entries)
    await this.#checkStored(new Map(current))
    const commits =
      tree === view.tree ? [] : [await this.#repository.commit(tree, [view.commit], this.#identity(), message, objects)]
    await this.#index.setEntries(new Map(current.map(([path]) => [path, disk.get(path) ?? null])))
    return { commits, left: current.length < edits.size ? [...edits.keys()] : [] }
  }
}
