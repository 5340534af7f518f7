import type { SettingGroup } from 'obsidian'
import type { LiveTexts } from '../live-text.ts'

/** A row with a name and, at its end, a text that follows what it tells. */
export function addFact(group: SettingGroup, texts: LiveTexts, name: string, read: () => string): void {
  group.addSetting((setting) => {
    setting.setName(name)
    setting.settingEl.addClass('tandem-fact')
    texts.add(setting.controlEl.createSpan({ cls: 'tandem-fact-value' }), read)
  })
}
