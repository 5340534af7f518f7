import { backoffMs, CLEAN_CLOSE_MS, LIVED_MS } from '../peers/backoff.ts'
import { keepsNewer } from '../peers/duplicate-link.ts'
import { Invitations } from '../peers/invitations.ts'
import type { PairingRole } from '../peers/pairing-proof.ts'
import { INVITATION_MS, SECRET_BYTES, type PairingOffer } from '../peers/pairing-link.ts'
import { decodePeerAddress, encodePeerAddress } from '../peers/peer-address.ts'
import { PeerStates, type PeerFault, type PeerStateChange } from '../peers/peer-states.ts'
import type { Clock } from '../ports/clock.ts'
import type { DataStore, PeerRecord } from '../ports/data-store.ts'
import { PairingError, TandemError, TransportError } from '../ports/errors.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import type { ByteStream, CloseReason, Connection, EndpointId, PeerAddress, Transport } from '../ports/transport.ts'
import { CLOSE, type CloseCode } from '../protocol/close-codes.ts'
import { isCurrent, type LinkTimes, type LocalShare } from '../protocol/link-session.ts'
import { cleanName, PROTOCOL_VERSION, type ByeReason, type DeviceHeads, type Hello, type ShareName } from '../protocol/messages.ts'
import { Link, type LinkOwner, type PendingUpdate } from './link.ts'
import { Mutex } from './mutex.ts'
import { PairingSession, type PairingHost, type PairingQuestion } from './pairing-session.ts'

/** A dial that has not succeeded by then is given up; the network library would try for ever (IROH: no setting). */
const DIAL_MS = 30_000

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
  readonly traffic: {
    offer(link: Link, share: ShareName, heads: DeviceHeads, pack: Uint8Array): void
    buildUpdate(update: PendingUpdate): Promise<Uint8Array>
    serve(link: Link, stream: ByteStream): Promise<void>
    abandon(link: Link): void
  }
}

/** Everything that belongs to one paired device while we run. */
interface Peer {
  record: PeerRecord
  link: Link | null
  dialing: AbortController | null
  failures: number
  cancelRetry: (() => void) | null
  /** The other side removed us, or speaks another version: dialling again is pointless until a person acts. */
  blocked: boolean
  /** Until an explicit connect: a person disconnected it. */
  held: boolean
  /** Waits of `connectToPeer`. */
  reconnects: number
  traffic: { messagesSent: number; messagesReceived: number; bytesSent: number; bytesReceived: number }
}

interface Joining {
  readonly offer: PairingOffer
  resolve(record: PeerRecord): void
  reject(error: unknown): void
}

/**
 * The paired devices and the links to them: dials, answers, keeps one link per pair (L3), reconnects (L4), pairs and removes.
 * What is connected stands in `states` alone (L1).
 */
export class PeerManager implements LinkOwner, PairingHost {
  readonly states: PeerStates
  readonly invitations = new Invitations()
  readonly self: EndpointId
  readonly #o: PeerManagerOptions
  readonly #peers = new Map<EndpointId, Peer>()
  /** Links that are greeting or pairing, and those of peers. */
  readonly #links = new Set<Link>()
  readonly #pairings = new Map<Link, PairingSession>()
  readonly #joining = new Map<Link, Joining>()
  readonly #invited = new Map<string, { resolve(record: PeerRecord): void; reject(error: unknown): void }>()
  readonly #saving = new Mutex()
  readonly #bootId: Uint8Array
  #stopped = false
  #accepting: Promise<void> | null = null

  private constructor(options: PeerManagerOptions) {
    this.#o = options
    this.self = options.transport.id
    this.#bootId = options.random.bytes(16)
    this.states = new PeerStates((error) => options.logger.log('error', 'listener.threw', String(error)))
  }

