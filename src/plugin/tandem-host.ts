import { APP_VERSION, VAULT_SHARE } from '../engine/app.ts'
import type { Device } from '../engine/device.ts'
import { Mutex } from '../engine/mutex.ts'
import type { PairingQuestion } from '../engine/pairing-session.ts'
import { readSettings, type SettingsReading } from '../engine/settings-schema.ts'
import { DEFAULT_SETTINGS, type Settings } from '../engine/settings.ts'
import type { Share } from '../engine/share.ts'
import { Emitter } from '../peers/emitter.ts'
import { StoreError } from '../ports/errors.ts'
import type { LogRecord } from '../ports/logger.ts'
import type { EndpointId } from '../ports/transport.ts'
import type { ComponentFace, SyncCondition, TandemFace } from '../ui/face.ts'
import { errorSentence } from '../ui/words/error-sentence.ts'
import type { DeviceKey } from '../adapters/obsidian/device-key.ts'
import type { HostParts, PluginData, PluginNetwork } from './host-parts.ts'
import type { Engine } from './open-engine.ts'

const PAUSED_KEY = 'tandem-sync-paused'
const DECLINED_KEY = 'tandem-sync-declined-shares'
/** Of declined offers, so many are remembered. */
const MAX_DECLINED = 1_000
/** Screens draw anew at most this often. */
const REDRAW_MS = 100
/** A setting typed letter by letter restarts the engine once. */
const RESTART_MS = 1_000

type Asker = (question: PairingQuestion, signal: AbortSignal) => Promise<boolean>

/** The plugin's engine over its life: started, paused, restarted with other settings, stopped; and the face that its screens see. */
export class TandemHost implements TandemFace {
  readonly #parts: HostParts
  readonly #turns = new Mutex()
  readonly #changes = new Emitter<void>((error) => this.#complain('listener.threw', error))
  readonly #askers = new Map<PairingQuestion['role'], Asker>()
  readonly #unload = new AbortController()
  #known: { readonly key: DeviceKey; readonly data: PluginData; readonly network: PluginNetwork | null } | null = null
  #settings = DEFAULT_SETTINGS
  #engine: Engine | null = null
  #condition: SyncCondition = { kind: 'starting' }
  #unlock: (() => void) | null = null
  #redrawTimer: (() => void) | null = null
  #restartTimer: (() => void) | null = null

  constructor(parts: HostParts) {
    this.#parts = parts
  }

  // ---- the face

  get vaultName(): string {
    return this.#parts.vaultName
  }

  get condition(): SyncCondition {
    return this.#condition
  }

  get device(): Device | null {
    return this.#engine?.device ?? null
  }

  get share(): Share | null {
    return this.#engine?.device.shares.get(VAULT_SHARE) ?? null
  }

  get deviceName(): string {
    return this.#parts.deviceName()
  }

  get deviceId(): EndpointId | null {
    return this.#known?.key.id ?? null
  }

  get settings(): Settings {
    return this.#settings
  }

  get component(): ComponentFace {
    return this.#parts.component
  }

  async rename(name: string): Promise<void> {
    this.#parts.rename(name)
    this.restartSoon()
  }

  async changeSettings(change: Partial<Settings>): Promise<void> {
    await this.#known?.data.saveSettings(change)
    this.#readSettings()
    this.restartSoon()
  }

  async pause(): Promise<void> {
    this.#parts.storage.saveLocalStorage(PAUSED_KEY, true)
    await this.restart()
  }

  async resume(): Promise<void> {
    this.#parts.storage.saveLocalStorage(PAUSED_KEY, null)
    await this.restart()
  }

  async syncNow(): Promise<void> {
    const shares = [...(this.device?.shares.values() ?? [])]
    for (const share of shares) share.tree.markAllDirty()
    this.device?.peers.connectAll()
    await Promise.all(shares.map((share) => share.settle()))
  }

  async ready(signal: AbortSignal): Promise<void> {
    await this.#engine?.ready(signal)
  }

  onChange(listener: () => void): () => void {
    return this.#changes.on(listener)
  }

