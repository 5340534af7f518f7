import { CorruptObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import { StoreError } from '../ports/errors.ts'
import type { PackSpool } from '../ports/object-store.ts'
import type { RefName } from '../ports/ref-store.ts'
import type { GitOutcome } from '../protocol/git/git-session.ts'
import type { ObjectRules } from '../protocol/git/object-rules.ts'
import type { RefUpdate } from '../protocol/git/receive-commands.ts'
import { receivePack } from '../protocol/git/receive-pack.ts'
import type { ReceivePackRequest, RefReasons } from '../protocol/git/receive-pack.ts'
import { checkConnectivity, isConnected } from './connectivity.ts'
import { descends } from './descent.ts'
import { onePack } from './pack-intake.ts'
import type { PackLimits } from './pack-intake.ts'
import { memorySpool, sourceChunks } from './pack-spool.ts'
import type { PktStream } from './pkt-stream.ts'
import { runGitSession } from './pkt-stream.ts'
import { Quarantine } from './quarantine.ts'
import { VisibleHistory } from './visible-history.ts'
import type { GitRepository, VisibleRefs } from './visible-history.ts'

/** A ref move whose objects are all here (in quarantine or in the store). */
export interface CheckedUpdate extends RefUpdate {
  /** Whether the new commit is, or descends from, the old one. */
  readonly forward: boolean
}

export interface ReceiveOptions {
  readonly repository: GitRepository
  /** What this peer may see and name as old values, asked anew at each step. */
  readonly visible: () => Promise<VisibleRefs>
  /** Asked before a byte of a pack is taken: null, or why this peer may push nothing at all. */
  readonly refuses?: () => string | null
  /** The hook: for each ref null, or why it may not be moved. Nothing is in the store yet. */
  readonly mayUpdate: (updates: readonly CheckedUpdate[]) => RefReasons | Promise<RefReasons>
  /** Moves the refs, whose objects are in the store by now; each compared with its old value, and only if it may be moved still (S1). Atomic: all or none. */
  readonly update: (updates: readonly RefUpdate[], atomic: boolean) => Promise<RefReasons>
  readonly agent: string
  readonly version: number
  readonly signal?: AbortSignal
  readonly rules?: ObjectRules
  readonly limits?: Partial<PackLimits>
  /** Where a pack waits; in memory (64 MiB) unless given. */
  readonly spool?: () => PackSpool
  readonly onBytes?: (count: number) => void
  /** Awaited now and then during long checks: lets timers and other streams have their turn. */
  readonly breathe?: () => Promise<void>
}

/** A pushed repository of a year and its largest attachment (E7) fit. */
export const PUSH_LIMITS: PackLimits = {
  bytes: 4 * 1024 * 1024 * 1024,
  objects: 1_000_000,
  objectSize: 1024 * 1024 * 1024,
}

const NO_LINKS: ObjectRules = { symlinks: false, submodules: false }
/** Git's word for a push whose sender does not know what was pushed before it (T4). */
export const FETCH_FIRST = 'fetch first'
const MISSING = 'missing necessary objects'

/** Serves one push on a stream of lines. Until everything is checked nothing of it is in the store (T2). */
export async function serveReceivePack(lines: PktStream, options: ReceiveOptions): Promise<GitOutcome> {
  const reception = new Reception(lines, options)
  try {
    return await runGitSession(receivePack(options), lines, (request) => reception.act(request))
  } finally {
    reception.dispose()
  }
}

class Reception {
  #quarantine: Quarantine
  #spool: PackSpool | null = null

  constructor(
    private readonly lines: PktStream,
    private readonly options: ReceiveOptions,
  ) {
    this.#quarantine = Quarantine.empty(options.repository.codec, options.repository.objects)
  }

  dispose(): void {
    this.#spool?.dispose()
    this.#spool = null
  }

  async act(request: ReceivePackRequest): Promise<unknown> {
    this.options.signal?.throwIfAborted()
    switch (request.kind) {
      case 'refs':
        return (await VisibleHistory.open(this.options.repository, await this.options.visible())).refs()
      case 'quarantine':
        return this.#takeIn()
      case 'check':
        return this.#check(request.updates)
      case 'update':
        return this.#update(request.updates, request.atomic)
    }
  }

  /** Null, or what is wrong with the pack. */
  async #takeIn(): Promise<string | null> {
    const { repository, signal, limits, rules, onBytes, breathe } = this.options
    const refusal = this.options.refuses?.() ?? null
    if (refusal !== null) return refusal
    const bounds = { ...PUSH_LIMITS, ...limits }
    const spool = (this.#spool = (this.options.spool ?? memorySpool)())
    try {
      for await (const chunk of onePack(() => this.lines.readRaw(), repository.codec, bounds)) {
        signal?.throwIfAborted()
        onBytes?.(chunk.length)
        await spool.write(chunk)
      }
      this.#quarantine = await Quarantine.open(repository.codec, repository.objects, spool.source(), {
        rules: rules ?? NO_LINKS,
        maxObjects: bounds.objects,
        onProgress: async () => {
          signal?.throwIfAborted()
          await breathe?.()
        },
      })
      return null
    } catch (error) {
      if (error instanceof CorruptObjectError) return error.message
      if (error instanceof StoreError) return 'unable to write to the repository'
      throw error
    }
  }

  async #check(updates: readonly RefUpdate[]): Promise<RefReasons> {
    const reasons = new Map<string, string | null>()
    const { refs } = await this.options.visible()
    const checked: CheckedUpdate[] = []
    for (const update of updates) {
      const { name, from, to } = update
      if ((refs.get(name) ?? null) !== from) reasons.set(name, to === null ? 'stale info' : FETCH_FIRST)
      else if (to === null) checked.push({ ...update, forward: false })
      else {
        const outcome = await this.#follow(name, from, to)
        if (typeof outcome === 'string') reasons.set(name, outcome)
        else checked.push({ ...update, forward: outcome })
      }
    }
    for (const [name, reason] of await this.options.mayUpdate(checked)) reasons.set(name, reason)
    return reasons
  }

  /** Whether the new value continues the old one; a text when it is no value for this ref. */
  async #follow(name: RefName, from: Oid | null, to: Oid): Promise<boolean | string> {
    const type = await this.#quarantine.typeOf(to)
    if (type === null) return MISSING
    if (type !== 'commit') {
      // The objects of the pack were checked one by one; a tag's commit must be whole as well, and a ref of ours names commits.
      return `trying to write non-commit object ${to} to ${name}`
    }
    const { graph } = this.options.repository
    try {
      const found = await checkConnectivity(this.#quarantine, graph, [to])
      if (!isConnected(found)) return MISSING
      if (from === null || from === to) return true
      return descends(graph, found.fresh, from, to)
    } catch (error) {
      if (error instanceof CorruptObjectError) return error.message
      throw error
    }
  }

  async #update(updates: readonly RefUpdate[], atomic: boolean): Promise<RefReasons> {
    const { pack } = this.#quarantine
    try {
      if (pack) await this.options.repository.objects.writePack(sourceChunks(pack))
    } catch (error) {
      if (error instanceof CorruptObjectError) return failed(updates, error.message)
      if (error instanceof StoreError) return failed(updates, 'unable to write to the repository')
      throw error
    }
    this.options.signal?.throwIfAborted()
    return this.options.update(updates, atomic)
  }
}

function failed(updates: readonly RefUpdate[], reason: string): RefReasons {
  return new Map(updates.map(({ name }) => [name, reason]))
}
