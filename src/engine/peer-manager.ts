import { CLEAN_CLOSE_MS, LIVED_MS } from '../peers/backoff.ts'
import { keepsNewer } from '../peers/duplicate-link.ts'
import type { PairingOffer } from '../peers/pairing-link.ts'
import { decodePeerAddress, encodePeerAddress } from '../peers/peer-address.ts'
import { PeerStates, type PeerStateChange } from '../peers/peer-states.ts'
import type { Clock } from '../ports/clock.ts'
import type { DataStore, PeerRecord } from '../ports/data-store.ts'
import { PairingError, TransportError } from '../ports/errors.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import type { ByteStream, CloseReason, Connection, EndpointId, PathInfo, Transport } from '../ports/transport.ts'
import { CLOSE, type CloseCode } from '../protocol/close-codes.ts'
import { isCurrent, type LinkTimes, type LocalShare } from '../protocol/link-session.ts'
import { cleanName, PROTOCOL_VERSION, type ByeReason, type DeviceHeads, type Hello, type ShareName } from '../protocol/messages.ts'
import { Dialler } from './dialler.ts'
import { Link, type LinkOwner, type LinkTraffic, type PendingUpdate } from './link.ts'
import { Mutex } from './mutex.ts'
import { PairingDesk } from './pairing-desk.ts'
import type { PairingQuestion } from './pairing-session.ts'
import { addTraffic, newPeer, type Peer } from './peer.ts'
import { closeSentence, peerFault } from './peer-fault.ts'

/** Connections beyond those of peers: strangers that have not said who they are, and pairings. */
const SPARE_LINKS = 32

/** What is true of a peer without a link. */
const DOWN = { link: 'disconnected', activity: 'idle', health: 'healthy', connectedAt: null, current: false, roundTripMs: null, path: null } as const

export interface PeerManagerOptions {
  readonly transport: Transport
  readonly data: DataStore
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly deviceName: string
  readonly appVersion: string
  readonly maxPeers: number
  readonly linkTimes?: LinkTimes
  /** P3: shows the code and asks. */
  readonly confirm: (question: PairingQuestion, signal: AbortSignal) => Promise<boolean>
  /** Current state of every share, for links that open. */
  readonly local: () => ReadonlyMap<ShareName, LocalShare>
  /** Whether everything known here is on the disk, and everything on the disk committed. */
  readonly isSettled: () => boolean
  readonly traffic: {
    offer(link: Link, share: ShareName, heads: DeviceHeads, pack: Uint8Array): void
    buildUpdate(update: PendingUpdate): Promise<Uint8Array>
    serve(link: Link, stream: ByteStream): Promise<void>
    abandon(link: Link): void
  }
}

/**
 * The paired devices (C6) and the links to them: one link per pair (L3), kept up as long as the peer wants it (L4).
 * What is connected stands in `states` alone (L1).
 */
export class PeerManager implements LinkOwner {
  readonly states: PeerStates
  readonly self: EndpointId
  readonly #o: PeerManagerOptions
  readonly #peers = new Map<EndpointId, Peer>()
  /** Every live link: greeting, pairing, or a peer's. */
  readonly #links = new Set<Link>()
  readonly #dialler: Dialler
  readonly #pairing: PairingDesk
  readonly #saving = new Mutex()
  readonly #bootId: Uint8Array
  #accepting: Promise<void> | null = null

