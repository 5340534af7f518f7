import { ButtonComponent, Modal, Notice, Setting } from 'obsidian'
import { grantOf } from '../../peers/grants.ts'
import type { PeerRecord } from '../../ports/data-store.ts'
import { VAULT_SHARE, type Grant } from '../../ports/share-record.ts'
import type { Screens } from '../screens.ts'
import { errorSentence } from '../words/error-sentence.ts'
import { formatList } from '../words/format.ts'
import { GRANT_NAMES, shareConsequences } from '../words/share-sentence.ts'
import { whyNoDevice } from '../pairing/availability.ts'
import { filesIn, folderReports } from './vault-places.ts'

/** In the list of devices: nobody of them. */
const BY_LINK = 'link'

/** Shares a folder with a paired device, or with somebody new by a link: who, what they may do, and what that means. */
export class ShareFolderModal extends Modal {
  readonly #screens: Screens
  readonly #folder: string
  #who: string
  #grant: Grant = 'write'
  #consequences: HTMLElement | null = null
  #submit: ButtonComponent | null = null
  #problem: HTMLElement | null = null

  constructor(screens: Screens, folder: string) {
    super(screens.app)
    this.#screens = screens
    this.#folder = folder
    this.#who = this.#candidates()[0]?.nodeId ?? BY_LINK
    this.modalEl.addClass('tandem-modal')
  }

  override onOpen(): void {
    const el = this.contentEl
    this.setTitle(`Share “${this.#folder}”`)
    const candidates = this.#candidates()
    new Setting(el).setName('With').addDropdown((dropdown) => {
      for (const { nodeId, name } of candidates) dropdown.addOption(nodeId, name)
      dropdown.addOption(BY_LINK, candidates.length ? 'Somebody else, by a link' : 'Somebody, by a link')
      dropdown.setValue(this.#who).onChange((who) => this.#refresh(() => (this.#who = who)))
    })
    new Setting(el).setName('They may').addDropdown((dropdown) =>
      dropdown
        .addOptions(GRANT_NAMES)
        .setValue(this.#grant)
        .onChange((grant) => this.#refresh(() => (this.#grant = grant === 'read' ? 'read' : 'write'))),
    )
    const own = this.#withWholeVault()
    if (own.length > 0)
      el.createEl('p', {
        cls: 'tandem-hint',
        text: `${formatList(own)} ${own.length === 1 ? 'has' : 'have'} this folder already, with the whole vault.`,
      })
    this.#consequences = el.createDiv({ cls: 'tandem-consequences', attr: { 'aria-live': 'polite' } })
    this.#problem = el.createDiv({ cls: 'tandem-error', attr: { role: 'alert' } })
    const row = el.createDiv({ cls: 'modal-button-container' })
    new ButtonComponent(row).setButtonText('Cancel').onClick(() => this.close())
    this.#submit = new ButtonComponent(row).setCta().onClick(() => this.#share())
    this.#refresh()
    el.querySelector('select')?.focus()
  }

  override onClose(): void {
    this.contentEl.empty()
  }

  get #records(): readonly PeerRecord[] {
    return this.#screens.face.device?.peers.getPeers() ?? []
  }

  /** Who may get it: not who has it, and not who has the whole vault. */
  #candidates(): PeerRecord[] {
    const share = folderReports(this.#screens.face).find(({ folder }) => folder === this.#folder)
    return this.#records.filter(
      (record) => !grantOf(record, VAULT_SHARE) && !(share && grantOf(record, share.id) !== null),
    )
  }

  #withWholeVault(): string[] {
    return this.#records.filter((record) => grantOf(record, VAULT_SHARE)).map(({ name }) => name)
  }

  #refresh(change: () => void = () => undefined): void {
    change()
    const name = this.#records.find(({ nodeId }) => nodeId === this.#who)?.name ?? null
    const sentences = shareConsequences(name, this.#folder, filesIn(this.app, this.#folder), this.#grant)
    this.#consequences?.empty()
    for (const text of sentences) this.#consequences?.createEl('p', { text })
    this.#submit?.setButtonText(this.#who === BY_LINK ? 'Make a link' : `Share with ${name}`)
  }

  async #share(): Promise<void> {
    const { device, condition } = this.#screens.face
    const [who, grant] = [this.#who, this.#grant]
    this.#submit?.setDisabled(true)
    try {
      if (!device) return this.#tell(whyNoDevice(condition))
      const { id, title } = await device.folders.create(this.#folder)
      const record = device.peers.getPeers().find(({ nodeId }) => nodeId === who)
      if (who === BY_LINK) this.#screens.inviteToFolder({ share: id, title, grant })
      else if (record) {
        await device.folders.setGrant(record.nodeId, id, grant)
        new Notice(`“${title}” is offered to ${record.name}, who chooses where it goes.`)
      }
      this.close()
    } catch (error) {
      this.#tell(errorSentence(error))
    } finally {
      this.#submit?.setDisabled(false)
    }
  }

  #tell({ what, next }: { what: string; next: string }): void {
    this.#problem?.setText(`${what} ${next}`)
  }
}
