import { caseKey } from '../../objects/vault-path.ts'
import type { Clock } from '../../ports/clock.ts'
import { VaultError } from '../../ports/errors.ts'
import type { VaultErrorCode } from '../../ports/errors.ts'

/** A file of the fake disk. `content` is replaced, never changed in place. */
export interface DiskFile {
  readonly kind: 'file'
  content: Uint8Array
  mtimeMs: number
  ctimeMs: number
  readonly ino: number
}
export interface DiskFolder {
  readonly kind: 'folder'
  /** By folded name; `name` is the spelling that the disk keeps. */
  readonly children: Map<string, { name: string; node: DiskNode }>
}
export interface DiskLink {
  readonly kind: 'link'
}
export type DiskNode = DiskFile | DiskFolder | DiskLink

export interface MemoryDiskOptions {
  readonly clock: Clock
  /** `Note.md` and `note.md` are one file, as on Windows and macOS. Default false. */
  readonly caseFolding?: boolean
  /** `nfd`: names are kept decomposed, and found in either form, as on HFS+. Default `none`: kept and told apart byte by byte. */
  readonly normalisation?: 'none' | 'nfd'
  /** Times are cut to multiples of this; 2000 on FAT. Default 1. */
  readonly mtimeGranularityMs?: number
  /** In [0, 1): decides the random faults. Without it `faultRate` must stay 0. */
  readonly random?: () => number
  /** Each operation waits up to this long. Default 0: no waiting. */
  readonly latencyMs?: number
  /** From a change to its watch event. Default 50. */
  readonly watchDelayMs?: number
}

export type DiskOperation = 'scan' | 'stat' | 'read' | 'write' | 'trash'
/** A moment inside a write or delete: the new content lies there under a temporary name, or has just taken its place. */
export type CutPoint = 'before-replace' | 'after-replace'
/** Paths as the disk spells them; null: events were lost. */
export type DiskListener = (paths: readonly string[] | null) => void

const FAULT_CODES: Readonly<Record<DiskOperation, VaultErrorCode>> = {
  scan: 'unreadable',
  stat: 'unreadable',
  read: 'unreadable',
  write: 'unwritable',
  trash: 'trash-failed',
}

/**
 * A disk that keeps a vault in memory, outliving every adapter that is opened on it, as a disk outlives processes.
 * The `user…` operations are the person's (or their editor's): they take effect at once and are noticed by watchers later.
 * Paths are `/`-separated; `''` is the root. Given the same clock, random source and calls, it does the same.
 */
export class MemoryDisk {
  readonly clock: Clock
  readonly caseFolding: boolean
  /** What was deleted by steps, by path in the trash. */
  readonly trash = new Map<string, Uint8Array>()
  /** Folders that cannot be listed, by path. */
  readonly unreadableFolders = new Set<string>()
  /** The vault's folder is gone: an unplugged disk. */
  rootMissing = false
  /** Probability that an operation fails. */
  faultRate = 0
  readonly #options: MemoryDiskOptions
  readonly #root: DiskFolder = { kind: 'folder', children: new Map() }
  readonly #faults: { readonly operation: DiskOperation; readonly error: Error | VaultErrorCode }[] = []
  readonly #duringRead = new Map<string, () => void>()
  readonly #listeners = new Set<DiskListener>()
  readonly #noticed = new Set<string>()
  #cut: CutPoint | undefined
  #lostTrack = false
  #eventsDue = false
  #boot = 0
  #nextIno = 1

  constructor(options: MemoryDiskOptions) {
    this.#options = options
    this.clock = options.clock
    this.caseFolding = options.caseFolding ?? false
  }

  // The person.

  /** Writes a file and the folders that it needs. */
  userWrite(path: string, content: string | Uint8Array): void {
    this.put(path, typeof content === 'string' ? new TextEncoder().encode(content) : content)
  }

  /** Removes a file, or a folder with all in it. */
  userDelete(path: string): void {
    if (!this.detach(path)) throw new Error(`no such file: ${path}`)
  }

  /** Moves a file or folder; replaces a file of that name. Works for a change in case alone. */
  userRename(from: string, to: string): void {
    const node = this.detach(from)
    if (!node) throw new Error(`no such file: ${from}`)
    this.attach(to, node)
  }

  userMkdir(path: string): void {
    if (!this.find(path)) this.attach(path, { kind: 'folder', children: new Map() })
  }

  /** Makes a symbolic link (to where does not matter: nobody follows it). */
  userLink(path: string): void {
    this.attach(path, { kind: 'link' })
  }

  /** Every file by the path that the disk spells, own temporary files too. */
  files(): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>()
    const walk = (folder: DiskFolder, prefix: string): void => {
      for (const { name, node } of folder.children.values()) {
        if (node.kind === 'file') files.set(prefix + name, node.content)
        else if (node.kind === 'folder') walk(node, `${prefix}${name}/`)
      }
    }
    walk(this.#root, '')
    return files
  }

  // What goes wrong.

  /** The next such operation fails. Without an error of one's own: with the VaultError that fits. */
  failNext(operation: DiskOperation, error: Error | VaultErrorCode = FAULT_CODES[operation]): void {
    this.#faults.push({ operation, error })
  }

  /** Runs once, in the middle of the next read of a path: the file grows, goes, is emptied. */
  duringNextRead(path: string, then: () => void): void {
    this.#duringRead.set(path, then)
  }

  /** Watchers lose the events that are due, and know that they did. */
  loseEvents(): void {
    this.#lostTrack = true
    this.#schedule()
  }

