import type { Screens } from '../screens.ts'
import type { Grant } from '../../ports/share-record.ts'
import { ownerName } from './all-shares.ts'
import { folderReports } from './vault-places.ts'

/** Something about shared folders that a person would not see otherwise. */
export interface ShareNewsItem {
  readonly text: string
  readonly action: { readonly label: string; readonly run: () => void }
}

/** Folders that are offered, and folders that are taken back: each once, as long as the plugin runs. */
export class ShareNews {
  readonly #told = new Set<string>()
  /** Of received shares, what their owner let us do when we looked last. */
  readonly #access = new Map<string, Grant | null>()

  look(screens: Screens): ShareNewsItem[] {
    return [...this.#offered(screens), ...this.#takenBack(screens)]
  }

  #offered(screens: Screens): ShareNewsItem[] {
    const { face } = screens
    const offers = face.device?.folders.offers() ?? []
    if (offers.length === 0) return []
    const declined = face.declinedOffers
    const news = offers.filter(({ share }) => !declined.has(share) && !this.#told.has(share))
    for (const { share } of news) this.#told.add(share)
    return news.map((offer) => ({
      text: `${offer.peerName} shares the folder “${offer.title}” with you.`,
      action: { label: 'Look at it', run: () => screens.acceptOffer(offer) },
    }))
  }

  #takenBack(screens: Screens): ShareNewsItem[] {
    return folderReports(screens.face).flatMap((report) => {
      const { id, from, access, title, folder } = report
      if (from === null) return []
      const before = this.#access.get(id)
      this.#access.set(id, access)
      if (!before || access !== null) return []
      const owner = ownerName(screens.face, report) ?? 'Its owner'
      return [
        {
          text: `${owner} no longer shares “${title}” with you. Its files stay in “${folder}”.`,
          action: { label: 'Settings', run: () => screens.openSettings() },
        },
      ]
    })
  }
}
