import { vaultPathProblem } from '../objects/vault-path.ts'
import { isJsonObject } from '../ports/data-file.ts'
import { CONFIG_CATEGORIES, DEFAULT_SETTINGS, type Settings } from './settings.ts'

/** What values a setting takes. */
export type SettingKind =
  | { readonly kind: 'integer'; readonly min: number; readonly max: number; readonly unit?: 'ms' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  /** A list of these, each as often as one likes. */
  | { readonly kind: 'choices'; readonly choices: readonly string[] }
  /** `default`, `off`, or the http(s) URL of a relay. */
  | { readonly kind: 'relay' }
  /** A list of vault paths. */
  | { readonly kind: 'folders'; readonly max: number }

export type SettingSpec<Value = unknown> = SettingKind & {
  readonly default: Value
  /** One plain sentence for people. */
  readonly description: string
}

const d = DEFAULT_SETTINGS

/** Every setting there is, for plugin and headless peer alike. */
export const SETTINGS_SCHEMA: { readonly [Key in keyof Settings]: SettingSpec<Settings[Key]> } = {
  maxPeers: {
    kind: 'integer',
    min: 1,
    max: 1_000,
    default: d.maxPeers,
    description: 'How many devices this one pairs with at most.',
  },
  relay: {
    kind: 'relay',
    default: d.relay,
    description:
      'Which relay helps devices that cannot reach each other directly; it carries encrypted bytes that it cannot read.',
  },
  localNetwork: {
    kind: 'boolean',
    default: d.localNetwork,
    description: 'Whether paired devices are looked for on the local network, and this one is announced there.',
  },
  heartbeatMs: {
    kind: 'integer',
    min: 2_000,
    max: 10_000,
    unit: 'ms',
    default: d.heartbeatMs,
    description: 'How often a connected device is asked for a sign of life; after three it counts as not answering.',
  },
  queueLimit: {
    kind: 'integer',
    min: 10,
    max: 10_000,
    default: d.queueLimit,
    description: 'How many messages may wait for one device.',
  },
  queueWaitMs: {
    kind: 'integer',
    min: 0,
    max: 10_000,
    unit: 'ms',
    default: d.queueWaitMs,
    description: 'How long a message waits for room when that many wait already.',
  },
  queueDrop: {
    kind: 'choice',
    choices: ['oldest', 'newest'],
    default: d.queueDrop,
    description: 'Which message is dropped after that; what it said is repaired by comparing again.',
  },
  debounceMs: {
    kind: 'integer',
    min: 50,
    max: 60_000,
    unit: 'ms',
    default: d.debounceMs,
    description: 'Quiet time after the last edit before it is committed and sent.',
  },
  configCategories: {
    kind: 'choices',
    choices: CONFIG_CATEGORIES,
    default: d.configCategories,
    description: "What of Obsidian's own settings is synced; nothing unless chosen.",
  },
  excludedFolders: {
    kind: 'folders',
    max: 1_000,
    default: d.excludedFolders,
    description: 'Folders of the vault that this device leaves out, as paths in the vault.',
  },
}

export const SETTING_KEYS = Object.keys(SETTINGS_SCHEMA) as readonly (keyof Settings)[]

export function isSettingKey(key: string): key is keyof Settings {
  return Object.hasOwn(SETTINGS_SCHEMA, key)
}

/** Characters; a URL that is longer is no relay's. */
const MAX_RELAY_LENGTH = 2_000

/** What may stand after "must be": `a whole number from 2,000 to 10,000 (ms)`. */
export function allowedValues(spec: SettingKind): string {
  switch (spec.kind) {
    case 'integer':
      return `a whole number from ${grouped(spec.min)} to ${grouped(spec.max)}${spec.unit ? ` (${spec.unit})` : ''}`
    case 'boolean':
      return 'true or false'
    case 'choice':
      return spec.choices.join(' or ')
    case 'choices':
      return `a list of ${spec.choices.slice(0, -1).join(', ')} and ${spec.choices.at(-1)}, or an empty one`
    case 'relay':
      return 'default, off, or the http(s) URL of a relay, without user name, password or #'
    case 'folders':
      return `a list of at most ${grouped(spec.max)} folders in the vault, such as Archive or Projects/Old`
  }
}

/** Why this is no value for the setting, as a sentence without its full stop that names what is allowed; undefined when it is one. */
export function settingProblem(key: keyof Settings, value: unknown): string | undefined {
  const spec = SETTINGS_SCHEMA[key]
  const why = problemOf(spec, value)
  return why === undefined ? undefined : `${key} must be ${allowedValues(spec)}${why && `: ${why}`}`
}

/** Undefined: allowed. Empty: the list of what is allowed says enough. */
function problemOf(spec: SettingKind, value: unknown): string | undefined {
  const unless = (good: boolean): string | undefined => (good ? undefined : '')
  switch (spec.kind) {
    case 'integer':
      return unless(typeof value === 'number' && Number.isInteger(value) && value >= spec.min && value <= spec.max)
    case 'boolean':
      return unless(typeof value === 'boolean')
    case 'choice':
      return unless(typeof value === 'string' && spec.choices.includes(value))
    case 'choices': {
      if (!Array.isArray(value)) return ''
      const other = value.findIndex((one) => !spec.choices.includes(one as string))
      return other < 0 ? undefined : `${shownValue(value[other])} is none of them`
    }
    case 'relay':
      return unless(value === 'default' || value === 'off' || (typeof value === 'string' && isRelayUrl(value)))
    case 'folders': {
      if (!Array.isArray(value) || value.length > spec.max) return ''
      const bad = value.findIndex((folder) => typeof folder !== 'string' || vaultPathProblem(folder) !== null)
      return bad < 0 ? undefined : `${shownValue(value[bad])} is no path in a vault`
    }
  }
}

function isRelayUrl(text: string): boolean {
  if (text.length > MAX_RELAY_LENGTH || /[\s#]|\p{Cc}/u.test(text) || !/^https?:\/\//i.test(text)) return false
  if (!URL.canParse(text)) return false
  const { hostname, username, password } = new URL(text)
  return hostname !== '' && username === '' && password === ''
}

export interface SettingsReading {
  readonly settings: Settings
  /** One sentence for each stored value that is not allowed: what it is, what is allowed, what is used. */
  readonly problems: readonly { readonly key: keyof Settings; readonly message: string }[]
}

/**
 * The settings that stored JSON stands for. Whatever it is: a value that is missing or not allowed has its default, and an unknown
 * key is nobody's business here (whoever writes the file keeps it). Paths come out in NFC. Never throws.
 */
export function readSettings(raw: unknown): SettingsReading {
  const stored = isJsonObject(raw) ? raw : {}
  const settings: Record<string, unknown> = { ...DEFAULT_SETTINGS }
  const problems: { key: keyof Settings; message: string }[] = []
  for (const key of SETTING_KEYS) {
    if (!Object.hasOwn(stored, key)) continue
    const value = stored[key]
    const problem = settingProblem(key, value)
    if (problem === undefined) settings[key] = normalised(SETTINGS_SCHEMA[key], value)
    else {
      const instead = `using ${shownSetting(DEFAULT_SETTINGS[key])}`
      problems.push({ key, message: `settings.${key} is ${shownValue(value)}, but ${problem}; ${instead}` })
    }
  }
  return { settings: settings as unknown as Settings, problems }
}

function normalised(spec: SettingKind, value: unknown): unknown {
  if (spec.kind === 'folders') return [...new Set((value as string[]).map((path) => path.normalize('NFC')))]
  return spec.kind === 'choices' ? [...new Set(value as string[])] : value
}

/** A setting's value as a person types it: a list with commas, nothing quoted. */
export function shownSetting(value: unknown): string {
  return Array.isArray(value) ? (value.length ? value.join(',') : '(none)') : String(value)
}

/** Any JSON in a few characters. */
function shownValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : String(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
}
