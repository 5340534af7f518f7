import { PluginSettingTab, type Plugin, type SettingDefinitionItem } from 'obsidian'
import { DebouncedSaves } from '../debounced-saves.ts'
import { LiveTexts } from '../live-text.ts'
import type { Screens } from '../screens.ts'
import { waitingChange } from '../shares/all-shares.ts'
import { statusFacts } from '../status-facts.ts'
import { errorSentence } from '../words/error-sentence.ts'
import { statusSummary } from '../words/status-summary.ts'
import { activityPage } from './activity-page.ts'
import { advancedPage } from './advanced-page.ts'
import { deviceDefinitions } from './device-definitions.ts'
import { issueCount } from './issues-modal.ts'
import { progressDefinition } from './progress-definition.ts'
import { deviceNameProblem, relayMode, settingChange, settingValue } from './setting-values.ts'
import { shareDefinitions, sharesDrawn } from './share-definitions.ts'
import { scopeDefinitions } from './scope-definitions.ts'
import { troubleDefinitions } from './trouble-definitions.ts'

/** Controls in which people type: their values are saved when the typing stops. */
const TYPED: ReadonlySet<string> = new Set([
  'deviceName',
  'relayUrl',
  'maxPeers',
  'heartbeatSeconds',
  'queueLimit',
  'queueWaitMs',
  'debounceMs',
])
const TEXT_FIELDS = 'input:not([type="checkbox"], [type="file"], [readonly]), textarea, select'
const SECOND = 1000

/** The settings of Tandem: this device, its peers, what is synced, and the pages behind them. */
export class TandemSettingTab extends PluginSettingTab {
  override icon = 'refresh-cw'
  readonly #screens: Screens
  readonly #texts = new LiveTexts()
  readonly #saves = new DebouncedSaves()
  /** What the drawn definitions were made of. */
  #drawn = ''
  /** "Own relay" was chosen, and its address is not entered yet. */
  #ownRelay = false
  /** A change that the person's typing must not be disturbed by, or why the last change failed. */
  #problem: string | null = null

  constructor(plugin: Plugin, screens: Screens) {
    super(screens.app, plugin)
    this.#screens = screens
    plugin.register(screens.face.onChange(() => this.refresh()))
    plugin.registerInterval(window.setInterval(() => this.refresh(), SECOND)) // "retrying in 20 s"
  }

  override getSettingDefinitions(): SettingDefinitionItem[] {
    const { face } = this.#screens
    this.#texts.clear()
    this.#drawn = this.#structure()
    return [
      ...troubleDefinitions(this.#screens, this.#problem),
      {
        name: 'Sync this vault',
        desc: this.#texts.fragment(() => syncSentence(this.#screens)),
        control: {
          type: 'toggle',
          key: 'sync',
          disabled: () => face.condition.kind === 'starting' || face.condition.kind === 'failed',
        },
      },
      progressDefinition(this.#screens, this.#texts),
      {
        name: 'Device name',
        desc: 'What your other devices call this one.',
        control: { type: 'text', key: 'deviceName', validate: deviceNameProblem },
      },
      ...deviceDefinitions(this.#screens, this.#texts),
      ...shareDefinitions(this.#screens, this.#texts),
      ...scopeDefinitions(this.#screens),
      advancedPage(this.#screens, { ownRelay: () => this.#isOwnRelay() }),
      activityPage(this.#screens),
    ]
  }

  override getControlValue(key: string): unknown {
    const { face } = this.#screens
    if (key === 'sync') return face.condition.kind !== 'paused'
    if (key === 'deviceName') return face.deviceName
    if (key === 'relayMode' && this.#ownRelay) return 'own'
    return settingValue(face.settings, key)
  }

  override setControlValue(key: string, value: unknown): void {
    if (TYPED.has(key)) this.#saves.later(key, () => void this.#save(key, value))
    else void this.#save(key, value)
  }

  override hide(): void {
    this.#saves.flush()
    super.hide()
  }

  /** Brings what is on the screen up to date: in place, unless devices or settings came or went. */
  refresh(): void {
    if (!this.containerEl.isConnected) return
    const complete = this.#texts.refresh()
    // A change of settings starts the engine anew: its devices are back in a moment.
    if (this.#screens.face.condition.kind === 'starting' && complete) return
    if (this.#structure() === this.#drawn) {
      // What is not on the screen is behind a page that is: that one is not drawn anew below somebody's fingers.
      if (complete || this.containerEl.contains(activeDocument.activeElement)) return
    }
    if (!isTyping()) this.update() // later, when the field is left
  }

  async #save(key: string, value: unknown): Promise<void> {
    const { face } = this.#screens
    if (key === 'relayMode') this.#ownRelay = value === 'own'
    try {
      if (key === 'sync') await (value === true ? face.resume() : face.pause())
      else if (key === 'deviceName') await face.rename(String(value).trim())
      else {
        const change = settingChange(face.settings, key, value)
        if (change) await face.changeSettings(change)
      }
      this.#problem = null
    } catch (error) {
      const { what, next } = errorSentence(error)
      this.#problem = `${what} ${next}`
    }
    this.refreshDomState()
    this.refresh()
  }

  #isOwnRelay(): boolean {
    return this.#ownRelay || relayMode(this.#screens.face.settings.relay) === 'own'
  }

  /** Equal as long as the same rows are to be drawn. */
  #structure(): string {
    const { face } = this.#screens
    const peers = face.device?.peerReports().map(({ id, record }) => [id, record.name]) ?? null
    const consent = waitingChange(face)?.consent.key
    const issues = face.share ? issueCount(face.share.tree.issues) : null
    const { condition } = face
    return JSON.stringify([
      condition.kind === 'failed' || condition.kind === 'offline' ? condition : condition.kind === 'paused',
      peers,
      consent,
      issues,
      face.share?.lastError?.message,
      face.component.condition,
      face.settings.excludedFolders,
      sharesDrawn(this.#screens),
      this.#problem,
    ])
  }
}

/** How the sync stands; the row below tells how far it is. */
function syncSentence({ face, transfers }: Screens): string {
  // The row above says why.
  if (face.condition.kind === 'offline') return 'Your notes go into the history here, and nowhere else right now.'
  if (face.condition.kind === 'failed') return 'Sync is not running.'
  return statusSummary({ ...statusFacts(face, transfers), progress: null, writing: null }).sentence
}

function isTyping(): boolean {
  return activeDocument.activeElement?.matches(TEXT_FIELDS) ?? false
}
