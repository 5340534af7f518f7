import type { VaultListing } from '../history/compare-vaults.ts'
import { grantOf, withGrant } from '../peers/grants.ts'
import type { PairingOffer } from '../peers/pairing-link.ts'
import { encodePeerAddress } from '../peers/peer-address.ts'
import { PeerStates, type PeerStateChange } from '../peers/peer-states.ts'
import type { DataStore, PeerRecord } from '../ports/data-store.ts'
import { PairingError, TransportError } from '../ports/errors.ts'
import { VAULT_SHARE, type Grant } from '../ports/share-record.ts'
import type { ByteStream, EndpointId } from '../ports/transport.ts'
import { CLOSE } from '../protocol/close-codes.ts'
import { cleanName, type ShareName } from '../protocol/messages.ts'
import type { LocalShare, PeerShare, ShareOffer, ShareRights } from '../protocol/subscription-state.ts'
import type { Link, LinkTraffic } from './link.ts'
import { LinkKeeper, type LinkKeeperOptions } from './link-keeper.ts'
import { PairingDesk, type Granted, type InvitationChoices } from './pairing-desk.ts'
import type { PairingQuestion } from './pairing-session.ts'
import { addTraffic } from './peer.ts'
import { isTicketOf, PeerBook } from './peer-book.ts'

export interface PeerManagerOptions extends Omit<LinkKeeperOptions, 'book' | 'states' | 'pairing'> {
  readonly data: DataStore
  /** P3: shows the code and asks. */
  readonly confirm: (question: PairingQuestion, signal: AbortSignal) => Promise<boolean>
  /** E9: the files of a share as they are now; none of a share that this device does not have. */
  readonly listing: (share: ShareName) => Promise<VaultListing>
}

export interface PeerTraffic extends LinkTraffic {
  /** As the network library counts them: headers, encryption and repetitions included. */
  readonly wireBytesSent: number
  readonly wireBytesReceived: number
  readonly reconnects: number
  readonly queueDepth: number
  /** About how much memory the messages that wait to be sent take. */
  readonly queuedBytes: number
  readonly dropped: number
}

/** Addresses on the local network that are remembered for a peer. */
const MAX_HINTS = 8

/** The paired devices (C6), put together from their list, their links and the pairings. What is connected stands in `states` alone (L1). */
export class PeerManager {
  readonly states: PeerStates
  readonly self: EndpointId
  readonly #o: PeerManagerOptions
  readonly #book: PeerBook
  readonly #links: LinkKeeper
  readonly #pairing: PairingDesk

