import { Notice, type App, type Plugin } from 'obsidian'
import type { OpenOffer } from '../../engine/folder-shares.ts'
import type { Share } from '../../engine/share.ts'
import { LINK_ACTION } from '../../peers/pairing-link.ts'
import { ACTIVITY_VIEW, ActivityView } from '../activity/activity-view.ts'
import { CONFLICTS_VIEW, ConflictsView } from '../conflicts/conflicts-view.ts'
import { copyText } from '../copy-button.ts'
import type { TandemFace } from '../face.ts'
import { HISTORY_VIEW, HistoryView } from '../history/history-view.ts'
import { InviteModal, type FolderInvitation } from '../pairing/invite-modal.ts'
import { JoinModal } from '../pairing/join-modal.ts'
import { linkFromParams } from '../pairing/link-params.ts'
import type { Screens } from '../screens.ts'
import { allShares, waitingChange } from '../shares/all-shares.ts'
import { TandemSettingTab } from '../settings/tandem-setting-tab.ts'
import { TransferWatch } from '../transfer-watch.ts'
import { registerCommands } from './commands.ts'
import { ConsentModal } from './consent-modal.ts'
import { Notices } from './notices.ts'
import { StatusBar } from './status-bar.ts'
import { WelcomeModal } from './welcome-modal.ts'

/** The app's window of settings, which its typings leave out. */
interface WithSettings {
  readonly setting?: { open(): void; openTabById(id: string): void }
}

/** All screens of the plugin. */
export class TandemScreens implements Screens {
  readonly app: App
  readonly face: TandemFace
  readonly transfers: TransferWatch
  readonly #pluginId: string
  /** One pairing at a time. */
  #pairing: InviteModal | JoinModal | null = null

  constructor(plugin: Plugin, face: TandemFace) {
    this.app = plugin.app
    this.face = face
    this.#pluginId = plugin.manifest.id
    this.transfers = new TransferWatch(face)
    plugin.register(() => {
      this.transfers.stop()
      this.#pairing?.close()
    })
  }

  addDevice(): void {
    this.#open(new InviteModal(this.app, this.face))
  }

  joinDevice(link?: string): void {
    this.#open(new JoinModal(this.app, this.face, link))
  }

  /** The offer to pair, for somebody who has just turned the plugin on. */
  welcome(): void {
    new WelcomeModal(this).open()
  }

  // What most people never open is evaluated when it is.

  shareFolder(folder?: string): void {
    if (folder === undefined)
      void import('../shares/folder-to-share.ts').then(({ FolderToShare }) => new FolderToShare(this).open())
    else
      void import('../shares/share-folder-modal.ts').then(({ ShareFolderModal }) =>
        new ShareFolderModal(this, folder).open(),
      )
  }

  inviteToFolder(invitation: FolderInvitation): void {
    this.#open(new InviteModal(this.app, this.face, invitation))
  }

  acceptOffer(offer: OpenOffer): void {
    void import('../shares/accept-modal.ts').then(({ AcceptModal }) => new AcceptModal(this, offer).open())
  }

  askConsent(share?: Share): void {
    const all = allShares(this.face)
    const found = share ? all.find((one) => one.share === share) : waitingChange(this.face)
    const pending = found?.share.tree.consent
    if (found && pending) new ConsentModal(this, found.share, found.folder, pending).open()
  }

  openActivity(): void {
    void this.#openView(ACTIVITY_VIEW)
  }

  openConflicts(): void {
    void this.#openView(CONFLICTS_VIEW)
  }

  openHistory(path: string | null): void {
    void this.#openView(HISTORY_VIEW, { path })
  }

  openSettings(): void {
    const { setting } = this.app as unknown as WithSettings
    setting?.open()
    setting?.openTabById(this.#pluginId)
  }

  async copyDiagnostics(): Promise<void> {
    const copied = await copyText(await this.face.diagnostics())
    new Notice(
      copied ? 'The diagnostics are in the clipboard.' : 'The clipboard is not to be had right now. Try again.',
    )
  }

  #open(modal: InviteModal | JoinModal): void {
    this.#pairing?.close()
    this.#pairing = modal
    modal.open()
  }

  async #openView(type: string, state?: Record<string, unknown>): Promise<void> {
    const { workspace } = this.app
    const leaf = workspace.getLeavesOfType(type)[0] ?? workspace.getLeaf('tab')
    await leaf.setViewState({ type, active: true, ...(state ? { state } : {}) })
    await workspace.revealLeaf(leaf)
  }
}

/** Puts every screen in its place; all of it goes with the plugin. To be called once, when the face is there. */
export function registerScreens(plugin: Plugin, face: TandemFace): TandemScreens {
  const screens = new TandemScreens(plugin, face)
  plugin.registerView(ACTIVITY_VIEW, (leaf) => new ActivityView(leaf, screens))
  plugin.registerView(CONFLICTS_VIEW, (leaf) => new ConflictsView(leaf))
  plugin.registerView(HISTORY_VIEW, (leaf) => new HistoryView(leaf, screens))
  plugin.addSettingTab(new TandemSettingTab(plugin, screens))
  plugin.registerObsidianProtocolHandler(LINK_ACTION, (params) => screens.joinDevice(linkFromParams(params)))
  registerCommands(plugin, screens)
  new StatusBar(plugin, screens)
  plugin.app.workspace.onLayoutReady(() => void new Notices(plugin, screens))
  return screens
}
