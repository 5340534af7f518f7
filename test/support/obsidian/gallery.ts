/** Entry for the browser: the plugin's screens on a face of our own, each to be opened by name. */
import type { Plugin } from 'obsidian'
import { parseVaultPath } from '../../../src/objects/vault-path.ts'
import { encodePairingLink } from '../../../src/peers/pairing-link.ts'
import { screenClock } from '../../../src/ui/clock.ts'
import { registerScreens, type TandemScreens } from '../../../src/ui/shell/tandem-screens.ts'
import {
  ALL_PEERS,
  anId,
  BOB,
  CAROL,
  COMPARISON,
  FEW_PEERS,
  HISTORY,
  HISTORY_NOTE,
  NOW,
  OFFER,
  OFFERS,
  SHARES,
  VAULT,
} from './gallery-data.ts'
import { GalleryFace } from './gallery-face.ts'
import { openGalleryShare } from './gallery-share.ts'
import { openApp, type LookAlikeApp } from './web-app.ts'
import { WebPlugin } from './web-plugin.ts'

const MANIFEST = {
  id: 'tandem-sync',
  name: 'Tandem',
  version: '0.1.0',
  minAppVersion: '1.13.1',
  author: '',
  description: '',
}

const DELETES = Array.from({ length: 62 }, (_, i) => parseVaultPath(`Archive/2019/Note ${i + 1}.md`))

/** What a test or a picture gets hold of. */
export class Gallery {
  readonly face = new GalleryFace()
  readonly app: LookAlikeApp
  readonly plugin: WebPlugin
  readonly screens: TandemScreens
  readonly link = encodePairingLink(OFFER)
  readonly comparison = COMPARISON
  readonly note = HISTORY_NOTE
  /** The text of a file on the share's own disk; null: none. */
  readOnDisk: (path: string) => string | null = () => null

  #now = NOW

  private constructor() {
    screenClock.now = () => this.#now
    this.app = openApp(VAULT)
    this.plugin = new WebPlugin(this.app, MANIFEST)
    this.plugin.load()
    this.screens = registerScreens(this.plugin as unknown as Plugin, this.face)
  }

  /** `peers`: which devices are paired. */
  static async open({ peers = 'few', history = false } = {}): Promise<Gallery> {
    const gallery = new Gallery()
    if (history) {
      const { share, read } = await openGalleryShare(HISTORY)
      gallery.face.share = share
      gallery.readOnDisk = read
    }
    gallery.face.peers = peers === 'none' ? [] : peers === 'all' ? ALL_PEERS : FEW_PEERS
    gallery.app.workspace.setLayoutReady()
    gallery.face.changed()
    if (peers !== 'none') gallery.face.transfer(anId(2), 12, 40)
    return gallery
  }

  /** Lets time go on for the screens, ms. */
  pass(ms: number): void {
    this.#now += ms
    this.face.changed()
  }

  /** Two people beside the own laptop, with folders shared and one offered; `offers: false`: none is. */
  share({ offers = true } = {}): void {
    this.face.peers = [FEW_PEERS[0]!, BOB, CAROL]
    this.face.shares = SHARES
    for (const { id } of SHARES) this.face.openShare(id)
    this.face.offers = offers ? OFFERS : []
    this.face.changed()
  }

  /** A link to a folder alone. */
  get folderLink(): string {
    return encodePairingLink({ ...OFFER, share: 'c'.repeat(32), title: 'Plan' })
  }

  /** Out of the way of a picture. */
  hideNotices(): void {
    document.querySelectorAll('.notice').forEach((notice) => notice.remove())
  }

  settings(): void {
    this.screens.openSettings()
  }

  command(id: string): void {
    this.plugin.commands.get(id)?.checkCallback?.(false)
  }

  /** Whether the palette offers it now. */
  offers(id: string): boolean {
    return this.plugin.commands.get(id)?.checkCallback?.(true) === true
  }

  /** As when the system opens an `obsidian://` link. */
  openLink(link = this.link): void {
    const params = Object.fromEntries(new URL(link).searchParams)
    void this.plugin.protocolHandlers.get('tandem-sync')?.({ action: 'tandem-sync', ...params })
  }

  askConsent(): void {
    this.face.consent = {
      direction: 'incoming',
      deletes: DELETES,
      overwrites: [parseVaultPath('Reading list.md')],
      key: 'one',
    }
    this.screens.askConsent()
  }

  /** The text of a note in Obsidian's vault; null: there is none. */
  async read(path: string): Promise<string | null> {
    const file = this.app.vault.getFileByPath(path)
    return file && this.app.vault.read(file)
  }

  async write(path: string, text: string): Promise<void> {
    await this.app.vault.modify(this.app.vault.getFileByPath(path)!, text)
  }

  files(): string[] {
    return this.app.vault.getFiles().map(({ path }) => path)
  }
}

declare global {
  var Gallery: unknown
}
globalThis.Gallery = Gallery
