/**
 * As much of Obsidian as the plugin's settings need, with what Obsidian keeps on a device standing still between two loads of
 * the plugin: secret storage, local storage and the plugin's `data.json`.
 */
import { compileFunction } from 'node:vm'
import type { SettingDefinition, SettingDefinitionItem } from 'obsidian'

/** What outlives a reload of the plugin, or a restart of Obsidian. */
export class FakeDevice {
  readonly secrets = new Map<string, string>()
  readonly localStorage = new Map<string, string>()
  /** The text of the plugin's `data.json`; undefined while there is none. */
  dataJson: string | undefined
  /** Whether the secret storage forgets at once what it is given. */
  forgetsSecrets = false
}

export interface LoadedPlugin {
  readonly tab: FakeSettingTab
  onload(): Promise<void> | void
  onunload?(): void
}

/** The base class as the plugin extends it, with what the harness looks at. */
export abstract class FakeSettingTab {
  settingItems: SettingDefinitionItem[] = []
  updates = 0
  constructor(
    readonly app: unknown,
    readonly plugin: unknown,
  ) {}

  abstract getSettingDefinitions(): SettingDefinitionItem[]
  abstract getControlValue(key: string): unknown
  abstract setControlValue(key: string, value: unknown): void

  update(): void {
    this.updates++
    this.settingItems = this.getSettingDefinitions()
  }
}

/** The module `obsidian` as one device's Obsidian gives it, and the app object. */
export function fakeObsidian(device: FakeDevice) {
  const app = {
    secretStorage: {
      getSecret: (id: string) => device.secrets.get(id) ?? null,
      setSecret: (id: string, secret: string) => {
        if (!/^[a-z0-9-]+$/.test(id)) throw new Error(`not an id of a secret: ${id}`)
        if (!device.forgetsSecrets) device.secrets.set(id, secret)
      },
      listSecrets: () => [...device.secrets.keys()],
    },
    loadLocalStorage: (key: string): unknown => JSON.parse(device.localStorage.get(key) ?? 'null'),
    saveLocalStorage: (key: string, value: unknown) => {
      if (value === null) device.localStorage.delete(key)
      else device.localStorage.set(key, JSON.stringify(value))
    },
  }

  class Plugin {
    tab: FakeSettingTab | undefined
    constructor(
      readonly app: unknown,
      readonly manifest: unknown,
    ) {}

    addSettingTab(tab: FakeSettingTab): void {
      this.tab = tab
      tab.update()
    }

    loadData(): Promise<unknown> {
      return Promise.resolve(JSON.parse(device.dataJson ?? 'null'))
    }

    saveData(data: unknown): Promise<void> {
      device.dataJson = JSON.stringify(data)
      return Promise.resolve()
    }
  }

  const Platform = { isMacOS: false, isWin: false, isLinux: true, isDesktop: true }
  return { app, module: { Plugin, PluginSettingTab: FakeSettingTab, Platform } }
}

/** Loads the text of a built `main.js` as Obsidian does: CommonJS, with `obsidian` as the only module given. */
export async function loadPlugin(mainJs: string, device: FakeDevice): Promise<LoadedPlugin> {
  const { app, module } = fakeObsidian(device)
  const require = (name: string): unknown => {
    if (name === 'obsidian') return module
    throw new Error(`the plugin asks for ${name}`)
  }
  const made = { exports: {} as { default?: new (app: unknown, manifest: unknown) => LoadedPlugin } }
  const run = compileFunction(mainJs, ['require', 'module', 'exports']) as (...given: unknown[]) => void
  run(require, made, made.exports)
  const plugin = new made.exports.default!(app, { id: 'tandem-sync' })
  await plugin.onload()
  return plugin
}

/** The definition of that name in the tab's present definitions. */
export function definition(tab: FakeSettingTab, name: string): SettingDefinition {
  const found = tab.settingItems.find((item) => 'name' in item && item.name === name)
  if (!found) throw new Error(`the tab holds no setting named ${name}`)
  return found as SettingDefinition
}
