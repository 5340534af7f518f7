import type { SettingDefinitionItem } from 'obsidian'
import type { PeerReport } from '../../engine/device.ts'
import type { EndpointId } from '../../ports/transport.ts'
import type { LiveTexts } from '../live-text.ts'
import type { Screens } from '../screens.ts'
import { peerScope } from '../shares/peer-scope.ts'
import { currentPeerSentence } from '../status-facts.ts'
import { needsAttention } from '../words/peer-sentence.ts'
import { PeerPage } from './peer-page.ts'

const EMPTY =
  'No device yet. Choose “Add device” on the device that has your notes, and “Join device” on the other one.'

/** The paired devices, a row each, and the two ways to pair another. */
export function deviceDefinitions(screens: Screens, texts: LiveTexts): SettingDefinitionItem[] {
  const { face, transfers } = screens
  const reports = face.device?.peerReports() ?? []
  const report = (id: EndpointId): PeerReport | undefined => face.device?.peerReports().find((peer) => peer.id === id)
  const sentence = (id: EndpointId): string => {
    const now = report(id)
    if (!now) return 'Sync is starting…'
    return [currentPeerSentence(face, transfers, now), peerScope(face, now)].filter(Boolean).join(' · ')
  }
  const tone = (id: EndpointId): string | null => {
    const now = report(id)
    return now && needsAttention(now) ? 'tandem-warning' : null
  }
  return [
    {
      type: 'list',
      heading: 'Devices',
      cls: 'tandem-devices',
      emptyState: face.device ? EMPTY : 'Your devices are listed here while sync is on.',
      addItem: { name: 'Add device', action: () => screens.addDevice() },
      items: reports.map(({ id, record }) => ({
        type: 'page' as const,
        name: record.name,
        desc: texts.fragment(
          () => sentence(id),
          () => tone(id),
        ),
        status: () => (tone(id) ? ('warning' as const) : null),
        page: () => new PeerPage(screens, id),
      })),
    },
    {
      type: 'group',
      items: [
        {
          name: 'Pair another device',
          desc: 'Add on the device that has your notes, join on the other one.',
          aliases: ['qr code', 'link'],
          render: (setting) => {
            setting.addButton((button) => button.setButtonText('Join device').onClick(() => screens.joinDevice()))
            setting.addButton((button) => {
              button.setButtonText('Add device').onClick(() => screens.addDevice())
              if (reports.length === 0) button.setCta()
            })
          },
        },
      ],
    },
  ]
}
