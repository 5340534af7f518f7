import type { EventRef, TFile, TFolder, WorkspaceLeaf } from 'obsidian'
import type { DiskFile, DiskFolder, MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import type { VaultApp } from '../../../src/adapters/obsidian/vault-app.ts'
import { FakeDiskAdapter, normal, statsOf } from './vault-disk.ts'

type EventName = 'create' | 'modify' | 'delete' | 'rename'
interface Listener {
  readonly name: EventName
  readonly then: (file: unknown, oldPath?: string) => unknown
}
interface FakeFile {
  path: string
  name: string
  extension: string
  stat: { ctime: number; mtime: number; size: number }
}
interface FakeFolder {
  path: string
  name: string
}

export interface FakeAppOptions {
  readonly disk: MemoryDisk
  readonly latency?: () => number
  readonly configDir?: string
  /** Default true. Else `readyNow` makes it so. */
  readonly layoutReady?: boolean
  /** Obsidian hears of changes on the disk at once; else when `look` is called. Default true. */
  readonly watches?: boolean
}

/**
 * As much of Obsidian's `App` as keeps a vault: it holds what it knows of the disk in memory, tells of changes by events, shows
 * nothing whose name begins with a dot, and opens notes in panes.
 */
export class FakeVaultApp {
  readonly disk: MemoryDisk
  readonly adapter: FakeDiskAdapter
  /** Whatever is open in a pane. */
  readonly views: unknown[] = []
  readonly listeners = new Set<Listener>()
  readonly #files = new Map<string, FakeFile>()
  readonly #folders = new Map<string, FakeFolder>()
  readonly #options: FakeAppOptions
  readonly #waiting: (() => void)[] = []
  #ready: boolean

  constructor(options: FakeAppOptions) {
    this.#options = options
    this.disk = options.disk
    this.#ready = options.layoutReady ?? true
    this.adapter = new FakeDiskAdapter(options.disk, {
      ...(options.latency && { latency: options.latency }),
      onChange: () => this.look(),
    })
    this.look()
  }

  /** What the adapter is given. */
  get app(): VaultApp {
    const files = this.#files
    const folders = this.#folders
    const { adapter, listeners } = this
    const isReady = (): boolean => this.#ready
    return {
      vault: {
        adapter,
        configDir: this.#options.configDir ?? '.obsidian',
        getFiles: () => [...files.values()] as unknown as TFile[],
        getFileByPath: (path: string) => (files.get(path) ?? null) as unknown as TFile | null,
        getFolderByPath: (path: string) => (folders.get(path) ?? null) as unknown as TFolder | null,
        create: (path: string, data: string) => this.#create(path, new TextEncoder().encode(data)),
        createBinary: (path: string, data: ArrayBuffer) => this.#create(path, new Uint8Array(data)),
        createFolder: async (path: string) => {
          if (adapter.find(path)) throw new Error('Folder already exists.')
          await adapter.mkdir(path)
          return folders.get(path) as unknown as TFolder
        },
        modifyBinary: (file: TFile, data: ArrayBuffer) => adapter.writeBinary(file.path, data),
        process: (file: TFile, change: (data: string) => string) => adapter.process(file.path, change),
        on: (name: EventName, then: Listener['then']) => {
          const listener = { name, then }
          listeners.add(listener)
          return listener as unknown as EventRef
        },
        offref: (ref: EventRef) => void listeners.delete(ref as unknown as Listener),
      },
      fileManager: { trashFile: (file: TFile) => adapter.trashLocal(file.path) },
      workspace: {
        get layoutReady() {
          return isReady()
        },
        onLayoutReady: (then: () => void) => {
          if (this.#ready) then()
          else this.#waiting.push(then)
        },
        iterateAllLeaves: (then: (leaf: WorkspaceLeaf) => unknown) => {
          for (const view of this.views) then({ view } as WorkspaceLeaf)
        },
      },
    } as unknown as VaultApp
  }

  readyNow(): void {
    this.#ready = true
    for (const then of this.#waiting.splice(0)) then()
  }

  file(path: string): TFile {
    return this.#files.get(path) as unknown as TFile
  }

  /** The person changes the disk with another program. */
  person(act: (disk: MemoryDisk) => void): void {
    act(this.disk)
    if (this.#options.watches ?? true) this.look()
  }

  /** The person renames a file or folder inside Obsidian. */
  rename(from: string, to: string): void {
    this.disk.userRename(from, to)
    const moved = (path: string): string => to + path.slice(from.length)
    const within = (path: string): boolean => path === from || path.startsWith(`${from}/`)
    for (const map of [this.#folders, this.#files] as Map<string, FakeFolder>[])
      for (const [path, entry] of [...map])
        if (within(path)) {
          map.delete(path)
          map.set(moved(path), entry)
          Object.assign(entry, { path: moved(path), name: nameOf(moved(path)) })
          this.#emit('rename', entry, path)
        }
  }

  /** Compares what is in memory with the disk, and tells what changed. A disk that is gone is taken for no change. */
  look(): void {
    if (this.disk.rootMissing) return
    const files = new Map<string, DiskFile>()
    const folders = new Set<string>()
    const walk = (folder: DiskFolder, real: string, path: string): void => {
      if (this.disk.unreadableFolders.has(real)) return
      for (const { name, node } of [...folder.children.values()].sort(byComposition)) {
        const below = normal(path === '' ? name : `${path}/${name}`)
        if (name.startsWith('.') || node.kind === 'link') continue
        if (node.kind === 'file' && !files.has(below)) files.set(below, node)
        if (node.kind !== 'folder') continue
        folders.add(below)
        walk(node, real === '' ? name : `${real}/${name}`, below)
      }
    }
    walk(this.disk.root, '', '')
    for (const path of folders)
      if (!this.#folders.has(path)) this.#add(this.#folders, path, { path, name: nameOf(path) })
    for (const [path, node] of files) this.#take(path, node)
    for (const [path, file] of [...this.#files])
      if (!files.has(path)) {
        this.#files.delete(path)
        this.#emit('delete', file)
      }
    for (const [path, folder] of [...this.#folders])
      if (!folders.has(path)) {
        this.#folders.delete(path)
        this.#emit('delete', folder)
      }
  }

  #take(path: string, node: DiskFile): void {
    const known = this.#files.get(path)
    const stat = statsOf(node)
    if (!known) return this.#add(this.#files, path, { path, name: nameOf(path), extension: extensionOf(path), stat })
    if (known.stat.mtime === stat.mtime && known.stat.size === stat.size && contents.get(known) === node.content) return
    known.stat = stat
    contents.set(known, node.content)
    this.#emit('modify', known)
  }

  #add<T extends FakeFolder>(map: Map<string, T>, path: string, entry: T): void {
    map.set(path, entry)
    const node = this.adapter.find(path)?.node
    if (node?.kind === 'file') contents.set(entry, node.content)
    this.#emit('create', entry)
  }

  async #create(path: string, content: Uint8Array): Promise<TFile> {
    this.adapter.race()
    if (await this.adapter.exists(path)) throw new Error('File already exists.')
    await this.adapter.writeBinary(path, content.slice().buffer)
    return this.file(normal(path))
  }

  #emit(name: EventName, file: unknown, oldPath?: string): void {
    for (const listener of [...this.listeners]) if (listener.name === name) listener.then(file, oldPath)
  }
}

/** Of a file in memory: what Obsidian saw last, to tell a change that keeps size and time. */
const contents = new WeakMap<object, Uint8Array>()

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
const extensionOf = (path: string): string => /\.([^./]+)$/.exec(path)?.[1] ?? ''
/** Of two spellings of one name, the composed one first. */
const byComposition = (a: { name: string }, b: { name: string }): number =>
  Number(a.name !== a.name.normalize('NFC')) - Number(b.name !== b.name.normalize('NFC'))
