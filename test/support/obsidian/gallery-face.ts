/** What the screens see of the plugin, without the plugin: a test or a picture sets each state by hand. */
import type { DeviceEvent, PeerReport } from '../../../src/engine/device.ts'
import type { PendingConsent } from '../../../src/engine/consent.ts'
import type { PairingQuestion } from '../../../src/engine/pairing-session.ts'
import { DEFAULT_SETTINGS, type Settings } from '../../../src/engine/settings.ts'
import type { Share } from '../../../src/engine/share.ts'
import { Emitter } from '../../../src/peers/emitter.ts'
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
    on: (listener: (event: DeviceEvent) => void) => this.#events.on(listener),
    peerReports: () => this.peers,
    metrics: () => {
      this.metricsRead++
      return Promise.resolve(metricsOf(this.peers))
    },
    peers: {
      invite: () => {
        this.calls.push('invite')
        return { offer: OFFER, paired: this.#pairing(), cancel: () => this.fail('declined') }
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
