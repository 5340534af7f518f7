import type { VaultListing } from '../history/compare-vaults.ts'
import { compareText } from '../history/oid-order.ts'
import type { Clock } from '../ports/clock.ts'
import type { Oid } from '../objects/oid.ts'
import { StoreError, TandemError } from '../ports/errors.ts'
import type { Logger } from '../ports/logger.ts'
import type { VaultFiles, WatchEvent } from '../ports/vault-files.ts'
import type { ShareName } from '../protocol/messages.ts'
import type { LocalShare } from '../protocol/subscription-state.ts'
import { Emitter } from '../peers/emitter.ts'
import { acceptPush, type PushOutcome } from './accept-push.ts'
import { Mutex } from './mutex.ts'
import type { Repository } from './repository.ts'
import type { SettleProgress, WorkingTree } from './working-tree.ts'

export interface ShareTimes {
  /** Quiet time after the last change before it is committed. */
  readonly debounceMs: number
  /** A vault that never falls quiet is committed this often. */
  readonly debounceLimitMs: number
  /** From activity to tidying up the repository. */
  readonly maintainMs: number
  /** After a file or folder could not be read or written; a multiple of it when that goes on. */
  readonly retryMs: number
}

export const SHARE_TIMES: ShareTimes = { debounceMs: 300, debounceLimitMs: 3_000, maintainMs: 600_000, retryMs: 5_000 }

/** Rounds of one settle before it gives others a turn: files that change faster than we look never starve the links. */
const MAX_ROUNDS = 5

export type ShareEvent =
  | { readonly kind: 'state'; readonly state: LocalShare }
  | { readonly kind: 'progress'; readonly progress: SettleProgress }
  | {
      readonly kind: 'settled'
      readonly applied: readonly string[]
      readonly removed: readonly string[]
      readonly committed: number
      readonly ms: number
    }
  | { readonly kind: 'consent' }
  | { readonly kind: 'error'; readonly error: unknown }

/** One share at work on this device: watches its vault, settles it after changes on either side, and tells its state. */
export class Share {
  readonly #settling = new Mutex()
  readonly #events = new Emitter<ShareEvent>()
  readonly #abort = new AbortController()
  #unwatch: (() => Promise<void>) | null = null
  #quietTimer: (() => void) | null = null
  #firstDirtyAt: number | null = null
  #retryTimer: (() => void) | null = null
  #maintainTimer: (() => void) | null = null
  #queued: Promise<void> | null = null
  #stopListening: (() => void) | null = null
  #lastError: Error | null = null
  /** The disk is being looked at or written: what is dirty is not known until that is over. */
  #settlingNow = false
  #paused = false
  /** In a row: each waits longer, up to a minute. */
  #retries = 1

  constructor(
    readonly name: ShareName,
    readonly repository: Repository,
    readonly tree: WorkingTree,
    readonly files: VaultFiles,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly times: ShareTimes = SHARE_TIMES,
  ) {}

  on(listener: (event: ShareEvent) => void): () => void {
    return this.#events.on(listener)
  }

  state(): LocalShare {
    return { heads: new Map(this.repository.heads()), applied: this.tree.applied }
  }

  /** Why the last settle failed; null when it did not. */
  get lastError(): Error | null {
    return this.#lastError
  }

  /** Whether everything that is known is on the disk and everything on the disk is committed. */
  get isSettled(): boolean {
    return (
      !this.tree.isDirty &&
      !this.tree.consent &&
      !this.#queued &&
      !this.#settlingNow &&
      this.#firstDirtyAt === null &&
      this.#lastError === null
    )
  }

  /** Scans and commits what changed while we were away, before anything of a peer is applied (E5); then watches. */
  async start(options: { watch: boolean }): Promise<void> {
    if (this.#stopListening || this.#abort.signal.aborted) return // it ended before its turn came
    this.#stopListening = this.repository.onChange(() => this.#onHeads())
    if (options.watch) this.#unwatch = await this.files.watch((event) => this.#onWatch(event))
    if (this.#abort.signal.aborted) return void (await this.#unwatch?.())
    this.tree.markAllDirty()
    await this.settle()
    this.#maintainLater()
  }

  /** No settling until `resume`; what happens meanwhile is found then. */
  async pause(): Promise<void> {
    this.#paused = true
    await this.#settling.run(async () => undefined)
  }

  resume(): Promise<void> {
    this.#paused = false
    this.tree.markAllDirty()
    return this.settle()
  }

  #onWatch(event: WatchEvent): void {
    if (event.kind === 'rescan') this.tree.markAllDirty()
    else this.tree.markDirty(event.paths)
    const now = this.clock.now()
    this.#firstDirtyAt ??= now
    this.#quietTimer?.()
    const wait = Math.min(this.times.debounceMs, Math.max(0, this.#firstDirtyAt + this.times.debounceLimitMs - now))
    this.#quietTimer = this.clock.after(wait, () => {
      this.#firstDirtyAt = null
      void this.settle()
    })
  }

  #onHeads(): void {
    this.#events.emit({ kind: 'state', state: this.state() })
    void this.settle()
  }

