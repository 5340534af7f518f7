import { CLEAN_CLOSE_MS, LIVED_MS } from '../peers/backoff.ts'
import { keepsNewer } from '../peers/duplicate-link.ts'
import { encodePeerAddress } from '../peers/peer-address.ts'
import { canReveal, rightsOf, type GrantContext } from '../peers/grants.ts'
import type { PeerStates } from '../peers/peer-states.ts'
import type { Clock } from '../ports/clock.ts'
import { PairingError, ProtocolError, TransportError } from '../ports/errors.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import type { ByteStream, CloseReason, Connection, EndpointId, PathInfo, Transport } from '../ports/transport.ts'
import { CLOSE, type CloseCode } from '../protocol/close-codes.ts'
import { isCurrent, type LinkTimes } from '../protocol/link-session.ts'
import {
  cleanName,
  PROTOCOL_VERSION,
  type ByeReason,
  type DeviceHeads,
  type Hello,
  type ShareName,
} from '../protocol/messages.ts'
import type { QueueOptions } from '../protocol/send-queue.ts'
import type { LocalShare, ShareOffer, ShareRights } from '../protocol/subscription-state.ts'
import { Dialler } from './dialler.ts'
import { Link, type LinkOwner, type PendingUpdate } from './link.ts'
import type { PairingDesk } from './pairing-desk.ts'
import { rememberLink, subscribedTo, type Peer } from './peer.ts'
import type { PeerBook } from './peer-book.ts'
import { closeSentence, peerFault } from './peer-fault.ts'

/** Connections beyond those of peers: strangers that have not said who they are, and pairings. */
const SPARE_LINKS = 32

/** What a peer may have us write down of its refusals: they cost it one small message each. */
const REFUSALS_A_MINUTE = 10

/** What is true of a peer without a link. */
const DOWN = {
  link: 'disconnected',
  activity: 'idle',
  health: 'healthy',
  connectedAt: null,
  current: false,
  roundTripMs: null,
  path: null,
} as const

export interface LinkKeeperOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly deviceName: string
  readonly appVersion: string
  readonly maxPeers: number
  readonly linkTimes?: LinkTimes
  readonly queue?: QueueOptions
  readonly book: PeerBook
  readonly states: PeerStates
  readonly pairing: Pick<PairingDesk, 'begin' | 'onMessage' | 'linkClosed'>
  /** Current state of every share, for links that open. */
  readonly local: () => ReadonlyMap<ShareName, LocalShare>
  /** Whether everything known of a share is on the disk, and everything on the disk committed. */
  readonly isSettled: (share: ShareName) => boolean
  readonly traffic: {
    offer(link: Link, share: ShareName, heads: DeviceHeads, pack: Uint8Array): void
    buildUpdate(link: Link, update: PendingUpdate): Promise<Uint8Array>
    serve(link: Link, stream: ByteStream): Promise<void>
    abandon(link: Link, share?: ShareName): void
  }
  /** A peer lets us have a share, changed what we may do with it, or (undefined) took it back. */
  readonly offered: (peer: EndpointId, share: ShareName, offer: ShareOffer | undefined) => void
}

/** Every live link, and how the peers' states follow from them: one link per pair (L3), dialled again when it is lost (L4). */
export class LinkKeeper implements LinkOwner {
  readonly dialler: Dialler
  readonly #o: LinkKeeperOptions
  /** Greeting, pairing, or a peer's. */
  readonly #links = new Set<Link>()
  /** When its refusals were logged, ms; those of the last minute. */
  readonly #refusals = new WeakMap<Link, readonly number[]>()
  readonly #bootId: Uint8Array
  /** S1: what is granted at this moment. */
  readonly #grants: GrantContext = { record: (peer) => this.#o.book.get(peer)?.record }
  #accepting: Promise<void> | null = null

  constructor(options: LinkKeeperOptions) {
    const { transport, clock, random, states } = options
    this.#o = options
    this.#bootId = random.bytes(16)
    this.dialler = new Dialler({
      transport,
      clock,
      random,
      states,
      logger: options.logger,
      isLinked: (peer) => this.isLinked(peer),
      connected: (connection) => this.start(connection, { pairing: false }),
    })
  }

  /** Takes the connections that others open. */
  accept(): void {
    this.#accepting ??= this.#accept()
  }

