import { Plugin } from 'obsidian'
import { openDeviceKey } from './adapters/obsidian/device-key.ts'
import { readDeviceName, writeDeviceName } from './adapters/obsidian/device-name.ts'
import { TandemSettingTab } from './ui/settings-tab.ts'
import type { IdentityState } from './ui/settings-tab.ts'

/** The composition root of the plugin. At this stage: a name, an id, and a tab that shows them; it does not sync yet. */
export default class TandemPlugin extends Plugin {
  override async onload(): Promise<void> {
    const { app } = this
    let identity: IdentityState = { kind: 'opening' }
    const tab = new TandemSettingTab(app, this, {
      get name() {
        return readDeviceName(app)
      },
      get identity() {
        return identity
      },
      rename: (name) => writeDeviceName(app, name),
    })
    this.addSettingTab(tab)
    try {
      identity = { kind: 'ready', id: (await openDeviceKey(app.secretStorage)).id }
    } catch (error) {
      identity = { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
    }
    tab.update()
  }
}
