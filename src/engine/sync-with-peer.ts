import { planBidirectionalSync } from '../history/sync-plan.ts'
import type { RefPlan, SyncPlan, SyncStrategy } from '../history/sync-plan.ts'
import type { Oid } from '../objects/oid.ts'
import type { RefName, Refs, RefStore } from '../ports/ref-store.ts'
import type { RefUpdate } from '../protocol/git/receive-commands.ts'
import { fetchFromPeer, isCommit } from './fetch-from-peer.ts'
import type { PeerFetchOptions } from './fetch-from-peer.ts'
import type { GitPeer } from './git-peer.ts'
import { FETCH_FIRST } from './git-receive.ts'
import { mergeHeads } from './merge-heads.ts'
import { pushToPeer } from './push-to-peer.ts'
import type { Repository } from './repository.ts'

/** The refs that are synchronised on this side. A vault's own are not moved so: each device's ref has its rules (V2). */
export type LocalRefs = Pick<RefStore, 'list' | 'compareAndSwap'>

export interface SyncOptions extends Omit<PeerFetchOptions, 'wants'> {
  readonly local: LocalRefs
  /** What becomes of a ref that both sides moved (T3); `merge` unless given. */
  readonly strategy?: SyncStrategy
  /** `fetch`: nothing there is changed. `push`: nothing here. Both unless given. */
  readonly direction?: 'both' | 'fetch' | 'push'
  /** Sees the peer's refs before anything is fetched; what it throws ends the sync with nothing changed. */
  readonly onRefs?: (refs: Refs) => void
  /**
   * For who knows what a ref means: whether one of two commits that do not continue each other stands for the other as well, so that
   * `push`, or `fetch`, loses nothing. Else null.
   */
  readonly settle?: (ref: RefPlan, remote: Refs) => Promise<'push' | 'fetch' | null>
}

/** What became of one ref. */
export type RefResult =
  | { readonly result: 'up-to-date' | 'fetched' | 'pushed' | 'merged' }
  /** There is more on one side, and the direction forbids to bring it to the other. */
  | { readonly result: 'ahead-there' | 'ahead-here' }
  /** What lost is kept under `backup`, there or here. */
  | { readonly result: 'kept-local' | 'took-remote'; readonly backup: RefName }
  /** Both sides keep theirs until a person decides. */
  | { readonly result: 'conflict' }
  /** A side would not have its ref moved. What was brought to the other side stays there. */
  | { readonly result: 'refused'; readonly side: 'here' | 'there'; readonly reason: string }
  /** Nothing can be done with what the peer's ref names. */
  | { readonly result: 'unusable'; readonly reason: 'incomplete' | 'unfit'; readonly message: string }

export interface SyncReport {
  readonly refs: ReadonlyMap<RefName, RefResult>
  /** The plan that was carried out last. */
  readonly plan: SyncPlan
}

/** Both sides may be moved by others meanwhile. */
const ROUNDS = 3

/**
 * Brings the refs of two repositories together (T3): looks at the peer's, plans, fetches what the plan needs, plans again with the
 * history at hand, moves refs here, then there. Every move is a compare-and-swap; who lost one looks again. No ref is deleted, none
 * moves other than forward unless a strategy says so, and what loses then is under a backup ref first, on the side that loses it.
 * @throws as fetchFromPeer and pushToPeer
 */
export async function syncWithPeer(repository: Repository, peer: GitPeer, options: SyncOptions): Promise<SyncReport> {
  const sync = new Sync(repository, peer, options)
  for (let round = 1; ; round++) {
    const isSettled = await sync.round()
    if (isSettled || round === ROUNDS) return sync.report()
  }
}

class Sync {
  readonly #results = new Map<RefName, RefResult>()
  #plan: SyncPlan = { refs: [], toFetch: [], toPush: [], conflicts: [], needsSync: false }

  constructor(
    private readonly repository: Repository,
    private readonly peer: GitPeer,
    private readonly options: SyncOptions,
  ) {}

  report(): SyncReport {
    return { refs: this.#results, plan: this.#plan }
  }

  /** Whether nothing is left to be tried. */
  async round(): Promise<boolean> {
    const refused = this.#refusedAt()
    const remote = await this.#learn()
    const local = await this.#localRefs(remote)
    const refs = await this.#settled(this.#planOf(local, remote), remote)
    const pushes: Push[] = []
    let lost = false
    for (const ref of refs) {
      // As it was when it was refused: the same question would bring the same answer.
      if (refused.has(keyOf(ref))) continue
      const push = await this.#carryOut(ref)
      if (push) pushes.push(push)
      lost ||= this.#results.get(ref.name)?.result === 'refused'
    }
    return (await this.#push(pushes)) && !lost
  }

  #refusedAt(): ReadonlySet<string> {
    return new Set(this.#plan.refs.filter(({ name }) => this.#results.get(name)?.result === 'refused').map(keyOf))
  }

  async #learn(): Promise<Refs> {
    const { onRefs } = this.options
    const { refs, unusable } = await fetchFromPeer(this.repository, this.peer, {
      ...this.options,
      wants: async (remote) => {
        onRefs?.(remote)
        return this.#planOf(await this.#localRefs(new Map()), remote).toFetch
      },
    })
    for (const [name, { reason, message }] of unusable) this.#results.set(name, { result: 'unusable', reason, message })
    return refs
  }

  /** Ours of those that are synchronised, less what the peer has under the same name and is of no use. */
  async #localRefs(remote: Refs): Promise<Refs> {
    const refs = new Map<RefName, Oid>()
    for (const [name, oid] of await this.options.local.list()) {
      if (!this.options.prefixes.some((prefix) => name.startsWith(prefix))) continue
      if (this.#results.get(name)?.result === 'unusable' && !remote.has(name)) continue
      if (await isCommit(this.repository, oid)) refs.set(name, oid)
    }
    return refs
  }

  #planOf(local: Refs, remote: Refs): SyncPlan {
    return (this.#plan = planBidirectionalSync(local, remote, this.repository.graph, this.options.strategy ?? 'merge'))
  }

  async #settled({ refs }: SyncPlan, remote: Refs): Promise<RefPlan[]> {
    const settled: RefPlan[] = []
    for (const ref of refs) {
      const both = !['up-to-date', 'fetch', 'push', 'learn'].includes(ref.action)
      const action = both ? await this.options.settle?.(ref, remote) : undefined
      settled.push(action ? { ...ref, action } : ref)
    }
    return settled
  }

