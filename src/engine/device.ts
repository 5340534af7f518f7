import type { VaultListing } from '../history/compare-vaults.ts'
import type { Codec } from '../objects/codec.ts'
import { cleanIdentityName, type Identity } from '../objects/commit.ts'
import { peerStatus, type PeerState, type PeerStatus } from '../peers/peer-states.ts'
import type { Clock } from '../ports/clock.ts'
import type { DataStore, PeerRecord } from '../ports/data-store.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import type { EndpointId, Transport } from '../ports/transport.ts'
import type { LinkTimes } from '../protocol/link-session.ts'
import type { ShareName } from '../protocol/messages.ts'
import type { QueueOptions } from '../protocol/send-queue.ts'
import type { ShareOffer } from '../protocol/subscription-state.ts'
import { Emitter } from '../peers/emitter.ts'
import type { FetchProgress } from './fetch-client.ts'
import type { BatchSizes } from './fetch-queue.ts'
import { FolderShares, type FolderHost } from './folder-shares.ts'
import type { PairingQuestion } from './pairing-session.ts'
import { Metrics, type DeviceMetrics } from './metrics.ts'
import { PeerManager } from './peer-manager.ts'
import { Repository } from './repository.ts'
import { Share, type ShareEvent, type ShareTimes } from './share.ts'
import type { ShareParts } from './share-parts.ts'
import { ShareTraffic } from './share-traffic.ts'
import type { TransferProgress } from './transfer-progress.ts'
import { WakeWatch } from './wake-watch.ts'
import { WorkingTree } from './working-tree.ts'

export interface DeviceOptions {
  readonly transport: Transport
  readonly data: DataStore
  readonly codec: Codec
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly name: string
  readonly appVersion: string
  readonly maxPeers: number
  /** None: the device pairs and does not sync. */
  readonly shares: readonly ShareParts[]
  /** Where folder shares are kept. Absent: this device has none. */
  readonly folders?: FolderHost
  readonly confirm: (question: PairingQuestion, signal: AbortSignal) => Promise<boolean>
  /** E9: the files of a share, where another than this device looks at them. Default: those of `shares`. */
  readonly listing?: (share: ShareName) => Promise<VaultListing>
  readonly shareTimes?: ShareTimes
  readonly linkTimes?: LinkTimes
  readonly queue?: QueueOptions
  readonly batches?: BatchSizes
}

export type DeviceEvent =
  | { readonly kind: 'share'; readonly share: ShareName; readonly event: ShareEvent }
  | {
      readonly kind: 'peer'
      readonly before: PeerState
      readonly state: PeerState
      readonly record: PeerRecord | undefined
    }
  /** A peer lets us have a share of its own, changed what we may do with it, or (undefined) took it back. */
  | {
      readonly kind: 'offer'
      readonly peer: EndpointId
      readonly share: ShareName
      readonly offer: ShareOffer | undefined
    }
  | {
      readonly kind: 'transfer'
      readonly peer: EndpointId
      readonly direction: 'receiving'
      readonly progress: FetchProgress
    }
  /** Null: nothing is being sent any more. */
  | {
      readonly kind: 'transfer'
      readonly peer: EndpointId
      readonly direction: 'sending'
      readonly progress: TransferProgress | null
    }

/** A peer as a person sees it. */
export interface PeerReport {
  readonly id: EndpointId
  readonly name: string
  readonly status: PeerStatus
  readonly state: PeerState
  /** Both vaults show the same, by the peer's own word, and nothing waits here. */
  readonly current: boolean
  /** A person disconnected it on this device; until an explicit connect, or a restart. */
  readonly held: boolean
  readonly record: PeerRecord
  readonly traffic: ReturnType<PeerManager['trafficOf']>
}

/** One device of the fleet: its shares, its peers, and the traffic between them. The engine's public face. */
export class Device {
  readonly #events = new Emitter<DeviceEvent>()
  readonly #metrics: Metrics
  readonly #wakeWatch: WakeWatch

  private constructor(
    readonly id: EndpointId,
    readonly name: string,
    readonly shares: ReadonlyMap<ShareName, Share>,
    readonly peers: PeerManager,
    readonly folders: FolderShares,
    clock: Clock,
  ) {
    this.#metrics = new Metrics({ clock, shares, peers })
    this.#wakeWatch = new WakeWatch(clock, () => peers.wake())
  }