  private constructor(options: PeerManagerOptions, states: PeerStates, book: PeerBook) {
    const { transport, clock, random, deviceName, confirm, listing, logger } = options
    this.#o = options
    this.self = transport.id
    this.states = states
    this.#book = book
    this.#pairing = new PairingDesk({
      self: transport.id,
      clock,
      random,
      deviceName,
      confirm,
      listing,
      address: () => transport.address(),
      store: async ({ remoteId }, { deviceName: name, ticket }, granted, address) => {
        const before = book.get(remoteId)?.record
        const grants = grantsAfter(before, granted)
        const known = isTicketOf(ticket, remoteId) ? ticket : encodePeerAddress(address ?? { id: remoteId, direct: [] })
        await this.addPeer({
          nodeId: remoteId,
          name,
          ticket: known,
          addedAt: clock.now(),
          lastSyncAt: null,
          autoConnect: true,
          ...(grants ? { grants } : {}),
        })
        return async () => {
          if (!book.get(remoteId)) return
          if (!before) await this.removePeer(remoteId)
          else if (grants) await this.#setGrant(remoteId, granted.share, grantOf(before, granted.share))
        }
      },
      paired: (link, role) => {
        const peer = book.known(link.remoteId)
        logger.log('info', 'peer.paired', `paired with ${peer.record.name}`, { peer: link.remoteId, role })
        this.#links.admit(link, peer, link.state.hello!)
        this.#links.rightsChanged(peer) // an older link may have stayed
        return peer.record
      },
      failed: ({ remoteId }, role, { message, code }) =>
        logger.log('warn', 'pairing.failed', message, { peer: remoteId, role, code }),
    })
    this.#links = new LinkKeeper({ ...options, book, states, pairing: this.#pairing })
  }

  static async open(options: PeerManagerOptions): Promise<PeerManager> {
    const { transport, data, maxPeers, logger } = options
    const states = new PeerStates((error) => logger.log('error', 'listener.threw', String(error)))
    const book = await PeerBook.load({ self: transport.id, data, maxPeers, states, logger })
    return new PeerManager(options, states, book)
  }

  /** Accepts connections and, unless told otherwise, dials every peer that wants it. */
  start(options: { dial: boolean } = { dial: true }): void {
    this.#links.accept()
    if (options.dial) this.connectAll()
  }

  getPeers(): readonly PeerRecord[] {
    return this.#book.records()
  }

  onPeerStateChange(listener: (change: PeerStateChange) => void): () => void {
    return this.states.onChange(listener)
  }

  /** Bytes and messages of a peer over all its links of this run. @throws RangeError for an unknown peer. */
  trafficOf(id: EndpointId): PeerTraffic {
    const { traffic, past, link, reconnects } = this.#book.known(id)
    const sum = { ...traffic }
    if (link) addTraffic(sum, link.traffic)
    const wire = link?.wire()
    return {
      ...sum,
      wireBytesSent: past.wireSent + (wire?.sent ?? 0),
      wireBytesReceived: past.wireReceived + (wire?.received ?? 0),
      reconnects,
      queueDepth: link?.queueDepth ?? 0,
      queuedBytes: link?.queuedBytes ?? 0,
      dropped: past.dropped + (link?.dropped ?? 0),
    }
  }

  /** What a peer said of its shares, now or on its last link of this run. @throws RangeError for an unknown peer. */
  remoteSharesOf(id: EndpointId): ReadonlyMap<ShareName, PeerShare> {
    const { link, lastSaid } = this.#book.known(id)
    return link?.state.remote.size ? link.state.remote : lastSaid
  }

  /** Idempotent per device; a known one gets the new ticket and name. @throws PairingError `self`, `too-many-peers`. */
  addPeer(record: PeerRecord): Promise<PeerRecord> {
    return this.#book.add(record)
  }

  /** P5: closes the link, ends what runs on it, forgets the device. @throws RangeError for an unknown peer. */
  async removePeer(id: EndpointId): Promise<void> {
    const peer = this.#book.known(id)
    peer.blocked = true
    this.#links.dialler.cancel(peer)
    await this.#book.delete(id)
    this.#o.logger.log('info', 'peer.removed', `removed ${peer.record.name}`, { peer: id })
    await this.#links.leave(peer, 'removed', CLOSE.removed)
    if (this.states.get(id)?.link !== 'disconnected') this.states.update(id, { link: 'disconnected' })
    this.states.remove(id)
  }

  /** @throws RangeError for an unknown peer. */
  async updatePeer(id: EndpointId, change: Partial<Pick<PeerRecord, 'name' | 'autoConnect'>>): Promise<PeerRecord> {
    const named = change.name === undefined ? {} : { name: cleanName(change.name) }
    const peer = await this.#book.update(id, { ...change, ...named })
    if (change.autoConnect) this.#links.dialler.soon(peer, 0)
    else if (change.autoConnect === false) this.#links.dialler.stopWaiting(peer)
    return peer.record
  }

  /** Begins one attempt, also without `autoConnect`; no-op while connecting or connected. @throws RangeError for an unknown peer. */
  connectToPeer(id: EndpointId): void {
    const peer = this.#book.known(id)
    peer.held = false
    peer.blocked = false
    peer.failures = 0
    this.#links.dialler.asked(peer)
  }

  /** A stream on the open link of a peer. @throws TransportError `disconnected` without one; RangeError for an unknown peer. */
  async openStream(id: EndpointId): Promise<ByteStream> {
    const { link } = this.#book.known(id)
    if (!link?.isOpen) throw new TransportError('disconnected', 'that device is not connected')
    return link.openStream()
  }

  /** Stays disconnected until `connectToPeer`. @throws RangeError for an unknown peer. */
  async disconnectPeer(id: EndpointId): Promise<void> {
    const peer = this.#book.known(id)
    peer.held = true
    this.#links.dialler.cancel(peer)
    await this.#links.leave(peer, 'disconnect', CLOSE.disconnect)
  }

  /** Whether it was disconnected by hand here and stays so. @throws RangeError for an unknown peer. */
  isHeld(id: EndpointId): boolean {
    return this.#book.known(id).held
  }

  /**
   * The machine woke, the window came to front, the network changed (L4): every open link is asked for a sign of life and dialled
   * anew without one, and who is not connected is tried at once. Cheap, so call it when in doubt.
   */
  wake(): void {
    this.#links.wake()
  }

  /** Tries every willing peer at once. */
  connectAll(): void {
    for (const peer of this.#book.all()) this.#links.dialler.soon(peer, 0)
  }

  /** Somebody who says to be this peer was seen on the local network; unknown ids are ignored. TLS proves who it is. */
  hint(id: EndpointId, direct: readonly string[]): void {
    const peer = this.#book.get(id)
    if (!peer || !direct.length) return
    const { dialler } = this.#links
    const known = direct.every((address) => peer.hints.includes(address))
    peer.hints = [...new Set([...direct, ...peer.hints])].slice(0, MAX_HINTS)
    if (peer.link || (peer.dialing && known)) return
    if (peer.dialing) dialler.cancel(peer) // it may be trying an address that is dead
    if (this.states.get(id)?.link === 'connecting' && !this.#links.isLinked(peer))
      this.states.update(id, { link: 'disconnected' })
    dialler.soon(peer, 0)
  }

  /** L8: both show the same view of every share that we have, and nothing waits here. */
  isCurrent(id: EndpointId): boolean {
    return this.#links.isCurrent(id)
  }

  /** S1: the shares of ours that a peer may see now. */
  visibleTo(id: EndpointId): readonly ShareName[] {
    return this.#links.visibleTo(id)
  }

  /** What a peer lets us have that is not the ordinary case, as it said on the link that is open. */
  offersOf(id: EndpointId): ReadonlyMap<ShareName, ShareOffer> {
    return this.#book.get(id)?.link?.state.offers ?? new Map()
  }

  /** S1: what the paired device may do with a share, whatever is there of it. */
  grantOf(id: EndpointId, share: ShareName): Grant | null {
    const peer = this.#book.get(id)
    return peer ? grantOf(peer.record, share) : null
  }

  /**
   * Whether what a device changed may be in a share, whoever hands it on: not of a paired one that may only read. One that we have
   * given nothing may be a device that others let write.
   */
  mayChange(device: EndpointId, share: ShareName): boolean {
    return this.grantOf(device, share) !== 'read'
  }

  /** S1 */
  rights(link: Link): ShareRights {
    return this.#links.rights(link)
  }

  /**
   * Lets a peer have a share, changes what it may do with it, or (null) takes it back (S5): at once, also in the middle of a
   * transfer; the list is stored right after. @throws RangeError for an unknown peer.
   */
  async setGrant(id: EndpointId, share: ShareName, grant: Grant | null): Promise<void> {
    const { record } = this.#book.known(id)
    if (grantOf(record, share) === grant) return
    const what = grant === null ? 'has' : `may ${grant}`
    this.#o.logger.log('info', 'share.grant', `${record.name} ${what} a share ${grant ? 'now' : 'no more'}`, {
      peer: id,
      share,
      grant,
    })
    await this.#setGrant(id, share, grant)
  }

  #setGrant(id: EndpointId, share: ShareName, grant: Grant | null): Promise<unknown> {
    const peer = this.#book.known(id)
    const stored = this.#book.update(id, { grants: withGrant(peer.record, share, grant) }) // in force before it is on the disk
    this.#links.rightsChanged(peer)
    return stored
  }

  /** Tells every open link that a share of ours changed. */
  localChanged(share: ShareName, state: LocalShare): void {
    this.#links.localChanged(share, state)
  }

  /** Takes a share back from everybody, the holders of open invitations included: it is no more on this device. */
  async endShare(share: ShareName): Promise<void> {
    this.#pairing.endShare(share)
    const granted = this.getPeers().filter(({ nodeId }) => this.grantOf(nodeId, share) !== null)
    const stored = granted.map(({ nodeId }) => this.setGrant(nodeId, share, null))
    this.#links.localGone(share)
    await Promise.all(stored)
  }

  syncing(link: Link, active: boolean): void {
    this.#links.syncing(link, active)
  }

  fault(link: Link, error: unknown): void {
    this.#links.fault(link, error)
  }

  /** Opens an invitation: see PairingDesk. */
  invite(share: ShareName, choices?: InvitationChoices): ReturnType<PairingDesk['invite']> {
    return this.#pairing.invite(share, choices)
  }

  /**
   * Follows a pairing link until both devices have stored each other. A link to a folder share is followed only by who has a place
   * for it: then `listing` gives what lies there (E9). @throws PairingError, TransportError.
   */
  async join(offer: PairingOffer, signal: AbortSignal, listing?: () => Promise<VaultListing>): Promise<PeerRecord> {
    if (offer.share !== VAULT_SHARE && !listing && !this.#o.local().has(offer.share))
      throw new PairingError(
        'bad-link',
        'This link shares a single folder, and there is no place chosen for it here. Choose one, or ask for a link to the whole vault.',
      )
    if (offer.address.id === this.self)
      throw new PairingError('self', 'This link was made by this device itself. Open it on the other device.')
    const connection = await this.#o.transport.connect(offer.address, signal)
    return this.#pairing.join(this.#links.start(connection, { pairing: true }), offer, signal, listing)
  }

  /** L9: no new links, goodbye to all, then the endpoint is closed and gone. */
  async stop(): Promise<void> {
    this.#pairing.stop()
    await this.#links.stop()
    await this.#book.settled()
  }
}

/** The list of grants after a pairing; undefined: one of the person's own devices, as before. */
function grantsAfter(before: PeerRecord | undefined, { share, grant }: Granted): PeerRecord['grants'] {
  if (share === VAULT_SHARE && grant === 'write' && before?.grants === undefined) return undefined
  return withGrant(before ?? { grants: {} }, share, grant)
}