  /** Settles now, or joins the settle that is queued already. Never throws: trouble is an event and `lastError`. */
  settle(): Promise<void> {
    this.#queued ??= this.#settling.run(async () => {
      this.#queued = null
      if (this.#abort.signal.aborted || this.#paused) return
      await this.#settleRounds()
    })
    return this.#queued
  }

  /**
   * The files of the vault as it is now (E9): looks at all of it, commits what changed, and applies nothing of a peer (E5). Works
   * also before `start`. @throws what keeps the vault from being looked at.
   */
  async listing(): Promise<VaultListing> {
    await this.#settling.run(async () => {
      if (this.#abort.signal.aborted || this.#paused) return
      this.tree.markAllDirty()
      await this.tree.look({
        signal: this.#abort.signal,
        onProgress: (progress) => this.#events.emit({ kind: 'progress', progress }),
      })
    })
    if (this.#stopListening && this.tree.isDirty) void this.settle()
    return [...this.tree.baseTree]
      .filter(([, entry]) => entry.mode !== '160000') // a submodule is no file
      .map(([path, { oid }]) => ({ path, oid }))
      .sort((a, b) => compareText(a.path, b.path))
  }

  /**
   * T4: makes a commit that somebody pushed onto the view `from` the view; the disk follows. Its objects are in the store. What
   * was edited on the disk meanwhile is committed first, and the pusher has to fetch it. @throws as the function of that name
   */
  async acceptPush(from: Oid | null, tip: Oid, mayWrite: () => boolean): Promise<PushOutcome> {
    await this.settle()
    return this.#settling.run(async () => {
      if (this.#abort.signal.aborted || this.#paused) return 'paused'
      return acceptPush(this.repository, from, tip, mayWrite)
    })
  }

  async #settleRounds(): Promise<void> {
    const startedAt = this.clock.now()
    const applied = new Set<string>()
    const removed = new Set<string>()
    let committed = 0
    let retry = false
    this.#settlingNow = true
    try {
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const result = await this.tree.settle({
          signal: this.#abort.signal,
          onProgress: (progress) => this.#events.emit({ kind: 'progress', progress }),
        })
        for (const path of result.applied) applied.add(path)
        for (const path of result.removed) removed.add(path)
        committed += result.committed.length
        retry = result.retry
        this.#lastError = null
        if (result.settled || result.retry || this.tree.consent) break
        retry = round === MAX_ROUNDS - 1
      }
    } catch (error) {
      if (this.#abort.signal.aborted) return
      this.#lastError = error instanceof Error ? error : new Error(String(error))
      retry = !(error instanceof StoreError && error.code === 'damaged')
      this.logger.log(
        'error',
        'share.error',
        error instanceof Error ? error.message : String(error),
        error instanceof TandemError ? { code: error.code } : {},
      )
      this.#events.emit({ kind: 'error', error })
    } finally {
      this.#settlingNow = false
    }
    if (applied.size || removed.size || committed) {
      this.#events.emit({
        kind: 'settled',
        applied: [...applied],
        removed: [...removed],
        committed,
        ms: this.clock.now() - startedAt,
      })
    }
    if (applied.size || committed) this.#maintainLater()
    if (this.tree.consent) this.#events.emit({ kind: 'consent' })
    this.#events.emit({ kind: 'state', state: this.state() })
    if (retry) this.#retryLater()
    else this.#retries = 1
  }

  #maintainLater(): void {
    if (this.#abort.signal.aborted) return
    this.#maintainTimer ??= this.clock.after(this.times.maintainMs, () => {
      this.#maintainTimer = null
      void this.#settling.run(() => this.#maintain())
    })
  }

  async #maintain(): Promise<void> {
    try {
      await this.repository.objects.maintain()
    } catch (error) {
      this.logger.log(
        'warn',
        'share.maintenance',
        `the repository could not be tidied up: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  #retryLater(): void {
    this.#retryTimer?.()
    if (this.#abort.signal.aborted) return
    const wait = this.times.retryMs * Math.min(this.#retries++, 12)
    this.#retryTimer = this.clock.after(wait, () => {
      if (this.tree.issues.unreadable.length) this.tree.markAllDirty()
      void this.settle()
    })
  }

  /** E3: the answer to the plan of this `key`, by default `tree.consent` as it is now; one that took its place asks anew. */
  async answerConsent(yes: boolean, key = this.tree.consent?.key): Promise<void> {
    try {
      await this.#settling.run(async () => {
        if (this.tree.consent?.key !== key) return
        if (yes) this.tree.approve()
        else await this.tree.reject()
      })
    } finally {
      await this.settle() // also when a file could not be written back: then it is asked again
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    this.#quietTimer?.()
    this.#retryTimer?.()
    this.#maintainTimer?.()
    this.#stopListening?.()
    await this.#unwatch?.()
    await this.#settling.run(async () => undefined)
    await this.tree.close()
    await this.files.close()
    await this.repository.objects.close()
  }
}
