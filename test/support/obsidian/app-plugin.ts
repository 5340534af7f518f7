/**
 * The built `main.js` in a fake Obsidian on a real folder, in this process, with the real Iroh binding: what a desktop runs, but for
 * the window. Needs a DOM (`@vitest-environment happy-dom`).
 */
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import * as path from 'node:path'
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import type { TandemFace } from '../../../src/ui/face.ts'
import type { TandemHost } from '../../../src/plugin/tandem-host.ts'
import { FolderAdapter, FolderApp } from './app-folder.ts'
import * as obsidian from './web-obsidian.ts'
import { WebPlugin } from './web-plugin.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const MAIN = path.join(root, 'main.js')
const manifest = JSON.parse(fs.readFileSync(path.join(root, 'manifest.json'), 'utf8')) as { id: string }
const require = createRequire(import.meta.url)

/** Obsidian's own base class, with `data.json` in the plugin's folder. */
class FolderPlugin extends WebPlugin {
  get #file(): string {
    const { adapter } = this.app as unknown as FolderApp
    return adapter.getFullPath(`${(this.manifest as { dir?: string }).dir}/data.json`)
  }

  override loadData(): Promise<unknown> {
    try {
      return Promise.resolve(JSON.parse(fs.readFileSync(this.#file, 'utf8')))
    } catch {
      return Promise.resolve(null)
    }
  }

  override async saveData(data: unknown): Promise<void> {
    fs.writeFileSync(this.#file, JSON.stringify(data, null, 2))
  }
}

/** A device with Obsidian on it: what stays when the app is closed. */
export class ObsidianDevice {
  readonly pluginFolder: string
  readonly kept = { secrets: new Map<string, string>(), storage: new Map<string, string>() }
  readonly indexedDB = new IDBFactory()
  /** Of the running window. */
  readonly locks = new FakeLocks()
  app: FolderApp | null = null
  plugin: (WebPlugin & { onExternalSettingsChange?(): void; onUserEnable?(): void }) | null = null
  #face: TandemHost | null = null

  /** `settings`: of data.json. The component is installed unless told otherwise. */
  constructor(
    readonly vault: string,
    readonly name: string,
    { settings = {}, component = true }: { settings?: object; component?: boolean } = {},
  ) {
    this.pluginFolder = path.join(vault, '.obsidian', 'plugins', manifest.id)
    fs.mkdirSync(this.pluginFolder, { recursive: true })
    const all = { relay: 'off', localNetwork: false, debounceMs: 50, ...settings }
    fs.writeFileSync(path.join(this.pluginFolder, 'data.json'), JSON.stringify({ settings: all }))
    if (component) installComponent(this.pluginFolder)
    this.storage('tandem-sync-bind', '127.0.0.1:0')
    this.storage('tandem-sync-device-name', name)
  }

  storage(key: string, value: unknown): void {
    this.kept.storage.set(key, JSON.stringify(value))
  }

  /** What the screens see. */
  get face(): TandemFace {
    return this.#face!
  }

  /** Opens the app, with the plugin turned on. */
  open(): void {
    this.app = new FolderApp(this.vault, path.basename(this.vault), this.kept)
    this.load()
  }

  load(): void {
    const code = fs.readFileSync(MAIN, 'utf8')
    const module = { exports: {} as { default: new (app: unknown, manifest: unknown) => WebPlugin } }
    const give = (id: string): unknown => {
      if (id !== 'obsidian') return require(id)
      return new Proxy(obsidian, {
        get: (all, key) => {
          if (key === 'Plugin') return FolderPlugin
          if (key === 'FileSystemAdapter') return FolderAdapter
          if (key === 'Platform') return { isDesktop: true, isDesktopApp: true, isLinux: true, isMobile: false }
          return all[key as keyof typeof all]
        },
      })
    }
    const locks = this.locks
    const fakeNavigator = new Proxy(navigator, {
      get: (real, key) => (key === 'locks' ? locks : (Reflect.get(real, key) as unknown)),
    })
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- as Obsidian loads a plugin
    new Function('module', 'exports', 'require', 'indexedDB', 'IDBKeyRange', 'navigator', code)(
      module,
      module.exports,
      give,
      this.indexedDB,
      IDBKeyRange,
      fakeNavigator,
    )
    const Main = module.exports.default
    this.plugin = new Main(this.app, { ...manifest, dir: `.obsidian/plugins/${manifest.id}` })
    this.plugin.load()
    this.#face = (this.plugin as unknown as { host: TandemHost }).host
  }

  /** Turns the plugin off; resolves when nothing of it is at work any more. */
  async unload(): Promise<void> {
    const face = this.#face
    this.plugin?.unload()
    this.plugin = null
    await face?.stop()
  }

  async close(): Promise<void> {
    await this.unload()
    this.app?.close()
    this.app = null
  }

  write(name: string, text: string | Uint8Array): void {
    const file = path.join(this.vault, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, text)
  }

  read(name: string): string {
    return fs.readFileSync(path.join(this.vault, name), 'utf8')
  }

  has(name: string): boolean {
    return fs.existsSync(path.join(this.vault, name))
  }
}

/** As `npm run install-plugin` does. */
export function installComponent(pluginFolder: string): void {
  const { builds } = JSON.parse(fs.readFileSync(path.join(root, 'native-components.json'), 'utf8')) as {
    builds: Record<string, { file: string; sha256: string }>
  }
  const from = createRequire(require.resolve('@number0/iroh/package.json'))
  for (const [build, { file, sha256 }] of Object.entries(builds)) {
    if (!build.startsWith(`${process.platform}-${process.arch}`)) continue
    let source: string
    try {
      source = from.resolve(`@number0/iroh-${build}/${file}`)
    } catch {
      continue
    }
    const target = path.join(pluginFolder, 'native', `iroh-${sha256.slice(0, 16)}.node`)
    fs.mkdirSync(path.dirname(target), { recursive: true })
    // By rename: overwriting one that this process has loaded would kill it.
    fs.copyFileSync(source, `${target}.new`)
    fs.renameSync(`${target}.new`, target)
    return
  }
  throw new Error('no network component for this machine')
}

/** The Web Locks of one browser. */
export class FakeLocks {
  readonly #held = new Map<string, Promise<unknown>>()

  async request(
    name: string,
    options: { ifAvailable?: boolean; signal?: AbortSignal },
    held: (lock: unknown) => Promise<void> | undefined,
  ): Promise<unknown> {
    const before = this.#held.get(name)
    if (before && options.ifAvailable) return held(null)
    let give!: () => void
    const over = new Promise<void>((resolve) => (give = resolve))
    const turn = (before ?? Promise.resolve()).then(() => over)
    this.#held.set(name, turn)
    const done = (): void => {
      if (this.#held.get(name) === turn) this.#held.delete(name)
      give()
    }
    try {
      await Promise.race([before, aborted(options.signal)])
      return await held({ name })
    } finally {
      done()
    }
  }
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}