  static async open(options: PeerManagerOptions): Promise<PeerManager> {
    const manager = new PeerManager(options)
    for (const record of await options.data.loadPeers()) {
      if (record.nodeId !== manager.self && !manager.#peers.has(record.nodeId)) manager.#adopt(record) // P6
    }
    return manager
  }

  #adopt(record: PeerRecord): Peer {
    const peer: Peer = {
      record,
      link: null,
      dialing: null,
      failures: 0,
      cancelRetry: null,
      blocked: false,
      held: false,
      reconnects: 0,
      traffic: { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0 },
    }
    this.#peers.set(record.nodeId, peer)
    this.states.add(record.nodeId)
    return peer
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
      if (this.#links.size >= this.#o.maxPeers * 2 + 32) connection.close(CLOSE.busy, 'too many connections')
      else this.#startLink(connection, false)
    }
  }

  #startLink(connection: Connection, pairing: boolean): Link {
    const link = new Link(connection, this.#hello(pairing), this, this.#o.clock, this.#o.linkTimes)
    this.#links.add(link)
    void link.run()
    return link
  }

  #hello(pairing: boolean): Hello {
    return {
      protocol: PROTOCOL_VERSION,
      endpointId: this.self,
      bootId: this.#bootId,
      deviceName: this.#o.deviceName,
      appVersion: this.#o.appVersion,
      features: [],
      ticket: encodePeerAddress(this.#o.transport.address()),
      nonce: this.#o.random.bytes(32),
      pairing,
    }
  }

  // ---- the list (C6)

  getPeers(): readonly PeerRecord[] {
    return [...this.#peers.values()].map((peer) => peer.record)
  }

  /** Bytes and messages of a peer over all its links of this run. */
  trafficOf(id: EndpointId): Peer['traffic'] & { reconnects: number; queueDepth: number; dropped: number } {
    const peer = this.#known(id)
    const live = peer.link?.traffic
    const sum = { ...peer.traffic }
    if (live) for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += live[key]
    return { ...sum, reconnects: peer.reconnects, queueDepth: peer.link?.queueDepth ?? 0, dropped: peer.link?.dropped ?? 0 }
  }

  onPeerStateChange(listener: (change: PeerStateChange) => void): () => void {
    return this.states.onChange(listener)
  }

  /** Idempotent per device; a known one gets the new ticket and name. @throws PairingError `self`, `too-many-peers`. */
  async addPeer(record: PeerRecord): Promise<PeerRecord> {
    if (record.nodeId === this.self) throw new PairingError('self', 'This link was made by this device itself. Open it on the other device.')
    const known = this.#peers.get(record.nodeId)
    if (known) {
      known.record = { ...known.record, name: record.name, ticket: record.ticket }
      known.blocked = false
      known.held = false
    } else {
      if (this.#peers.size >= this.#o.maxPeers) {
        throw new PairingError('too-many-peers', `This vault has ${this.#peers.size} devices already, and the limit is ${this.#o.maxPeers}. Remove one, or raise the limit in the settings.`)
      }
      this.#adopt(record)
    }
    await this.#save()
    return this.#peers.get(record.nodeId)!.record
  }

  /** P5: closes the link, ends what runs on it, forgets the device. @throws RangeError for an unknown one. */
  async removePeer(id: EndpointId): Promise<void> {
    const peer = this.#known(id)
    peer.blocked = true
    this.#cancelDial(peer)
    this.#peers.delete(id)
    await this.#save()
    await this.#leave(peer, 'removed', CLOSE.removed)
    if (this.states.get(id)?.link !== 'disconnected') this.states.update(id, { link: 'disconnected' })
    this.states.remove(id)
  }

  async updatePeer(id: EndpointId, change: Partial<Pick<PeerRecord, 'name' | 'autoConnect'>>): Promise<PeerRecord> {
    const peer = this.#known(id)
    peer.record = { ...peer.record, ...change, ...(change.name === undefined ? {} : { name: cleanName(change.name) }) }
    await this.#save()
    if (change.autoConnect) this.#dialSoon(peer, 0)
    return peer.record
  }

  /** No-op while connecting or connected. Resolves when the attempt began. @throws RangeError for an unknown peer. */
  connectToPeer(id: EndpointId): void {
    const peer = this.#known(id)
    peer.held = false
    peer.blocked = false
    peer.failures = 0
    this.#dialSoon(peer, 0)
  }

  /** Stays disconnected until `connectToPeer`. */
  async disconnectPeer(id: EndpointId): Promise<void> {
    const peer = this.#known(id)
    peer.held = true
    this.#cancelDial(peer)
    await this.#leave(peer, 'disconnect', CLOSE.disconnect)
  }

  /** Tries every willing peer at once: at start, on waking up, on a network change (L4). */
  connectAll(): void {
    for (const peer of this.#peers.values()) this.#dialSoon(peer, 0)
  }

  #known(id: EndpointId): Peer {
    const peer = this.#peers.get(id)
    if (!peer) throw new RangeError(`no paired device has the id ${id}`)
    return peer
  }

  #save(): Promise<void> {
    return this.#saving.run(() => this.#o.data.savePeers(this.getPeers()))
  }

