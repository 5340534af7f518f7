import type { CheckoutPlan } from '../history/checkout-plan.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import { VaultError } from '../ports/errors.ts'
import type { CheckoutStep, ScanIssue, StepResult } from '../ports/vault-files.ts'

/** Files written at once: the disk's latency overlaps, its order inside a folder does not matter. */
const PARALLEL_STEPS = 8
/** Index rows saved at once during a long checkout, so that a kill costs little. */
const SAVE_EVERY = 500

export interface PerformedStep {
  readonly step: CheckoutStep
  readonly result: StepResult
  /** When it was done, ms since 1970: what the index holds was true then, which may be long before it is saved. */
  readonly at: number
}

/** Where the steps take effect, and where they are noted down. */
export interface CheckoutDisk {
  /** @throws VaultError when the step could not be done; the disk is then as before. */
  apply(step: CheckoutStep): Promise<StepResult>
  record(steps: readonly PerformedStep[]): Promise<void>
  now(): number
}

/** The steps of one plan: deletions that make room, then writes side by side, then the other deletions. */
export class CheckoutRun {
  readonly applied: VaultPath[] = []
  readonly removed: VaultPath[] = []
  readonly changed: VaultPath[] = []
  readonly failed: ScanIssue[] = []
  readonly impossible: ScanIssue[] = []
  /** Steps were not even tried: the disk is full, or we are being stopped. */
  stopped = false
  #unsaved: PerformedStep[] = []
  #done = 0
  #fatal: VaultError | null = null
  /** Not about one file: the run ends with it, once the steps under way are done and noted. */
  #broken: { readonly error: unknown } | null = null

  constructor(
    readonly plan: CheckoutPlan,
    readonly disk: CheckoutDisk,
    readonly onProgress: ((done: number, total: number) => void) | undefined,
  ) {}

  /** @throws what a step threw other than VaultError; nothing is written any more then. */
  async perform(signal?: AbortSignal): Promise<void> {
    let rest = this.plan.steps
    while (rest.length && !this.#broken) {
      const kind = rest[0]!.kind
      const end = rest.findIndex((step) => step.kind !== kind)
      const run = end < 0 ? rest : rest.slice(0, end)
      rest = rest.slice(run.length)
      await this.#sideBySide(run, kind === 'write' ? PARALLEL_STEPS : 1, signal)
    }
    await this.#trySave()
    if (this.#broken) throw this.#broken.error
  }

  async #sideBySide(steps: readonly CheckoutStep[], width: number, signal?: AbortSignal): Promise<void> {
    let next = 0
    const worker = async (): Promise<void> => {
      while (next < steps.length) {
        const step = steps[next++]!
        if (signal?.aborted || this.#fatal || this.#broken) this.stopped = true
        else await this.#one(step)
        if (this.#unsaved.length >= SAVE_EVERY) await this.#trySave()
      }
    }
    await Promise.all(Array.from({ length: Math.min(width, steps.length) }, worker))
  }

  async #one(step: CheckoutStep): Promise<void> {
    try {
      const result = await this.disk.apply(step)
      this.#unsaved.push({ step, result, at: this.disk.now() })
      if (result.result === 'changed') this.changed.push(step.path)
      else if (result.result === 'impossible') this.impossible.push({ path: step.path, reason: result.reason })
      else (step.kind === 'write' ? this.applied : this.removed).push(step.path)
    } catch (error) {
      if (!(error instanceof VaultError)) {
        this.#broken ??= { error }
        return
      }
      if (error.code === 'disk-full') this.#fatal = error
      this.failed.push({ path: step.path, reason: error.message })
    }
    this.#done++
    this.onProgress?.(this.#done, this.plan.steps.length)
  }

  /** What the index could not take is recognised by its content at the next look; no further step adds to it. */
  async #trySave(): Promise<void> {
    const done = this.#unsaved
    this.#unsaved = []
    try {
      if (done.length) await this.disk.record(done)
    } catch (error) {
      this.#broken ??= { error }
    }
  }
}
