/** The built main.js in a window of a real Chromium, for tests. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import type { TandemHost } from '../../../src/plugin/tandem-host.ts'
import type { BootOptions, Booted } from './web-boot.ts'
import { openAppPage, type Look } from './web-page.ts'

const root = join(import.meta.dirname, '../../..')
const manifest = JSON.parse(readFileSync(join(root, 'manifest.json'), 'utf8')) as BootOptions['manifest']

/** A desktop on which plugins cannot have Node: what the look-alike can be in a browser. */
export const DESKTOP = { isDesktopApp: false }
/** What Obsidian calls itself on a phone. */
export const PHONE = {
  isDesktop: false,
  isDesktopApp: false,
  isMobile: true,
  isMobileApp: true,
  isPhone: true,
  isAndroidApp: true,
  isLinux: false,
}

export type PageOptions = Pick<BootOptions, 'files' | 'data' | 'secrets' | 'platform'>
/** What a test finds in its page, as the global `tandem`. */
export type InPage = Booted & { readonly plugin: { readonly host: TandemHost } }

/** The window of a device, with what stays when it is closed and opened again: the browser's storage. */
export class BootPage {
  readonly page: Page
  readonly errors: readonly string[]
  readonly #script: string

  private constructor(page: Page, errors: readonly string[], script: string) {
    this.page = page
    this.errors = errors
    this.#script = script
  }

  /** `script`: the bundle of web-boot.ts. */
  static async open(browser: Browser, script: string, look: Look = {}): Promise<BootPage> {
    const { page, errors } = await openAppPage(browser, script, look)
    return new BootPage(page, errors, script)
  }

  /** Turns the plugin on and waits until its condition is known and, if it has a vault at work, that is at rest. */
  async boot(options: PageOptions = {}): Promise<void> {
    const code = readFileSync(join(root, 'main.js'), 'utf8')
    await this.page.evaluate(
      (all) => {
        const { bootPlugin } = globalThis as unknown as { bootPlugin: (options: BootOptions) => Booted }
        Object.assign(globalThis, { tandem: bootPlugin(all) })
      },
      {
        code,
        manifest: { ...manifest, dir: `.obsidian/plugins/${manifest.id}` },
        platform: DESKTOP,
        ...options,
      } as BootOptions,
    )
    await this.rest()
  }

  /** At rest is also what cannot go on. */
  async rest(): Promise<void> {
    await this.page.waitForFunction(() => {
      const { host } = (globalThis as unknown as { tandem: InPage }).tandem.plugin
      if (host.condition.kind === 'starting') return false
      return host.condition.kind === 'failed' || !!host.share?.lastError || host.device?.isSettled === true
    })
  }

  /** The window is opened anew: nothing but the browser's storage stays. */
  async reload(): Promise<void> {
    await this.page.reload()
    await this.page.addScriptTag({ content: this.#script })
  }

  close(): Promise<void> {
    return this.page.context().close()
  }
}
