import { ConfirmationModal, SettingGroup, SettingPage } from 'obsidian'
import type { ShareReport } from '../../engine/folder-shares.ts'
import { addCopyButton } from '../copy-button.ts'
import { LiveTexts } from '../live-text.ts'
import type { Screens } from '../screens.ts'
import { ownerName, shareOf } from '../shares/all-shares.ts'
import { folderReports } from '../shares/vault-places.ts'
import { consentWords } from '../words/consent-sentence.ts'
import { errorSentence } from '../words/error-sentence.ts'
import { GRANT_NAMES, shareNeedsAttention, shareSentence } from '../words/share-sentence.ts'
import { addFact } from './fact-row.ts'
import { issueCount, showIssues } from './issues-modal.ts'

/** One shared folder: how it stands, who has it and what they may do, and how to stop. */
export class SharePage extends SettingPage {
  readonly #screens: Screens
  readonly #id: string
  readonly #texts = new LiveTexts()
  #ends: (() => void)[] = []
  #drawn = ''
  /** Why the last change failed. */
  #problem: string | null = null

  constructor(screens: Screens, id: string) {
    super()
    this.#screens = screens
    this.#id = id
    this.title = this.#report()?.folder ?? 'Shared folder'
  }

  override display(): void {
    this.hide()
    this.#ends.push(this.#screens.face.onChange(() => this.#refresh()))
    this.#draw()
  }

