import type { DiskFile, DiskNode, MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { trashNames } from '../../../src/adapters/memory/trash-name.ts'
import { Mutex } from '../../../src/adapters/memory/mutex.ts'
import type { VaultDisk } from '../../../src/adapters/obsidian/vault-app.ts'

export const systemError = (code: string, text = 'the test says so'): Error =>
  Object.assign(new Error(`${code}: ${text}`), { code })

export interface DiskAdapterOptions {
  /** How long each call takes, ms; with none, a turn of the microtask queue. */
  readonly latency?: () => number
  /** Tells the vault that something on the disk is other than it was. */
  readonly onChange: () => void
}

/**
 * Obsidian's `DataAdapter` as a desktop has it, on a disk in memory: finds names in NFD by their NFC, follows no rule about
 * scope, takes `\` for `/`, and changes the disk one call at a time.
 */
export class FakeDiskAdapter implements VaultDisk {
  /** Runs once, right before the next write checks, or the next whole read while a delete is being prepared. */
  beforeReplace: (() => void) | undefined
  racesOnRead = false
  readonly #disk: MemoryDisk
  readonly #options: DiskAdapterOptions
  readonly #writing = new Mutex()

  constructor(disk: MemoryDisk, options: DiskAdapterOptions) {
    this.#disk = disk
    this.#options = options
  }

  async exists(path: string, sensitive = false): Promise<boolean> {
    await this.#take()
    const found = this.find(path)
    return found !== undefined && (!sensitive || last(found.real).normalize('NFC') === last(normal(path)))
  }

  async stat(path: string): Promise<{ type: 'file' | 'folder'; ctime: number; mtime: number; size: number } | null> {
    await this.#take()
    const node = this.find(path)?.node
    if (!node || node.kind === 'link') return null
    if (node.kind === 'folder') return { type: 'folder', ctime: 0, mtime: 0, size: 0 }
    return { type: 'file', ...statsOf(node) }
  }

  async list(path: string): Promise<{ files: string[]; folders: string[] }> {
    await this.#take()
    const found = this.find(path)
    if (found?.node.kind !== 'folder') throw systemError('ENOENT', path)
    if (this.#disk.unreadableFolders.has(found.real)) throw systemError('EACCES', path)
    const files: string[] = []
    const folders: string[] = []
    for (const { name, node } of found.node.children.values()) {
      const below = normal(path === '/' ? name : `${path}/${name}`)
      if (node.kind === 'file') files.push(below)
      else if (node.kind === 'folder') folders.push(below)
    }
    return { files, folders }
  }

  async readBinary(path: string): Promise<ArrayBuffer> {
    await this.#take()
    await this.#disk.enter('read', path, this.#disk.boot)
    if (this.racesOnRead) this.race()
    const node = this.#file(path)
    const content = node.content.slice()
    this.#disk.runDuringRead(normal(path))
    return content.buffer
  }

  read(path: string): Promise<string> {
    return this.readBinary(path).then((buffer) => new TextDecoder().decode(buffer))
  }

  writeBinary(path: string, data: ArrayBuffer): Promise<void> {
    return this.#change(path, 'write', () => this.#put(path, new Uint8Array(data)))
  }

  write(path: string, data: string): Promise<void> {
    return this.writeBinary(path, new TextEncoder().encode(data).buffer)
  }

  appendBinary(path: string, data: ArrayBuffer): Promise<void> {
    return this.#change(path, 'write', () => {
      const before = this.#file(path).content
      this.#put(path, Uint8Array.from([...before, ...new Uint8Array(data)]))
    })
  }

  /** Reads, asks and writes with nobody else in between; the write itself takes its time. */
  async process(path: string, change: (data: string) => string): Promise<string> {
    return this.#writing.run(async () => {
      await this.#take()
      this.race()
      await this.#disk.enter('read', path, this.#disk.boot)
      const before = new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.#file(path).content)
      const after = change(before)
      await this.#take()
      await this.#disk.enter('write', path, this.#disk.boot)
      if (after !== before) this.#put(path, new TextEncoder().encode(after))
      return after
    })
  }

  mkdir(path: string): Promise<void> {
    return this.#change(path, 'mkdir', () => this.#disk.userMkdir(this.realPath(path)))
  }

  rmdir(path: string, recursive: boolean): Promise<void> {
    return this.#change(path, 'rmdir', () => {
      const found = this.find(path)
      if (found?.node.kind !== 'folder') throw systemError('ENOENT', path)
      if (!recursive && found.node.children.size > 0) throw systemError('ENOTEMPTY', path)
      this.#disk.detach(found.real)
    })
  }

  remove(path: string): Promise<void> {
    return this.#change(path, 'remove', () => {
      this.#file(path)
      this.#disk.detach(this.find(path)!.real)
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change(from, 'rename', () => {
      if (this.find(to)) throw new Error('Destination file already exists!')
      this.#disk.userRename(this.find(from)!.real, this.realPath(to))
    })
  }

  /** Where Obsidian's own trash puts things is its business: here under their path, replacing nothing. */
  trashLocal(path: string): Promise<void> {
    return this.#change(path, 'trash', () => {
      const node = this.#file(path)
      this.#disk.detach(this.find(path)!.real)
      for (const name of trashNames(normal(path))) {
        if (this.#disk.trash.has(name)) continue
        this.#disk.trash.set(name, node.content)
        break
      }
    })
  }

  /** What the disk holds, found by the name in any composition. */
  find(path: string): { readonly real: string; readonly node: DiskNode } | undefined {
    if (this.#disk.rootMissing) return undefined
    let real = ''
    let node: DiskNode = this.#disk.root
    for (const name of namesOf(path)) {
      if (node.kind !== 'folder') return undefined
      const names: string[] = [...node.children.values()].map((child) => child.name)
      const other = names.find((one) => one.normalize('NFC') === name)
      const found: ReturnType<MemoryDisk['find']> =
        this.#disk.find(joined(real, name)) ?? (other === undefined ? undefined : this.#disk.find(joined(real, other)))
      if (!found) return undefined
      real = found.path
      node = found.node
    }
    return { real, node }
  }

  /** Where a new file goes: below folders as they are spelled. */
  realPath(path: string): string {
    const names = namesOf(path)
    for (let depth = names.length - 1; depth > 0; depth--) {
      const found = this.find(names.slice(0, depth).join('/'))
      if (found) return [found.real, ...names.slice(depth)].join('/')
    }
    return names.join('/')
  }

  race(): void {
    const then = this.beforeReplace
    this.beforeReplace = undefined
    then?.()
  }

  async #change(
    path: string,
    what: 'write' | 'trash' | 'mkdir' | 'rmdir' | 'remove' | 'rename',
    act: () => void,
  ): Promise<void> {
    await this.#writing.run(async () => {
      await this.#take()
      if (this.#disk.rootMissing) throw systemError('ENOENT', path)
      if (what === 'write' || what === 'trash') await this.#disk.enter(what, path, this.#disk.boot)
      act()
      this.#options.onChange()
    })
  }

  #put(path: string, content: Uint8Array): void {
    const found = this.find(path)
    if (found?.node.kind === 'folder') throw systemError('EISDIR', path)
    this.#disk.put(found?.real ?? this.realPath(path), content)
    this.#options.onChange()
  }

  #file(path: string): DiskFile {
    const node = this.find(path)?.node
    if (node?.kind === 'folder') throw systemError('EISDIR', path)
    if (node?.kind !== 'file') throw systemError('ENOENT', path)
    return node
  }

  async #take(): Promise<void> {
    const ms = this.#options.latency?.() ?? 0
    if (ms > 0) await this.#disk.clock.sleep(ms)
    else await Promise.resolve()
  }
}

export const statsOf = (node: DiskFile): { ctime: number; mtime: number; size: number } => ({
  // The time of creation, which is all that Obsidian tells.
  ctime: node.ctimeMs - (node.ctimeMs % 1000),
  mtime: node.mtimeMs,
  size: node.content.length,
})

/** As Obsidian's `normalizePath`. */
export const normal = (path: string): string =>
  path
    .replace(/[\\/]+/g, '/')
    .replace(/^\/|\/$/g, '')
    .replace(/[\u00a0\u202f]/g, ' ')
    .normalize('NFC')

const namesOf = (path: string): string[] => (normal(path) === '' ? [] : normal(path).split('/'))
const joined = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`)
const last = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
