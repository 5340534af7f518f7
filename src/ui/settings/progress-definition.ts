import type { SettingDefinition } from 'obsidian'
import { screenClock } from '../clock.ts'
import type { LiveTexts } from '../live-text.ts'
import type { Screens } from '../screens.ts'
import { firstUpper } from '../words/format.ts'
import { progressSentence, writingSentence } from '../words/sync-progress.ts'

/**
 * The row that is there while files go from one device to another: how far they are, and the way to stop it (E9). To stop is to
 * pause: what has arrived is kept, and sync goes on from there.
 */
export function progressDefinition({ face, transfers }: Screens, texts: LiveTexts): SettingDefinition {
  return {
    name: 'Bringing the devices in step',
    searchable: false,
    render: (setting) => {
      texts.addShown(
        setting.settingEl,
        () => face.condition.kind === 'running' && (transfers.total() ?? transfers.writing()) !== null,
      )
      texts.add(setting.descEl, () => {
        const progress = transfers.total()
        const sentence = progress ? progressSentence(progress, screenClock.now()) : ''
        return firstUpper([sentence, writingSentence(transfers.writing())].filter(Boolean).join(' · '))
      })
      setting.addButton((button) => button.setButtonText('Stop').onClick(() => void face.pause()))
    },
  }
}
