import type { VaultListing } from '../history/compare-vaults.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { PairingOffer } from '../peers/pairing-link.ts'
import type { Clock } from '../ports/clock.ts'
import type { PeerRecord } from '../ports/data-store.ts'
import { PairingError, ShareError, StoreError } from '../ports/errors.ts'
import type { IndexStore } from '../ports/index-store.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import { VAULT_SHARE, type Grant, type ShareRecord, type ShareStore } from '../ports/share-record.ts'
import type { EndpointId } from '../ports/transport.ts'
import type { ShareName } from '../protocol/messages.ts'
import type { LocalShare, ShareOffer } from '../protocol/subscription-state.ts'
import { Mutex } from './mutex.ts'
import type { PeerManager } from './peer-manager.ts'
import type { Share } from './share.ts'
import { ShareDesk } from './share-desk.ts'
import type { ShareParts } from './share-parts.ts'

/** What a platform gives for folder shares. */
export interface FolderHost {
  readonly store: ShareStore
  /** The parts of one, made when they are not there. Absent: this engine pairs and does not sync. */
  readonly open?: (record: ShareRecord) => Promise<ShareParts>
  /** Deletes the stores of one, which is closed. Absent: a share cannot be ended here. */
  readonly forget?: (record: ShareRecord) => Promise<void>
  /** What lies at a folder of the vault: nothing at all, something, or nothing that this device may sync. */
  readonly look: (folder: VaultPath) => Promise<'free' | 'taken' | 'not-synced'>
}

export interface FolderSharesOptions {
  readonly host: FolderHost | undefined
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly peers: PeerManager
  readonly shares: ReadonlyMap<ShareName, Share>
  /** Brings a share to life; it does nothing before it is started. */
  readonly open: (parts: ShareParts) => Promise<void>
  /** Ends a share: it watches nothing and answers nobody any more. */
  readonly close: (share: ShareName) => Promise<void>
}

/** A share as a person sees it. */
export interface ShareReport {
  readonly id: ShareName
  readonly title: string
  /** A vault path; '' is the whole vault. */
  readonly folder: string
  /** Who shared it with this device; null: it is this device's own. */
  readonly from: EndpointId | null
  /** What that device lets this one do; null: nothing any more. Of own shares: null. */
  readonly access: Grant | null
  /** Changes were made here that nobody takes: this device may only read. */
  readonly unsent: boolean
  readonly peers: readonly { readonly id: EndpointId; readonly name: string; readonly grant: Grant }[]
}

/** A share that waits for a place here. */
export interface OpenOffer extends ShareOffer {
  readonly share: ShareName
  readonly peer: EndpointId
  readonly peerName: string
}

/** No place to keep them: a device without folder shares. */
const NO_STORE: ShareStore = {
  loadShares: () => Promise.resolve([]),
  saveShares: () => Promise.reject(new ShareError('unknown', 'this device cannot share single folders')),
}

/** The folder shares of a running device (V1): made, received, granted and taken back. */
export class FolderShares {
  readonly #o: FolderSharesOptions
  readonly #desk: ShareDesk
  readonly #opening = new Mutex()
  #running: { readonly watch: boolean } | null = null
  #stopped = false

  private constructor(options: FolderSharesOptions, desk: ShareDesk) {
    this.#o = options
    this.#desk = desk
  }

  /** Opens those that are stored. One that cannot be opened is told, and keeps nobody else from working. */
  static async load(options: FolderSharesOptions): Promise<FolderShares> {
    const { host, clock, random } = options
    const desk = await ShareDesk.load({ store: host?.store ?? NO_STORE, clock, random })
    const folders = new FolderShares(options, desk)
    for (const record of desk.records()) await folders.#open(record)
    return folders
  }

  /** The device has started: so do the shares that are added from now on. */
  started(options: { watch: boolean }): void {
    this.#running = options
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#opening.run(async () => undefined)
  }

  records(): readonly ShareRecord[] {
    return this.#desk.records()
  }

  /** @throws ShareError `unknown`, `ambiguous` */
  find(name: string): ShareName {
    return this.#desk.find(name)
  }

  /** The state of a share with what people call it. */
  titled(name: ShareName, state: LocalShare): LocalShare {
    const title = this.#desk.get(name)?.title
    return title === undefined ? state : { ...state, title }
  }

