import { Notice, type Plugin } from 'obsidian'
import type { Screens } from '../screens.ts'
import { screenClock } from '../clock.ts'
import { consentWords } from '../words/consent-sentence.ts'
import { errorSentence } from '../words/error-sentence.ts'
import { formatCount } from '../words/format.ts'
import { firstShareError, waitingChange } from '../shares/all-shares.ts'
import { ShareNews } from '../shares/share-news.ts'
import { vaultConflicts } from '../conflicts/vault-conflicts.ts'

/** An error that goes away by itself within this time is no news, ms. */
const LASTING = 60_000
/** Also when nothing changes, an error grows old. */
const LOOK_EVERY = 15_000

/** Notices for what a person must know and would not see otherwise: conflicts, a change that waits, an error that lasts. */
export class Notices {
  readonly #screens: Screens
  /** Paths of the copies that are known; null before the first look. */
  #conflicts: ReadonlySet<string> | null = null
  #consent: string | null = null
  #consentNotice: Notice | null = null
  readonly #shareNews = new ShareNews()
  /** Of the share or of the whole: since when, and whether it was told. */
  #error: { readonly since: number; told: boolean } | null = null

  /** To be made once the vault is loaded: conflicts that are there already are no news. */
  constructor(plugin: Plugin, screens: Screens) {
    this.#screens = screens
    plugin.register(screens.face.onChange(() => this.#look()))
    plugin.registerInterval(window.setInterval(() => this.#look(), LOOK_EVERY))
    this.#look()
  }

  #look(): void {
    this.#lookAtConflicts()
    const waiting = waitingChange(this.#screens.face)
    const consent = waiting?.consent ?? null
    if (waiting && consent && consent.key !== this.#consent)
      this.#consentNotice = tell(consentWords(consent, waiting.folder).what, 'Look at it', () =>
        this.#screens.askConsent(),
      )
    if (!consent) this.#consentNotice?.hide()
    this.#consent = consent?.key ?? null
    this.#lookAtError()
    for (const { text, action } of this.#shareNews.look(this.#screens)) tell(text, action.label, action.run)
  }

  #lookAtConflicts(): void {
    const found = this.#findConflicts()
    const known = this.#conflicts ?? found
    const news = [...found].filter((path) => !known.has(path)).length
    if (news > 0) {
      const more = formatCount(news, 'note was', 'notes were')
      tell(`${more} changed on two devices at once. Both texts are kept.`, 'Compare them', () =>
        this.#screens.openConflicts(),
      )
    }
    this.#conflicts = found
  }

  #findConflicts(): Set<string> {
    return new Set(vaultConflicts(this.#screens.app).map(({ path }) => path))
  }

  #lookAtError(): void {
    const { face } = this.#screens
    const { condition } = face
    const error = condition.kind === 'failed' ? condition : firstShareError(face)
    if (!error) return void (this.#error = null)
    const now = screenClock.now()
    this.#error ??= { since: now, told: false }
    if (this.#error.told || now - this.#error.since < LASTING) return
    this.#error.told = true
    if (error instanceof Error) {
      const { what, next } = errorSentence(error)
      tell(`${what} ${next}`, 'Activity log', () => this.#screens.openActivity())
    } else tell(error.message, 'Settings', () => this.#screens.openSettings())
  }
}

/** Stays until it is clicked. */
function tell(text: string, action: string, then: () => void): Notice {
  const content = createFragment()
  content.createDiv({ text })
  const link = content.createDiv({ cls: 'tandem-notice-buttons' }).createEl('button', { cls: 'mod-cta', text: action })
  const notice = new Notice(content, 0)
  link.addEventListener('click', () => {
    notice.hide()
    then()
  })
  return notice
}