  // ---- dialling

  #dialSoon(peer: Peer, waitMs: number): void {
    peer.cancelRetry?.()
    peer.cancelRetry = null
    if (this.#stopped || peer.link || peer.dialing || peer.held || peer.blocked || !peer.record.autoConnect || this.#isGreeting(peer)) return
    if (waitMs === 0) return void this.#dial(peer)
    this.states.update(peer.record.nodeId, { retryAt: this.#o.clock.now() + waitMs })
    peer.cancelRetry = this.#o.clock.after(waitMs, () => void this.#dial(peer))
  }

  #isGreeting(peer: Peer): boolean {
    return [...this.#links].some((link) => link.remoteId === peer.record.nodeId && link.state.phase !== 'closed')
  }

  #cancelDial(peer: Peer): void {
    peer.cancelRetry?.()
    peer.cancelRetry = null
    peer.dialing?.abort()
  }

  async #dial(peer: Peer): Promise<void> {
    const { clock, transport } = this.#o
    const id = peer.record.nodeId
    peer.cancelRetry = null
    const attempt = (peer.dialing = new AbortController())
    const deadline = clock.after(DIAL_MS, () => attempt.abort(new TransportError('timeout', `no answer within ${DIAL_MS / 1000} s`)))
    this.states.update(id, { link: 'connecting', retryAt: null })
    try {
      const connection = await transport.connect(this.#addressOf(peer), attempt.signal)
      if (peer.dialing !== attempt || peer.link) connection.close(CLOSE.duplicate, 'another link was faster')
      else this.#startLink(connection, false)
    } catch (error) {
      if (peer.dialing === attempt && !peer.link) this.#dialFailed(peer, attempt.signal.aborted ? (attempt.signal.reason as unknown) : error)
    } finally {
      deadline()
      if (peer.dialing === attempt) peer.dialing = null
    }
  }

  #addressOf(peer: Peer): PeerAddress {
    return decodePeerAddress(peer.record.ticket)
  }

