import { countMoves, needsConsent, planCheckout, type CheckoutPlan } from '../history/checkout-plan.ts'
import { planCommit } from '../history/commit-plan.ts'
import { conflictPath, familyOf } from '../history/conflict-name.ts'
import { editTree } from '../history/edit-tree.ts'
import type { FileEntry } from '../history/file-entry.ts'
import { diffTrees, flattenTree, type TreeChange } from '../history/tree-diff.ts'
import type { View } from '../history/view.ts'
import type { Codec } from '../objects/codec.ts'
import type { Identity } from '../objects/commit.ts'
import { StoreError, VaultError } from '../ports/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { IndexEntry, IndexStore } from '../ports/index-store.ts'
import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { CheckoutStep, ScanIssue, StepResult, VaultFiles } from '../ports/vault-files.ts'
import { LARGE_BLOB } from '../ports/object-store.ts'
import { commitMessage } from './commit-message.ts'
import { consentKey, type PendingConsent } from './consent.ts'
import { findDiskChanges, toEntry, type DiskProgress } from './disk-changes.ts'
import type { Repository } from './repository.ts'

/** Files written at once: the disk's latency overlaps, its order inside a folder does not matter. */
const PARALLEL_STEPS = 8
/** Index rows saved at once during a long checkout, so that a kill costs little. */
const SAVE_EVERY = 500

export interface SettleProgress extends DiskProgress {
  readonly phase: 'scan' | 'checkout'
}

interface SettleOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: SettleProgress) => void
}

export interface SettleResult {
  /** False when something is still to do: files changed under our hands, a step failed, or a person must say yes. */
  readonly settled: boolean
  /** Files could not be read or written just now: try again in a while. */
  readonly retry: boolean
  readonly committed: readonly Oid[]
  readonly applied: readonly VaultPath[]
  readonly removed: readonly VaultPath[]
}

/** Trouble that a person should know about; gone when the next settle no longer meets it. */
export interface WorkingTreeIssues {
  readonly unreadable: readonly ScanIssue[]
  readonly skipped: readonly ScanIssue[]
  readonly notHere: readonly ScanIssue[]
  readonly failed: readonly ScanIssue[]
}

/**
 * The vault's files on this disk, kept in step with the repository's view.
 *
 * Three pictures of every path: the *disk*; the *index*, what the disk held when we last looked; the *base*, the commit whose tree
 * the disk was last brought to. Outside a checkout index and base agree. A settle goes: look at the disk, commit what a person
 * changed (parent: the base), compute the view anew, bring the disk to it, each step naming the content that it replaces (E1).
 * Order of writes: objects, ref, files, index. After a kill in between, the next settle finds finished steps on the disk,
 * recognises them by content, and goes on (planCommit).
 */
export class WorkingTree {
  readonly #repository: Repository
  readonly #files: VaultFiles
  readonly #indexStore: IndexStore
  readonly #codec: Codec
  readonly #clock: Clock
  readonly #identity: () => Identity
  readonly #index = new Map<VaultPath, IndexEntry>()
  #base: Oid | null = null
  #baseTree = new Map<VaultPath, FileEntry>()
  /** Paths where the index differs from the base: files not on this device, or a checkout that did not finish. */
  readonly #apart = new Set<VaultPath>()
  /** Some steps of the last checkout failed; they are among `#apart` and tried again. */
  #incomplete = false
  #dirty: Set<VaultPath> | null = null
  #consent: PendingConsent | null = null
  #approved: string | null = null
  #issues: WorkingTreeIssues = { unreadable: [], skipped: [], notHere: [], failed: [] }

  private constructor(options: WorkingTreeOptions) {
    this.#repository = options.repository
    this.#files = options.files
    this.#indexStore = options.index
    this.#codec = options.codec
    this.#clock = options.clock
    this.#identity = options.identity
  }

  static async open(options: WorkingTreeOptions): Promise<WorkingTree> {
    const tree = new WorkingTree(options)
    await tree.#load()
    return tree
  }

