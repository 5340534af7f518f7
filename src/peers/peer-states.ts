import type { EndpointId, PathInfo } from '../ports/transport.ts'
import { Emitter } from './emitter.ts'

export type LinkPhase = 'disconnected' | 'connecting' | 'connected' | 'disconnecting'
/** The three axes in one word, for people (L1). */
export type PeerStatus = 'disconnected' | 'connecting' | 'connected' | 'syncing'

/** Why something failed, as stored and shown; `at` in ms since 1970. */
export interface PeerFault {
  readonly at: number
  readonly code: string
  readonly message: string
}

export interface PeerState {
  readonly id: EndpointId
  readonly link: LinkPhase
  readonly health: 'healthy' | 'unhealthy'
  readonly activity: 'idle' | 'syncing'
  readonly lastError: PeerFault | null
  readonly connectedAt: number | null
  /** When the next attempt is due, while disconnected and willing. */
  readonly retryAt: number | null
  readonly path: PathInfo | null
  readonly roundTripMs: number | null
  /** By the peer's own word its vault shows what ours shows (L8). */
  readonly current: boolean
}

export interface PeerStateChange {
  readonly before: PeerState
  readonly state: PeerState
}

/** From each phase to where it may go. `disconnecting` always ends in `disconnected`. */
const NEXT: Record<LinkPhase, readonly LinkPhase[]> = {
  disconnected: ['connecting', 'connected'],
  connecting: ['connected', 'disconnecting', 'disconnected'],
  connected: ['disconnecting', 'disconnected'],
  disconnecting: ['disconnected'],
}

export function peerStatus(state: PeerState): PeerStatus {
  if (state.link === 'connected') return state.activity === 'syncing' ? 'syncing' : 'connected'
  return state.link === 'connecting' ? 'connecting' : 'disconnected'
}

/**
 * The one source of truth for which peers are there (L1): nobody keeps a second set. The state changes first, then the event
 * fires, so a listener that asks sees the new value. All look-ups are O(1).
 */
export class PeerStates {
  readonly #states = new Map<EndpointId, PeerState>()
  readonly #connected = new Set<EndpointId>()
  readonly #changes: Emitter<PeerStateChange>

  constructor(onListenerError?: (error: unknown) => void) {
    this.#changes = new Emitter(onListenerError)
  }

  add(id: EndpointId): void {
    if (this.#states.has(id)) return
    this.#states.set(id, {
      id,
      link: 'disconnected',
      health: 'healthy',
      activity: 'idle',
      lastError: null,
      connectedAt: null,
      retryAt: null,
      path: null,
      roundTripMs: null,
      current: false,
    })
  }

  remove(id: EndpointId): void {
    this.#states.delete(id)
    this.#connected.delete(id)
  }

  get(id: EndpointId): PeerState | undefined {
    return this.#states.get(id)
  }

  isAvailable(id: EndpointId): boolean {
    return this.#connected.has(id)
  }

  connected(): readonly EndpointId[] {
    return [...this.#connected]
  }

  all(): readonly PeerState[] {
    return [...this.#states.values()]
  }

  /** @throws RangeError for an unknown peer and for a transition that cannot happen. */
  update(id: EndpointId, change: Partial<Omit<PeerState, 'id'>>): PeerState {
    const before = this.#states.get(id)
    if (!before) throw new RangeError(`no peer ${id}`)
    if (change.link && change.link !== before.link && !NEXT[before.link].includes(change.link)) {
      throw new RangeError(`a peer cannot go from ${before.link} to ${change.link}`)
    }
    const state: PeerState = { ...before, ...change }
    if ((Object.keys(change) as (keyof PeerState)[]).every((key) => before[key] === state[key])) return before
    this.#states.set(id, state)
    if (state.link === 'connected') this.#connected.add(id)
    else this.#connected.delete(id)
    this.#changes.emit({ before, state })
    return state
  }

  /** Returns the function that ends it. */
  onChange(listener: (change: PeerStateChange) => void): () => void {
    return this.#changes.on(listener)
  }
}
