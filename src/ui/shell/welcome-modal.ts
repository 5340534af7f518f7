import { ButtonComponent, Modal } from 'obsidian'
import type { Screens } from '../screens.ts'

/** The offer to pair when somebody has just turned the plugin on. */
export class WelcomeModal extends Modal {
  readonly #screens: Screens

  constructor(screens: Screens) {
    super(screens.app)
    this.#screens = screens
    this.modalEl.addClass('tandem-modal')
  }

  override onOpen(): void {
    const el = this.contentEl
    this.setTitle('Keep this vault in step')
    el.createEl('p', {
      text: 'Tandem brings your notes from one of your devices to the other, directly and without a server in between.',
    })
    const list = el.createEl('ul')
    list.createEl('li', { text: 'Are your notes in this vault? Add your other device.' })
    list.createEl('li', { text: 'Is this vault new, and are your notes elsewhere? Join that device.' })
    el.createEl('p', {
      cls: 'tandem-hint',
      text: 'Before anything is written, you see what would come and go. Later on you find both in the settings of Tandem.',
    })
    const row = el.createDiv({ cls: 'modal-button-container' })
    const button = (label: string, then: () => void): ButtonComponent =>
      new ButtonComponent(row).setButtonText(label).onClick(() => {
        this.close()
        then()
      })
    button('Later', () => undefined)
    button('Join device', () => this.#screens.joinDevice())
    button('Add device', () => this.#screens.addDevice())
      .setCta()
      .buttonEl.focus()
  }

  override onClose(): void {
    this.contentEl.empty()
  }
}
