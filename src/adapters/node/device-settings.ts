import { isIPv4, isIPv6 } from 'node:net'
import { isJsonObject, type JsonObject } from '../../ports/data-file.ts'

/** What only a headless device has beside the settings that all devices share: in the same object of `data.json`. */
export interface DeviceSettings {
  readonly deviceName: string
  /** Whether the vault's config folder is synced (docs/decisions/0003). */
  readonly configFolder: boolean
  /** `address:port` to listen on; null: everywhere. */
  readonly bind: string | null
  /** The sockets of the last run: asked for again, so that old tickets stay good. */
  readonly ports: { readonly ipv4?: number; readonly ipv6?: number }
}

export const DEVICE_SETTINGS: DeviceSettings = { deviceName: 'headless', configFolder: true, bind: null, ports: {} }

/** UTF-16 units; other devices show fewer. */
const MAX_NAME_LENGTH = 1_000

/** Why a value cannot be used, after "must be"; undefined when it can. */
export function deviceSettingProblem(key: keyof DeviceSettings, value: unknown): string | undefined {
  switch (key) {
    case 'deviceName':
      return typeof value === 'string' && value.trim() !== '' && value.length <= MAX_NAME_LENGTH ? undefined : 'a name'
    case 'configFolder':
      return typeof value === 'boolean' ? undefined : 'true or false'
    case 'bind':
      return typeof value === 'string' && isBindAddress(value)
        ? undefined
        : 'ADDRESS:PORT, such as 0.0.0.0:4433 or [::]:0'
    case 'ports':
      return isJsonObject(value) && [value.ipv4, value.ipv6].every((port) => port === undefined || isPort(port))
        ? undefined
        : 'the ports of the last run'
  }
}

/** What is stored, with defaults for what is missing or cannot be used, and a sentence for each of the latter. */
export function readDeviceSettings(raw: JsonObject): { settings: DeviceSettings; problems: string[] } {
  const problems: string[] = []
  const settings: Record<string, unknown> = { ...DEVICE_SETTINGS }
  for (const key of Object.keys(DEVICE_SETTINGS) as (keyof DeviceSettings)[]) {
    const value = raw[key]
    if (value === undefined) continue
    const allowed = deviceSettingProblem(key, value)
    if (allowed === undefined) settings[key] = value
    else problems.push(`settings.${key} in data.json must be ${allowed}, and is not; using the default`)
  }
  return { settings: settings as unknown as DeviceSettings, problems }
}

/** `address:port`, IPv6 in brackets; no host names. */
export function isBindAddress(text: string): boolean {
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? []
  return (v6 ? isIPv6(v6) : !!v4 && isIPv4(v4)) && Number(port) <= 65_535
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= 65_535
}
