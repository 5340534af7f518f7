import { ButtonComponent, Modal } from 'obsidian'
import type { OpenOffer } from '../../engine/folder-shares.ts'
import { whyNoDevice } from '../pairing/availability.ts'
import type { Screens } from '../screens.ts'
import { errorSentence } from '../words/error-sentence.ts'
import { offerConsequences } from '../words/share-sentence.ts'
import { addPlaceField } from './place-field.ts'

/** Asks where a folder goes that another device shares with this one. Closing it answers nothing. */
export class AcceptModal extends Modal {
  readonly #screens: Screens
  readonly #offer: OpenOffer

  constructor(screens: Screens, offer: OpenOffer) {
    super(screens.app)
    this.#screens = screens
    this.#offer = offer
    this.modalEl.addClass('tandem-modal')
  }

  override onOpen(): void {
    const { title, peerName } = this.#offer
    const { app, face } = this.#screens
    const el = this.contentEl
    this.setTitle(`${peerName} shares “${title}”`)
    el.createEl('p', { text: offerConsequences(this.#offer) })
    const refresh = (): void => void accept.setDisabled(field.place() === null)
    const field = addPlaceField(el, { app, face, title, onChange: refresh })
    const problem = el.createDiv({ cls: 'tandem-error', attr: { role: 'alert' } })
    const row = el.createDiv({ cls: 'modal-button-container' })
    new ButtonComponent(row).setButtonText('Decline').onClick(() => {
      face.declineOffer(this.#offer.share, true)
      this.close()
    })
    const accept = new ButtonComponent(row).setButtonText('Accept').setCta()
    refresh()
    accept.onClick(async () => {
      const place = field.place()
      if (place === null) return
      accept.setDisabled(true)
      try {
        await this.#accept(place)
        this.close()
      } catch (error) {
        const { what, next } = errorSentence(error)
        problem.setText(`${what} ${next}`)
        accept.setDisabled(false)
      }
    })
    field.input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.isComposing) accept.buttonEl.click()
    })
    field.input.focus()
    field.input.select()
  }

  override onClose(): void {
    this.contentEl.empty()
  }

  async #accept(place: string): Promise<void> {
    const { face } = this.#screens
    const { device } = face
    if (!device) {
      const { what, next } = whyNoDevice(face.condition)
      throw new Error(`${what} ${next}`)
    }
    await device.folders.accept(this.#offer.share, place, this.#offer.peer)
    face.declineOffer(this.#offer.share, false)
  }
}
