import { findMoves, needsConsent, type CheckoutPlan } from '../history/checkout-plan.ts'
import { editTree } from '../history/edit-tree.ts'
import type { FileEntry } from '../history/file-entry.ts'
import type { TreeChange } from '../history/tree-diff.ts'
import type { View } from '../history/view.ts'
import type { Codec } from '../objects/codec.ts'
import type { Identity } from '../objects/commit.ts'
import { StoreError, VaultError } from '../ports/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { IndexEntry, IndexStore } from '../ports/index-store.ts'
import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { ScanIssue, VaultFiles } from '../ports/vault-files.ts'
import type { CheckoutRun } from './checkout-run.ts'
import { Checkouts } from './checkouts.ts'
import { ConsentDesk, type PendingConsent } from './consent.ts'
import { findDiskChanges, outsideEntry, wasOutside, type DiskProgress } from './disk-changes.ts'
import { weighPlan, type PlannedLoss } from './mass-change.ts'
import { EditCommitter } from './edit-committer.ts'
import { distrustLost, makeTreesAnew } from './lost-content.ts'
import type { Repository } from './repository.ts'
import { TrackedIndex } from './tracked-index.ts'

/** Index entries that are looked at between two breaths. */
const ENTRIES_PER_BREATH = 500

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
 * Order of writes: objects, ref, the checkout's tree in the index, files, index. After a kill in between, the next settle finds
 * finished steps on the disk, recognises them by content, and goes on (planCommit); a file that a person edited since is judged
 * against both versions (editedVersion).
 */
export class WorkingTree {
  readonly #repository: Repository
  readonly #files: VaultFiles
  readonly #codec: Codec
  readonly #clock: Clock
  readonly #identity: () => Identity
  readonly #index: TrackedIndex
  readonly #edits: EditCommitter
  readonly #checkouts: Checkouts
  /** Some steps of the last checkout failed; they are among the paths apart and tried again. */
  #incomplete = false
  #dirty: Set<VaultPath> | null = null
  readonly #consent: ConsentDesk
  /** Files that could not be read at the last look. */
  #unread: readonly ScanIssue[] = []
  /** E2: the vault's folder is not there, or holds nothing that it held before: an empty mount point, another disk. */
  #away = false
  #issues: WorkingTreeIssues = { unreadable: [], skipped: [], notHere: [], failed: [] }

  private constructor(options: WorkingTreeOptions, index: TrackedIndex) {
    this.#repository = options.repository
    this.#files = options.files
    this.#index = index
    this.#codec = options.codec
    this.#clock = options.clock
    this.#identity = options.identity
    this.#consent = new ConsentDesk(options.codec)
    this.#edits = new EditCommitter(options.repository, index, options.codec, options.identity)
    this.#checkouts = new Checkouts(options.repository, options.files, index, options.clock)
  }

  static async open(options: WorkingTreeOptions): Promise<WorkingTree> {
    const index = await TrackedIndex.load(options.index, options.repository)
    try {
      await options.repository.mend()
      await index.takeUp(options.repository)
    } catch (error) {
      // What a failing disk damaged may come again: every settle tries.
      if (!isDamage(error) && !options.repository.noteLoss(error)) throw error
    }
    const outside: [VaultPath, IndexEntry][] = []
    let looked = 0
    for (const [path, entry] of index.entries) {
      if (!wasOutside(entry) && !options.files.inScope(path)) outside.push([path, entry])
      if (++looked % ENTRIES_PER_BREATH === 0) await options.clock.breathe?.()
    }
    await index.setEntries(new Map(outside.map(([path, entry]) => [path, outsideEntry(entry)]))) // E2
    return new WorkingTree(options, index)
  }

  /** The view that the disk shows in full; null before the first, and while files of it could not be written. */
  get applied(): Oid | null {
    return this.#incomplete || !this.#index.isTakenUp ? null : this.#index.base
  }

  /** L9. Not while it settles. */
  close(): Promise<void> {
    return this.#index.close()
  }

  get fileCount(): number {
    return this.#index.entries.size
  }

