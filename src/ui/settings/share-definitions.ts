import type { SettingDefinitionItem, SettingGroupItem } from 'obsidian'
import type { OpenOffer, ShareReport } from '../../engine/folder-shares.ts'
import type { LiveTexts } from '../live-text.ts'
import type { Screens } from '../screens.ts'
import { ownerName, shareTrouble } from '../shares/all-shares.ts'
import { folderReports } from '../shares/vault-places.ts'
import { offerSentence, shareNeedsAttention, shareSentence } from '../words/share-sentence.ts'
import { SharePage } from './share-page.ts'

const EMPTY =
  'No folder is shared. Your own devices have the whole vault; somebody else can get a single folder of it, and nothing else.'

/** The folders that others offer, and those that are shared: a row each, and the way to share another one. */
export function shareDefinitions(screens: Screens, texts: LiveTexts): SettingDefinitionItem[] {
  const { face } = screens
  const offers = face.device?.folders.offers() ?? []
  const declined = face.declinedOffers
  const open = offers.filter(({ share }) => !declined.has(share))
  const refused = offers.filter(({ share }) => declined.has(share))
  return [
    ...(open.length > 0
      ? [
          {
            type: 'group' as const,
            heading: 'Offered to you',
            cls: 'tandem-offers',
            items: open.map((offer) => offerRow(screens, offer, false)),
          },
        ]
      : []),
    {
      type: 'list',
      heading: 'Shared folders',
      cls: 'tandem-shares',
      emptyState: face.device ? EMPTY : 'Shared folders are listed here while sync is on.',
      addItem: { name: 'Share a folder', action: () => screens.shareFolder() },
      items: folderReports(face).map((report) => shareRow(screens, texts, report)),
    },
    ...(refused.length > 0
      ? [
          {
            type: 'group' as const,
            heading: 'Declined',
            cls: 'tandem-offers',
            items: refused.map((offer) => offerRow(screens, offer, true)),
          },
        ]
      : []),
  ]
}

/** What the rows above are made of, for who has to know when they change. */
export function sharesDrawn({ face }: Screens): unknown {
  const offers = face.device?.folders
    .offers()
    .map(({ share, title, write, peerName }) => [share, title, write, peerName])
  return [
    offers ?? null,
    [...face.declinedOffers],
    folderReports(face).map(({ id, title, folder }) => [id, title, folder]),
  ]
}

function offerRow(screens: Screens, offer: OpenOffer, isDeclined: boolean): SettingGroupItem {
  const { face } = screens
  return {
    name: offer.title,
    desc: offerSentence(offer),
    searchable: false,
    render: (setting) => {
      if (!isDeclined)
        setting.addButton((button) =>
          button.setButtonText('Decline').onClick(() => face.declineOffer(offer.share, true)),
        )
      setting.addButton((button) => {
        button.setButtonText('Accept…').onClick(() => screens.acceptOffer(offer))
        if (!isDeclined) button.setCta()
      })
    },
  }
}

function shareRow(screens: Screens, texts: LiveTexts, { id, title, folder }: ShareReport): SettingGroupItem {
  const now = (): ShareReport | undefined => folderReports(screens.face).find((share) => share.id === id)
  const tone = (): string | null => {
    const report = now()
    return report && (shareNeedsAttention(report) || shareTrouble(screens.face, id)) ? 'tandem-warning' : null
  }
  return {
    type: 'page',
    name: folder,
    ...(title === folder ? {} : { aliases: [title] }),
    desc: texts.fragment(() => {
      const report = now()
      return report ? (shareTrouble(screens.face, id) ?? shareSentence(report, ownerName(screens.face, report))) : ''
    }, tone),
    status: () => (tone() ? 'warning' : null),
    page: () => new SharePage(screens, id),
  }
}
