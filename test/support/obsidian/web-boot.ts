/** Entry for the browser: boots a built main.js as Obsidian does, with the look-alike as the module `obsidian`. */
import * as codemirrorState from '@codemirror/state'
import type { PluginManifest } from 'obsidian'
import { Platform } from 'obsidian-test-mocks/obsidian'
import { QuickVault } from './quick-vault.ts'
import { openApp, type LookAlikeApp } from './web-app.ts'
import * as obsidian from './web-obsidian.ts'
import type { WebApp, WebPlugin } from './web-plugin.ts'

export interface BootOptions {
  /** The text of main.js. */
  readonly code: string
  readonly manifest: PluginManifest
  readonly files?: Readonly<Record<string, string>>
  /** What `data.json` holds. */
  readonly data?: unknown
  /** What the secret storage holds, by name. */
  readonly secrets?: Readonly<Record<string, string>>
  /** Further modules that the plugin may ask for, by name: Node's on a desktop. */
  readonly modules?: Readonly<Record<string, unknown>>
  /** Over a desktop with Linux. */
  readonly platform?: Readonly<Record<string, boolean>>
}

export interface Booted {
  readonly app: LookAlikeApp
  readonly plugin: WebPlugin
  /** Every module that the plugin asked for, also in vain; grows while it runs. */
  readonly asked: readonly string[]
  /** Of reading the file (a first look at all of its text), of its own code, and of the plugin's `onload`; ms. */
  readonly times: { readonly read: number; readonly evaluate: number; readonly load: number }
  /** The plugin turned on once more, in the same window and with the same data. To be called when it is off. */
  again(): Booted
}

type PluginClass = new (app: WebApp, manifest: PluginManifest) => WebPlugin

/** Runs the plugin up to the point where the layout is ready. The page needs an origin of its own for IndexedDB. */
export function bootPlugin(options: BootOptions): Booted {
  Object.assign(Platform, { isWin: false, isLinux: true, ...options.platform })
  const app = openApp({})
  const vault = new QuickVault()
  for (const [path, text] of Object.entries(options.files ?? {})) vault.put(path, new TextEncoder().encode(text))
  Object.assign(app, { vault })
  for (const [id, secret] of Object.entries(options.secrets ?? {})) app.secretStorage.setSecret(id, secret)
  return load(app, options)
}

function load(app: LookAlikeApp, options: BootOptions): Booted {
  const { code, manifest, data = null, modules = {} } = options
  const module = { exports: {} as { default?: PluginClass } }
  const asked: string[] = []
  const require = (name: string): unknown => {
    asked.push(name)
    if (name === 'obsidian') return obsidian
    if (name === '@codemirror/state') return codemirrorState
    if (name in modules) return modules[name]
    throw new Error(`there is no module ${name} here`)
  }
  const began = performance.now()
  // As Obsidian does. In parentheses the function is parsed once; made by `Function` it would be parsed twice.
  const run = window.eval(
    `(function anonymous(require,module,exports){${code}\n})\n//# sourceURL=plugin:${manifest.id}\n`,
  ) as (...given: unknown[]) => void
  const read = performance.now()
  run(require, module, module.exports)
  const evaluated = performance.now()
  const plugin = new module.exports.default!(app, manifest)
  plugin.data = data
  plugin.load()
  const loaded = performance.now()
  app.workspace.setLayoutReady()
  const times = { read: read - began, evaluate: evaluated - read, load: loaded - evaluated }
  return { app, plugin, asked, times, again: () => load(app, { ...options, data: plugin.data }) }
}

Object.assign(globalThis, { bootPlugin })