  report(): ShareReport[] {
    const vault = { id: VAULT_SHARE, title: 'the whole vault', folder: '', from: null, access: null }
    return [vault, ...this.#desk.records()].map(({ id, title, folder, from, access }) => {
      const peers = this.#o.peers.getPeers().flatMap(({ nodeId, name }) => {
        const grant = this.#o.peers.grantOf(nodeId, id)
        return grant ? [{ id: nodeId, name, grant }] : []
      })
      const now = from !== null && this.#isUnavailable(id, from) ? null : access
      return { id, title, folder, from, access: now, unsent: this.#isUnsent(id, from, now), peers }
    })
  }

  /** S4: the device that it comes from is connected and says that it has none such: it was taken back while we were apart. */
  #isUnavailable(id: ShareName, from: EndpointId): boolean {
    const { peers } = this.#o
    if (!peers.states.isAvailable(from) || peers.offersOf(from).has(id)) return false
    return peers.remoteSharesOf(from).get(id)?.answer === 'unavailable'
  }

  #isUnsent(id: ShareName, from: EndpointId | null, access: Grant | null): boolean {
    if (from === null || access === 'write') return false
    const { peers, shares } = this.#o
    const own = shares.get(id)?.repository.ownHead()
    if (!own) return false
    // Its owner may have taken it while we could still write, and says so in its next snapshot (L8).
    const isKnown = peers.getPeers().some(({ nodeId }) => nodeId === from)
    return !isKnown || peers.remoteSharesOf(from).get(id)?.heads.get(peers.self) !== own
  }

  /** What connected peers share with this device and has no place here yet. */
  offers(): OpenOffer[] {
    return this.#o.peers
      .getPeers()
      .flatMap(({ nodeId, name }) =>
        [...this.#o.peers.offersOf(nodeId)]
          .filter(([share]) => share !== VAULT_SHARE && !this.#desk.get(share))
          .map(([share, { title, write }]) => ({ share, title, write, peer: nodeId, peerName: name })),
      )
  }

  /** Makes a share of a folder of this vault, after one that is just ending there; nobody may have it yet. @throws ShareError */
  async create(folder: string, title?: string): Promise<ShareRecord> {
    const path = this.#desk.place(folder, { allowShared: true })
    if ((await this.#look(path)) === 'not-synced')
      throw new ShareError('bad-folder', `“${folder}” is not synced on this device`, { folder })
    const record = await this.#opening.run(() => this.#desk.create(path, title))
    await this.#open(record)
    return record
  }

  /**
   * Gives a share that a peer offers a place in this vault, which must be free. One that several peers offer comes from `peer`; by
   * default from one that takes changes. @throws ShareError
   */
  async accept(name: string, folder?: string, peer?: EndpointId): Promise<ShareRecord> {
    const offers = this.offers().filter(
      (one) => (one.share.startsWith(name) || one.title === name) && (peer === undefined || one.peer === peer),
    )
    const offer = offers.find(({ write }) => write) ?? offers[0]
    const called = new Set(offers.map(({ share }) => share)).size
    if (!offer || called > 1)
      throw offer
        ? new ShareError('ambiguous', `${called} shares are called ${name}; give more of the id`, { name })
        : new ShareError('not-offered', `no connected device shares ${name} with this one`, { name })
    const place = await this.#freePlace(folder ?? folderNamed(offer.title))
    // The grant first: without a place it means nothing, and a place without it would never be in step.
    await this.#o.peers.setGrant(offer.peer, offer.share, 'write')
    return this.#receive(offer.share, offer.peer, place, offer)
  }

  /** Follows a pairing link to a folder share, to a place that must be free. @throws ShareError, PairingError, TransportError */
  async join(offer: PairingOffer, signal: AbortSignal, folder?: string): Promise<PeerRecord> {
    const { peers } = this.#o
    if (this.#desk.get(offer.share)) return peers.join(offer, signal)
    if (!/^[0-9a-f]{32}$/.test(offer.share))
      throw new PairingError('bad-link', 'This link shares something that this version of Tandem does not know.')
    const title = offer.title ?? offer.share.slice(0, 8)
    const place = await this.#freePlace(folder ?? folderNamed(title))
    const nothing = (): Promise<VaultListing> => Promise.resolve([]) // E9: the place is free
    const record = await peers.join(offer, signal, nothing)
    const said = peers.offersOf(record.nodeId).get(offer.share) // it may have come already
    await this.#receive(offer.share, record.nodeId, place, said ?? { title, write: true })
    return record
  }

  async #receive(id: ShareName, from: EndpointId, place: VaultPath, offer: ShareOffer): Promise<ShareRecord> {
    const record = await this.#opening.run(() => this.#desk.accept(id, from, place, offer))
    this.#o.logger.log('info', 'share.accepted', `the share ${record.title} is here as ${place}`, { share: id })
    await this.#open(record, { isNew: true })
    return record
  }

  /** @throws ShareError `not-empty`, `bad-folder`, `overlaps` */
  async #freePlace(folder: string): Promise<VaultPath> {
    const place = this.#desk.place(folder)
    switch (await this.#look(place)) {
      case 'free':
        return place
      case 'taken':
        throw new ShareError('not-empty', `there is something at “${place}” already; choose another folder`, { folder })
      case 'not-synced':
        throw new ShareError('bad-folder', `“${place}” is not synced on this device`, { folder })
    }
  }

  #look(folder: VaultPath): ReturnType<FolderHost['look']> {
    const { host } = this.#o
    if (!host) throw new ShareError('unknown', 'this device cannot share single folders')
    return host.look(folder)
  }

  /** S1: what a paired device may do with a share from now on; null takes it back (S5). @throws RangeError */
  setGrant(peer: EndpointId, share: ShareName, grant: Grant | null): Promise<void> {
    return this.#o.peers.setGrant(peer, share, grant)
  }

  /**
   * Ends a share on this device: nobody has it from here any more (S5), and nothing of it comes any more. The files stay, here and
   * there, as an ordinary folder. A received one is offered anew as long as its device grants it. Idempotent.
   * @throws ShareError `unknown`; what the store throws, StoreError `closed` once stopped: then it can be ended again.
   */
  async end(id: ShareName): Promise<void> {
    const record = this.#desk.get(id)
    if (!record) return
    const { host, peers, logger, close } = this.#o
    if (!host?.forget) throw new ShareError('unknown', 'this device cannot end a share')
    this.#checkRunning()
    await peers.endShare(id) // before anything else: nobody gets more of it, whatever happens next
    await this.#opening.run(async () => {
      this.#checkRunning()
      if (this.#desk.get(id)?.createdAt !== record.createdAt) return // ended already; perhaps it was accepted anew
      await close(id)
      // Before the record: an index that outlives its share would take an empty folder, given to it later, for deletions (E2).
      await host.forget!(record)
      await this.#desk.remove(id)
    })
    logger.log('info', 'share.ended', `the share ${record.title} ended; its files stay in ${record.folder}`, {
      share: id,
    })
  }

  /** What the device that a share comes from says of it. */
  noteOffer(peer: EndpointId, share: ShareName, offer: ShareOffer | undefined): void {
    const access = offer ? (offer.write ? 'write' : 'read') : null
    this.#desk.noteAccess(share, peer, access).catch((error: unknown) => {
      this.#o.logger.log('error', 'share.save', `the list of shares could not be saved: ${String(error)}`)
    })
  }

  /** Of a device that has stopped, the next run may have the stores open by now. @throws StoreError `closed` */
  #checkRunning(): void {
    if (this.#stopped) throw new StoreError('closed', 'the device was stopped meanwhile; end the share again')
  }

  #open(record: ShareRecord, { isNew = false } = {}): Promise<void> {
    const { host, shares, logger } = this.#o
    return this.#opening.run(async () => {
      if (!host?.open || this.#stopped || shares.has(record.id)) return
      if (!this.#desk.get(record.id)) return // it has ended since
      try {
        const parts = await host.open(record)
        if (isNew) await forgetFiles(parts.index)
        await this.#o.open(parts)
        if (this.#running) await shares.get(record.id)!.start(this.#running)
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        const where = { share: record.id, folder: record.folder }
        logger.log('error', 'share.failed', `the share ${record.title} cannot be opened: ${why}`, where)
      }
    })
  }
}

/** E2: where a list of shares was lost, stores outlived it. What an index there knows of another folder is no deletion in this one. */
async function forgetFiles(index: IndexStore): Promise<void> {
  const { entries } = await index.load()
  await index.save({ remove: [...entries.keys()], base: null, unfinished: [] })
}

/** Where a share goes when nobody says otherwise: below the root of the vault. */
function folderNamed(title: string): string {
  return title.replace(/[/\\]/g, '-')
}
