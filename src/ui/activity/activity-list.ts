import { ButtonComponent, ConfirmationModal, DropdownComponent, SearchComponent, setIcon } from 'obsidian'
import type { LogLevel, LogRecord } from '../../ports/logger.ts'
import { screenClock } from '../clock.ts'
import { addCopyButton } from '../copy-button.ts'
import type { Screens } from '../screens.ts'
import { formatAgo, formatCount, formatMoment } from '../words/format.ts'
import {
  ACTIVITY_KINDS,
  activityLine,
  activitySentence,
  filterActivity,
  isActivityKind,
  type ActivityKind,
} from './activity-entries.ts'

/** Rows drawn at once; more on request. */
const PAGE = 200

const ICONS: Record<LogLevel, string> = { debug: 'bug', info: 'info', warn: 'alert-triangle', error: 'x-circle' }

/** The activity log with its search: on a page of the settings, and in a view of its own. */
export class ActivityList {
  readonly #screens: Screens
  readonly #listEl: HTMLElement
  readonly #end: () => void
  #records: readonly LogRecord[] = []
  #kind: ActivityKind = 'all'
  #search = ''
  #limit = PAGE
  #drawn = ''
  #stopped = false

  constructor(parent: HTMLElement, screens: Screens) {
    this.#screens = screens
    const el = parent.createDiv({ cls: 'tandem-activity' })
    this.#drawTools(el.createDiv({ cls: 'tandem-tools' }))
    this.#listEl = el.createDiv({ cls: 'tandem-log', attr: { role: 'log', 'aria-label': 'Activity', tabindex: '0' } })
    this.#end = screens.face.onChange(() => void this.#load())
    void this.#load()
  }

  stop(): void {
    this.#stopped = true
    this.#end()
  }

  #drawTools(el: HTMLElement): void {
    const search = new SearchComponent(el).setPlaceholder('Search the log').onChange((text) => {
      this.#search = text
      this.#draw()
    })
    search.inputEl.setAttribute('aria-label', 'Search the log')
    const kinds = new DropdownComponent(el)
    for (const [kind, name] of Object.entries(ACTIVITY_KINDS)) kinds.addOption(kind, name)
    kinds.selectEl.setAttribute('aria-label', 'What to show')
    kinds.onChange((kind) => {
      if (isActivityKind(kind)) this.#kind = kind
      this.#draw()
    })
    addCopyButton(el, 'Copy', () =>
      this.#shown()
        .map((record) => activityLine(record, this.#nameOf))
        .join('\n'),
    )
    new ButtonComponent(el).setButtonText('Clear…').onClick(() => this.#askClear())
  }

  readonly #nameOf = (peer: string): string => {
    const known = this.#screens.face.device?.peerReports().find(({ id }) => id === peer)
    return known?.record.name ?? `Device ${peer.slice(0, 8)}`
  }

  async #load(): Promise<void> {
    const records = await this.#screens.face.activity()
    if (this.#stopped) return
    this.#records = records
    this.#draw()
  }

  #shown(): LogRecord[] {
    return filterActivity(this.#records, { kind: this.#kind, search: this.#search }, this.#nameOf)
  }

  #draw(): void {
    const shown = this.#shown()
    const now = screenClock.now()
    const key = JSON.stringify([shown.length, shown[0]?.at, shown.at(-1)?.at, this.#kind, this.#search, this.#limit])
    if (key === this.#drawn && shown.length > 0) return
    this.#drawn = key
    const el = this.#listEl
    el.empty()
    if (shown.length === 0) {
      const text = this.#records.length === 0 ? 'Nothing has happened yet.' : 'Nothing in the log fits.'
      return void el.createDiv({ cls: 'tandem-empty', text })
    }
    for (const record of shown.slice(0, this.#limit)) this.#drawRow(el, record, now)
    if (shown.length <= this.#limit) return
    new ButtonComponent(el)
      .setButtonText(`Show ${formatCount(Math.min(PAGE, shown.length - this.#limit), 'more entry', 'more entries')}`)
      .onClick(() => {
        this.#limit += PAGE
        this.#draw()
      })
  }

  #drawRow(el: HTMLElement, record: LogRecord, now: number): void {
    const row = el.createDiv({ cls: `tandem-log-row tandem-log-${record.level}` })
    setIcon(row.createSpan({ cls: 'tandem-log-icon', attr: { 'aria-hidden': 'true' } }), ICONS[record.level])
    const words = row.createDiv({ cls: 'tandem-log-words' })
    words.createDiv({ text: activitySentence(record) })
    const about = words.createDiv({ cls: 'tandem-hint' })
    if (record.peer) about.createSpan({ text: `${this.#nameOf(record.peer)} · ` })
    about.createEl('time', {
      text: formatAgo(record.at, now),
      attr: { datetime: new Date(record.at).toISOString(), title: formatMoment(record.at) },
    })
  }

  #askClear(): void {
    const modal = new ConfirmationModal(this.#screens.app)
    modal.setTitle('Clear the activity log?')
    modal.setContent('The entries are gone then. Your notes and their history are not part of it.')
    modal.addButton((button) =>
      button
        .setButtonText('Clear')
        .setDestructive()
        .onClick(async () => {
          await this.#screens.face.clearActivity()
          await this.#load()
        }),
    )
    modal.addCancelButton()
    modal.open()
  }
}
