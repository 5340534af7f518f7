import {
  DEVICE_SETTINGS,
  deviceSettingProblem,
  readDeviceSettings,
  type DeviceSettings,
} from '../adapters/node/device-settings.ts'
import {
  allowedValues,
  isSettingKey,
  readSettings,
  SETTING_KEYS,
  settingProblem,
  SETTINGS_SCHEMA,
  shownSetting,
} from '../engine/settings-schema.ts'
import type { Settings } from '../engine/settings.ts'
import type { JsonObject } from '../ports/data-file.ts'
import { cleanName } from '../protocol/messages.ts'
import { closestName } from './closest-name.ts'
import { printable } from './printable.ts'
import { UsageError } from './usage-error.ts'

/** A setting as `tandem config` shows and changes it. */
export interface ConfigKey {
  readonly name: string
  readonly default: unknown
  /** After "must be". */
  readonly allowed: string
  readonly description: string
  /** What is in use, given what is stored. */
  read(stored: JsonObject): unknown
  /** Why a value is none, as a sentence without full stop. */
  problem(value: unknown): string | undefined
  /** What somebody typed, as far as it makes sense. */
  parse(text: string): unknown
}

/** It is about the plugin's settings pane; a headless peer has `configFolder` for all of them (docs/decisions/0003). */
const PLUGIN_ONLY: readonly string[] = ['configCategories'] satisfies (keyof Settings)[]

const parseBoolean = (text: string): unknown =>
  ({ true: true, yes: true, on: true, false: false, no: false, off: false })[text.trim().toLowerCase()] ?? text

function deviceKey(
  name: Exclude<keyof DeviceSettings, 'ports'>,
  about: Pick<ConfigKey, 'allowed' | 'description' | 'parse'>,
) {
  return {
    name,
    ...about,
    default: DEVICE_SETTINGS[name],
    read: (stored: JsonObject) => readDeviceSettings(stored).settings[name],
    problem: (value: unknown) => (deviceSettingProblem(name, value) ? `${name} must be ${about.allowed}` : undefined),
  }
}

function sharedKey(name: keyof Settings): ConfigKey {
  const spec = SETTINGS_SCHEMA[name]
  return {
    name,
    default: spec.default,
    allowed: allowedValues(spec),
    description: spec.description,
    read: (stored) => readSettings(stored).settings[name],
    problem: (value) => settingProblem(name, value),
    parse: (text) => {
      if (spec.kind === 'boolean') return parseBoolean(text)
      if (spec.kind === 'integer') return /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : text
      return spec.kind === 'choices' || spec.kind === 'folders' ? parseList(text) : text
    },
  }
}

/** `A,B/C`, or a JSON list for names that hold commas; nothing is the empty list. */
function parseList(text: string): unknown {
  if (text.startsWith('[')) {
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  }
  const parts = text.split(',').map((part) => part.trim().replace(/\/+$/, ''))
  return text.trim() === '' ? [] : parts
}

export const CONFIG_KEYS: readonly ConfigKey[] = [
  deviceKey('deviceName', {
    allowed: 'a name that people can tell apart',
    description: 'What your other devices call this one.',
    parse: (text) => (text.trim() ? cleanName(text) : ''),
  }),
  deviceKey('configFolder', {
    allowed: 'true or false',
    description: "Whether Obsidian's config folder is synced.",
    parse: parseBoolean,
  }),
  deviceKey('bind', {
    allowed: 'ADDRESS:PORT, such as 0.0.0.0:4433 or [::]:0',
    description: 'Where this device listens; everywhere when it is not set.',
    parse: (text) => text.trim(),
  }),
  ...SETTING_KEYS.filter((key) => !PLUGIN_ONLY.includes(key)).map(sharedKey),
]

/** @throws UsageError with the name that was probably meant. */
export function configKey(name: string): ConfigKey {
  const known = CONFIG_KEYS.find((key) => key.name === name)
  if (known) return known
  if (isSettingKey(name) && PLUGIN_ONLY.includes(name))
    throw new UsageError(
      'usage',
      `${name} is a setting of the plugin; a headless peer syncs Obsidian's config folder as a whole or not at all: configFolder`,
    )
  const names = CONFIG_KEYS.map((key) => key.name)
  const meant = closestName(name, names)
  throw new UsageError(
    'usage',
    `there is no setting ${printable(name.slice(0, 100))}. ${meant ? `Did you mean ${meant}?` : `There are: ${names.join(', ')}`}`,
  )
}

/** The value to store for what was typed. @throws UsageError that says what is allowed. */
export function configValue(key: ConfigKey, text: string): unknown {
  const value = key.parse(text)
  const typed = printable(text.trim().slice(0, 200)) || 'nothing'
  checkConfig(key, value, Array.isArray(value) ? '' : `, not ${typed}`)
  return value
}

/** @throws UsageError that says what is allowed. */
export function checkConfig(key: ConfigKey, value: unknown, instead = ''): void {
  const problem = key.problem(value)
  if (problem !== undefined) throw new UsageError('usage', `the setting ${problem}${instead}`)
}

/** A value for people. */
export function shownConfig(value: unknown): string {
  return value === null ? '(not set)' : shownSetting(value)
}