  override hide(): void {
    for (const end of this.#ends.splice(0)) end()
    super.hide()
  }

  #report(): ShareReport | undefined {
    return folderReports(this.#screens.face).find(({ id }) => id === this.#id)
  }

  #refresh(): void {
    if (this.#screens.face.condition.kind === 'starting') return // its share is back in a moment
    if (this.#structure() !== this.#drawn) this.#draw()
    this.#texts.refresh()
  }

  /** Equal as long as the same rows are to be drawn. */
  #structure(): string {
    const { face } = this.#screens
    const report = this.#report()
    const share = shareOf(face, this.#id)
    const trouble = share && [share.tree.consent?.key, share.lastError?.message, issueCount(share.tree.issues)]
    return JSON.stringify([face.device !== null, report?.peers ?? null, report?.from, trouble, this.#problem])
  }

  #draw(): void {
    const el = this.containerEl
    const report = this.#report()
    this.#drawn = this.#structure()
    this.#texts.clear()
    el.empty()
    if (!report) {
      const text = this.#screens.face.device
        ? 'This folder is no longer shared. Its files are where they were.'
        : 'Sync is off right now.'
      return void el.createEl('p', { text })
    }
    this.#drawState(new SettingGroup(el), report)
    if (report.from === null) this.#drawPeople(new SettingGroup(el).setHeading('Who has it'), report)
    const last = new SettingGroup(el)
    this.#drawId(last)
    this.#drawEnd(last, report)
  }

  #drawState(group: SettingGroup, { from }: ShareReport): void {
    this.#drawTrouble(group)
    group.addSetting((setting) => {
      setting.setName('State')
      this.#texts.add(
        setting.descEl,
        () => {
          const report = this.#report()
          return report ? shareSentence(report, ownerName(this.#screens.face, report)) : ''
        },
        () => {
          const report = this.#report()
          return report && shareNeedsAttention(report) ? 'tandem-warning' : null
        },
      )
    })
    addFact(group, this.#texts, 'Folder', () => this.#report()?.folder ?? '')
    addFact(
      group,
      this.#texts,
      from === null ? 'Name that others see' : 'Name that its owner gave it',
      () => this.#report()?.title ?? '',
    )
  }

  #drawId(group: SettingGroup): void {
    group.addSetting((setting) => {
      setting.setName('Share ID').setDesc(this.#id)
      setting.descEl.addClass('tandem-mono')
      addCopyButton(setting.controlEl, 'Copy', () => this.#id)
    })
  }

  #drawTrouble(group: SettingGroup): void {
    const share = shareOf(this.#screens.face, this.#id)
    const row = (name: string, desc: string, tone: string, button?: { label: string; action: () => void }): void => {
      group.addSetting((setting) => {
        setting.setName(name).setDesc(desc)
        setting.settingEl.addClass('tandem-trouble')
        setting.nameEl.addClass(tone)
        if (button) setting.addButton((made) => made.setButtonText(button.label).setCta().onClick(button.action))
      })
    }
    if (this.#problem) row('That did not work', this.#problem, 'tandem-error')
    if (!share)
      return row(
        'This folder could not be opened',
        'The activity log says why. Restart Obsidian to try again.',
        'tandem-error',
      )
    const { consent, issues } = share.tree
    if (consent) {
      const { title, what } = consentWords(consent, this.#report()?.folder)
      row(title, what, 'tandem-warning', { label: 'Look at it…', action: () => this.#screens.askConsent(share) })
    }
    if (share.lastError) {
      const { what, next } = errorSentence(share.lastError)
      row(what, next, 'tandem-error')
    }
    if (issueCount(issues) > 0)
      row('Some files are left out', 'They cannot be synced as they are. Everything else is.', 'tandem-warning', {
        label: 'Show…',
        action: () => showIssues(this.#screens, issues),
      })
  }

  #drawPeople(group: SettingGroup, { peers, folder, title }: ShareReport): void {
    if (peers.length === 0)
      group.addSetting((setting) => void setting.setDesc('Nobody has this folder from this device right now.'))
    for (const { id, name, grant } of peers)
      group.addSetting((setting) => {
        setting.setName(name)
        setting.addDropdown((dropdown) =>
          dropdown
            .addOptions(GRANT_NAMES)
            .setValue(grant)
            .onChange((value) => this.#change(id, value === 'read' ? 'read' : 'write')),
        )
        setting.addButton((button) =>
          button
            .setButtonText('Stop sharing…')
            .onClick(() =>
              this.#ask(
                `Stop sharing with ${name}?`,
                `${name} gets nothing more of “${title}” from this moment on, and keeps the files that are there already.`,
                'Stop sharing',
                () => this.#change(id, null),
              ),
            ),
        )
      })
    group.addSetting((setting) => {
      setting.setName('Share it with somebody else')
      setting.addButton((button) =>
        button.setButtonText('Share with…').onClick(() => this.#screens.shareFolder(folder)),
      )
    })
  }

  #drawEnd(group: SettingGroup, { folder, from, title }: ShareReport): void {
    const own = from === null
    group.addSetting((setting) => {
      setting.setName(own ? 'End this share' : 'Leave this share')
      setting.setDesc('Nothing of it goes to anybody or comes from anybody any more. The files stay where they are.')
      setting.addButton((button) =>
        button
          .setButtonText(own ? 'End…' : 'Leave…')
          .setDestructive()
          .onClick(() =>
            this.#ask(
              own ? `End the share “${title}”?` : `Leave the share “${title}”?`,
              `“${folder}” becomes an ordinary folder of this vault again. Everybody keeps the files they have; nobody hears of further changes.`,
              own ? 'End it' : 'Leave it',
              () => this.#end(),
            ),
          ),
      )
    })
  }

  #ask(title: string, content: string, yes: string, then: () => Promise<void>): void {
    const modal = new ConfirmationModal(this.#screens.app)
    modal.setTitle(title)
    modal.setContent(content)
    modal.addButton((button) =>
      button
        .setButtonText(yes)
        .setDestructive()
        .onClick(() => then()),
    )
    modal.addCancelButton()
    modal.open()
  }

  async #change(peer: ShareReport['peers'][number]['id'], grant: 'read' | 'write' | null): Promise<void> {
    await this.#try(async () => {
      // Somebody who was removed meanwhile has nothing any more.
      if (this.#report()?.peers.some(({ id }) => id === peer))
        await this.#screens.face.device?.folders.setGrant(peer, this.#id, grant)
    })
  }

  async #end(): Promise<void> {
    await this.#try(async () => {
      const { face } = this.#screens
      // On purpose: its owner, or whoever received it, offers it again at once, and that is no news.
      face.declineOffer(this.#id, true)
      await face.device?.folders.end(this.#id)
    })
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work()
      this.#problem = null
    } catch (error) {
      const { what, next } = errorSentence(error)
      this.#problem = `${what} ${next}`
    }
    this.#refresh()
  }
}
