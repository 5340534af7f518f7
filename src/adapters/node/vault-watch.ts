import { sep } from 'node:path'
import { vaultPathProblem } from '../../objects/vault-path.ts'
import type { VaultPath } from '../../objects/vault-path.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ScanIssue, WatchEvent } from '../../ports/vault-files.ts'
import type { Scope } from '../memory/vault-scope.ts'
import { reasonOf } from './disk-errors.ts'
import { NewFolders } from './new-folders.ts'

/** The one call of `@parcel/watcher` that we use. */
export type Subscribe = (
  folder: string,
  onEvents: (error: Error | null, events: readonly { readonly path: string; readonly type?: string }[]) => unknown,
  options: { ignore: string[] },
) => Promise<{ unsubscribe(): Promise<void> }>

export interface WatchOptions {
  /** Absolute, without symbolic links: events name it like this. */
  readonly root: string
  readonly inScope: Scope
  readonly clock: Clock
  readonly onWarning: (issue: ScanIssue) => void
  readonly subscribe?: Subscribe
}

/** How often a vault that cannot be watched is scanned. */
export const POLL_MS = 10_000
/** Polls between two attempts to watch again. */
const POLLS_PER_ATTEMPT = 6
/** More changed paths than this at once cost more than a scan. */
const MOST_PATHS = 5_000

/** Loaded when first needed: it is a native module, and a machine without it must still sync. */
const parcelSubscribe: Subscribe = async (folder, onEvents, options) => {
  const { default: watcher } = await import('@parcel/watcher')
  return watcher.subscribe(folder, onEvents, options)
}

/**
 * Tells of changes in the vault. Loses none silently: when the system's watcher fails or loses track it says `rescan`, and
 * while there is none it says so every POLL_MS. Events are hints, and come late, several at once, and for our own writes too.
 */
export class VaultWatch {
  readonly #options: WatchOptions
  readonly #onEvent: (event: WatchEvent) => void
  #subscription: { unsubscribe(): Promise<void> } | undefined
  #newFolders: NewFolders | undefined
  #cancelPoll: () => void = () => undefined
  #polls = 0
  #stopped = false

  constructor(options: WatchOptions, onEvent: (event: WatchEvent) => void) {
    this.#options = options
    this.#onEvent = onEvent
  }

  /** Resolves once changes are noticed. Never throws: without a watcher there are polls. */
  async start(): Promise<void> {
    const problem = await this.#subscribe()
    if (problem !== null) this.#fallBack(problem)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelPoll()
    await this.#unsubscribe()
  }

  async #subscribe(): Promise<string | null> {
    const { root, subscribe = parcelSubscribe } = this.#options
    try {
      const ignore = ['.git', '.trash'].map((name) => `${root}${sep}${name}`)
      let failed = false
      this.#newFolders = this.#watchNewFolders()
      const subscription = await subscribe(
        root,
        (error, events) => {
          if (this.#stopped || failed) return
          if (!error) return this.#tell(events)
          failed = true
          void this.#lost(reasonOf(error))
        },
        { ignore },
      )
      if (this.#stopped) await subscription.unsubscribe()
      else this.#subscription = subscription
      return null
    } catch (cause) {
      return reasonOf(cause)
    }
  }

  async #unsubscribe(): Promise<void> {
    this.#newFolders?.close()
    const subscription = this.#subscription
    this.#subscription = undefined
    try {
      await subscription?.unsubscribe()
    } catch {
      // It failed already; there is nothing left to end.
    }
  }

  #watchNewFolders(): NewFolders | undefined {
    if (process.platform !== 'linux') return undefined // elsewhere the system watches whole trees
    return new NewFolders({
      wants: (folder) => this.#vaultPathOf(folder) !== undefined,
      onChange: (path) => this.#tell([{ path }]),
      onLost: (reason) => void this.#lost(reason),
    })
  }

  /** The watcher broke: what happened meanwhile only a scan can tell. */
  async #lost(reason: string): Promise<void> {
    this.#onEvent({ kind: 'rescan' })
    await this.#unsubscribe()
    if (!this.#stopped) this.#fallBack(reason)
  }

  #fallBack(reason: string): void {
    const sentence = `Changes in the vault cannot be watched (${reason}), so the whole vault is scanned every ${POLL_MS / 1000} seconds`
    this.#options.onWarning({ path: '', reason: sentence })
    this.#poll()
  }

  #poll(): void {
    this.#cancelPoll = this.#options.clock.after(POLL_MS, () => {
      this.#onEvent({ kind: 'rescan' })
      if (this.#stopped) return
      if (++this.#polls % POLLS_PER_ATTEMPT === 0) void this.#tryAgain()
      else this.#poll()
    })
  }

  async #tryAgain(): Promise<void> {
    const problem = await this.#subscribe()
    if (this.#stopped) return
    if (problem !== null) this.#poll()
    else this.#onEvent({ kind: 'rescan' })
  }

  #tell(events: readonly { readonly path: string; readonly type?: string }[]): void {
    const paths = new Set<VaultPath>()
    for (const { path, type } of events) {
      if (type === 'create') this.#newFolders?.look(path)
      // The root itself was moved, removed, or made anew.
      if (path === this.#options.root) return this.#onEvent({ kind: 'rescan' })
      const vaultPath = this.#vaultPathOf(path)
      if (vaultPath !== undefined) paths.add(vaultPath)
    }
    if (paths.size > MOST_PATHS) this.#onEvent({ kind: 'rescan' })
    else if (paths.size > 0) this.#onEvent({ kind: 'paths', paths: [...paths] })
  }

  #vaultPathOf(disk: string): VaultPath | undefined {
    const { root, inScope } = this.#options
    if (!disk.startsWith(root + sep)) return undefined
    const path = disk
      .slice(root.length + 1)
      .replaceAll(sep, '/')
      .normalize('NFC')
    return inScope(path) && vaultPathProblem(path) === null ? (path as VaultPath) : undefined
  }
}
