import { PluginSettingTab } from 'obsidian'
import type { App, ButtonComponent, Plugin, Setting, SettingDefinitionItem } from 'obsidian'
import type { EndpointId } from '../ports/transport.ts'

/** This device's id, as far as it is known. */
export type IdentityState =
  | { readonly kind: 'opening' }
  | { readonly kind: 'ready'; readonly id: EndpointId }
  /** A sentence that says what happened and what to do. */
  | { readonly kind: 'failed'; readonly message: string }

/** What the tab shows and changes. */
export interface ThisDevice {
  readonly name: string
  readonly identity: IdentityState
  rename(name: string): void
}

/** Characters; other devices show no more. */
const MAX_NAME_LENGTH = 60
const NAME_KEY = 'deviceName'

const STATE =
  'Not syncing. This version of the plugin cannot sync yet: until it can, the headless peer “tandem” keeps this vault in step. The readme says how.'

/** Settings of the plugin. Nothing here lives in `data.json`: a name is per device, and the key stays secret (P6). */
export class TandemSettingTab extends PluginSettingTab {
  readonly #device: ThisDevice

  constructor(app: App, plugin: Plugin, device: ThisDevice) {
    super(app, plugin)
    this.#device = device
  }

  override getSettingDefinitions(): SettingDefinitionItem[] {
    return [
      {
        name: 'Device name',
        desc: 'What your other devices call this one. It is kept on this device only.',
        control: { type: 'text', key: NAME_KEY, validate: nameProblem },
      },
      endpointIdDefinition(this.#device.identity),
      { name: 'State', desc: STATE },
    ]
  }

  override getControlValue(key: string): unknown {
    return key === NAME_KEY ? this.#device.name : undefined
  }

  override setControlValue(key: string, value: unknown): void {
    if (key === NAME_KEY && typeof value === 'string' && !nameProblem(value)) this.#device.rename(value.trim())
  }
}

function nameProblem(name: string): string | undefined {
  if (name.trim() === '') return 'Give this device a name.'
  if ([...name.trim()].length > MAX_NAME_LENGTH) return `Use at most ${MAX_NAME_LENGTH} characters.`
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)) return 'Leave out invisible characters.'
  return undefined
}

function endpointIdDefinition(identity: IdentityState): SettingDefinitionItem {
  const name = 'Endpoint ID'
  switch (identity.kind) {
    case 'opening':
      return { name, desc: 'One moment…' }
    case 'failed':
      return { name, desc: identity.message, render: (setting) => void setting.descEl.addClass('tandem-error') }
    case 'ready':
      return {
        name,
        desc: identity.id,
        aliases: ['public key', 'device id'],
        render: (setting) => showId(setting, identity.id),
      }
  }
}

function showId(setting: Setting, id: EndpointId): void {
  setting.descEl.addClass('tandem-mono')
  setting.addButton((button) => button.setButtonText('Copy').onClick(() => copy(id, button)))
}

async function copy(text: string, button: ButtonComponent): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    button.setButtonText('Copied')
  } catch {
    button.setButtonText('Select it to copy')
  }
}