  /** The process stops dead, now: no call of an adapter opened so far ever ends, and none changes the disk any more. */
  powerCut(): void {
    this.#boot++
    this.#listeners.clear()
  }

  /** The same in the middle of the next write or delete. */
  powerCutAt(point: CutPoint): void {
    this.#cut = point
  }

  // For the adapter.

  /** Number of power cuts; an adapter belongs to the one it was opened after. */
  get boot(): number {
    return this.#boot
  }

  /** Waits, and fails when a fault is due. Never resolves after a power cut. */
  async enter(operation: DiskOperation, path: string, boot: number): Promise<void> {
    const { latencyMs = 0, random } = this.#options
    if (latencyMs > 0) await this.clock.sleep(random ? Math.floor(random() * latencyMs) : latencyMs)
    else await Promise.resolve()
    await this.alive(boot)
    const at = this.#faults.findIndex((fault) => fault.operation === operation)
    const error = at < 0 ? undefined : this.#faults.splice(at, 1)[0]!.error
    if (typeof error === 'string') throw new VaultError(error, `a wished fault: ${operation} of “${path}”`, { path })
    if (error) throw error
    if (this.faultRate > 0 && random!() < this.faultRate)
      throw new VaultError(FAULT_CODES[operation], `a random fault: ${operation} of “${path}”`, { path })
  }

  /** Resolves at once, or never when the process that asks is dead. */
  async alive(boot: number): Promise<void> {
    if (boot !== this.#boot) await new Promise<never>(() => undefined)
  }

  reach(point: CutPoint): void {
    if (this.#cut !== point) return
    this.#cut = undefined
    this.powerCut()
  }

  runDuringRead(path: string): void {
    const then = this.#duringRead.get(path)
    this.#duringRead.delete(path)
    then?.()
  }

  get root(): DiskFolder {
    return this.#root
  }

  /** What is at a path, and how the disk spells the path. Follows no link. */
  find(path: string): { readonly path: string; readonly node: DiskNode } | undefined {
    let node: DiskNode = this.#root
    const spelled: string[] = []
    for (const name of path === '' ? [] : path.split('/')) {
      const child: { name: string; node: DiskNode } | undefined =
        node.kind === 'folder' ? node.children.get(this.#fold(name)) : undefined
      if (!child) return undefined
      spelled.push(child.name)
      node = child.node
    }
    return { path: spelled.join('/'), node }
  }

  /** Writes a file in one step; a file that is there gets a new content and time and keeps its number. */
  put(path: string, content: Uint8Array): DiskFile {
    const found = this.find(path)
    if (found?.node.kind === 'folder') throw new Error(`a folder is at ${path}`)
    const now = this.#time()
    const own = content.slice()
    if (found?.node.kind === 'file') {
      Object.assign(found.node, { content: own, mtimeMs: now, ctimeMs: now })
      this.#notice(found.path)
      return found.node
    }
    const file: DiskFile = { kind: 'file', content: own, mtimeMs: now, ctimeMs: now, ino: this.#nextIno++ }
    this.attach(path, file)
    return file
  }

  /** Puts a node at a path, over a file that is there, making folders on the way. */
  attach(path: string, node: DiskNode): void {
    const names = path.split('/')
    let folder = this.#root
    for (const name of names.slice(0, -1)) {
      const key = this.#fold(name)
      if (!folder.children.has(key))
        folder.children.set(key, { name: this.#spell(name), node: { kind: 'folder', children: new Map() } })
      const child = folder.children.get(key)!.node
      if (child.kind !== 'folder') throw new Error(`not a folder on the way to ${path}`)
      folder = child
    }
    const name = names.at(-1)!
    const key = this.#fold(name)
    const there = folder.children.get(key)
    if (there?.node.kind === 'folder') throw new Error(`a folder is at ${path}`)
    // A rename over a file keeps the name that the disk has for it.
    folder.children.set(key, { name: there?.name ?? this.#spell(name), node })
    if (node.kind === 'file') node.ctimeMs = this.#time()
    this.#notice(path)
  }

  /** Takes a node out of its folder. */
  detach(path: string): DiskNode | undefined {
    const cut = path.lastIndexOf('/')
    const parent = this.find(cut < 0 ? '' : path.slice(0, cut))?.node
    const key = this.#fold(path.slice(cut + 1))
    const child = parent?.kind === 'folder' ? parent.children.get(key) : undefined
    if (parent?.kind !== 'folder' || !child) return undefined
    parent.children.delete(key)
    this.#notice(path)
    return child.node
  }

  listen(listener: DiskListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #fold(name: string): string {
    const form = this.#options.normalisation === 'nfd' ? name.normalize('NFD') : name
    return this.caseFolding ? caseKey(form) : form
  }

  #spell(name: string): string {
    return this.#options.normalisation === 'nfd' ? name.normalize('NFD') : name
  }

  #time(): number {
    const { mtimeGranularityMs = 1 } = this.#options
    return Math.floor(this.clock.now() / mtimeGranularityMs) * mtimeGranularityMs
  }

  #notice(path: string): void {
    if (this.#listeners.size === 0) return
    this.#noticed.add(path)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#eventsDue) return
    this.#eventsDue = true
    this.clock.after(this.#options.watchDelayMs ?? 50, () => {
      this.#eventsDue = false
      const paths = this.#lostTrack ? null : [...this.#noticed]
      this.#lostTrack = false
      this.#noticed.clear()
      for (const listener of [...this.#listeners]) listener(paths)
    })
  }
}
