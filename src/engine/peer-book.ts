import { decodePeerAddress } from '../peers/peer-address.ts'
import type { PeerStates } from '../peers/peer-states.ts'
import type { DataStore, PeerRecord } from '../ports/data-store.ts'
import { PairingError } from '../ports/errors.ts'
import type { Logger } from '../ports/logger.ts'
import type { EndpointId } from '../ports/transport.ts'
import { Mutex } from './mutex.ts'
import { newPeer, type Peer } from './peer.ts'

export interface PeerBookOptions {
  readonly self: EndpointId
  readonly data: DataStore
  readonly maxPeers: number
  readonly states: PeerStates
  readonly logger: Logger
}

/** The list of paired devices (C2, C6), as it is stored. */
export class PeerBook {
  readonly #o: PeerBookOptions
  readonly #peers = new Map<EndpointId, Peer>()
  readonly #saving = new Mutex()

  private constructor(options: PeerBookOptions) {
    this.#o = options
  }

  /** Records of this device itself, and second ones of one device, are left out (P6). */
  static async load(options: PeerBookOptions): Promise<PeerBook> {
    const book = new PeerBook(options)
    for (const record of await options.data.loadPeers()) {
      if (record.nodeId !== options.self && !book.#peers.has(record.nodeId)) book.#adopt(record)
    }
    return book
  }

  #adopt(record: PeerRecord): void {
    this.#peers.set(record.nodeId, newPeer(record))
    this.#o.states.add(record.nodeId)
  }

  get(id: EndpointId): Peer | undefined {
    return this.#peers.get(id)
  }

  /** @throws RangeError for an unknown peer. */
  known(id: EndpointId): Peer {
    const peer = this.#peers.get(id)
    if (!peer) throw new RangeError(`no paired device has the id ${id}`)
    return peer
  }

  all(): Iterable<Peer> {
    return this.#peers.values()
  }

  records(): readonly PeerRecord[] {
    return [...this.#peers.values()].map((peer) => peer.record)
  }

  /** Idempotent per device; a known one gets the new ticket, name and grants. @throws PairingError `self`, `too-many-peers`. */
  async add(record: PeerRecord): Promise<PeerRecord> {
    const { self, maxPeers } = this.#o
    if (record.nodeId === self)
      throw new PairingError('self', 'This link was made by this device itself. Open it on the other device.')
    const known = this.#peers.get(record.nodeId)
    if (known) {
      const { name, ticket, grants } = record
      known.record = { ...known.record, name, ticket, ...(grants ? { grants } : {}) }
      known.blocked = false
      known.held = false
    } else if (this.#peers.size >= maxPeers) {
      throw new PairingError(
        'too-many-peers',
        `This device pairs with at most ${maxPeers} ${maxPeers === 1 ? 'device' : 'devices'}. Remove one that you no longer use, or raise the setting maxPeers.`,
        { limit: maxPeers },
      )
    } else this.#adopt(record)
    await this.save()
    return this.known(record.nodeId).record
  }

  /** @throws RangeError for an unknown peer. */
  async update(id: EndpointId, change: Partial<PeerRecord>): Promise<Peer> {
    const peer = this.known(id)
    peer.record = { ...peer.record, ...change }
    await this.save()
    return peer
  }

  /** Its state stays until the link is gone. */
  async delete(id: EndpointId): Promise<void> {
    this.#peers.delete(id)
    await this.save()
  }

  /** L5: where the peer says to be now. A ticket of somebody else, or none, is ignored. */
  noteTicket(peer: Peer, ticket: string): void {
    if (ticket === peer.record.ticket || !isTicketOf(ticket, peer.record.nodeId)) return
    peer.record = { ...peer.record, ticket }
    this.#saveSoon()
  }

  noteSync(peer: Peer, at: number): void {
    peer.record = { ...peer.record, lastSyncAt: at }
    this.#saveSoon()
  }

  /** Resolves when everything noted so far is stored. */
  save(): Promise<void> {
    return this.#saving.run(() => this.#o.data.savePeers(this.records()))
  }

  async settled(): Promise<void> {
    await this.#saving.run(async () => undefined)
  }

  #saveSoon(): void {
    this.save().catch((error: unknown) =>
      this.#o.logger.log('error', 'peers.save', `the list of devices could not be saved: ${String(error)}`),
    )
  }
}

export function isTicketOf(ticket: string, id: EndpointId): boolean {
  try {
    return decodePeerAddress(ticket).id === id
  } catch {
    return false
  }
}
