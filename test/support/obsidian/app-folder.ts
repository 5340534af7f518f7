import * as fs from 'node:fs'
import * as path from 'node:path'
import type { EventRef, TFile, TFolder } from 'obsidian'

type EventName = 'create' | 'modify' | 'delete' | 'rename'
interface Listener {
  readonly name: string
  readonly then: (...args: unknown[]) => unknown
}
interface Entry {
  path: string
  name: string
  extension: string
  parent: { path: string }
  stat: { ctime: number; mtime: number; size: number }
}

const normal = (name: string): string =>
  name
    .normalize('NFC')
    .replaceAll('\\', '/')
    .replace(/^\/+|\/+$/g, '')
const parentOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf('/')))

/** Obsidian's `FileSystemAdapter` on a real folder, as a desktop has it. */
export class FolderAdapter {
  constructor(
    readonly basePath: string,
    private readonly changed: () => void,
  ) {}

  getFullPath(name: string): string {
    return path.join(this.basePath, name)
  }

  async exists(name: string): Promise<boolean> {
    return fs.existsSync(this.getFullPath(name))
  }

  async stat(name: string): Promise<{ type: 'file' | 'folder'; ctime: number; mtime: number; size: number } | null> {
    const stat = await fs.promises.stat(this.getFullPath(name)).catch(() => null)
    if (!stat) return null
    return {
      type: stat.isDirectory() ? 'folder' : 'file',
      ctime: stat.birthtimeMs,
      mtime: stat.mtimeMs,
      size: stat.size,
    }
  }

  async list(name: string): Promise<{ files: string[]; folders: string[] }> {
    const entries = await fs.promises.readdir(this.getFullPath(name), { withFileTypes: true })
    const below = (list: fs.Dirent[]) => list.map((entry) => normal(`${normal(name)}/${entry.name}`))
    return { files: below(entries.filter((e) => e.isFile())), folders: below(entries.filter((e) => e.isDirectory())) }
  }

  async readBinary(name: string): Promise<ArrayBuffer> {
    const bytes = await fs.promises.readFile(this.getFullPath(name))
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  }

  async read(name: string): Promise<string> {
    return fs.promises.readFile(this.getFullPath(name), 'utf8')
  }

  writeBinary(name: string, data: ArrayBuffer): Promise<void> {
    return this.#change(() => fs.writeFileSync(this.getFullPath(name), new Uint8Array(data)))
  }

  write(name: string, data: string): Promise<void> {
    return this.#change(() => fs.writeFileSync(this.getFullPath(name), data))
  }

  appendBinary(name: string, data: ArrayBuffer): Promise<void> {
    return this.#change(() => fs.appendFileSync(this.getFullPath(name), new Uint8Array(data)))
  }

  async process(name: string, change: (data: string) => string): Promise<string> {
    const after = change(fs.readFileSync(this.getFullPath(name), 'utf8'))
    await this.#change(() => fs.writeFileSync(this.getFullPath(name), after))
    return after
  }

  mkdir(name: string): Promise<void> {
    return this.#change(() => void fs.mkdirSync(this.getFullPath(name), { recursive: true }))
  }

  rmdir(name: string, recursive: boolean): Promise<void> {
    return this.#change(() =>
      recursive ? fs.rmSync(this.getFullPath(name), { recursive }) : fs.rmdirSync(this.getFullPath(name)),
    )
  }

  remove(name: string): Promise<void> {
    return this.#change(() => fs.rmSync(this.getFullPath(name)))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change(() => fs.renameSync(this.getFullPath(from), this.getFullPath(to)))
  }

  trashLocal(name: string): Promise<void> {
    return this.#change(() => {
      const target = this.getFullPath(`.trash/${name}`)
      fs.mkdirSync(path.dirname(target), { recursive: true })
      fs.renameSync(this.getFullPath(name), target)
    })
  }

  /** Obsidian knows of its own changes at once. */
  async #change(act: () => void): Promise<void> {
    act()
    this.changed()
  }
}

/**
 * As much of Obsidian's `App` as the plugin uses, on a real folder: the vault with its events, files opened in no pane, secrets and
 * local storage that outlive the app. Changes by other programs are noticed by a look every 50 ms, as Obsidian's watcher would.
 */
export class FolderApp {
  readonly adapter: FolderAdapter
  readonly vault: Record<string, unknown>
  readonly workspace: Record<string, unknown>
  readonly fileManager: { trashFile: (file: TFile) => Promise<void> }
  readonly secretStorage: Record<string, unknown>
  /** By name: what a command or link opens, for the tests. */
  readonly setting: { addTab(id: string, tab: unknown): void; removeTab(id: string): void; tabs: Map<string, unknown> }
  readonly #listeners = new Set<Listener>()
  readonly #files = new Map<string, Entry>()
  readonly #folders = new Map<string, { path: string; name: string }>()
  readonly #storage: Map<string, string>
  readonly #looking: NodeJS.Timeout
  readonly #views = new Map<string, unknown>()

