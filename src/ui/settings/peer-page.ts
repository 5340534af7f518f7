import { ConfirmationModal, SettingGroup, SettingPage, type ButtonComponent } from 'obsidian'
import type { Device, PeerReport } from '../../engine/device.ts'
import type { PeerMetrics } from '../../engine/metrics.ts'
import type { PathInfo } from '../../ports/transport.ts'
import type { EndpointId } from '../../ports/transport.ts'
import { screenClock } from '../clock.ts'
import { addCopyButton } from '../copy-button.ts'
import { DebouncedSaves } from '../debounced-saves.ts'
import { LiveTexts } from '../live-text.ts'
import { MetricsWatch } from '../metrics-watch.ts'
import type { Screens } from '../screens.ts'
import { peerScope } from '../shares/peer-scope.ts'
import { currentPeerSentence } from '../status-facts.ts'
import { firstUpper, formatMoment } from '../words/format.ts'
import { needsAttention } from '../words/peer-sentence.ts'
import { amountSentence, sumProgress } from '../words/sync-progress.ts'
import { distanceSentence, lastErrorSentence, lastStepSentence, TRAFFIC_FACTS } from '../words/traffic-facts.ts'
import { addFact } from './fact-row.ts'
import { deviceNameProblem } from './setting-values.ts'

const PATHS: Record<PathInfo['kind'], string> = {
  direct: 'Directly over the internet',
  relay: 'Through a relay; it passes on what it cannot read',
  local: 'On the local network',
}

/** One paired device: how it stands, its name, what was counted, and how to be rid of it. */
export class PeerPage extends SettingPage {
  readonly #screens: Screens
  readonly #id: EndpointId
  readonly #texts = new LiveTexts()
  readonly #saves = new DebouncedSaves()
  /** How far the vaults are apart takes the engine a moment to tell. */
  readonly #metrics: MetricsWatch
  #ends: (() => void)[] = []
  #link: ButtonComponent | null = null
  #removed = false

  constructor(screens: Screens, id: EndpointId) {
    super()
    this.#screens = screens
    this.#id = id
    this.#metrics = new MetricsWatch(screens.face, () => this.#refresh())
    this.title = this.#report()?.record.name ?? 'Device'
  }

  override display(): void {
    this.hide()
    const refresh = () => this.#refresh()
    this.#ends.push(this.#screens.face.onChange(refresh))
    const timer = window.setInterval(refresh, 1000)
    this.#ends.push(() => window.clearInterval(timer))
    this.#draw()
    this.#metrics.start()
    this.#ends.push(() => this.#metrics.stop())
  }

  override hide(): void {
    this.#saves.flush()
    for (const end of this.#ends.splice(0)) end()
    super.hide()
  }

  get #device(): Device | null {
    return this.#screens.face.device
  }