  static async open(options: DeviceOptions): Promise<Device> {
    const { clock, codec, logger, transport } = options
    const shares = new Map<ShareName, Share>()
    const openShare = async (parts: ShareParts): Promise<void> => {
      const repository = await Repository.open(parts.objects, parts.refs, codec, transport.id, () => clock.breathe?.())
      const identity = () => identityOf(options.name, transport.id, clock)
      const tree = await WorkingTree.open({
        repository,
        files: parts.files,
        index: parts.index,
        codec,
        clock,
        identity,
      })
      const { name, files } = parts
      const share = new Share(name, repository, tree, files, clock, logger, options.shareTimes)
      shares.set(name, share)
      share.on((event) => {
        if (shares.get(name) !== share) return // it has ended, and finishes what it was at
        if (event.kind === 'state') manager.localChanged(name, folders.titled(name, event.state))
        emit({ kind: 'share', share: name, event })
      })
    }
    for (const parts of options.shares) await openShare(parts)
    let emit: (event: DeviceEvent) => void = () => undefined
    const traffic = new ShareTraffic(
      shares,
      clock,
      logger,
      {
        rights: (link) => manager.rights(link),
        mayChange: (device, share) => manager.mayChange(device, share),
        syncing: (link, active) => manager.syncing(link, active),
        progress: (link, progress) => emit({ kind: 'transfer', peer: link.remoteId, direction: 'receiving', progress }),
        sending: (link, progress) => emit({ kind: 'transfer', peer: link.remoteId, direction: 'sending', progress }),
        fault: (link, error) => manager.fault(link, error),
      },
      options.batches,
    )
    const manager: PeerManager = await PeerManager.open({
      transport,
      data: options.data,
      clock,
      random: options.random,
      logger,
      deviceName: options.name,
      appVersion: options.appVersion,
      maxPeers: options.maxPeers,
      ...(options.linkTimes ? { linkTimes: options.linkTimes } : {}),
      ...(options.queue ? { queue: options.queue } : {}),
      confirm: options.confirm,
      listing: options.listing ?? (async (name) => (await shares.get(name)?.listing()) ?? []),
      isSettled: (name) => shares.get(name)?.isSettled ?? true,
      local: () => new Map([...shares].map(([name, share]) => [name, folders.titled(name, share.state())])),
      offered: (peer, share, offer) => {
        folders.noteOffer(peer, share, offer)
        emit({ kind: 'offer', peer, share, offer })
      },
      traffic,
    })
    const folders = await FolderShares.load({
      host: options.folders,
      clock,
      random: options.random,
      logger,
      peers: manager,
      shares,
      open: openShare,
      close: async (name) => {
        const share = shares.get(name)
        shares.delete(name)
        await share?.stop()
      },
    })
    const device = new Device(transport.id, options.name, shares, manager, folders, clock)
    emit = (event) => device.#events.emit(event)
    manager.onPeerStateChange(({ before, state }) =>
      emit({ kind: 'peer', before, state, record: manager.getPeers().find((p) => p.nodeId === state.id) }),
    )
    return device
  }

  on(listener: (event: DeviceEvent) => void): () => void {
    return this.#events.on(listener)
  }

  /** Looks at the vaults first (E5), then lets peers in. */
  async start(options: { watch: boolean }): Promise<void> {
    const shares = [...this.shares.values()]
    this.folders.started(options) // those that come meanwhile start by themselves
    for (const share of shares) await share.start(options)
    this.peers.start()
    this.#wakeWatch.start()
  }

  /** Whether everything known here is on the disk, and everything on the disk committed. */
  get isSettled(): boolean {
    return [...this.shares.values()].every((share) => share.isSettled)
  }

  peerReports(): PeerReport[] {
    return this.peers.getPeers().map((record) => {
      const state = this.peers.states.get(record.nodeId)!
      const current = this.peers.isCurrent(record.nodeId)
      return {
        id: record.nodeId,
        name: record.name,
        status: peerStatus(state),
        state,
        current,
        held: this.peers.isHeld(record.nodeId),
        record,
        traffic: this.peers.trafficOf(record.nodeId),
      }
    })
  }

  /** L10: per peer and in total, as plain JSON. Reads the trees in which two vaults differ, so ask when somebody looks. */
  metrics(): Promise<DeviceMetrics> {
    return this.#metrics.read()
  }

  /** L9: peers hear goodbye first; then the vaults come to rest. */
  async stop(): Promise<void> {
    this.#wakeWatch.stop()
    await this.peers.stop()
    await this.folders.stop()
    for (const share of this.shares.values()) await share.stop()
  }
}

/** V9: the device's name and the real time; the address names the device's key. */
export function identityOf(name: string, id: EndpointId, clock: Clock): Identity {
  return {
    name: cleanIdentityName(name),
    email: `${id.slice(0, 16)}@tandem.invalid`,
    seconds: Math.floor(clock.now() / 1000),
    zoneMinutes: clock.zoneMinutes(),
  }
}
