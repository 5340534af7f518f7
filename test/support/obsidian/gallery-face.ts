/** What the screens see of the plugin, without the plugin: a test or a picture sets each state by hand. */
import type { DeviceEvent, PeerReport } from '../../../src/engine/device.ts'
import type { PendingConsent } from '../../../src/engine/consent.ts'
import type { PairingQuestion } from '../../../src/engine/pairing-session.ts'
import type { OpenOffer, ShareReport } from '../../../src/engine/folder-shares.ts'
import type { Grant } from '../../../src/ports/share-record.ts'
import { DEFAULT_SETTINGS, type Settings } from '../../../src/engine/settings.ts'
import type { Share } from '../../../src/engine/share.ts'
import { Emitter } from '../../../src/peers/emitter.ts'
import { withGrant } from '../../../src/peers/grants.ts'
import type { PairingOffer } from '../../../src/peers/pairing-link.ts'
import {
  PairingError,
  TransportError,
  type PairingErrorCode,
  type TransportErrorCode,
} from '../../../src/ports/errors.ts'
import type { LogRecord } from '../../../src/ports/logger.ts'
import type { EndpointId } from '../../../src/ports/transport.ts'
import type { ComponentFace, SyncCondition, TandemFace } from '../../../src/ui/face.ts'
import { anId, aPeer, LOG, metricsOf, OFFER } from './gallery-data.ts'

type Ask = (question: PairingQuestion, signal: AbortSignal) => Promise<boolean>

export class GalleryFace implements TandemFace {
  readonly vaultName = 'Second brain'
  condition: SyncCondition = { kind: 'running' }
  share: Share | null = null
  deviceName = 'Writing desk'
  readonly deviceId: EndpointId = anId(0)
  settings: Settings = DEFAULT_SETTINGS
  component: ComponentFace
  peers: readonly PeerReport[] = []
  log: readonly LogRecord[] = LOG
  shares: readonly ShareReport[] = []
  offers: readonly OpenOffer[] = []
  declined: readonly string[] = []
  /** Whom only reading the whole vault was allowed by. */
  readOnlyOf: EndpointId | null = null
  /** Of folder shares that are open. */
  readonly openShares = new Map<string, Share>()
  /** What the next change of a share fails with. */
  shareError: Error | null = null
  /** What was asked of the engine, in order. */
  readonly calls: string[] = []
  /** The last answer to a question; null while none was given. */
  answered: boolean | null = null
  installed: number | null = null
  /** How often the numbers were asked for. */
  metricsRead = 0
  /** Resolves when it is known. */
  relay: Promise<void> = Promise.resolve()
  readonly #changes = new Emitter<void>()
  readonly #events = new Emitter<DeviceEvent>()
  readonly #asks = new Map<string, Ask>()
  #question = new AbortController()
  #paired: { resolve: (record: unknown) => void; reject: (error: unknown) => void } | null = null

  constructor() {
    this.component = {
      condition: { kind: 'installed', version: '1.1.0' },
      offer: null,
      installFile: (bytes) => Promise.resolve(void (this.installed = bytes.length)),
      remove: () => Promise.resolve(void this.calls.push('remove component')),
    }
  }

  get device(): TandemFace['device'] {
    if (this.condition.kind !== 'running' && this.condition.kind !== 'offline') return null
    return this.#device as unknown as TandemFace['device']
  }

