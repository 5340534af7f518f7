/** A vault in memory for measuring: every call is a look into a map, so that what a measurement shows is not the vault's own cost. */
import { normal } from './vault-disk.ts'

type EventName = 'create' | 'modify' | 'delete' | 'rename'
interface Listener {
  readonly name: EventName
  readonly then: (file: QuickFile, oldPath?: string) => unknown
}
interface QuickFile {
  readonly path: string
  readonly name: string
  readonly extension: string
  stat: { ctime: number; mtime: number; size: number }
  bytes: Uint8Array<ArrayBuffer>
}
interface QuickFolder {
  readonly path: string
  readonly name: string
  readonly files: Set<string>
  readonly folders: Set<string>
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))
const isShown = (path: string): boolean => !/(?:^|\/)\./.test(path)
const gone = (path: string): Error => Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
const keyOf = (path: string): string => (path === '/' ? '' : path)

/**
 * As much of Obsidian's `Vault` as the plugin uses. What it answers is there at once, within the same turn of the event loop: the
 * hardest case for whoever must let others have a turn, because waiting for this vault gives none.
 */
export class QuickVault {
  readonly configDir = '.obsidian'
  readonly adapter = new QuickDisk(this)
  readonly files = new Map<string, QuickFile>()
  /** Without those whose names begin with a dot. */
  readonly shown = new Map<string, QuickFile>()
  readonly folders = new Map<string, QuickFolder>([['', { path: '', name: '', files: new Set(), folders: new Set() }]])
  readonly #listeners = new Set<Listener>()

  /** Listeners that nobody took away. */
  get listenerCount(): number {
    return this.#listeners.size
  }

  getName(): string {
    return 'Quick'
  }

  getFiles(): QuickFile[] {
    return [...this.shown.values()]
  }

  getFileByPath(path: string): QuickFile | null {
    return this.shown.get(path) ?? null
  }

  getFolderByPath(path: string): QuickFolder | null {
    return isShown(path) ? (this.folders.get(keyOf(path)) ?? null) : null
  }

  create(path: string, text: string): Promise<QuickFile> {
    return this.createBinary(path, new TextEncoder().encode(text).buffer)
  }

  async createBinary(path: string, bytes: ArrayBuffer): Promise<QuickFile> {
    if (this.files.has(path)) throw new Error('File already exists.')
    return this.put(path, new Uint8Array(bytes))
  }

  async createFolder(path: string): Promise<QuickFolder> {
    return this.makeFolder(path)
  }

  async modifyBinary(file: QuickFile, bytes: ArrayBuffer): Promise<void> {
    this.put(file.path, new Uint8Array(bytes))
  }

  async process(file: QuickFile, change: (text: string) => string): Promise<string> {
    return this.adapter.process(file.path, change)
  }

  on(name: EventName, then: Listener['then']): Listener {
    const listener = { name, then, e: { offref: () => this.#listeners.delete(listener) } }
    this.#listeners.add(listener)
    return listener
  }

  offref(listener: Listener): void {
    this.#listeners.delete(listener)
  }

  /** Puts a file there, as any program could. */
  put(path: string, bytes: Uint8Array<ArrayBuffer>, mtime = Date.now()): QuickFile {
    const stat = { ctime: mtime, mtime, size: bytes.length }
    const known = this.files.get(path)
    if (known) {
      Object.assign(known, { stat, bytes })
      this.#emit('modify', known)
      return known
    }
    const name = nameOf(path)
    const file: QuickFile = { path, name, extension: /\.([^./]+)$/.exec(name)?.[1] ?? '', stat, bytes }
    this.files.set(path, file)
    if (isShown(path)) this.shown.set(path, file)
    this.makeFolder(parentOf(path)).files.add(path)
    this.#emit('create', file)
    return file
  }

  makeFolder(path: string): QuickFolder {
    const known = this.folders.get(path)
    if (known) return known
    const folder: QuickFolder = { path, name: nameOf(path), files: new Set(), folders: new Set() }
    this.folders.set(path, folder)
    this.makeFolder(parentOf(path)).folders.add(path)
    return folder
  }

  remove(path: string): void {
    const file = this.files.get(path)
    if (!file) throw gone(path)
    this.files.delete(path)
    this.shown.delete(path)
    this.folders.get(parentOf(path))!.files.delete(path)
    this.#emit('delete', file)
  }

  #emit(name: EventName, file: QuickFile): void {
    if (isShown(file.path)) for (const listener of this.#listeners) if (listener.name === name) listener.then(file)
  }
}

class QuickDisk {
  readonly #vault: QuickVault

  constructor(vault: QuickVault) {
    this.#vault = vault
  }

  async exists(path: string): Promise<boolean> {
    return this.#vault.files.has(path) || this.#vault.folders.has(keyOf(path))
  }

  async stat(path: string): Promise<{ type: 'file' | 'folder'; ctime: number; mtime: number; size: number } | null> {
    const file = this.#vault.files.get(path)
    if (file) return { type: 'file', ...file.stat }
    return this.#vault.folders.has(keyOf(path)) ? { type: 'folder', ctime: 0, mtime: 0, size: 0 } : null
  }

  async list(path: string): Promise<{ files: string[]; folders: string[] }> {
    const folder = this.#vault.folders.get(keyOf(path))
    if (!folder) throw gone(path)
    return { files: [...folder.files], folders: [...folder.folders] }
  }

  async readBinary(path: string): Promise<ArrayBuffer> {
    const bytes = this.#bytes(path)
    return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer // nobody writes into it
  }

  async read(path: string): Promise<string> {
    return new TextDecoder().decode(this.#bytes(path))
  }

  async writeBinary(path: string, bytes: ArrayBuffer): Promise<void> {
    this.#vault.put(normal(path), new Uint8Array(bytes))
  }

  write(path: string, text: string): Promise<void> {
    return this.writeBinary(path, new TextEncoder().encode(text).buffer)
  }

  async appendBinary(path: string, bytes: ArrayBuffer): Promise<void> {
    const before = this.#bytes(path)
    const after = new Uint8Array(before.length + bytes.byteLength)
    after.set(before)
    after.set(new Uint8Array(bytes), before.length)
    this.#vault.put(path, after)
  }

  async process(path: string, change: (text: string) => string): Promise<string> {
    const before = new TextDecoder().decode(this.#bytes(path))
    const after = change(before)
    if (after !== before) this.#vault.put(path, new TextEncoder().encode(after))
    return after
  }

  async mkdir(path: string): Promise<void> {
    this.#vault.makeFolder(normal(path))
  }

  async rmdir(path: string): Promise<void> {
    this.#vault.folders.delete(path)
    this.#vault.folders.get(parentOf(path))?.folders.delete(path)
  }

  async remove(path: string): Promise<void> {
    this.#vault.remove(path)
  }

  trashLocal(path: string): Promise<void> {
    return this.remove(path)
  }

  async rename(from: string, to: string): Promise<void> {
    const bytes = this.#bytes(from)
    this.#vault.remove(from)
    this.#vault.put(to, bytes)
  }

  #bytes(path: string): Uint8Array<ArrayBuffer> {
    const file = this.#vault.files.get(path)
    if (!file) throw gone(path)
    return file.bytes
  }
}