  async #load(): Promise<void> {
    const { entries, base } = await this.#indexStore.load()
    for (const [path, entry] of entries) this.#index.set(path, entry)
    this.#base = this.#recoverBase(base && this.#repository.graph.has(base) ? base : null)
    this.#baseTree = await this.#flatten(this.#base)
    for (const path of new Set([...this.#index.keys(), ...this.#baseTree.keys()])) this.#markApart(path)
  }

  /** Killed between a commit and the index that should name it: the disk showed the commit's tree when it was made. */
  #recoverBase(saved: Oid | null): Oid | null {
    const own = this.#repository.ownHead()
    const parents = own ? this.#repository.graph.get(own)!.parents : []
    return own && (saved ? parents.includes(saved) : !parents.length) ? own : saved
  }

  async #flatten(commit: Oid | null): Promise<Map<VaultPath, FileEntry>> {
    return this.#repository.run(flattenTree(commit && this.#repository.graph.get(commit)!.tree))
  }

  #markApart(path: VaultPath): void {
    if (this.#index.get(path)?.oid === this.#baseTree.get(path)?.oid) this.#apart.delete(path)
    else this.#apart.add(path)
  }

  /** The view that the disk shows in full; null before the first, and while files of it could not be written. */
  get applied(): Oid | null {
    return this.#incomplete ? null : this.#base
  }

  get fileCount(): number {
    return this.#index.size
  }

  get consent(): PendingConsent | null {
    return this.#consent
  }

  get issues(): WorkingTreeIssues {
    return this.#issues
  }

  get isDirty(): boolean {
    return this.#dirty === null || this.#dirty.size > 0
  }

  markDirty(paths: Iterable<VaultPath>): void {
    for (const path of paths) this.#dirty?.add(path)
  }

  /** The next settle looks at every file. */
  markAllDirty(): void {
    this.#dirty = null
  }

