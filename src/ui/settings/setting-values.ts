import { CONFIG_CATEGORIES, type ConfigCategory, type Settings } from '../../engine/settings.ts'
import { settingProblem, SETTINGS_SCHEMA } from '../../engine/settings-schema.ts'
import { formatNumber } from '../words/format.ts'
import { hasInvisible } from '../../objects/invisible-characters.ts'
import { vaultPathProblem } from '../../objects/vault-path.ts'

/** Characters; other devices show no more. */
const MAX_NAME_LENGTH = 60

export const CATEGORY_NAMES: Record<ConfigCategory, { name: string; desc: string }> = {
  settings: { name: 'Editor and file settings', desc: 'Such as line width, spell check and where attachments go.' },
  appearance: { name: 'Appearance', desc: 'Theme, fonts and snippets.' },
  hotkeys: { name: 'Hotkeys', desc: 'Your own keyboard shortcuts.' },
  'core-plugins': { name: 'Core plugins', desc: 'Which of them are on, and their settings.' },
  'community-plugins': {
    name: 'Community plugins',
    desc: 'The plugins themselves, which of them are on, and their settings. Tandem itself is left out.',
  },
}

export type RelayMode = 'default' | 'off' | 'own'

export function relayMode(relay: string): RelayMode {
  return relay === 'default' || relay === 'off' ? relay : 'own'
}

export function deviceNameProblem(name: string): string | undefined {
  const trimmed = name.trim()
  if (trimmed === '') return 'Give this device a name.'
  if ([...trimmed].length > MAX_NAME_LENGTH) return `Use at most ${MAX_NAME_LENGTH} characters.`
  if (hasInvisible(trimmed.replaceAll('\u200d', ''))) return 'Leave out invisible characters.'
  return undefined
}

export function relayUrlProblem(text: string): string | undefined {
  return settingProblem('relay', text.trim()) && 'Enter the whole address, like https://relay.example.org'
}

/** Settings that are whole numbers. */
export type NumberSetting = {
  [Key in keyof Settings]: Settings[Key] extends number ? Key : never
}[keyof Settings]

/** Both ends included, in the setting's unit divided by `unit`: milliseconds by 1,000 are seconds. */
export function numberRange(setting: NumberSetting, unit = 1): readonly [min: number, max: number] {
  const spec = SETTINGS_SCHEMA[setting]
  return spec.kind === 'integer' ? [Math.ceil(spec.min / unit), Math.floor(spec.max / unit)] : [0, 0]
}

export function numberProblem([min, max]: readonly [number, number]): (value: number) => string | undefined {
  return (value) =>
    Number.isInteger(value) && value >= min && value <= max
      ? undefined
      : `Enter a whole number from ${formatNumber(min)} to ${formatNumber(max)}.`
}

/** A folder's path as it is stored; null with a reason when it is none. */
export function folderProblem(path: string, excluded: readonly string[]): string | undefined {
  if (vaultPathProblem(path) !== null) return 'This is not a folder of the vault.'
  if (excluded.includes(path)) return 'This folder is left out already.'
  return undefined
}

/** The categories in their own order, with one switched. */
export function switchCategory(
  current: readonly ConfigCategory[],
  category: ConfigCategory,
  on: boolean,
): readonly ConfigCategory[] {
  return CONFIG_CATEGORIES.filter((one) => (one === category ? on : current.includes(one)))
}

/** What a control shows. */
export function settingValue(settings: Settings, key: string): unknown {
  switch (key) {
    case 'relayMode':
      return relayMode(settings.relay)
    case 'relayUrl':
      return relayMode(settings.relay) === 'own' ? settings.relay : ''
    case 'heartbeatSeconds':
      return settings.heartbeatMs / 1000
    default:
      if (key.startsWith('config:')) return settings.configCategories.some((one) => `config:${one}` === key)
      return settings[key as keyof Settings]
  }
}

/** What a changed control changes; null for nothing yet. */
export function settingChange(settings: Settings, key: string, value: unknown): Partial<Settings> | null {
  if (key === 'relayMode') return value === 'own' ? null : { relay: String(value) }
  if (key === 'relayUrl') return relayUrlProblem(String(value)) ? null : { relay: String(value).trim() }
  if (key === 'heartbeatSeconds') return { heartbeatMs: Number(value) * 1000 }
  const category = CONFIG_CATEGORIES.find((one) => `config:${one}` === key)
  if (category) return { configCategories: switchCategory(settings.configCategories, category, value === true) }
  return { [key]: value }
}