  answerQuestions(role: PairingQuestion['role'], ask: Asker): () => void {
    this.#askers.set(role, ask)
    return () => {
      if (this.#askers.get(role) === ask) this.#askers.delete(role)
    }
  }

  get declinedOffers(): ReadonlySet<string> {
    const stored = this.#parts.storage.loadLocalStorage(DECLINED_KEY)
    return new Set(Array.isArray(stored) ? stored.filter((share) => typeof share === 'string') : [])
  }

  declineOffer(share: string, declined: boolean): void {
    const others = [...this.declinedOffers].filter((one) => one !== share)
    const all = declined ? [...others, share].slice(-MAX_DECLINED) : others
    this.#parts.storage.saveLocalStorage(DECLINED_KEY, all.length > 0 ? all : null)
    this.#redrawSoon()
  }

  activity(): Promise<readonly LogRecord[]> {
    return this.#parts.logger.read()
  }

  clearActivity(): Promise<void> {
    return this.#parts.logger.clear()
  }

  async diagnostics(): Promise<string> {
    const { relay, excludedFolders, ...settings } = this.settings
    const share = this.share
    const metrics = await this.device?.metrics().catch(() => null) // of an engine that is being stopped
    const filesOf = (id: EndpointId) => metrics?.peers.find((peer) => peer.id === id)?.files ?? null
    return JSON.stringify(
      {
        version: APP_VERSION,
        platform: this.#parts.platform,
        condition: this.#condition,
        component: this.component.condition,
        settings: { ...settings, relay: /^https?:/.test(relay) ? 'own' : relay, excluded: excludedFolders.length },
        files: share?.tree.fileCount ?? null,
        settled: this.device?.isSettled ?? null,
        folders: this.device?.folders.report().flatMap(({ id, from, access, unsent, peers }) => {
          if (id === VAULT_SHARE) return []
          const error = this.device?.shares.get(id)?.lastError
          return [{ own: from === null, access, unsent, devices: peers.length, failed: error ? error.name : null }]
        }),
        peers: this.device?.peerReports().map(({ id, state, current, traffic }) => ({
          ...{ id: id.slice(0, 8), link: state.link, health: state.health, activity: state.activity, current },
          ...{ error: state.lastError?.code ?? null, path: state.path?.kind ?? null },
          ...{ roundTripMs: state.roundTripMs, traffic, filesApart: filesOf(id) },
        })),
        total: metrics && { ...metrics.total, lastError: metrics.total.lastError?.code ?? null },
      },
      null,
      2,
    )
  }

  // ---- its life

  /** Begins; resolves when the vault was looked at once, or it is clear that it cannot be. Never rejects. */
  async start(): Promise<void> {
    let unlock: () => void
    try {
      unlock = await this.#parts.lock(() => {
        const message =
          'This vault is open in another window, and that one syncs it. This window takes over when the other is closed.'
        this.#set({ kind: 'failed', message })
      }, this.#unload.signal)
    } catch (error) {
      if (!this.#unload.signal.aborted) this.#fail(error)
      return
    }
    if (this.#unload.signal.aborted) return unlock() // it came too late: nobody would give it back
    this.#unlock = unlock
    await this.#turns.run(() => this.#open())
    await this.restart()
  }

  /** Somebody else changed `data.json`: another sync of the vault's folder, or a person. */
  async reload(): Promise<void> {
    try {
      await this.#known?.data.reload()
      this.#readSettings()
      this.restartSoon()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** What is opened once and stays: the key, the data, the network's doors. */
  async #open(): Promise<void> {
    if (this.#unload.signal.aborted) return
    try {
      const key = await this.#parts.key()
      const [data, network] = [await this.#parts.data(key.id), await this.#parts.network()]
      this.#parts.component.use(network?.component ?? null)
      this.#parts.component.onChange = () => this.restartSoon()
      this.#known = { key, data, network }
      for (const { message } of this.#readSettings()) this.#parts.logger.log('warn', 'settings.problem', message)
    } catch (error) {
      this.#fail(error)
    }
  }

  #readSettings(): SettingsReading['problems'] {
    const { settings, problems } = readSettings(this.#known?.data.settings())
    this.#settings = settings
    return problems
  }

  /** After a change that needs a new engine. */
  restartSoon(): void {
    this.#redrawSoon()
    this.#restartTimer?.()
    this.#restartTimer = this.#parts.clock.after(RESTART_MS, () => {
      this.#restartTimer = null
      void this.restart()
    })
  }

  /** Ends the engine that runs, if one does, and opens one as things are now. */
  restart(): Promise<void> {
    return this.#turns.run(async () => {
      if (this.#unload.signal.aborted || !this.#known) return
      this.#set({ kind: 'starting' })
      await this.#closeEngine()
      try {
        const paused = this.#parts.storage.loadLocalStorage(PAUSED_KEY) === true
        // Evaluated now and not with the plugin, so that the app's start does not wait for it; and piece by piece.
        await this.#parts.clock.breathe?.()
        await import('../protocol/protobuf-runtime.ts')
        await this.#parts.clock.breathe?.()
        await import('../protocol/peerlink_pb.ts')
        await this.#parts.clock.breathe?.()
        const { openEngine } = await import('./open-engine.ts')
        const engine = await openEngine(this.#parts, {
          ...this.#known,
          settings: this.#settings,
          paused,
          confirm: (question, signal) => this.#askers.get(question.role)?.(question, signal) ?? Promise.resolve(false),
        })
        this.#engine = engine
        engine.device.on(() => this.#redrawSoon())
        this.#set(engine.condition)
        void engine.start().catch((error: unknown) => this.#fail(error))
      } catch (error) {
        this.#fail(error)
      }
    })
  }

  /** L9: peers hear goodbye, the stores are closed, and nothing is left. */
  async stop(): Promise<void> {
    this.#unload.abort()
    this.#restartTimer?.()
    this.#redrawTimer?.()
    await this.#turns.run(() => this.#closeEngine())
    await this.#parts.logger.close()
    this.#unlock?.()
    this.#unlock = null
  }

  async #closeEngine(): Promise<void> {
    const engine = this.#engine
    this.#engine = null
    await engine?.close().catch((error: unknown) => this.#complain('engine.close', error))
  }

  #set(condition: SyncCondition): void {
    this.#condition = condition
    this.#redrawSoon()
  }

  #fail(error: unknown): void {
    this.#complain('engine.failed', error)
    this.#set({ kind: 'failed', message: inWords(error) })
  }

  #complain(event: string, error: unknown): void {
    this.#parts.logger.log('error', event, error instanceof Error ? error.message : String(error))
  }

  #redrawSoon(): void {
    if (this.#unload.signal.aborted) return
    this.#redrawTimer ??= this.#parts.clock.after(REDRAW_MS, () => {
      this.#redrawTimer = null
      this.#changes.emit()
    })
  }
}

/** What comes from the platform's own files and keys is a sentence already; the history's stores speak to programs. */
function inWords(error: unknown): string {
  if (error instanceof StoreError) {
    const { what, next } = errorSentence(error)
    return `${what} ${next}`
  }
  return error instanceof Error ? error.message : String(error)
}