  private constructor(options: PeerManagerOptions) {
    const { transport, clock, random, deviceName, confirm } = options
    this.#o = options
    this.self = transport.id
    this.#bootId = random.bytes(16)
    this.states = new PeerStates((error) => options.logger.log('error', 'listener.threw', String(error)))
    this.#dialler = new Dialler({
      transport,
      clock,
      random,
      states: this.states,
      isLinked: (peer) => this.#isLinked(peer),
      connected: (connection) => this.#startLink(connection, false),
    })
    this.#pairing = new PairingDesk({
      self: transport.id,
      clock,
      random,
      deviceName,
      confirm,
      address: () => transport.address(),
      store: async (link, { deviceName: name, ticket }, address) => {
        const known = this.#isTicketOf(ticket, link.remoteId) ? ticket : encodePeerAddress(address ?? { id: link.remoteId, direct: [] })
        await this.addPeer({ nodeId: link.remoteId, name, ticket: known, addedAt: clock.now(), lastSyncAt: null, autoConnect: true })
      },
      paired: (link, role) => {
        const peer = this.#known(link.remoteId)
        options.logger.log('info', 'peer.paired', `paired with ${peer.record.name}`, { peer: link.remoteId, role })
        this.#admit(link, peer, link.state.hello!)
        return peer.record
      },
      failed: (link, role, error) => options.logger.log('warn', 'pairing.failed', error.message, { peer: link.remoteId, role, code: error.code }),
    })
  }

  static async open(options: PeerManagerOptions): Promise<PeerManager> {
    const manager = new PeerManager(options)
    for (const record of await options.data.loadPeers()) {
      if (record.nodeId !== manager.self && !manager.#peers.has(record.nodeId)) manager.#adopt(record) // P6
    }
    return manager
  }

  #adopt(record: PeerRecord): void {
    this.#peers.set(record.nodeId, newPeer(record))
    this.states.add(record.nodeId)
  }

  /** Accepts connections and, unless told otherwise, dials every peer that wants it. */
  start(options: { dial: boolean } = { dial: true }): void {
    this.#accepting ??= this.#accept()
    if (options.dial) this.connectAll()
  }

  async #accept(): Promise<void> {
    for (;;) {
      const connection = await this.#o.transport.accept()
      if (!connection) return
      if (this.#links.size >= this.#o.maxPeers * 2 + SPARE_LINKS) connection.close(CLOSE.busy, 'too many connections')
      else this.#startLink(connection, false)
    }
  }

  #startLink(connection: Connection, pairing: boolean): Link {
    const { transport, random, deviceName, appVersion, clock, linkTimes } = this.#o
    const hello: Hello = {
      protocol: PROTOCOL_VERSION,
      endpointId: this.self,
      bootId: this.#bootId,
      deviceName: cleanName(deviceName),
      appVersion: cleanName(appVersion),
      features: [],
      ticket: encodePeerAddress(transport.address()),
      nonce: random.bytes(32),
      pairing,
    }
    const link = new Link(connection, hello, this, clock, linkTimes)
    this.#links.add(link)
    void link.run()
    return link
  }

  // ---- the list

  getPeers(): readonly PeerRecord[] {
    return [...this.#peers.values()].map((peer) => peer.record)
  }

  onPeerStateChange(listener: (change: PeerStateChange) => void): () => void {
    return this.states.onChange(listener)
  }

  /** Bytes and messages of a peer over all its links of this run. @throws RangeError for an unknown peer. */
  trafficOf(id: EndpointId): LinkTraffic & { reconnects: number; queueDepth: number; dropped: number } {
    const { traffic, link, reconnects } = this.#known(id)
    const sum = { ...traffic }
    if (link) addTraffic(sum, link.traffic)
    return { ...sum, reconnects, queueDepth: link?.queueDepth ?? 0, dropped: link?.dropped ?? 0 }
  }

  /** Idempotent per device; a known one gets the new ticket and name. @throws PairingError `self`, `too-many-peers`. */
  async addPeer(record: PeerRecord): Promise<PeerRecord> {
    if (record.nodeId === this.self) throw new PairingError('self', 'This link was made by this device itself. Open it on the other device.')
    const known = this.#peers.get(record.nodeId)
    if (known) {
      known.record = { ...known.record, name: record.name, ticket: record.ticket }
      known.blocked = false
      known.held = false
    } else if (this.#peers.size >= this.#o.maxPeers) {
      const { maxPeers } = this.#o
      throw new PairingError('too-many-peers', `This vault has ${this.#peers.size} devices already, and the limit is ${maxPeers}. Remove one, or raise the limit in the settings.`)
    } else this.#adopt(record)
    await this.#save()
    return this.#known(record.nodeId).record
  }

  /** P5: closes the link, ends what runs on it, forgets the device. @throws RangeError for an unknown peer. */
  async removePeer(id: EndpointId): Promise<void> {
    const peer = this.#known(id)
    peer.blocked = true
    this.#dialler.cancel(peer)
    this.#peers.delete(id)
    await this.#save()
    await this.#leave(peer, 'removed', CLOSE.removed)
    if (this.states.get(id)?.link !== 'disconnected') this.states.update(id, { link: 'disconnected' })
    this.states.remove(id)
  }

  /** @throws RangeError for an unknown peer. */
  async updatePeer(id: EndpointId, change: Partial<Pick<PeerRecord, 'name' | 'autoConnect'>>): Promise<PeerRecord> {
    const peer = this.#known(id)
    peer.record = { ...peer.record, ...change, ...(change.name === undefined ? {} : { name: cleanName(change.name) }) }
    await this.#save()
    if (change.autoConnect) this.#dialler.soon(peer, 0)
    return peer.record
  }

  /** Begins an attempt; no-op while connecting or connected. @throws RangeError for an unknown peer. */
  connectToPeer(id: EndpointId): void {
    const peer = this.#known(id)
    peer.held = false
    peer.blocked = false
    peer.failures = 0
    this.#dialler.soon(peer, 0)
  }

  /** Stays disconnected until `connectToPeer`. @throws RangeError for an unknown peer. */
  async disconnectPeer(id: EndpointId): Promise<void> {
    const peer = this.#known(id)
    peer.held = true
    this.#dialler.cancel(peer)
    await this.#leave(peer, 'disconnect', CLOSE.disconnect)
  }

  /** Tries every willing peer at once: at start, on waking up, on a network change (L4). */
  connectAll(): void {
    for (const peer of this.#peers.values()) this.#dialler.soon(peer, 0)
  }

  /** Somebody who says to be this peer was seen on the local network; unknown ids are ignored. TLS proves who it is. */
  hint(id: EndpointId, direct: readonly string[]): void {
    const peer = this.#peers.get(id)
    if (!peer || !direct.length) return
    const known = direct.every((address) => peer.hints.includes(address))
    peer.hints = [...new Set([...direct, ...peer.hints])].slice(0, 8)
    if (peer.link || (peer.dialing && known)) return
    if (peer.dialing) this.#dialler.cancel(peer) // it may be trying an address that is dead
    if (this.states.get(id)?.link === 'connecting' && !this.#isLinked(peer)) this.states.update(id, { link: 'disconnected' })
    this.#dialler.soon(peer, 0)
  }

  #known(id: EndpointId): Peer {
    const peer = this.#peers.get(id)
    if (!peer) throw new RangeError(`no paired device has the id ${id}`)
    return peer
  }

  #save(): Promise<void> {
    return this.#saving.run(() => this.#o.data.savePeers(this.getPeers()))
  }

  #saveSoon(): void {
    this.#save().catch((error: unknown) => this.#o.logger.log('error', 'peers.save', `the list of devices could not be saved: ${String(error)}`))
  }

  #isLinked(peer: Peer): boolean {
    if (peer.link) return true
    for (const link of this.#links) if (link.remoteId === peer.record.nodeId && link.state.phase !== 'closed') return true
    return false
  }

  // ---- LinkOwner

  greeted(link: Link, hello: Hello): void {
    if (this.#pairing.begin(link, hello)) return
    const peer = this.#peers.get(link.remoteId)
    if (peer?.held) return link.close(CLOSE.disconnect, 'disconnected by hand on the other device')
    if (peer && !hello.pairing) return this.#admit(link, peer, hello)
    this.#o.logger.log('warn', 'link.stranger', 'an unknown device was turned away', { peer: link.remoteId, name: hello.deviceName }) // P4
    link.close(CLOSE.unauthorised, hello.pairing ? 'no open invitation here' : 'this device is not paired here')
  }

  #admit(link: Link, peer: Peer, hello: Hello): void {
    const old = peer.link
    if (old && old !== link) {
      const older = { remoteBootId: old.state.hello!.bootId, side: old.side }
      if (!keepsNewer(this.self, link.remoteId, older, { remoteBootId: hello.bootId, side: link.side })) return link.close(CLOSE.duplicate, 'another link stays')
      this.#o.traffic.abandon(old)
      old.close(CLOSE.duplicate, 'another link stays')
    }
    peer.link = link
    this.#dialler.cancel(peer)
    if (hello.ticket !== peer.record.ticket && this.#isTicketOf(hello.ticket, link.remoteId)) {
      peer.record = { ...peer.record, ticket: hello.ticket } // L5
      this.#saveSoon()
    }
    link.dispatch({ kind: 'admit', local: this.#o.local(), now: this.#o.clock.now() })
  }

  #isTicketOf(ticket: string, id: EndpointId): boolean {
    try {
      return decodePeerAddress(ticket).id === id
    } catch {
      return false
    }
  }

  opened(link: Link): void {
    const before = this.states.get(link.remoteId)
    const connectedAt = before?.link === 'connected' ? before.connectedAt : this.#o.clock.now()
    this.states.update(link.remoteId, { link: 'connected', health: 'healthy', lastError: null, retryAt: null, path: link.paths()[0] ?? null, connectedAt })
    if (before?.link === 'connected') return // L3: a swap of links is no news
    this.#o.logger.log('info', 'link.up', `connected to ${link.state.hello?.deviceName ?? 'a device'}`, { peer: link.remoteId, side: link.side })
  }

  pairing(link: Link, message: Parameters<PairingDesk['onMessage']>[1]): void {
    this.#pairing.onMessage(link, message)
  }

  offer(link: Link, share: ShareName, heads: DeviceHeads, pack: Uint8Array): void {
    this.#o.traffic.offer(link, share, heads, pack)
  }

  changed(link: Link): void {
    const peer = this.#peers.get(link.remoteId)
    if (peer?.link !== link) return
    const current = this.isCurrent(link.remoteId)
    const was = this.states.get(link.remoteId)
    const path = freshPath(link, was?.path ?? null)
    this.states.update(link.remoteId, { health: link.state.health, roundTripMs: link.state.roundTripMs, current, path })
    if (!current || was?.current) return
    peer.record = { ...peer.record, lastSyncAt: this.#o.clock.now() }
    this.#saveSoon()
  }

  refused(link: Link, code: string, message: string): void {
    this.#o.logger.log('warn', 'peer.refused', `the other device refused: ${message}`, { peer: link.remoteId, code })
  }

  buildUpdate(update: PendingUpdate): Promise<Uint8Array> {
    return this.#o.traffic.buildUpdate(update)
  }

  serve(link: Link, stream: ByteStream): Promise<void> {
    return this.#o.traffic.serve(link, stream)
  }

  closed(link: Link, reason: CloseReason): void {
    this.#links.delete(link)
    this.#o.traffic.abandon(link)
    this.#pairing.linkClosed(link, reason)
    const peer = this.#peers.get(link.remoteId)
    if (!peer) return
    addTraffic(peer.traffic, link.traffic)
    if (peer.link === link) this.#lost(peer, link, reason)
    else if (!peer.link && !peer.dialing) this.#neverOpened(peer, reason)
  }

  #lost(peer: Peer, link: Link, reason: CloseReason): void {
    const { clock, logger } = this.#o
    const { nodeId } = peer.record
    peer.link = null
    if (reason.code === CLOSE.duplicate && this.#isLinked(peer)) {
      // L3: the other device decided first; its hello on the link that stays is on its way. No event, unless that fails.
      this.states.update(nodeId, { activity: 'idle', current: false })
      return
    }
    peer.reconnects++
    const removed = link.bye === 'removed' || (reason.by === 'peer' && reason.code === CLOSE.removed)
    const clean = link.bye !== null || (reason.by === 'peer' && reason.code === CLOSE.shutdown)
    const wanted = clean || peer.held || (reason.by === 'us' && (reason.code === CLOSE.shutdown || reason.code === CLOSE.duplicate))
    if (clock.now() - (this.states.get(nodeId)?.connectedAt ?? 0) >= LIVED_MS) peer.failures = 0
    peer.blocked ||= removed
    logger.log('info', 'link.down', `disconnected: ${closeSentence(reason)}`, { peer: nodeId, code: reason.code })
    const error = removed
      ? new PairingError('declined', 'that device removed this one; pair again to go on')
      : wanted
        ? null
        : new TransportError('disconnected', closeSentence(reason))
    const fault = error && { lastError: peerFault(error, clock.now()) }
    this.states.update(nodeId, { ...DOWN, ...fault })
    if (clean) this.#dialler.soon(peer, CLEAN_CLOSE_MS)
    else this.#dialler.again(peer)
  }

  /** A link to a peer that ended before it opened: refused over there, of another version, or a duplicate that lost. */
  #neverOpened(peer: Peer, reason: CloseReason): void {
    const refused = reason.by === 'peer' && reason.code === CLOSE.unauthorised
    peer.blocked ||= refused
    const error = refused ? new PairingError('mismatch', 'this device is not paired over there any more; pair again') : new TransportError('disconnected', closeSentence(reason))
    const fault = reason.code === CLOSE.duplicate || peer.held ? null : { lastError: peerFault(error, this.#o.clock.now()) }
    this.states.update(peer.record.nodeId, { ...DOWN, ...fault })
    this.#dialler.again(peer)
  }

  async #leave(peer: Peer, reason: ByeReason, code: CloseCode): Promise<void> {
    const { link } = peer
    const { nodeId } = peer.record
    if (!link) {
      if (this.states.get(nodeId)?.link === 'connecting') this.states.update(nodeId, { link: 'disconnected' })
      return
    }
    this.states.update(nodeId, { link: 'disconnecting' })
    this.#o.traffic.abandon(link)
    await link.leave(reason, code)
  }

  // ---- what the rest of the engine tells and asks

  /** L8: both show the same view of every share that we have, and nothing waits here. */
  isCurrent(id: EndpointId): boolean {
    const link = this.#peers.get(id)?.link
    return !!link && this.#o.isSettled() && [...this.#o.local().keys()].every((share) => isCurrent(link.state, share))
  }

  /** Tells every open link that a share of ours changed. */
  localChanged(share: ShareName, state: LocalShare): void {
    for (const { link } of this.#peers.values()) {
      if (!link) continue
      link.dispatch({ kind: 'local', share, state })
      this.changed(link)
    }
  }

  syncing(link: Link, active: boolean): void {
    if (this.#peers.get(link.remoteId)?.link === link) this.states.update(link.remoteId, { activity: active ? 'syncing' : 'idle' })
  }

  fault(link: Link, error: unknown): void {
    if (this.states.get(link.remoteId)) this.states.update(link.remoteId, { lastError: peerFault(error, this.#o.clock.now()) })
  }

  // ---- pairing

  /** Opens an invitation: see PairingDesk. */
  invite(share: ShareName): ReturnType<PairingDesk['invite']> {
    return this.#pairing.invite(share)
  }

  /** Follows a pairing link until both devices have stored each other. @throws PairingError, TransportError. */
  async join(offer: PairingOffer, signal: AbortSignal): Promise<PeerRecord> {
    if (offer.address.id === this.self) throw new PairingError('self', 'This link was made by this device itself. Open it on the other device.')
    const connection = await this.#o.transport.connect(offer.address, signal)
    return this.#pairing.join(this.#startLink(connection, true), offer, signal)
  }

  /** L9: no new links, goodbye to all, then the endpoint is closed and gone. */
  async stop(): Promise<void> {
    this.#dialler.stop()
    this.#pairing.stop()
    for (const peer of this.#peers.values()) this.#dialler.cancel(peer)
    await Promise.all([...this.#links].map((link) => link.leave('shutdown', CLOSE.shutdown)))
    await this.#o.transport.close()
    await this.#accepting
    await this.#saving.run(async () => undefined)
  }
}

/** The path in use now: a connection may move from a relay to a direct one. The same path stays the same value. */
function freshPath(link: Link, before: PathInfo | null): PathInfo | null {
  const path = link.paths()[0] ?? null
  return path && before && path.kind === before.kind && path.address === before.address ? before : path
}