  /** Does what is to be done here; resolves to what is to be done there after that. */
  async #carryOut(ref: RefPlan): Promise<Push | null> {
    const { name, local, remote } = ref
    const mayFetch = this.options.direction !== 'push'
    const mayPush = this.options.direction !== 'fetch'
    switch (ref.action) {
      case 'up-to-date':
        if (!isDone(this.#results.get(name))) this.#results.set(name, { result: 'up-to-date' })
        return null
      case 'fetch':
        if (!mayFetch) return this.#note(name, { result: 'ahead-there' })
        return this.#note(name, (await this.#move(name, local, remote)) ?? { result: 'fetched' })
      case 'push':
        if (!mayPush) return this.#note(name, { result: 'ahead-here' })
        return { name, from: remote, to: local!, result: { result: 'pushed' } }
      case 'merge': {
        if (!mayFetch) return this.#note(name, { result: 'conflict' })
        const merged = await mergeHeads(this.repository, local!, remote!)
        const fault = await this.#move(name, local, merged)
        if (fault || !mayPush) return this.#note(name, fault ?? { result: 'merged' })
        return { name, from: remote, to: merged, result: { result: 'merged' } }
      }
      case 'take-remote': {
        if (!mayFetch) return this.#note(name, { result: 'conflict' })
        const backup = ref.backup!
        const fault = (await this.#keep(backup, local!)) ?? (await this.#move(name, local, remote))
        return this.#note(name, fault ?? { result: 'took-remote', backup })
      }
      case 'keep-local': {
        if (!mayPush) return this.#note(name, { result: 'conflict' })
        const backup = ref.backup!
        return { name, from: remote, to: local!, backup, result: { result: 'kept-local', backup } }
      }
      case 'conflict':
        return this.#note(name, { result: 'conflict' })
      case 'learn':
        // Fetched, and still not here: the peer's ref was read anew in between.
        return this.#note(name, { result: 'unusable', reason: 'incomplete', message: `${name} could not be fetched` })
    }
  }

  #note(name: RefName, result: RefResult): null {
    this.#results.set(name, result)
    return null
  }

  async #move(name: RefName, from: Oid | null, to: Oid | null): Promise<RefResult | null> {
    if (await this.options.local.compareAndSwap(name, from, to)) return null
    return { result: 'refused', side: 'here', reason: 'it was moved meanwhile' }
  }

  async #keep(backup: RefName, oid: Oid): Promise<RefResult | null> {
    const { local } = this.options
    if ((await local.list()).get(backup) === oid || (await local.compareAndSwap(backup, null, oid))) return null
    return { result: 'refused', side: 'here', reason: `${backup} is taken` }
  }

  /** Backups first and by themselves: what is to lose must be safe before anything moves. True when all was accepted. */
  async #push(pushes: readonly Push[]): Promise<boolean> {
    const backups = pushes.flatMap(({ backup, from }) => (backup ? [{ name: backup, from: null, to: from }] : []))
    const kept = await pushToPeer(this.repository, this.peer, backups, this.options)
    const safe = pushes.filter(({ name, backup }) => {
      const reason = backup ? kept.get(backup)! : null
      if (reason !== null)
        this.#results.set(name, refusedThere(reason === FETCH_FIRST ? `${backup!} is taken` : reason))
      return reason === null
    })
    const outcomes = await pushToPeer(this.repository, this.peer, safe, this.options)
    for (const { name, result } of safe) {
      const reason = outcomes.get(name) ?? null
      this.#results.set(name, reason === null ? result : refusedThere(reason))
    }
    return pushes.every(({ name }) => this.#results.get(name)?.result !== 'refused')
  }
}

interface Push extends RefUpdate {
  /** Where what lies there now stays reachable. */
  readonly backup?: RefName
  readonly result: RefResult
}

function refusedThere(reason: string): RefResult {
  return { result: 'refused', side: 'there', reason }
}

function isDone(result: RefResult | undefined): boolean {
  return result !== undefined && !['refused', 'conflict', 'unusable'].includes(result.result)
}

const keyOf = ({ name, local, remote }: RefPlan): string => `${name} ${local ?? ''} ${remote ?? ''}`
