import { peerStatus, type PeerFault, type PeerState, type PeerStatus } from '../peers/peer-states.ts'
import type { Clock } from '../ports/clock.ts'
import type { EndpointId, PathInfo } from '../ports/transport.ts'
import type { ShareName } from '../protocol/messages.ts'
import { FileDistances, type FileDistance } from './file-distance.ts'
import type { PeerManager } from './peer-manager.ts'
import type { Share } from './share.ts'

/** What was counted since the engine started (L10). Bytes and messages are sums over all links of this run. */
export interface Counters {
  /** Of the conversation and of transfers, as we hand them to the network. */
  readonly bytesSent: number
  readonly bytesReceived: number
  /** On the wire, as the network library counts them: with headers, encryption and what was sent twice. 0 where it does not count. */
  readonly wireBytesSent: number
  readonly wireBytesReceived: number
  readonly messagesSent: number
  readonly messagesReceived: number
  /** Messages that wait to be sent now. */
  readonly queueDepth: number
  /** Messages that a full queue dropped (L7); the next comparison of refs makes up for them. */
  readonly drops: number
  /** Links that were lost and, if possible, made again. */
  readonly reconnects: number
}

/** One peer in numbers. Times are ms since 1970. */
export interface PeerMetrics extends Counters {
  readonly id: EndpointId
  readonly name: string
  readonly status: PeerStatus
  readonly health: PeerState['health']
  /** Null while not connected. */
  readonly connectedSince: number | null
  /** Between our ping and its answer, ms; null before the first. */
  readonly roundTripMs: number | null
  readonly path: Pick<PathInfo, 'kind' | 'address'> | null
  /** When both were known to be in step: now, while they are. Null: never. */
  readonly lastSuccessAt: number | null
  /** The last thing that went wrong in this run, also when it is over. */
  readonly lastError: PeerFault | null
  /**
   * Between what this vault shows and what the peer last said that its vault shows, over all shares that it may see. What is not committed yet
   * does not count. Null: unknown, because it has not said, or showed something that is not in our store.
   */
  readonly files: FileDistance | null
}

export interface TotalMetrics extends Counters {
  readonly peers: number
  readonly connected: number
  readonly lastSuccessAt: number | null
  readonly lastError: PeerFault | null
}

/** Plain JSON. */
export interface DeviceMetrics {
  readonly at: number
  readonly total: TotalMetrics
  readonly peers: readonly PeerMetrics[]
}

export interface MetricsOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly shares: ReadonlyMap<ShareName, Share>
  readonly peers: PeerManager
}

/** The numbers of one device, put together when somebody asks (L10). */
export class Metrics {
  readonly #o: MetricsOptions
  readonly #distances = new Map<ShareName, FileDistances>()
  /** A peer's state forgets its error when the peer is back. */
  readonly #lastErrors = new Map<EndpointId, PeerFault>()

  constructor(options: MetricsOptions) {
    this.#o = options
    options.peers.onPeerStateChange(({ state }) => {
      if (state.lastError) this.#lastErrors.set(state.id, state.lastError)
    })
  }

  async read(): Promise<DeviceMetrics> {
    const { clock, peers: manager } = this.#o
    const records = manager.getPeers()
    const known = new Set(records.map(({ nodeId }) => nodeId))
    for (const id of this.#lastErrors.keys()) if (!known.has(id)) this.#lastErrors.delete(id)
    const files = new Map<EndpointId, FileDistance | null>()
    for (const id of known) files.set(id, await this.#filesApart(id))
    // From here on at one moment; who was removed meanwhile is left out.
    const at = clock.now()
    const peers = manager
      .getPeers()
      .filter(({ nodeId }) => known.has(nodeId))
      .map((record): PeerMetrics => {
        const id = record.nodeId
        const state = manager.states.get(id)!
        const { dropped, ...counters } = manager.trafficOf(id)
        return {
          id,
          name: record.name,
          status: peerStatus(state),
          health: state.health,
          connectedSince: state.link === 'connected' ? state.connectedAt : null,
          ...counters,
          drops: dropped,
          roundTripMs: state.roundTripMs,
          path: state.path && { kind: state.path.kind, address: state.path.address },
          lastSuccessAt: manager.isCurrent(id) ? at : record.lastSyncAt,
          lastError: state.lastError ?? this.#lastErrors.get(id) ?? null,
          files: files.get(id) ?? null,
        }
      })
    return { at, total: totalOf(peers), peers }
  }

  async #filesApart(id: EndpointId): Promise<FileDistance | null> {
    if (this.#o.peers.isCurrent(id)) return { ahead: 0, behind: 0 } // also while both are empty
    const remote = this.#o.peers.remoteSharesOf(id)
    const sum = { ahead: 0, behind: 0 }
    const visible = this.#o.peers.visibleTo(id)
    for (const name of visible) {
      const share = this.#o.shares.get(name)
      if (!share) continue
      const one = await this.#distancesOf(name, share).between(share.tree.applied, remote.get(name)?.applied)
      if (!one) return null
      sum.ahead += one.ahead
      sum.behind += one.behind
    }
    return visible.length ? sum : null
  }

  #distancesOf(name: ShareName, share: Share): FileDistances {
    let found = this.#distances.get(name)
    if (!found) this.#distances.set(name, (found = new FileDistances(share.repository)))
    return found
  }
}

/** Over all peers. */
export function totalOf(peers: readonly PeerMetrics[]): TotalMetrics {
  const sum = (key: keyof Counters): number => peers.reduce((total, peer) => total + peer[key], 0)
  const successes = peers.map((peer) => peer.lastSuccessAt).filter((at) => at !== null)
  const errors = peers.map((peer) => peer.lastError).filter((error) => error !== null)
  return {
    peers: peers.length,
    connected: peers.filter(({ status }) => status === 'connected' || status === 'syncing').length,
    bytesSent: sum('bytesSent'),
    bytesReceived: sum('bytesReceived'),
    wireBytesSent: sum('wireBytesSent'),
    wireBytesReceived: sum('wireBytesReceived'),
    messagesSent: sum('messagesSent'),
    messagesReceived: sum('messagesReceived'),
    queueDepth: sum('queueDepth'),
    drops: sum('drops'),
    reconnects: sum('reconnects'),
    lastSuccessAt: successes.length ? Math.max(...successes) : null,
    lastError: errors.reduce<PeerFault | null>((last, error) => (last && last.at >= error.at ? last : error), null),
  }
}