  #dialFailed(peer: Peer, error: unknown): void {
    peer.dialing = null
    if (!this.#peers.has(peer.record.nodeId)) return
    this.states.update(peer.record.nodeId, { link: 'disconnected', lastError: this.#faultOf(error) })
    this.#dialSoon(peer, backoffMs(peer.failures++, this.#o.random.fraction()))
  }

  #faultOf(error: unknown): PeerFault {
    const code = error instanceof TandemError ? error.code : 'error'
    return { at: this.#o.clock.now(), code, message: error instanceof Error ? error.message : String(error) }
  }

  // ---- links

  greeted(link: Link, hello: Hello): void {
    const joining = this.#joining.get(link)
    if (joining) return this.#startPairing(link, hello, 'joiner', joining.offer.secret)
    if (hello.pairing && this.invitations.openFor(link.remoteId, this.#o.clock.now()).length) return this.#startPairing(link, hello, 'inviter', null)
    const peer = this.#peers.get(link.remoteId)
    if (peer && !hello.pairing) return this.#admit(link, peer, hello)
    this.#o.logger.log('warn', 'link.stranger', 'an unknown device was turned away', { peer: link.remoteId, name: hello.deviceName }) // P4
    link.close(CLOSE.unauthorised, hello.pairing ? 'no open invitation here' : 'this device is not paired here')
  }

  #admit(link: Link, peer: Peer, hello: Hello): void {
    const old = peer.link
    if (old && old !== link) {
      const older = { remoteBootId: old.state.hello!.bootId, side: old.side }
      if (!keepsNewer(this.self, link.remoteId, older, { remoteBootId: hello.bootId, side: link.side })) return link.close(CLOSE.duplicate, 'another link stays')
      peer.link = link
      this.#o.traffic.abandon(old)
      old.close(CLOSE.duplicate, 'another link stays')
    }
    peer.link = link
    peer.cancelRetry?.()
    peer.cancelRetry = null
    peer.dialing?.abort()
    peer.dialing = null
    if (hello.ticket && hello.ticket !== peer.record.ticket && this.#isTicketOf(hello.ticket, link.remoteId)) {
      peer.record = { ...peer.record, ticket: hello.ticket } // L5
      void this.#save().catch((error: unknown) => this.#o.logger.log('error', 'peers.save', String(error)))
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
    const now = this.#o.clock.now()
    const { state } = link
    const path = link.paths()[0] ?? null
    const before = this.states.get(link.remoteId)
    this.states.update(link.remoteId, { link: 'connected', health: 'healthy', lastError: null, retryAt: null, path, connectedAt: before?.link === 'connected' ? before.connectedAt : now })
    if (before?.link !== 'connected') this.#o.logger.log('info', 'link.up', `connected to ${state.hello?.deviceName ?? 'a device'}`, { peer: link.remoteId, side: link.side })
  }

  offer(link: Link, share: ShareName, heads: DeviceHeads, pack: Uint8Array): void {
    this.#o.traffic.offer(link, share, heads, pack)
  }

  changed(link: Link): void {
    const peer = this.#peers.get(link.remoteId)
    if (peer?.link !== link) return
    const current = this.isCurrent(link.remoteId)
    const was = this.states.get(link.remoteId)?.current
    this.states.update(link.remoteId, { health: link.state.health, roundTripMs: link.state.roundTripMs, current })
    if (current && !was) {
      peer.record = { ...peer.record, lastSyncAt: this.#o.clock.now() }
      void this.#save().catch((error: unknown) => this.#o.logger.log('error', 'peers.save', String(error)))
    }
  }

  /** L8: both show the same view of every share that we have. */
  isCurrent(id: EndpointId): boolean {
    const link = this.#peers.get(id)?.link
    return !!link && [...this.#o.local().keys()].every((share) => isCurrent(link.state, share))
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
    if (this.states.get(link.remoteId)) this.states.update(link.remoteId, { lastError: this.#faultOf(error) })
  }

  closed(link: Link, reason: CloseReason): void {
    this.#links.delete(link)
    this.#o.traffic.abandon(link)
    this.#pairings.get(link)?.cancel(closeSentence(reason))
    this.#pairings.delete(link)
    this.#joining.get(link)?.reject(joinFailure(reason))
    this.#joining.delete(link)
    const peer = this.#peers.get(link.remoteId)
    if (!peer) return
    for (const key of Object.keys(peer.traffic) as (keyof Peer['traffic'])[]) peer.traffic[key] += link.traffic[key]
    if (peer.link === link) this.#lost(peer, link, reason)
    else if (!peer.link && !peer.dialing) this.#neverOpened(peer, reason)
  }

  #lost(peer: Peer, link: Link, reason: CloseReason): void {
    peer.link = null
    peer.reconnects++
    const { nodeId } = peer.record
    const clean = link.bye !== null || (reason.by === 'peer' && reason.code === CLOSE.shutdown)
    const removed = link.bye === 'removed' || (reason.by === 'peer' && reason.code === CLOSE.removed)
    const lived = this.#o.clock.now() - (this.states.get(nodeId)?.connectedAt ?? 0) >= LIVED_MS
    if (lived) peer.failures = 0
    this.#o.logger.log('info', 'link.down', `disconnected: ${closeSentence(reason)}`, { peer: nodeId, code: reason.code })
    const lastError = removed ? this.#faultOf(new PairingError('declined', 'that device removed this one; pair again to go on')) : clean || (reason.by === 'us' && reason.code !== CLOSE.silent) ? null : this.#faultOf(new TransportError('disconnected', closeSentence(reason)))
    this.states.update(nodeId, { link: 'disconnected', activity: 'idle', health: 'healthy', connectedAt: null, current: false, roundTripMs: null, path: null, ...(lastError ? { lastError } : {}) })
    if (removed) peer.blocked = true
    this.#dialSoon(peer, clean ? CLEAN_CLOSE_MS : backoffMs(peer.failures++, this.#o.random.fraction()))
  }

  /** A link to a peer that ended before it opened: refused over there, of another version, or a duplicate that lost. */
  #neverOpened(peer: Peer, reason: CloseReason): void {
    const refused = reason.by === 'peer' && reason.code === CLOSE.unauthorised
    if (refused) peer.blocked = true
    const error = refused ? new PairingError('mismatch', 'this device is not paired over there any more; pair again') : new TransportError('disconnected', closeSentence(reason))
    if (reason.code === CLOSE.duplicate) this.states.update(peer.record.nodeId, { link: 'disconnected' })
    else this.states.update(peer.record.nodeId, { link: 'disconnected', lastError: this.#faultOf(error) })
    this.#dialSoon(peer, backoffMs(peer.failures++, this.#o.random.fraction()))
  }

  async #leave(peer: Peer, reason: ByeReason, code: CloseCode): Promise<void> {
    const { link } = peer
    if (!link) {
      if (this.states.get(peer.record.nodeId)?.link === 'connecting') this.states.update(peer.record.nodeId, { link: 'disconnected' })
      return
    }
    this.states.update(peer.record.nodeId, { link: 'disconnecting' })
    this.#o.traffic.abandon(link)
    await link.leave(reason, code)
  }

  // ---- pairing

  /** Opens an invitation. `paired` resolves when a device used it; it rejects when cancelled or expired. */
  invite(share: ShareName): { offer: PairingOffer; paired: Promise<PeerRecord>; cancel(): void } {
    const secret = this.#o.random.bytes(SECRET_BYTES)
    const key = secret.join()
    this.invitations.add(secret, share, this.#o.clock.now() + INVITATION_MS)
    const offer: PairingOffer = { address: this.#o.transport.address(), secret, share, name: this.#o.deviceName }
    const paired = new Promise<PeerRecord>((resolve, reject) => this.#invited.set(key, { resolve, reject }))
    paired.catch(() => undefined)
    const end = (error: PairingError) => {
      expiry()
      this.invitations.cancel(secret)
      this.#invited.get(key)?.reject(error)
      this.#invited.delete(key)
    }
    const expiry = this.#o.clock.after(INVITATION_MS, () => end(new PairingError('expired', 'Nobody used the link within ten minutes, so it is no longer valid. Make a new one.')))
    void paired.then(expiry, () => undefined)
    return { offer, paired, cancel: () => end(new PairingError('declined', 'The invitation was cancelled.')) }
  }

  /** Follows a pairing link. @throws PairingError, TransportError. */
  async join(offer: PairingOffer, signal: AbortSignal): Promise<PeerRecord> {
    if (offer.address.id === this.self) throw new PairingError('self', 'This link was made by this device itself. Open it on the other device.')
    const connection = await this.#o.transport.connect(offer.address, signal)
    return new Promise((resolve, reject) => {
      const link = this.#startLink(connection, true)
      this.#joining.set(link, { offer, resolve, reject })
      signal.addEventListener('abort', () => void link.leave('disconnect', CLOSE.disconnect), { once: true })
    })
  }

  #startPairing(link: Link, hello: Hello, role: PairingRole, secret: Uint8Array | null): void {
    const session = new PairingSession(link, hello, role, secret, this)
    this.#pairings.set(link, session)
    session.start()
  }

  pairing(link: Link, message: Parameters<PairingSession['onMessage']>[0]): void {
    const session = this.#pairings.get(link)
    if (session) session.onMessage(message)
    else link.close(CLOSE.protocol, 'a pairing message without a pairing')
  }

  openSecrets(device: EndpointId): readonly Uint8Array[] {
    return this.invitations.openFor(device, this.#o.clock.now())
  }

  confirm(question: PairingQuestion, signal: AbortSignal): Promise<boolean> {
    return this.#o.confirm(question, signal)
  }

  async store(link: Link, hello: Hello, role: PairingRole, secret: Uint8Array): Promise<void> {
    const joining = this.#joining.get(link)
    const ticket = this.#isTicketOf(hello.ticket, link.remoteId) ? hello.ticket : encodePeerAddress(joining?.offer.address ?? { id: link.remoteId, direct: [] })
    await this.addPeer({ nodeId: link.remoteId, name: hello.deviceName, ticket, addedAt: this.#o.clock.now(), lastSyncAt: null, autoConnect: true })
    if (role === 'inviter') this.invitations.markUsed(secret, link.remoteId)
  }

  paired(link: Link, role: PairingRole): void {
    this.#pairings.delete(link)
    const peer = this.#known(link.remoteId)
    this.#o.logger.log('info', 'peer.paired', `paired with ${peer.record.name}`, { peer: link.remoteId, role })
    this.#admit(link, peer, link.state.hello!)
    this.#joining.get(link)?.resolve(peer.record)
    this.#joining.delete(link)
    for (const [key, waiting] of this.#invited) {
      const secret = Uint8Array.from(key.split(',').map(Number))
      if (this.invitations.find(secret)?.usedBy !== link.remoteId) continue
      waiting.resolve(peer.record)
      this.#invited.delete(key)
    }
  }

  failed(link: Link, role: PairingRole, error: PairingError): void {
    this.#pairings.delete(link)
    if (role === 'inviter' && error.code === 'mismatch') this.invitations.countFailure(this.#o.clock.now())
    this.#o.logger.log('warn', 'pairing.failed', error.message, { peer: link.remoteId, role, code: error.code })
    this.#joining.get(link)?.reject(error)
    this.#joining.delete(link)
  }

  /** L9: no new links, goodbye to all, then the endpoint is closed and gone. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const peer of this.#peers.values()) this.#cancelDial(peer)
    for (const { reject } of this.#invited.values()) reject(new PairingError('declined', 'Tandem is stopping.'))
    await Promise.all([...this.#links].map((link) => link.leave('shutdown', CLOSE.shutdown)))
    await this.#o.transport.close()
    await this.#accepting
    await this.#saving.run(async () => undefined)
  }
}

function closeSentence(reason: CloseReason): string {
  if (reason.by === 'peer') return reason.reason ? `the other device closed the connection (${reason.reason})` : 'the other device closed the connection'
  if (reason.by === 'network') return 'the connection was lost'
  return reason.reason || 'closed here'
}

function joinFailure(reason: CloseReason): Error {
  if (reason.by === 'peer' && reason.code === CLOSE.unauthorised) {
    return new PairingError('mismatch', 'The other device did not accept this link: it was used already, has expired, or was cancelled. Make a new one there.')
  }
  return new TransportError('disconnected', `The connection ended before the devices were paired: ${closeSentence(reason)}.`)
}
