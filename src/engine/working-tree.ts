import { planCheckout, needsConsent, type CheckoutPlan } from '../history/checkout-plan.ts'
import { planCommit } from '../history/commit-plan.ts'
import { editTree } from '../history/edit-tree.ts'
import type { FileEntry } from '../history/file-entry.ts'
import { diffTrees, flattenTree } from '../history/tree-diff.ts'
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
    this.#base = base && this.#repository.graph.has(base) ? base : null
    this.#baseTree = await this.#flatten(this.#base)
    for (const path of new Set([...this.#index.keys(), ...this.#baseTree.keys()])) this.#markApart(path)
  }

  async #flatten(commit: Oid | null): Promise<Map<VaultPath, FileEntry>> {
    return this.#repository.run(flattenTree(commit && this.#repository.graph.get(commit)!.tree))
  }

  #markApart(path: VaultPath): void {
    if (this.#index.get(path)?.oid === this.#baseTree.get(path)?.oid) this.#apart.delete(path)
    else this.#apart.add(path)
  }

  /** The view that the disk shows in full; null before the first. */
  get applied(): Oid | null {
    return this.#base
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
  async settle(options: { signal?: AbortSignal; onProgress?: (progress: SettleProgress) => void } = {}): Promise<SettleResult> {
    const committed = await this.#commitDiskChanges(options)
    const view = await this.#repository.view()
    const outcome = await this.#checkout(view, options)
    return { ...outcome, committed: committed.commits, retry: outcome.retry || committed.postponed > 0, settled: outcome.settled && !this.isDirty }
  }

  async #commitDiskChanges({ signal, onProgress }: { signal?: AbortSignal; onProgress?: (progress: SettleProgress) => void }): Promise<{ commits: Oid[]; postponed: number }> {
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
    const commits: Oid[] = []
    const onBase = this.#holdMassDeletion(plan.onBase)
    if (onBase.size) commits.push(...(await this.#commitEdits(onBase, changed, this.#base)))
    if (plan.onView.size) {
      const next = await this.#repository.view()
      commits.push(...(await this.#commitEdits(plan.onView, changed, next?.commit ?? null)))
    }
    return commits
  }

  async #viewEntries(view: View, paths: Iterable<VaultPath>): Promise<Map<VaultPath, FileEntry>> {
    const changes = new Map((await this.#diffToView(view)).map((c) => [c.path, c.right]))
    const entries = new Map<VaultPath, FileEntry>()
    for (const path of paths) {
      const entry = changes.has(path) ? changes.get(path) : this.#baseTree.get(path)
      if (entry) entries.set(path, entry)
    }
    return entries
  }

  #diffToView(view: View) {
    return this.#repository.run(diffTrees(this.#base && this.#repository.graph.get(this.#base)!.tree, view.tree))
  }

  /** E3 on the side where files vanished: the deletions wait, the rest goes on. */
  #holdMassDeletion(edits: ReadonlyMap<VaultPath, Oid | null>): ReadonlyMap<VaultPath, Oid | null> {
    const deletes = [...edits].filter(([path, oid]) => oid === null && !this.#makesRoom(path, edits)).map(([path]) => path)
    if (!needsConsent({ deletes: deletes.length, overwrites: 0 }, this.#index.size)) return edits
    const key = consentKey(this.#codec, 'local', deletes.map((path) => [path, null] as const))
    if (key === this.#approved) return edits
    this.#consent = { direction: 'local', deletes, overwrites: [], key }
    const held = new Set(deletes)
    return new Map([...edits].filter(([path]) => !held.has(path)))
  }

  #makesRoom(path: VaultPath, edits: ReadonlyMap<VaultPath, Oid | null>): boolean {
    return [...edits].some(([other, oid]) => oid !== null && other.startsWith(`${path}/`))
  }

  /** Commits edits on top of `parent` (V4) and makes the index say so. No commit when the tree stays the same. */
  async #commitEdits(edits: ReadonlyMap<VaultPath, Oid | null>, disk: ReadonlyMap<VaultPath, IndexEntry | null>, parent: Oid | null): Promise<Oid[]> {
    const { graph } = this.#repository
    const parentTree = parent && graph.get(parent)!.tree
    const entries = new Map<VaultPath, FileEntry | null>([...edits].map(([path, oid]) => [path, oid && { oid, mode: this.#baseTree.get(path)?.mode ?? '100644' }]))
    const { tree, objects } = await this.#repository.run(editTree(this.#codec, parentTree, entries))
    const rows = new Map([...edits.keys()].map((path) => [path, disk.get(path) ?? null]))
    if (tree === parentTree) {
      await this.#saveIndex(rows, this.#base)
      return []
    }
    const oid = await this.#repository.commit(tree, parent ? [parent] : [], this.#identity(), commitMessage(edits, this.#index), objects)
    if (parent !== this.#base) {
      await this.#saveIndex(rows, this.#base)
      return [oid]
    }
    for (const [path, entry] of entries) {
      if (entry) this.#baseTree.set(path, entry)
      else this.#baseTree.delete(path)
    }
    await this.#saveIndex(rows, oid)
    return [oid]
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

  async #checkout(view: View | null, { signal, onProgress }: { signal?: AbortSignal; onProgress?: (p: SettleProgress) => void }): Promise<Omit<SettleResult, 'committed'>> {
    const nothing = { settled: true, retry: false, applied: [], removed: [] }
    if (!view || (view.commit === this.#base && !this.#apart.size)) return nothing
    const changes = view.commit === this.#base ? [] : await this.#diffToView(view)
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
    if (!this.#mayCheckOut(plan)) return { ...nothing, settled: false }
    const run = new CheckoutRun(this, plan, onProgress)
    await run.perform(signal)
    const failed = [...this.#issues.failed, ...run.failed]
    this.#issues = { ...this.#issues, failed, notHere: [...plan.notHere.map((path) => ({ path, reason: 'symbolic links and submodules are not written' })), ...run.impossible] }
    this.markDirty(run.changed)
    const complete = !run.changed.length && !run.failed.length
    if (complete && view.commit !== this.#base) {
      for (const { path, right } of changes) {
        if (right) this.#baseTree.set(path, right)
        else this.#baseTree.delete(path)
      }
      await this.#saveIndex(new Map(), view.commit)
      for (const { path } of changes) this.#markApart(path)
    }
    return { settled: complete, retry: run.failed.length > 0, applied: run.applied, removed: run.removed }
  }

  #mayCheckOut(plan: CheckoutPlan): boolean {
    const affected = plan.steps.filter((step) => step.expect !== null)
    if (!needsConsent({ deletes: plan.deletes, overwrites: plan.overwrites }, this.#index.size)) {
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
    await this.#repository.commit(tree, [view.commit], this.#identity(), `Keep ${kept.size} files\n`, objects)
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