  get consent(): PendingConsent | null {
    return this.#consent.pending
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
    if (!this.#consent.approve()) return false
    this.markAllDirty()
    return true
  }

  /** The files of the version that the disk was last brought to, also those that are not on this device. */
  get baseTree(): ReadonlyMap<VaultPath, FileEntry> {
    return this.#index.baseTree
  }

  /** The first half of a round: disk -> commit. Nothing of a peer is applied. Not reentrant: the owner serialises. */
  async look(options: SettleOptions = {}): Promise<void> {
    await this.#takeUp()
    await this.#commitDiskChanges(options)
  }

  /** One round: disk -> commit -> view -> disk. Not reentrant: the owner serialises. */
  async settle(options: SettleOptions = {}): Promise<SettleResult> {
    await this.#takeUp()
    await this.#lookAtLost()
    const committed = await this.#commitDiskChanges(options)
    const joined = await this.#repository.join(this.#identity()) // V8
    if (joined) committed.commits.push(joined)
    const view = await this.#repository.view()
    const outcome = await this.#checkout(view, options)
    return {
      ...outcome,
      committed: committed.commits,
      retry: outcome.retry || committed.postponed > 0 || this.#issues.unreadable.length > 0,
      settled: outcome.settled && !this.isDirty,
    }
  }

  /** Nothing is committed or written on a half of the history. @throws StoreError `damaged`; what of the base's tree is damaged */
  async #takeUp(): Promise<void> {
    await this.#repository.mend()
    if (this.#index.isTakenUp) return
    await makeTreesAnew(this.#repository, this.#index.entries)
    await this.#index.takeUp(this.#repository)
  }

  async #commitDiskChanges({ signal, onProgress }: SettleOptions): Promise<{ commits: Oid[]; postponed: number }> {
    if (this.#dirty?.size === 0) return { commits: [], postponed: 0 }
    const dirty = this.#consent.heldDeletions ? null : this.#dirty // whether what is to be deleted is still gone
    this.#dirty = new Set()
    let changes
    try {
      changes = await findDiskChanges(
        {
          files: this.#files,
          objects: this.#repository.objects,
          codec: this.#codec,
          clock: this.#clock,
          index: this.#index.entries,
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
      this.#consent.lookBegins()
      this.#away = changes.scan.errors.some(({ path }) => path === '')
    }
    for (const path of changes.postponed.keys()) this.#dirty.add(path)
    this.#unread = [...changes.postponed].map(([path, error]) => ({ path, reason: error.message }))
    this.#issues = { ...this.#issues, failed: this.#unread }
    try {
      await this.#index.setEntries(new Map(changes.unknown.map((path) => [path, null])))
      const commits = await this.#commitChanges(changes.changed, changes.touched)
      if (changes.scan) {
        this.#consent.lookEnded()
        if (!this.#away && !changes.scan.errors.length && !changes.postponed.size) this.#index.allSeen()
      }
      return { commits, postponed: changes.postponed.size }
    } catch (error) {
      this.#restoreDirty(dirty)
      throw error
    }
  }

  /** What the repository held and cannot read any more: it is stored anew from the disk, where that still has it. */
  async #lookAtLost(): Promise<void> {
    await makeTreesAnew(this.#repository, this.#index.entries)
    this.markDirty(await distrustLost(this.#repository, this.#index))
  }

  #restoreDirty(dirty: Set<VaultPath> | null): void {
    if (dirty === null || this.#dirty === null) this.#dirty = null
    else for (const path of dirty) this.#dirty.add(path)
  }

  async #commitChanges(
    changed: ReadonlyMap<VaultPath, IndexEntry | null>,
    touched: ReadonlyMap<VaultPath, IndexEntry>,
  ): Promise<Oid[]> {
    if (touched.size) await this.#index.setEntries(touched)
    if (!changed.size) return []
    return this.#edits.commit(changed, {
      isForeign: () => this.#isAnotherFolder(changed),
      hold: (edits) => this.#consent.holdMassDeletion(edits, this.#index.entries),
      again: (paths) => this.markDirty(paths),
    })
  }

  /**
   * Whether none of the files that we know is there any more, not even under another name (E2). Then nothing at all is committed
   * or checked out, so that the next look, also after a restart, finds the same, until a person approves.
   */
  #isAnotherFolder(changed: ReadonlyMap<VaultPath, IndexEntry | null>): boolean {
    const { entries } = this.#index
    const gone = [...changed].filter(([path, entry]) => entry === null && entries.has(path)).map(([path]) => path)
    if (!gone.length || [...entries.values()].filter((entry) => !wasOutside(entry)).length > gone.length) return false
    const there = [...changed.values()].filter((entry) => entry !== null)
    if (
      findMoves(
        gone.map((path) => ({ expect: entries.get(path)!.oid })),
        there,
      ).length
    )
      return false
    this.#away = !this.#consent.mayDelete(gone)
    return this.#away
  }

  async #checkout(view: View | null, options: SettleOptions): Promise<Omit<SettleResult, 'committed'>> {
    if (!view || (view.commit === this.#index.base && !this.#index.apart.size)) {
      this.#incomplete = false
      this.#issues = { ...this.#issues, failed: this.#unread, notHere: [] }
      return { settled: true, retry: false, applied: [], removed: [] }
    }
    const away = this.#away
    if (away || !(await this.#isVaultThere())) {
      if (!away) this.markAllDirty()
      return { settled: false, retry: away, applied: [], removed: [] }
    }
    const outcome = await this.#bringDiskTo(view.tree, options, async (plan) =>
      this.#consent.mayCheckOut(plan, await this.#weigh(plan)),
    )
    if (outcome.settled) await this.#index.moveBase(view.commit, outcome.changes)
    return outcome
  }

  /**
   * Whether a file that should be there is: else the checkout might fill an empty mount point, which would then look like a vault
   * whose other files were deleted (E2). Files that wait for consent to be deleted tell nothing, nor do those that cannot be looked at.
   */
  async #isVaultThere(): Promise<boolean> {
    const held = new Set(this.#consent.heldDeletions ?? [])
    let tries = 3
    for (const [path, entry] of this.#index.entries) {
      if (held.has(path) || wasOutside(entry)) continue
      try {
        return (await this.#files.stat(path)) !== undefined
      } catch (error) {
        if (!(error instanceof VaultError)) throw error
        if (--tries === 0) break
      }
    }
    return true
  }

  /** Brings the disk to a tree, and takes in what came of it. The base stays. */
  async #bringDiskTo(
    tree: Oid,
    { signal, onProgress }: SettleOptions,
    mayStart: (plan: CheckoutPlan) => Promise<boolean>,
  ): Promise<Omit<SettleResult, 'committed'> & { changes: readonly TreeChange[] }> {
    const { plan, changes } = await this.#checkouts.plan(tree)
    if (!(await mayStart(plan))) return { settled: false, retry: false, applied: [], removed: [], changes }
    let run: CheckoutRun
    try {
      run = await this.#checkouts.perform(plan, tree, {
        ...(signal ? { signal } : {}),
        ...(onProgress
          ? {
              onProgress: (filesDone: number, filesTotal: number) =>
                onProgress({ phase: 'checkout', filesDone, filesTotal, bytesDone: 0, bytesTotal: 0 }),
            }
          : {}),
      })
    } catch (error) {
      this.markAllDirty()
      throw error
    }
    const notHere = [
      ...plan.notHere.map((path) => ({ path, reason: 'symbolic links and submodules are not written' })),
      ...run.impossible,
    ]
    this.#issues = { ...this.#issues, failed: [...this.#unread, ...run.failed], notHere }
    this.markDirty(run.changed)
    this.#incomplete = run.failed.length > 0
    return {
      settled: !run.changed.length && !run.stopped,
      retry: run.failed.length > 0,
      applied: run.applied,
      removed: run.removed,
      changes,
    }
  }

  #weigh(plan: CheckoutPlan): Promise<PlannedLoss> {
    return weighPlan(this.#repository, plan, this.#index.entries.size)
  }

  /**
   * Writes a held local deletion back, or keeps this vault's files against an incoming plan. Returns what it kept. Where the
   * deletions were too many and the overwritten files were not, only deleted files are kept: what others go on writing is not undone.
   */
  async reject(): Promise<readonly VaultPath[]> {
    const consent = this.#consent.reject()
    if (!consent) return []
    if (consent.direction === 'local') {
      this.markAllDirty()
      for (const path of consent.deletes) {
        const entry = this.#index.entries.get(path)
        if (entry) await this.#checkouts.writeBack(path, entry.oid)
      }
      return consent.deletes
    }
    const view = (await this.#repository.view())!
    const kept = new Map<VaultPath, FileEntry | null>()
    const asked = (deletes: number, overwrites: number) =>
      needsConsent({ deletes, overwrites, moves: 0 }, this.#index.entries.size)
    const deletesOnly = asked(consent.deletes.length, 0) && !asked(0, consent.overwrites.length)
    for (const path of [...consent.deletes, ...(deletesOnly ? [] : consent.overwrites)]) {
      const entry = this.#index.entries.get(path)
      if (entry) kept.set(path, { oid: entry.oid, mode: this.#index.baseTree.get(path)?.mode ?? '100644' })
    }
    const { tree, objects } = await this.#repository.run(editTree(this.#codec, view.tree, kept))
    // The commit continues the view, so the disk must show the rest of the view before our ref says that it does.
    await this.#repository.storeObjects(objects)
    const outcome = await this.#bringDiskTo(tree, {}, async (plan) => !(await this.#weigh(plan)).asks) // E3: a no to one plan is no yes to the next
    if (!outcome.settled) return []
    const oid = await this.#repository.commit(
      tree,
      [view.commit],
      this.#identity(),
      `Keep ${kept.size} files of this device\n`,
      [],
    )
    await this.#index.moveBase(oid, outcome.changes)
    return [...kept.keys()]
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'damaged'
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
