import { ButtonComponent, ConfirmationModal, Modal } from 'obsidian'
import { addCopyButton } from '../copy-button.ts'
import type { Screens } from '../screens.ts'
import { formatBytes } from '../words/format.ts'

/** Says what the native component is, where it comes from and how it is recognised, and installs the file that the person chose. */
class ComponentModal extends Modal {
  readonly #screens: Screens

  constructor(screens: Screens) {
    super(screens.app)
    this.#screens = screens
    this.modalEl.addClass('tandem-modal')
  }

  override onOpen(): void {
    const { offer } = this.#screens.face.component
    const el = this.contentEl
    this.setTitle('Install the network component')
    if (!offer) return void el.createEl('p', { text: 'There is no network component for this kind of device.' })
    el.createEl('p', {
      text: 'Tandem connects your devices with Iroh, whose code for this system is a file of its own. Plugins do not install such files by themselves, so you do: get its npm package, then choose it here, packed (.tgz) or unpacked (.node).',
    })
    const facts = el.createEl('dl', { cls: 'tandem-facts' })
    const fact = (name: string, value: string): HTMLElement => {
      facts.createEl('dt', { text: name })
      return facts.createEl('dd', { text: value })
    }
    fact('File', `${offer.file} (${formatBytes(offer.bytes)})`)
    fact('From', `the npm package ${offer.source}`)
    fact('SHA-256', offer.sha256).addClass('tandem-mono')
    el.createEl('p', {
      cls: 'tandem-hint',
      text: 'The file is only used if it has exactly this SHA-256, now and at every start.',
    })
    const problem = el.createDiv({ cls: 'tandem-error', attr: { role: 'alert' } })
    const row = el.createDiv({ cls: 'modal-button-container' })
    addCopyButton(row, 'Copy npm command', () => `npm pack ${offer.source}`)
    const file = row.createEl('input', {
      type: 'file',
      cls: 'tandem-hidden',
      attr: { accept: '.node,.tgz', tabindex: '-1' },
    })
    const choose = new ButtonComponent(row)
      .setButtonText('Install from file…')
      .setCta()
      .onClick(() => file.click())
    file.addEventListener('change', () => void this.#install(file, choose, problem))
    choose.buttonEl.focus()
  }

  async #install(field: HTMLInputElement, button: ButtonComponent, problem: HTMLElement): Promise<void> {
    const file = field.files?.[0]
    if (!file) return
    problem.setText('')
    button.setDisabled(true).setButtonText('Checking…')
    try {
      await this.#screens.face.component.installFile(new Uint8Array(await file.arrayBuffer()))
      this.close()
    } catch (error) {
      problem.setText(error instanceof Error ? error.message : String(error))
      button.setDisabled(false).setButtonText('Install from file…')
    } finally {
      field.value = ''
    }
  }

  override onClose(): void {
    this.contentEl.empty()
  }
}

export function showInstall(screens: Screens): void {
  new ComponentModal(screens).open()
}

export function askRemoveComponent(screens: Screens): void {
  const modal = new ConfirmationModal(screens.app)
  modal.setTitle('Remove the network component?')
  modal.setContent('This device then no longer connects to others. Your notes, their history and conflicts stay.')
  modal.addButton((button) =>
    button
      .setButtonText('Remove')
      .setDestructive()
      .onClick(() => screens.face.component.remove()),
  )
  modal.addCancelButton()
  modal.open()
}