  async #accept(): Promise<void> {
    for (;;) {
      const connection = await this.#o.transport.accept()
      if (!connection) return
      if (this.#links.size >= this.#o.maxPeers * 2 + SPARE_LINKS) connection.close(CLOSE.busy, 'too many connections')
      else this.start(connection, { pairing: false })
    }
  }

  /** Begins the conversation on a connection. */
  start(connection: Connection, { pairing }: { pairing: boolean }): Link {
    const { transport, random, deviceName, appVersion, clock, linkTimes, queue } = this.#o
    const hello: Hello = {
      protocol: PROTOCOL_VERSION,
      endpointId: transport.id,
      bootId: this.#bootId,
      deviceName: cleanName(deviceName),
      appVersion: cleanName(appVersion),
      features: [],
      ticket: encodePeerAddress(transport.address()),
      nonce: random.bytes(32),
      pairing,
    }
    const link = new Link(connection, hello, this, clock, linkTimes, queue)
    this.#links.add(link)
    void link.run()
    return link
  }

  /** Whether a link to the peer is open, or may be in a moment. */
  isLinked(peer: Peer): boolean {
    if (peer.link) return true
    for (const link of this.#links)
      if (link.remoteId === peer.record.nodeId && link.state.phase !== 'closed') return true
    return false
  }

  /** L8: both show the same view of every share that the peer may see, and nothing waits here. */
  isCurrent(id: EndpointId): boolean {
    const link = this.#o.book.get(id)?.link
    if (!link || !this.#o.local().size) return false // an engine that only pairs is in step with nobody
    const rights = this.rights(link)
    return this.visibleTo(id).every((share) => this.#o.isSettled(share) && isCurrent(link.state, share, rights))
  }

  /** S1: the shares of ours that a peer may see, as its grants are now. */
  visibleTo(id: EndpointId): readonly ShareName[] {
    return [...this.#o.local().keys()].filter((share) => canReveal(this.#grants, id, share))
  }

  /** The grants of a peer have changed: what follows from that happens on its link at once (S5). */
  rightsChanged(peer: Peer): void {
    const { link } = peer
    if (!link) return
    link.dispatch({ kind: 'rights' })
    this.changed(link)
  }

  /** Tells every open link that a share of ours changed. */
  localChanged(share: ShareName, state: LocalShare): void {
    for (const { link } of this.#o.book.all()) {
      if (!link) continue
      link.dispatch({ kind: 'local', share, state })
      this.changed(link)
    }
  }

  /** Tells every open link that a share of ours is no more; whatever runs for it ends (S5). */
  localGone(share: ShareName): void {
    for (const { link } of this.#o.book.all()) {
      if (!link) continue
      link.dispatch({ kind: 'gone', share })
      this.changed(link)
    }
  }

  /**
   * L4: something may have changed under the links. Those of peers are asked for a sign of life and closed without one; who has
   * no link is dialled at once, and the waits between attempts begin anew. A pairing is left alone: a person holds it together.
   */
  wake(): void {
    for (const link of this.#links) {
      const { phase } = link.state
      if (this.#o.book.get(link.remoteId) && (phase === 'open' || phase === 'greeting')) link.probe()
    }
    for (const peer of this.#o.book.all()) {
      peer.failures = 0
      this.dialler.now(peer)
    }
  }

  syncing(link: Link, active: boolean): void {
    const { book, states } = this.#o
    if (book.get(link.remoteId)?.link === link) states.update(link.remoteId, { activity: active ? 'syncing' : 'idle' })
  }

  fault(link: Link, error: unknown): void {
    const { states, clock } = this.#o
    if (states.get(link.remoteId)) states.update(link.remoteId, { lastError: peerFault(error, clock.now()) })
  }

  /** Says goodbye to a peer and closes its link, if it has one. */
  async leave(peer: Peer, reason: ByeReason, code: CloseCode): Promise<void> {
    const { states, traffic } = this.#o
    const { link } = peer
    const { nodeId } = peer.record
    if (!link) {
      if (states.get(nodeId)?.link === 'connecting') states.update(nodeId, { link: 'disconnected' })
      return
    }
    states.update(nodeId, { link: 'disconnecting' })
    traffic.abandon(link)
    await link.leave(reason, code)
  }

  /** L9: goodbye to all, then the endpoint is closed and gone. */
  async stop(): Promise<void> {
    this.dialler.stop()
    for (const peer of this.#o.book.all()) this.dialler.cancel(peer)
    await Promise.all([...this.#links].map((link) => link.leave('shutdown', CLOSE.shutdown)))
    await this.#o.transport.close()
    await this.#accepting
  }

  // ---- LinkOwner

  greeted(link: Link, hello: Hello): void {
    if (this.#o.pairing.begin(link, hello)) return
    const peer = this.#o.book.get(link.remoteId)
    if (peer?.held) return link.close(CLOSE.disconnect, 'disconnected by hand on the other device')
    if (peer && !hello.pairing) return this.admit(link, peer, hello)
    this.#o.logger.log('warn', 'link.stranger', 'an unknown device was turned away', {
      peer: link.remoteId,
      name: hello.deviceName,
    }) // P4
    link.close(CLOSE.unauthorised, hello.pairing ? 'no open invitation here' : 'this device is not paired here')
  }

  /** Opens a link of a peer, unless another one stays (L3). */
  admit(link: Link, peer: Peer, hello: Hello): void {
    const { transport, traffic, book, clock, local } = this.#o
    const old = peer.link
    if (old && old !== link) {
      const kept = (side: string) =>
        this.#o.logger.log('info', 'link.duplicate', `two connections became one: the one ${side} stays`, {
          peer: link.remoteId,
        })
      const older = { remoteBootId: old.state.hello!.bootId, side: old.side }
      const newer = { remoteBootId: hello.bootId, side: link.side }
      const ageMs = clock.now() - old.state.startedAt
      if (!keepsNewer(transport.id, link.remoteId, { ...older, ageMs }, newer)) {
        kept('that was there')
        return link.close(CLOSE.duplicate, 'another link stays')
      }
      kept('that is new')
      peer.wanted = subscribedTo(old.state.remote) // S2
      traffic.abandon(old)
      old.close(CLOSE.duplicate, 'another link stays')
    }
    peer.link = link
    this.dialler.cancel(peer)
    book.noteTicket(peer, hello.ticket)
    const { wanted } = peer
    peer.wanted = new Set()
    link.dispatch({ kind: 'admit', local: local(), wanted, now: clock.now() })
  }

  opened(link: Link): void {
    const { states, clock, logger } = this.#o
    const before = states.get(link.remoteId)
    const connectedAt = before?.link === 'connected' ? before.connectedAt : clock.now()
    const path = link.paths()[0] ?? null
    states.update(link.remoteId, {
      link: 'connected',
      health: 'healthy',
      lastError: null,
      retryAt: null,
      path,
      connectedAt,
    })
    if (before?.link === 'connected') return // L3: a swap of links is no news
    logger.log('info', 'link.up', `connected to ${link.state.hello?.deviceName ?? 'a device'}`, {
      peer: link.remoteId,
      side: link.side,
    })
  }

  pairing(link: Link, message: Parameters<PairingDesk['onMessage']>[1]): void {
    this.#o.pairing.onMessage(link, message)
  }

  offer(link: Link, share: ShareName, heads: DeviceHeads, pack: Uint8Array): void {
    this.#o.traffic.offer(link, share, heads, pack)
  }

  changed(link: Link): void {
    const { book, states, clock } = this.#o
    const peer = book.get(link.remoteId)
    if (peer?.link !== link) return
    const current = this.isCurrent(link.remoteId)
    const was = states.get(link.remoteId)
    const { health, roundTripMs } = link.state
    states.update(link.remoteId, { health, roundTripMs, current, path: freshPath(link, was?.path ?? null) })
    if (was && was.health !== health) this.#logHealth(link, health)
    if (current && !was?.current && this.visibleTo(link.remoteId).length) book.noteSync(peer, clock.now())
  }

  #logHealth(link: Link, health: 'healthy' | 'unhealthy'): void {
    const { logger, clock } = this.#o
    const silence = Math.round((clock.now() - link.state.heardAt) / 1000)
    if (health === 'healthy') logger.log('info', 'link.healthy', 'answers again', { peer: link.remoteId })
    else logger.log('warn', 'link.unhealthy', `nothing heard for ${silence} s`, { peer: link.remoteId })
  }

  refused(link: Link, code: string, message: string): void {
    const now = this.#o.clock.now()
    const kept = (this.#refusals.get(link) ?? []).filter((at) => now - at < 60_000)
    if (kept.length >= REFUSALS_A_MINUTE) return
    this.#refusals.set(link, [...kept, now])
    this.#o.logger.log('warn', 'peer.refused', `the other device refused: ${message}`, { peer: link.remoteId, code })
  }

  rights(link: Link): ShareRights {
    return rightsOf(this.#grants, link.remoteId)
  }

  withdrawn(link: Link, share: ShareName): void {
    this.#o.traffic.abandon(link, share)
  }

  offered(link: Link, share: ShareName, offer: ShareOffer | undefined): void {
    this.#o.offered(link.remoteId, share, offer)
  }

  buildUpdate(link: Link, update: PendingUpdate): Promise<Uint8Array> {
    return this.#o.traffic.buildUpdate(link, update)
  }

  serve(link: Link, stream: ByteStream): Promise<void> {
    return this.#o.traffic.serve(link, stream)
  }

  closed(link: Link, reason: CloseReason): void {
    this.#links.delete(link)
    this.#o.traffic.abandon(link)
    this.#o.pairing.linkClosed(link, reason)
    const peer = this.#o.book.get(link.remoteId)
    if (!peer) return
    rememberLink(peer, link)
    if (peer.link === link) this.#lost(peer, link, reason)
    else if (!peer.link && !peer.dialing) this.#neverOpened(peer, link, reason)
  }

  #lost(peer: Peer, link: Link, reason: CloseReason): void {
    const { clock, logger, states } = this.#o
    const { nodeId } = peer.record
    peer.link = null
    if (reason.code === CLOSE.duplicate && this.isLinked(peer)) {
      // L3: the other device decided first; its hello on the link that stays is on its way. No event, unless that fails.
      peer.wanted = subscribedTo(link.state.remote) // S2
      states.update(nodeId, { activity: 'idle', current: false })
      return
    }
    peer.wanted = new Set() // S2: that was the last link of the session
    peer.reconnects++
    const removed = link.bye === 'removed' || (reason.by === 'peer' && reason.code === CLOSE.removed)
    const clean = link.bye !== null || (reason.by === 'peer' && reason.code === CLOSE.shutdown)
    const wanted =
      clean || peer.held || (reason.by === 'us' && (reason.code === CLOSE.shutdown || reason.code === CLOSE.duplicate))
    if (clock.now() - (states.get(nodeId)?.connectedAt ?? 0) >= LIVED_MS) peer.failures = 0
    if (states.get(nodeId)?.current && this.visibleTo(nodeId).length) this.#o.book.noteSync(peer, link.state.heardAt)
    peer.blocked ||= removed
    logger.log('info', 'link.down', `disconnected: ${closeSentence(reason)}`, { peer: nodeId, code: reason.code })
    const error = removed
      ? new PairingError('declined', 'that device removed this one; pair again to go on')
      : wanted
        ? null
        : new TransportError('disconnected', closeSentence(reason))
    const fault = error && { lastError: peerFault(error, clock.now()) }
    states.update(nodeId, { ...DOWN, ...fault })
    if (clean) this.dialler.soon(peer, CLEAN_CLOSE_MS)
    else this.#dialAgain(peer, link, reason)
  }

  /** A link to a peer that ended before it opened: refused over there, of another version, or a duplicate that lost. */
  #neverOpened(peer: Peer, link: Link, reason: CloseReason): void {
    peer.wanted = new Set()
    const refused = reason.by === 'peer' && reason.code === CLOSE.unauthorised
    peer.blocked ||= refused
    const error = refused
      ? new PairingError('mismatch', 'this device is not paired over there any more; pair again')
      : reason.code === CLOSE.version
        ? new ProtocolError('version', reason.reason)
        : new TransportError('disconnected', closeSentence(reason))
    const fault =
      reason.code === CLOSE.duplicate || peer.held ? null : { lastError: peerFault(error, this.#o.clock.now()) }
    this.#o.states.update(peer.record.nodeId, { ...DOWN, ...fault })
    this.#dialAgain(peer, link, reason, fault?.lastError.message)
  }

  /** A link that died of a change of the network says nothing of what the next attempt will find: no wait before it (L4). */
  #dialAgain(peer: Peer, link: Link, reason: CloseReason, fault?: string): void {
    if (link.isUnanswered && reason.by !== 'peer') this.dialler.soon(peer, 0)
    else this.dialler.again(peer, fault)
  }
}

/** The path in use now: a connection may move from a relay to a direct one. The same path stays the same value. */
function freshPath(link: Link, before: PathInfo | null): PathInfo | null {
  const path = link.paths()[0] ?? null
  return path && before && path.kind === before.kind && path.address === before.address ? before : path
}
