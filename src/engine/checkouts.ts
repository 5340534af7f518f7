import { planCheckout, type CheckoutPlan } from '../history/checkout-plan.ts'
import type { FileEntry } from '../history/file-entry.ts'
import { diffTrees, type TreeChange } from '../history/tree-diff.ts'
import { MissingObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { Clock } from '../ports/clock.ts'
import { VaultError } from '../ports/errors.ts'
import type { IndexEntry } from '../ports/index-store.ts'
import { LARGE_BLOB } from '../ports/object-store.ts'
import type { CheckoutStep, StepResult, VaultFiles } from '../ports/vault-files.ts'
import { CheckoutRun, type CheckoutDisk, type PerformedStep } from './checkout-run.ts'
import { distrustedEntry, toEntry } from './disk-changes.ts'
import type { Repository } from './repository.ts'
import type { TrackedIndex } from './tracked-index.ts'

const DAMAGED =
  'its content is damaged in this device’s history; the file is written as soon as a device that has it is connected'

/** Brings the disk, as the index knows it, to trees of the repository. What was done the index knows; its base stays. */
export class Checkouts {
  constructor(
    private readonly repository: Repository,
    private readonly files: VaultFiles,
    private readonly index: TrackedIndex,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  /** The steps to a tree, and how it differs from the base. */
  async plan(tree: Oid): Promise<{ plan: CheckoutPlan; changes: readonly TreeChange[] }> {
    const { apart, base, baseTree, entries } = this.index
    const changes = await this.repository.run(diffTrees(base && this.repository.graph.get(base)!.tree, tree))
    await this.repository.breathe()
    const target = new Map<VaultPath, FileEntry>()
    const known = new Map<VaultPath, Oid>()
    for (const path of apart) {
      const entry = baseTree.get(path)
      if (entry) target.set(path, entry)
    }
    for (const { path, right } of changes) {
      if (right) target.set(path, right)
      else target.delete(path)
    }
    for (const path of [...apart, ...changes.map((change) => change.path)]) {
      const entry = entries.get(path)
      if (entry) known.set(path, entry.oid)
    }
    return { plan: planCheckout(known, target, (path) => this.files.inScope(path)), changes }
  }

  /** Files that changed under its hands are looked at anew, whatever their times say. @throws as CheckoutRun */
  async perform(
    plan: CheckoutPlan,
    tree: Oid,
    { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void },
  ): Promise<CheckoutRun> {
    const disk: CheckoutDisk = {
      apply: (step) => this.#apply(step),
      record: (steps) => this.#record(steps),
      now: () => this.clock.now(),
    }
    const run = new CheckoutRun(plan, disk, onProgress)
    if (plan.steps.length) await this.index.checkoutBegins(tree)
    await run.perform(signal)
    this.index.checkoutEnded(tree)
    const rows = new Map<VaultPath, IndexEntry>()
    for (const path of run.changed) {
      const entry = this.index.entries.get(path)
      if (entry) rows.set(path, distrustedEntry(entry))
    }
    await this.index.setEntries(rows)
    return run
  }

  /** A file that is gone is written again. */
  async writeBack(path: VaultPath, oid: Oid): Promise<void> {
    const step: CheckoutStep = { kind: 'write', path, expect: null, oid }
    const result = await this.#apply(step)
    await this.#record([{ step, result, at: this.clock.now() }])
  }

  /** One step, with its content from the store. */
  async #apply(step: CheckoutStep): Promise<StepResult> {
    if (step.kind === 'delete') return this.files.apply(step)
    const { objects } = this.repository
    try {
      const info = await objects.info(step.oid)
      if (!info) throw new MissingObjectError(step.oid)
      if (info.size > LARGE_BLOB)
        return await this.files.apply(step, { size: info.size, chunks: objects.stream(step.oid) })
      return await this.files.apply(step, await this.repository.readBlob(step.oid))
    } catch (error) {
      if (!this.repository.noteLoss(error, step.oid)) throw error
      throw new VaultError('unreadable', DAMAGED, { path: step.path, oid: step.oid }, { cause: error })
    }
  }

  async #record(done: readonly PerformedStep[]): Promise<void> {
    const rows = new Map<VaultPath, IndexEntry | null>()
    for (const { step, result, at } of done) {
      if (result.result !== 'applied') continue
      rows.set(step.path, step.kind === 'write' && result.stat ? toEntry(result.stat, step.oid, at) : null)
    }
    await this.index.setEntries(rows)
  }
}