  /** The part of a device that screens use. */
  readonly #device = {
    shares: this.openShares,
    folders: {
      report: () => [
        { id: 'vault', title: 'the whole vault', folder: '', from: null, access: null, unsent: false, peers: [] },
        ...this.shares,
      ],
      offers: () => this.offers,
      create: (folder: string) => this.#shareCall(`share ${folder}`).then(() => this.#create(folder)),
      setGrant: (peer: EndpointId, share: string, grant: Grant | null) =>
        this.#shareCall(`grant ${peer.slice(0, 2)} ${share} ${grant}`).then(() => this.#grant(peer, share, grant)),
      accept: (share: string, folder: string) =>
        this.#shareCall(`accept ${share} ${folder}`).then(() => {
          this.offers = this.offers.filter((offer) => offer.share !== share)
          this.changed()
        }),
      join: (offer: PairingOffer, _signal: AbortSignal, folder: string) => {
        this.calls.push(`join ${offer.name} into ${folder}`)
        return this.#pairing()
      },
      end: (share: string) =>
        this.#shareCall(`end ${share}`).then(() => {
          this.shares = this.shares.filter(({ id }) => id !== share)
          this.changed()
        }),
    },
    on: (listener: (event: DeviceEvent) => void) => this.#events.on(listener),
    peerReports: () => this.peers,
    metrics: () => {
      this.metricsRead++
      return Promise.resolve(metricsOf(this.peers))
    },
    peers: {
      getPeers: () => this.peers.map(({ record }) => record),
      offersOf: (id: string) => new Map(id === this.readOnlyOf ? [['vault', { title: 'vault', write: false }]] : []),
      invite: (share: string, choices?: { title: string; grant: Grant }) => {
        this.calls.push(choices ? `invite ${share} ${choices.title} ${choices.grant}` : 'invite')
        const offer = choices ? { ...OFFER, share, title: choices.title } : OFFER
        return { offer, paired: this.#pairing(), cancel: () => this.fail('declined') }
      },
      join: (offer: PairingOffer, signal: AbortSignal) => {
        this.calls.push(`join ${offer.name}`)
        signal.addEventListener('abort', () => this.calls.push('join aborted'))
        return this.#pairing()
      },
      connectToPeer: (id: string) => this.calls.push(`connect ${id.slice(0, 2)}`),
      disconnectPeer: (id: string) => Promise.resolve(this.calls.push(`disconnect ${id.slice(0, 2)}`)),
      updatePeer: (id: string, change: object) => {
        this.calls.push(`update ${id.slice(0, 2)} ${JSON.stringify(change)}`)
        return Promise.resolve()
      },
      removePeer: (id: EndpointId) => {
        this.calls.push(`remove ${id.slice(0, 2)}`)
        this.peers = this.peers.filter((peer) => peer.id !== id)
        this.changed()
        return Promise.resolve()
      },
    },
  }

  async #shareCall(call: string): Promise<void> {
    this.calls.push(call)
    const error = this.shareError
    this.shareError = null
    if (error) throw error
  }

  /** Well, and idle, unless told otherwise. */
  openShare(id: string, changes: Partial<Pick<Share, 'lastError'>> & { consent?: PendingConsent } = {}): void {
    const { consent = null, lastError = null } = changes
    const tree = { consent, issues: { unreadable: [], skipped: [], notHere: [], failed: [] } }
    this.openShares.set(id, { tree, lastError } as unknown as Share)
  }

  #create(folder: string): ShareReport {
    const there = this.shares.find((share) => share.folder === folder)
    if (there) return there
    const title = folder.slice(folder.lastIndexOf('/') + 1)
    const made = { id: `id-of-${title}`, title, folder, from: null, access: null, unsent: false, peers: [] }
    this.shares = [...this.shares, made]
    this.openShare(made.id)
    this.changed()
    return made
  }

  #grant(peer: EndpointId, share: string, grant: Grant | null): void {
    const { name } = this.peers.find(({ id }) => id === peer)!
    this.peers = this.peers.map((report) =>
      report.id === peer
        ? { ...report, record: { ...report.record, grants: withGrant(report.record, share, grant) } }
        : report,
    )
    this.shares = this.shares.map((report) => {
      if (report.id !== share) return report
      const others = report.peers.filter(({ id }) => id !== peer)
      return { ...report, peers: grant ? [...others, { id: peer, name, grant }] : others }
    })
    this.changed()
  }

  #pairing(): Promise<unknown> {
    return new Promise((resolve, reject) => (this.#paired = { resolve, reject }))
  }

  // ---- by the test's hand

  changed(): void {
    this.#changes.emit()
  }

  /** A question of the engine; the answer stands in `answered`. */
  ask(role: PairingQuestion['role'], question: Record<string, unknown>): void {
    this.answered = null
    this.#question = new AbortController()
    const whole = { role, id: anId(2), deviceName: 'Studio', ...question } as unknown as PairingQuestion
    void this.#asks
      .get(role)?.(whole, this.#question.signal)
      .then((yes) => (this.answered = yes))
  }

  withdraw(): void {
    this.#question.abort()
  }

  pair(name = 'Studio'): void {
    this.peers = [...this.peers, aPeer(2, name, { link: 'connecting' })]
    this.#paired?.resolve({ name })
    this.changed()
  }

  fail(code: PairingErrorCode | TransportErrorCode, kind: 'pairing' | 'transport' = 'pairing'): void {
    const error =
      kind === 'pairing'
        ? new PairingError(code as PairingErrorCode, code)
        : new TransportError(code as TransportErrorCode, code)
    this.#paired?.reject(error)
  }

  transfer(
    peer: EndpointId,
    filesDone: number,
    filesTotal: number,
    direction: 'receiving' | 'sending' = 'receiving',
  ): void {
    const progress = { filesDone, filesTotal, bytesDone: 1_200_000, bytesTotal: 4_000_000 }
    const objects = { objectsDone: filesDone + 10, objectsTotal: filesTotal + 10, bytesReceived: 900_000 }
    if (direction === 'sending') this.#events.emit({ kind: 'transfer', peer, direction, progress })
    else this.#events.emit({ kind: 'transfer', peer, direction, progress: { ...objects, ...progress } })
    this.changed()
  }

  /** Files that arrived are being written into the vault. */
  writing(filesDone: number, filesTotal: number): void {
    const progress = { phase: 'checkout' as const, filesDone, filesTotal, bytesDone: 0, bytesTotal: 0 }
    this.#events.emit({ kind: 'share', share: 'vault', event: { kind: 'progress', progress } })
    this.changed()
  }

  /** Nothing is sent or received any more. */
  idle(peer: PeerReport): void {
    const { state } = peer
    this.#events.emit({ kind: 'transfer', peer: peer.id, direction: 'sending', progress: null })
    this.#events.emit({ kind: 'peer', before: state, state: { ...state, activity: 'idle' }, record: peer.record })
    this.changed()
  }

  /** Holds up the relay until the returned function is called. */
  awaitRelay(): () => void {
    let known!: () => void
    this.relay = new Promise((resolve) => (known = resolve))
    return known
  }

  set consent(consent: PendingConsent | null) {
    const tree = { consent, issues: { unreadable: [], skipped: [], notHere: [], failed: [] } }
    const answerConsent = (yes: boolean) => {
      this.calls.push(`consent ${yes}`)
      this.consent = null
      return Promise.resolve()
    }
    this.share = { tree, lastError: null, answerConsent } as unknown as Share
    this.changed()
  }

  // ---- TandemFace

  get declinedOffers(): ReadonlySet<string> {
    return new Set(this.declined)
  }

  declineOffer(share: string, declined: boolean): void {
    this.calls.push(`${declined ? 'decline' : 'take up'} ${share}`)
    const others = this.declined.filter((one) => one !== share)
    this.declined = declined ? [...others, share] : others
    this.changed()
  }

  rename(name: string): Promise<void> {
    this.calls.push(`rename ${name}`)
    this.deviceName = name
    this.changed()
    return Promise.resolve()
  }

  changeSettings(change: Partial<Settings>): Promise<void> {
    this.calls.push(`settings ${JSON.stringify(change)}`)
    this.settings = { ...this.settings, ...change }
    this.changed()
    return Promise.resolve()
  }

  pause(): Promise<void> {
    return this.#become({ kind: 'paused' })
  }

  resume(): Promise<void> {
    return this.#become({ kind: 'running' })
  }

  #become(condition: SyncCondition): Promise<void> {
    this.calls.push(condition.kind)
    this.condition = condition
    this.changed()
    return Promise.resolve()
  }

  syncNow(): Promise<void> {
    this.calls.push('sync now')
    return Promise.resolve()
  }

  ready(): Promise<void> {
    return this.relay
  }

  onChange(listener: () => void): () => void {
    return this.#changes.on(listener)
  }

  answerQuestions(role: PairingQuestion['role'], ask: Ask): () => void {
    this.#asks.set(role, ask)
    return () => {
      if (this.#asks.get(role) === ask) this.#asks.delete(role)
    }
  }

  activity(): Promise<readonly LogRecord[]> {
    return Promise.resolve(this.log)
  }

  clearActivity(): Promise<void> {
    this.log = []
    this.changed()
    return Promise.resolve()
  }

  diagnostics(): Promise<string> {
    return Promise.resolve('{"peers":2}')
  }
}
