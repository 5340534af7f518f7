/** The app object of the look-alike, with a window of settings. */
import type { App } from 'obsidian'
import { App as MockApp } from 'obsidian-test-mocks/obsidian'
import type { WebApp } from './web-plugin.ts'
import type { PluginSettingTab } from './web-setting-tab.ts'
import { WebWorkspace } from './web-workspace.ts'

export type LookAlikeApp = App & WebApp & { readonly workspace: WebWorkspace; readonly setting: SettingsWindow }

class SettingsWindow {
  readonly #tabs = new Map<string, PluginSettingTab>()
  #open: PluginSettingTab | null = null

  addTab(id: string, tab: PluginSettingTab): void {
    this.#tabs.set(id, tab)
  }

  removeTab(id: string): void {
    if (this.#open === this.#tabs.get(id)) this.close()
    this.#tabs.delete(id)
  }

  open(): void {}

  openTabById(id: string): void {
    const tab = this.#tabs.get(id)
    if (!tab) throw new Error(`there is no tab of settings for ${id}`)
    this.close()
    this.#open = tab
    tab.open(document.querySelector<HTMLElement>('.workspace')!)
  }

  close(): void {
    this.#open?.close()
    this.#open = null
  }
}

/** An app whose vault holds these files. */
export function openApp(files: Readonly<Record<string, string>>): LookAlikeApp {
  const app = MockApp.createConfigured__({ files: { ...files } })
  Object.assign(app, { appId: 'look-alike', workspace: new WebWorkspace(app as never), setting: new SettingsWindow() })
  return app as unknown as LookAlikeApp
}