  /** A yes to the pending plan; it counts for exactly that plan. False when there is none. */
  approve(): boolean {
    if (!this.#consent) return false
    this.#approved = this.#consent.key
    if (this.#consent.direction === 'local') this.markAllDirty()
    return true
  }

  /** One round: disk -> commit -> view -> disk. Not reentrant: the owner serialises. */
  async settle(options: SettleOptions = {}): Promise<SettleResult> {
    const committed = await this.#commitDiskChanges(options)
    const view = await this.#repository.view()
    const outcome = await this.#checkout(view, options)
    return { ...outcome, committed: committed.commits, retry: outcome.retry || committed.postponed > 0 || this.#issues.unreadable.length > 0, settled: outcome.settled && !this.isDirty }
  }

  async #commitDiskChanges({ signal, onProgress }: SettleOptions): Promise<{ commits: Oid[]; postponed: number }> {
    const dirty = this.#dirty
    if (dirty?.size === 0) return { commits: [], postponed: 0 }
    this.#dirty = new Set()
    let changes
    try {
      changes = await findDiskChanges(
        {
          files: this.#files,
          objects: this.#repository.objects,
          codec: this.#codec,
          clock: this.#clock,
          index: this.#index,
          ...(signal ? { signal } : {}),
          ...(onProgress ? { onProgress: (p: DiskProgress) => onProgress({ phase: 'scan', ...p }) } : {}),
        },
        dirty,
      )
    } catch (error) {
      this.#restoreDirty(dirty)
      throw error
    }
    if (changes.scan) {
      this.#issues = { ...this.#issues, unreadable: changes.scan.errors, skipped: changes.scan.skipped }
      if (this.#consent?.direction === 'local') this.#consent = null // only a full look can tell whether files are still gone
    }
    for (const path of changes.postponed.keys()) this.#dirty.add(path)
    const failed = [...changes.postponed].map(([path, error]) => ({ path, reason: error.message }))
    if (failed.length || this.#issues.failed.length) this.#issues = { ...this.#issues, failed }
    try {
      const commits = await this.#commitChanges(changes.changed, changes.touched)
      return { commits, postponed: changes.postponed.size }
    } catch (error) {
      this.#restoreDirty(dirty)
      throw error
    }
  }

  #restoreDirty(dirty: Set<VaultPath> | null): void {
    if (dirty === null || this.#dirty === null) this.#dirty = null
    else for (const path of dirty) this.#dirty.add(path)
  }

  async #commitChanges(changed: ReadonlyMap<VaultPath, IndexEntry | null>, touched: ReadonlyMap<VaultPath, IndexEntry>): Promise<Oid[]> {
    if (touched.size) await this.#saveIndex(touched, this.#base)
    if (!changed.size) return []
    const view = await this.#repository.view()
    const viewTree = view && view.commit !== this.#base ? await this.#viewEntries(view, changed.keys()) : this.#baseTree
    const oids = (map: ReadonlyMap<VaultPath, { readonly oid: Oid } | null>) => new Map([...changed.keys()].flatMap((p) => (map.get(p) ? [[p, map.get(p)!.oid] as const] : [])))
    const plan = planCommit({ base: oids(this.#baseTree), index: oids(this.#index), disk: oids(changed), view: oids(viewTree) })
    await this.#saveIndex(new Map(plan.applied.map((path) => [path, changed.get(path) ?? null])), this.#base)
    // Edits of files that a checkout had brought to the view before it was cut are merged from the base, which they hold, too.
    const edits = new Map([...plan.onBase, ...plan.onView])
    const stale = [...plan.onBase.keys()].filter((path) => this.#index.get(path)?.oid !== this.#baseTree.get(path)?.oid)
    for (const path of stale) edits.delete(path)
    const kept = await this.#keepStale(stale, changed)
    for (const [path, oid] of kept) edits.set(path, oid)
    const allowed = this.#holdMassDeletion(edits)
    return allowed.size ? this.#commitEdits(allowed, changed) : []
  }

  /**
   * Edits of files whose newer version could not be written here: what the person edited is older than the base, so the edit becomes
   * a conflict copy and the newer version still gets its place (V6). A deletion of the old version is no wish to delete the new one.
   */
  async #keepStale(paths: readonly VaultPath[], disk: ReadonlyMap<VaultPath, IndexEntry | null>): Promise<Map<VaultPath, Oid>> {
    const copies = new Map<VaultPath, Oid>()
    if (!paths.length) return copies
    const { name, seconds, zoneMinutes } = this.#identity()
    for (const path of paths) {
      const entry = disk.get(path)
      if (!entry) continue
      for (let number = 1; ; number++) {
        const copy = conflictPath(familyOf(path), { device: name, seconds, zoneMinutes }, number)
        const there = this.#baseTree.get(copy) ?? this.#index.get(copy)
        if (there && there.oid !== entry.oid) continue
        copies.set(copy, entry.oid)
        break
      }
    }
    await this.#saveIndex(new Map(paths.map((path) => [path, disk.get(path) ?? null])), this.#base)
    return copies
  }

  async #viewEntries(view: View, paths: Iterable<VaultPath>): Promise<Map<VaultPath, FileEntry>> {
    const base = this.#base && this.#repository.graph.get(this.#base)!.tree
    const changes = new Map((await this.#repository.run(diffTrees(base, view.tree))).map((c) => [c.path, c.right]))
    const entries = new Map<VaultPath, FileEntry>()
    for (const path of paths) {
      const entry = changes.has(path) ? changes.get(path) : this.#baseTree.get(path)
      if (entry) entries.set(path, entry)
    }
    return entries
  }

  /** E3 on the side where files vanished: the deletions wait, the rest goes on. */
  #holdMassDeletion(edits: ReadonlyMap<VaultPath, Oid | null>): ReadonlyMap<VaultPath, Oid | null> {
    const deletes = [...edits].filter(([path, oid]) => oid === null && !this.#makesRoom(path, edits)).map(([path]) => path)
    const gone = deletes.map((path) => ({ expect: this.#index.get(path)!.oid }))
    const added = [...edits.values()].filter((oid) => oid !== null).map((oid) => ({ oid }))
    if (!needsConsent({ deletes: deletes.length, overwrites: 0, moves: countMoves(gone, added) }, this.#index.size)) return edits
    const key = consentKey(this.#codec, 'local', deletes.map((path) => [path, null] as const))
    if (key === this.#approved) return edits
    this.#consent = { direction: 'local', deletes, overwrites: [], key }
    const held = new Set(deletes)
    return new Map([...edits].filter(([path]) => !held.has(path)))
  }

  #makesRoom(path: VaultPath, edits: ReadonlyMap<VaultPath, Oid | null>): boolean {
    return [...edits].some(([other, oid]) => oid !== null && other.startsWith(`${path}/`))
  }

  /** Commits edits on top of the base (V4) and makes the index say so. No commit when the tree stays the same. */
  async #commitEdits(edits: ReadonlyMap<VaultPath, Oid | null>, disk: ReadonlyMap<VaultPath, IndexEntry | null>): Promise<Oid[]> {
    const base = this.#base
    const baseTree = base && this.#repository.graph.get(base)!.tree
    const entries = new Map<VaultPath, FileEntry | null>([...edits].map(([path, oid]) => [path, oid && { oid, mode: this.#baseTree.get(path)?.mode ?? '100644' }]))
    const { tree, objects } = await this.#repository.run(editTree(this.#codec, baseTree, entries))
    const rows = new Map([...edits.keys()].filter((path) => disk.has(path)).map((path) => [path, disk.get(path) ?? null]))
    if (tree === baseTree) {
      await this.#saveIndex(rows, base)
      return []
    }
    const oid = await this.#repository.commit(tree, base ? [base] : [], this.#identity(), commitMessage(edits, this.#index), objects)
    for (const [path, entry] of entries) {
      if (entry) this.#baseTree.set(path, entry)
      else this.#baseTree.delete(path)
    }
    await this.#saveIndex(rows, oid)
    for (const path of entries.keys()) this.#markApart(path)
    const joined = await this.#repository.join(this.#identity())
    return joined ? [oid, joined] : [oid]
  }

  async #saveIndex(rows: ReadonlyMap<VaultPath, IndexEntry | null>, base: Oid | null): Promise<void> {
    if (!rows.size && base === this.#base) return
    const put = [...rows].filter((row): row is [VaultPath, IndexEntry] => row[1] !== null)
    const remove = [...rows].filter(([, entry]) => entry === null).map(([path]) => path)
    await this.#indexStore.save({ put, remove, ...(base === this.#base ? {} : { base }) })
    this.#base = base
    for (const [path, entry] of rows) {
      if (entry) this.#index.set(path, entry)
      else this.#index.delete(path)
      this.#markApart(path)
    }
  }

  async #checkout(view: View | null, options: SettleOptions): Promise<Omit<SettleResult, 'committed'>> {
    if (!view || (view.commit === this.#base && !this.#apart.size)) {
      this.#incomplete = false
      return { settled: true, retry: false, applied: [], removed: [] }
    }
    const outcome = await this.#bringDiskTo(view.tree, options, (plan) => this.#mayCheckOut(plan))
    if (outcome.settled) await this.#finishCheckout(view.commit, outcome.changes)
    return outcome
  }

  /** The steps from the disk as the index knows it to a tree. The base stays; see `#finishCheckout`. */
  async #bringDiskTo(tree: Oid, { signal, onProgress }: SettleOptions, mayStart: (plan: CheckoutPlan) => boolean = () => true): Promise<Omit<SettleResult, 'committed'> & { changes: readonly TreeChange[] }> {
    const changes = await this.#repository.run(diffTrees(this.#base && this.#repository.graph.get(this.#base)!.tree, tree))
    const target = new Map<VaultPath, FileEntry>()
    const known = new Map<VaultPath, Oid>()
    for (const path of this.#apart) {
      const entry = this.#baseTree.get(path)
      if (entry) target.set(path, entry)
    }
    for (const { path, right } of changes) {
      if (right) target.set(path, right)
      else target.delete(path)
    }
    for (const path of [...this.#apart, ...changes.map((c) => c.path)]) {
      const entry = this.#index.get(path)
      if (entry) known.set(path, entry.oid)
    }
    const plan = planCheckout(known, target, (path) => this.#files.inScope(path))
    if (!mayStart(plan)) return { settled: false, retry: false, applied: [], removed: [], changes }
    const run = new CheckoutRun(this, plan, onProgress)
    await run.perform(signal)
    const notHere = [...plan.notHere.map((path) => ({ path, reason: 'symbolic links and submodules are not written' })), ...run.impossible]
    this.#issues = { ...this.#issues, failed: [...this.#issues.failed, ...run.failed], notHere }
    this.markDirty(run.changed)
    this.#incomplete = run.failed.length > 0
    return { settled: !run.changed.length, retry: run.failed.length > 0, applied: run.applied, removed: run.removed, changes }
  }

  async #finishCheckout(commit: Oid, changes: readonly TreeChange[]): Promise<void> {
    for (const { path, right } of changes) {
      if (right) this.#baseTree.set(path, right)
      else this.#baseTree.delete(path)
    }
    await this.#saveIndex(new Map(), commit)
    for (const { path } of changes) this.#markApart(path)
  }

  #mayCheckOut(plan: CheckoutPlan): boolean {
    const affected = plan.steps.filter((step) => step.expect !== null)
    if (!needsConsent(plan, this.#index.size)) {
      if (this.#consent?.direction === 'incoming') this.#consent = null
      return true
    }
    const key = consentKey(this.#codec, 'incoming', affected.map((step) => [step.path, step.kind === 'write' ? step.oid : null] as const))
    if (key === this.#approved) {
      this.#consent = null
      return true
    }
    const paths = (kind: CheckoutStep['kind']) => affected.filter((step) => step.kind === kind).map((step) => step.path)
    this.#consent = { direction: 'incoming', deletes: paths('delete'), overwrites: paths('write'), key }
    return false
  }

  /** One step of a checkout, with its content from the store. @internal */
  async applyStep(step: CheckoutStep): Promise<StepResult> {
    if (step.kind === 'delete') return this.#files.apply(step)
    const { objects } = this.#repository
    const info = await objects.info(step.oid)
    if (!info) throw new StoreError('damaged', `the repository lacks the content of ${step.path}`, { oid: step.oid })
    if (info.size > LARGE_BLOB) return this.#files.apply(step, { size: info.size, chunks: objects.stream(step.oid) })
    return this.#files.apply(step, await this.#repository.readBlob(step.oid))
  }

  /** @internal */
  async recordSteps(done: readonly { step: CheckoutStep; result: StepResult }[]): Promise<void> {
    const rows = new Map<VaultPath, IndexEntry | null>()
    for (const { step, result } of done) {
      if (result.result !== 'applied') continue
      rows.set(step.path, step.kind === 'write' && result.stat ? toEntry(result.stat, step.oid, this.#clock.now()) : null)
    }
    await this.#saveIndex(rows, this.#base)
  }

  /** Writes a held local deletion back, or keeps this vault's files against an incoming plan. Returns what it kept. */
  async reject(): Promise<readonly VaultPath[]> {
    const consent = this.#consent
    if (!consent) return []
    this.#consent = null
    if (consent.direction === 'local') {
      for (const path of consent.deletes) {
        const entry = this.#index.get(path)
        if (entry) await this.#writeBack(path, entry.oid)
      }
      this.markAllDirty()
      return consent.deletes
    }
    const view = (await this.#repository.view())!
    const kept = new Map<VaultPath, FileEntry | null>()
    for (const path of [...consent.deletes, ...consent.overwrites]) {
      const entry = this.#index.get(path)
      if (entry) kept.set(path, { oid: entry.oid, mode: this.#baseTree.get(path)?.mode ?? '100644' })
    }
    const { tree, objects } = await this.#repository.run(editTree(this.#codec, view.tree, kept))
    // The commit continues the view, so the disk must show the rest of the view before our ref says that it does.
    await this.#repository.storeObjects(objects)
    const outcome = await this.#bringDiskTo(tree, {})
    if (!outcome.settled) return []
    const oid = await this.#repository.commit(tree, [view.commit], this.#identity(), `Keep ${kept.size} files of this device\n`, [])
    await this.#finishCheckout(oid, outcome.changes)
    return [...kept.keys()]
  }

  async #writeBack(path: VaultPath, oid: Oid): Promise<void> {
    const step: CheckoutStep = { kind: 'write', path, expect: null, oid }
    const result = await this.applyStep(step)
    await this.recordSteps([{ step, result }])
  }
}

export interface WorkingTreeOptions {
  readonly repository: Repository
  readonly files: VaultFiles
  readonly index: IndexStore
  readonly codec: Codec
  readonly clock: Clock
  /** Name and time for the next commit (V9). */
  readonly identity: () => Identity
}

/** The steps of one plan: deletions that make room, then writes side by side, then the other deletions. */
class CheckoutRun {
  readonly applied: VaultPath[] = []
  readonly removed: VaultPath[] = []
  readonly changed: VaultPath[] = []
  readonly failed: ScanIssue[] = []
  readonly impossible: ScanIssue[] = []
  #unsaved: { step: CheckoutStep; result: StepResult }[] = []
  #done = 0
  #fatal: VaultError | null = null

  constructor(
    readonly tree: WorkingTree,
    readonly plan: CheckoutPlan,
    readonly onProgress: ((progress: SettleProgress) => void) | undefined,
  ) {}

  async perform(signal?: AbortSignal): Promise<void> {
    let rest = this.plan.steps
    while (rest.length) {
      const kind = rest[0]!.kind
      const end = rest.findIndex((step) => step.kind !== kind)
      const run = end < 0 ? rest : rest.slice(0, end)
      rest = rest.slice(run.length)
      await this.#sideBySide(run, kind === 'write' ? PARALLEL_STEPS : 1, signal)
    }
    await this.#save()
  }

  async #sideBySide(steps: readonly CheckoutStep[], width: number, signal?: AbortSignal): Promise<void> {
    let next = 0
    const worker = async (): Promise<void> => {
      while (next < steps.length) {
        const step = steps[next++]!
        if (signal?.aborted || this.#fatal) this.failed.push({ path: step.path, reason: this.#fatal?.message ?? 'interrupted' })
        else await this.#one(step)
        if (this.#unsaved.length >= SAVE_EVERY) await this.#save()
      }
    }
    await Promise.all(Array.from({ length: Math.min(width, steps.length) }, worker))
  }

  async #one(step: CheckoutStep): Promise<void> {
    try {
      const result = await this.tree.applyStep(step)
      this.#unsaved.push({ step, result })
      if (result.result === 'changed') this.changed.push(step.path)
      else if (result.result === 'impossible') this.impossible.push({ path: step.path, reason: result.reason })
      else (step.kind === 'write' ? this.applied : this.removed).push(step.path)
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      if (error.code === 'disk-full') this.#fatal = error
      this.failed.push({ path: step.path, reason: error.message })
    }
    this.#done++
    this.onProgress?.({ phase: 'checkout', filesDone: this.#done, filesTotal: this.plan.steps.length, bytesDone: 0, bytesTotal: 0 })
  }

  async #save(): Promise<void> {
    const done = this.#unsaved
    this.#unsaved = []
    if (done.length) await this.tree.recordSteps(done)
  }
}
