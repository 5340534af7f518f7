import { SettingGroup, SettingPage, type SettingDefinitionPage } from 'obsidian'
import type { TotalMetrics } from '../../engine/metrics.ts'
import { screenClock } from '../clock.ts'
import { addCopyButton } from '../copy-button.ts'
import { LiveTexts } from '../live-text.ts'
import { MetricsWatch } from '../metrics-watch.ts'
import type { Screens } from '../screens.ts'
import { lastErrorSentence, lastStepSentence, TRAFFIC_FACTS } from '../words/traffic-facts.ts'
import { addFact } from './fact-row.ts'

/** The page "Traffic in total": what was counted over all devices (L10). */
export function trafficPage(screens: Screens): SettingDefinitionPage {
  return {
    type: 'page',
    name: 'Traffic in total',
    desc: 'What went to and came from all devices since sync started.',
    page: () => new TrafficPage(screens),
  }
}

class TrafficPage extends SettingPage {
  readonly #screens: Screens
  readonly #texts = new LiveTexts()
  readonly #metrics: MetricsWatch

  constructor(screens: Screens) {
    super()
    this.#screens = screens
    this.#metrics = new MetricsWatch(screens.face, () => this.#texts.refresh())
    this.title = 'Traffic in total'
  }

  override display(): void {
    const el = this.containerEl
    el.empty()
    this.#texts.clear()
    const traffic = new SettingGroup(el).setHeading('Since sync started')
    for (const { name, read } of TRAFFIC_FACTS) this.#fact(traffic, name, read)
    const devices = new SettingGroup(el).setHeading('Devices')
    this.#fact(devices, 'Connected', ({ connected, peers }) => `${connected} of ${peers}`)
    this.#fact(devices, 'Last in step', ({ lastSuccessAt }) => lastStepSentence(lastSuccessAt, screenClock.now()))
    this.#fact(devices, 'Last error', ({ lastError }) => lastErrorSentence(lastError, screenClock.now()))
    devices.addSetting((setting) => {
      setting.setName('All numbers').setDesc('For scripts: of each device and in total, as JSON.')
      addCopyButton(setting.controlEl, 'Copy as JSON', async () => {
        const metrics = (await this.#screens.face.device?.metrics()) ?? this.#metrics.latest
        return JSON.stringify(metrics, null, 2)
      })
    })
    this.#metrics.start()
  }

  override hide(): void {
    this.#metrics.stop()
    super.hide()
  }

  #fact(group: SettingGroup, name: string, read: (total: TotalMetrics) => string): void {
    addFact(group, this.#texts, name, () => {
      const { latest } = this.#metrics
      return latest ? read(latest.total) : 'Not known'
    })
  }
}