  /** `kept`: what stays when the app is closed and opened again. */
  constructor(root: string, name: string, kept: { secrets: Map<string, string>; storage: Map<string, string> }) {
    this.#storage = kept.storage
    this.adapter = new FolderAdapter(root, () => this.look())
    const { adapter } = this
    const listeners = this.#listeners
    const on = (event: string, then: Listener['then']): EventRef => {
      const listener = { name: event, then }
      listeners.add(listener)
      return Object.assign(listener, { e: { offref: () => listeners.delete(listener) } })
    }
    const create = async (file: string, bytes: Uint8Array): Promise<TFile> => {
      if (await adapter.exists(file)) throw new Error('File already exists.')
      await adapter.writeBinary(file, bytes.slice().buffer)
      return this.#files.get(normal(file)) as unknown as TFile
    }
    this.vault = {
      adapter,
      configDir: '.obsidian',
      getName: () => name,
      getFiles: () => [...this.#files.values()],
      getMarkdownFiles: () => [...this.#files.values()].filter((file) => file.extension === 'md'),
      getFileByPath: (file: string) => this.#files.get(file) ?? null,
      getFolderByPath: (folder: string) => this.#folders.get(folder) ?? null,
      getAbstractFileByPath: (file: string) => this.#files.get(file) ?? this.#folders.get(file) ?? null,
      read: (file: TFile) => adapter.read(file.path),
      cachedRead: (file: TFile) => adapter.read(file.path),
      create: (file: string, data: string) => create(file, new TextEncoder().encode(data)),
      createBinary: (file: string, data: ArrayBuffer) => create(file, new Uint8Array(data)),
      createFolder: async (folder: string) => {
        if (this.#folders.has(normal(folder))) throw new Error('Folder already exists.')
        await adapter.mkdir(folder)
        return this.#folders.get(normal(folder)) as unknown as TFolder
      },
      modify: (file: TFile, data: string) => adapter.write(file.path, data),
      modifyBinary: (file: TFile, data: ArrayBuffer) => adapter.writeBinary(file.path, data),
      process: (file: TFile, change: (data: string) => string) => adapter.process(file.path, change),
      on,
      offref: (ref: EventRef) => listeners.delete(ref as unknown as Listener),
    }
    this.workspace = {
      layoutReady: true,
      onLayoutReady: (then: () => unknown) => void queueMicrotask(() => void then()),
      iterateAllLeaves: () => undefined,
      getLeavesOfType: () => [],
      getActiveFile: () => null,
      getActiveViewOfType: () => null,
      registerView: (type: string, make: unknown) => this.#views.set(type, make),
      on,
      offref: (ref: EventRef) => listeners.delete(ref as unknown as Listener),
    }
    this.fileManager = { trashFile: (file) => adapter.trashLocal(file.path) }
    this.secretStorage = {
      getSecret: (id: string) => kept.secrets.get(id) ?? null,
      setSecret: (id: string, secret: string) => void kept.secrets.set(id, secret),
      listSecrets: () => [...kept.secrets.keys()],
    }
    const tabs = new Map<string, unknown>()
    this.setting = { tabs, addTab: (id, tab) => void tabs.set(id, tab), removeTab: (id) => void tabs.delete(id) }
    this.look()
    this.#looking = setInterval(() => this.look(), 50)
    this.#looking.unref()
  }

  /** Listeners of vault and workspace that are still there. */
  get listeners(): number {
    return this.#listeners.size
  }

  loadLocalStorage(key: string): unknown {
    return JSON.parse(this.#storage.get(key) ?? 'null')
  }

  saveLocalStorage(key: string, value: unknown): void {
    if (value === null || value === undefined) this.#storage.delete(key)
    else this.#storage.set(key, JSON.stringify(value))
  }

  /** The app's goodbye, as Obsidian gives it when it is quit. */
  async quit(): Promise<void> {
    const tasks: (() => Promise<unknown>)[] = []
    for (const { name, then } of [...this.#listeners])
      if (name === 'quit') then({ add: (task: () => Promise<unknown>) => tasks.push(task) })
    await Promise.all(tasks.map((task) => task()))
  }

  close(): void {
    clearInterval(this.#looking)
  }

  /** Compares what is known with the disk, and tells what changed. */
  look(): void {
    const root = this.adapter.basePath
    if (!fs.existsSync(root)) return
    const files = new Map<string, Entry['stat']>()
    const folders = new Set<string>()
    const walk = (folder: string): void => {
      for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
        if (entry.name.startsWith('.')) continue
        const below = normal(`${folder}/${entry.name}`)
        if (entry.isDirectory()) {
          folders.add(below)
          walk(below)
        } else if (entry.isFile()) {
          const stat = fs.statSync(path.join(root, below), { throwIfNoEntry: false })
          if (stat) files.set(below, { ctime: stat.birthtimeMs, mtime: stat.mtimeMs, size: stat.size })
        }
      }
    }
    walk('')
    for (const folder of folders)
      if (!this.#folders.has(folder)) this.#appear(this.#folders, folder, { path: folder, name: path.basename(folder) })
    for (const [file, stat] of files) {
      const known = this.#files.get(file)
      if (!known) {
        const extension = path.extname(file).slice(1)
        this.#appear(this.#files, file, {
          ...{ path: file, name: path.basename(file), extension, parent: { path: parentOf(file) }, stat },
        })
      } else if (known.stat.mtime !== stat.mtime || known.stat.size !== stat.size) {
        known.stat = stat
        this.#emit('modify', known)
      }
    }
    for (const [file, entry] of [...this.#files]) if (!files.has(file)) this.#vanish(this.#files, file, entry)
    for (const [folder, entry] of [...this.#folders])
      if (!folders.has(folder)) this.#vanish(this.#folders, folder, entry)
  }

  #appear<T>(map: Map<string, T>, name: string, entry: T): void {
    map.set(name, entry)
    this.#emit('create', entry)
  }

  #vanish<T>(map: Map<string, T>, name: string, entry: T): void {
    map.delete(name)
    this.#emit('delete', entry)
  }

  #emit(name: EventName, entry: unknown): void {
    for (const listener of [...this.#listeners]) if (listener.name === name) listener.then(entry)
  }
}