  #report(): PeerReport | undefined {
    return this.#device?.peerReports().find(({ id }) => id === this.#id)
  }

  #refresh(): void {
    // While the engine starts anew, the page stays: its device is back in a moment.
    if (this.#screens.face.condition.kind === 'starting') return
    if ((this.#report() === undefined) !== this.#removed) this.#draw()
    this.#texts.refresh()
    this.#refreshLink()
  }

  #draw(): void {
    const el = this.containerEl
    const report = this.#report()
    el.empty()
    this.#texts.clear()
    this.#link = null
    this.#removed = report === undefined
    if (!report) {
      const text = this.#device ? 'This device was removed. It keeps its copy of the notes.' : 'Sync is off right now.'
      return void el.createEl('p', { text })
    }
    this.#drawState(new SettingGroup(el), report)
    this.#drawFacts(new SettingGroup(el).setHeading('Connection'))
    this.#drawTraffic(new SettingGroup(el).setHeading('Since sync started'))
    this.#drawRemoval(new SettingGroup(el), report)
  }

  #drawState(group: SettingGroup, { record }: PeerReport): void {
    group.addSetting((setting) => {
      setting.setName('State')
      this.#texts.add(
        setting.descEl,
        () => this.#read((report) => this.#sentence(report)),
        () => this.#read((report) => (needsAttention(report) ? 'tandem-warning' : '')) || null,
      )
      setting.addButton((button) => (this.#link = button.onClick(() => this.#toggleLink())))
      this.#refreshLink()
    })
    group.addSetting((setting) => {
      setting.setName('Name').setDesc('What this device calls it.')
      setting.addText((text) =>
        text.setValue(record.name).onChange((value) => {
          const problem = deviceNameProblem(value)
          setting.setErrorMessage(problem ?? null)
          if (!problem) this.#saves.later('name', () => this.#change({ name: value.trim() }))
        }),
      )
    })
    group.addSetting((setting) => {
      setting.setName('Connect automatically')
      setting.setDesc('Whenever both devices are online. Otherwise only when the other one connects.')
      setting.addToggle((toggle) =>
        toggle.setValue(record.autoConnect).onChange((autoConnect) => this.#change({ autoConnect })),
      )
    })
  }

  #drawFacts(group: SettingGroup): void {
    this.#fact(group, 'Shared with it', (report) =>
      firstUpper(peerScope(this.#screens.face, report) ?? 'the whole vault'),
    )
    this.#fact(group, 'Path', ({ state }) => (state.path ? PATHS[state.path.kind] : 'Not connected'))
    this.#fact(group, 'Round trip', ({ state }) =>
      state.roundTripMs === null ? 'Not measured yet' : `${Math.max(1, Math.round(state.roundTripMs))} ms`,
    )
    this.#fact(group, 'Files ahead and behind', ({ current }) =>
      distanceSentence(current ? { ahead: 0, behind: 0 } : this.#numbers()?.files),
    )
    this.#fact(group, 'Last in step', ({ record, current }) =>
      current ? 'Now' : lastStepSentence(record.lastSyncAt, screenClock.now()),
    )
    this.#fact(group, 'Last error', ({ state: { lastError } }) =>
      // That of the state is forgotten when the device is back.
      lastErrorSentence(lastError ?? this.#numbers()?.lastError, screenClock.now()),
    )
    this.#fact(group, 'Paired', ({ record }) => formatMoment(record.addedAt))
    group.addSetting((setting) => {
      setting.setName('Endpoint ID').setDesc(this.#id)
      setting.descEl.addClass('tandem-mono')
      addCopyButton(setting.controlEl, 'Copy', () => this.#id)
    })
  }

  #drawTraffic(group: SettingGroup): void {
    for (const { name, read } of TRAFFIC_FACTS)
      this.#fact(group, name, ({ traffic }) => read({ ...traffic, drops: traffic.dropped }))
  }

  #drawRemoval(group: SettingGroup, { record }: PeerReport): void {
    group.addSetting((setting) => {
      setting.setName('Remove this device')
      setting.setDesc('It keeps its copy of the notes, and no longer hears of changes.')
      setting.addButton((button) =>
        button
          .setButtonText('Remove…')
          .setDestructive()
          .onClick(() => this.#askRemove(record.name)),
      )
    })
  }

  #fact(group: SettingGroup, name: string, read: (report: PeerReport) => string): void {
    addFact(group, this.#texts, name, () => this.#read(read))
  }

  #numbers(): PeerMetrics | undefined {
    return this.#metrics.latest?.peers.find(({ id }) => id === this.#id)
  }

  #read(read: (report: PeerReport) => string): string {
    const report = this.#report()
    return report ? read(report) : ''
  }

  #sentence(report: PeerReport): string {
    const { face, transfers } = this.#screens
    const { receiving, sending } = transfers.of(this.#id)
    const progress = sumProgress([receiving, sending].filter((one) => one !== undefined))
    const amount = progress ? amountSentence(progress, screenClock.now()) : ''
    return [currentPeerSentence(face, transfers, report), amount].filter(Boolean).join(' · ')
  }

  #refreshLink(): void {
    const report = this.#report()
    const connects = report?.state.link === 'disconnected'
    this.#link?.setButtonText(connects ? 'Connect' : 'Disconnect').setDisabled(report?.state.link === 'disconnecting')
  }

  #toggleLink(): void {
    const { peers } = this.#device ?? {}
    const report = this.#report()
    if (!peers || !report) return
    if (report.state.link === 'disconnected') peers.connectToPeer(this.#id)
    else void peers.disconnectPeer(this.#id)
  }

  #change(change: { name?: string; autoConnect?: boolean }): void {
    if (this.#report()) void this.#device?.peers.updatePeer(this.#id, change)
  }

  #askRemove(name: string): void {
    const modal = new ConfirmationModal(this.#screens.app)
    modal.setTitle(`Remove ${name}?`)
    modal.setContent(
      `${name} keeps its copy of your notes and their history. From now on neither device hears of the other’s changes. To sync them again, pair them anew.`,
    )
    modal.addButton((button) =>
      button
        .setButtonText('Remove')
        .setDestructive()
        .onClick(async () => {
          if (this.#report()) await this.#device?.peers.removePeer(this.#id)
          this.#refresh()
        }),
    )
    modal.addCancelButton()
    modal.open()
  }
}
