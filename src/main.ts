import { Plugin } from 'obsidian'
import { obsidianParts } from './plugin/obsidian-parts.ts'
import { TandemHost } from './plugin/tandem-host.ts'
import { registerScreens, type TandemScreens } from './ui/shell/tandem-screens.ts'

/** The composition root of the plugin. */
export default class TandemPlugin extends Plugin {
  /** What the screens see; here for tests, and for people who look at it in the developer tools. */
  host: TandemHost | null = null
  #screens: TandemScreens | null = null

  override onload(): void {
    const parts = obsidianParts(this)
    const host = new TandemHost(parts)
    this.host = host
    this.#screens = registerScreens(this, host)
    const stop = () => host.stop().finally(() => parts.clock.close())
    this.register(() => void stop())
    // The app waits for goodbyes, shortly.
    this.registerEvent(this.app.workspace.on('quit', (tasks) => tasks.add(() => host.stop())))
    this.app.workspace.onLayoutReady(() => void host.start())
  }

  /** Turned on by a person just now: show the way. */
  override onUserEnable(): void {
    this.#screens?.welcome()
  }

  override onExternalSettingsChange(): void {
    void this.host?.reload()
  }
}
