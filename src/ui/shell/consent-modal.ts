import { ButtonComponent, Modal } from 'obsidian'
import type { PendingConsent } from '../../engine/consent.ts'
import type { Share } from '../../engine/share.ts'
import type { Screens } from '../screens.ts'
import { consentWords } from '../words/consent-sentence.ts'
import { errorSentence } from '../words/error-sentence.ts'
import { formatCount } from '../words/format.ts'

/** Paths of a list that are shown; the number tells the rest. */
const MAX_SHOWN = 1_000

/** E3: a large change, with its files, and the two answers. Closing it answers nothing: the change goes on waiting. */
export class ConsentModal extends Modal {
  readonly #share: Share
  readonly #folder: string
  readonly #pending: PendingConsent
  readonly #end: () => void

  /** `folder`: of a shared folder; '' is the vault. */
  constructor({ app, face }: Screens, share: Share, folder: string, pending: PendingConsent) {
    super(app)
    this.#folder = folder
    this.#share = share
    this.#pending = pending
    this.modalEl.addClass('tandem-modal')
    // An answer counts for exactly the plan that is shown.
    this.#end = face.onChange(() => {
      if (share.tree.consent?.key !== pending.key) this.close()
    })
  }

  override onOpen(): void {
    const { title, what, yes, no, consequence } = consentWords(this.#pending, this.#folder)
    const el = this.contentEl
    this.setTitle(title)
    el.createEl('p', { text: what })
    this.#drawFiles('Files that would be deleted', this.#pending.deletes)
    this.#drawFiles('Files whose text would be replaced', this.#pending.overwrites)
    el.createEl('p', { cls: 'tandem-hint', text: consequence })
    const problem = el.createDiv({ cls: 'tandem-error', attr: { role: 'alert' } })
    const row = el.createDiv({ cls: 'modal-button-container' })
    const approve = new ButtonComponent(row).setButtonText(yes).setDestructive()
    const keep = new ButtonComponent(row).setButtonText(no).setCta()
    const answer = async (accepted: boolean): Promise<void> => {
      approve.setDisabled(true)
      keep.setDisabled(true)
      try {
        await this.#share.answerConsent(accepted, this.#pending.key)
        this.close()
      } catch (error) {
        const sentence = errorSentence(error)
        problem.setText(`${sentence.what} ${sentence.next}`)
        approve.setDisabled(false)
        keep.setDisabled(false)
      }
    }
    approve.onClick(() => answer(true))
    keep.onClick(() => answer(false))
    keep.buttonEl.focus()
  }

  override onClose(): void {
    this.#end()
    this.contentEl.empty()
  }

  #drawFiles(heading: string, paths: readonly string[]): void {
    if (paths.length === 0) return
    const details = this.contentEl.createEl('details', { attr: { open: 'true' } })
    details.createEl('summary', { text: `${heading} (${paths.length})` })
    const list = details.createEl('ul', { cls: 'tandem-paths', attr: { tabindex: '0', 'aria-label': heading } })
    for (const path of paths.slice(0, MAX_SHOWN)) list.createEl('li', { text: path })
    if (paths.length > MAX_SHOWN)
      list.createEl('li', { cls: 'tandem-hint', text: `and ${formatCount(paths.length - MAX_SHOWN, 'more file')}` })
  }
}
