import * as fs from 'node:fs'
import { join, sep } from 'node:path'

/** More than these are better watched by beginning anew. */
const MOST_FOLDERS = 1_000

export interface NewFoldersOptions {
  /** Whether a folder is to be looked into; absolute path. */
  readonly wants: (folder: string) => boolean
  /** Something at or in this path may have changed; absolute. */
  readonly onChange: (path: string) => void
  /** Some folder cannot be watched, or there are too many. */
  readonly onLost: (reason: string) => void
}

/**
 * Watches the folders that were made since the watcher of the whole vault began. On Linux that one does not see what happens inside
 * a folder that is made inside a folder that was made a moment ago: it learns of the outer one too late to see the inner one.
 */
export class NewFolders {
  readonly #options: NewFoldersOptions
  readonly #watched = new Map<string, fs.FSWatcher>()
  #closed = false

  constructor(options: NewFoldersOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#watched.size
  }

  /** Something appeared, changed or went at a path. */
  look(path: string): void {
    if (this.#closed) return
    if (!isFolder(path)) return this.#forget(path)
    if (this.#watched.has(path) || !this.#options.wants(path)) return
    if (this.#watched.size >= MOST_FOLDERS) return this.#options.onLost('very many folders were made')
    try {
      // Not persistent: a watch alone keeps no process alive.
      const watcher = fs.watch(path, { persistent: false }, (_event, name) => {
        if (name === null) return
        const below = join(path, name)
        this.look(below)
        if (!this.#closed) this.#options.onChange(below)
      })
      watcher.on('error', () => this.#forget(path)) // it went, and its parent tells
      this.#watched.set(path, watcher)
      // What came before the watch began.
      for (const entry of fs.readdirSync(path, { withFileTypes: true }))
        if (entry.isDirectory()) this.look(join(path, entry.name))
    } catch (error) {
      if (isFolder(path)) return this.#options.onLost((error as Error).message)
    }
    this.#options.onChange(path)
  }

  close(): void {
    this.#closed = true
    for (const watcher of this.#watched.values()) watcher.close()
    this.#watched.clear()
  }

  #forget(path: string): void {
    for (const [folder, watcher] of this.#watched) {
      if (folder !== path && !folder.startsWith(path + sep)) continue
      watcher.close()
      this.#watched.delete(folder)
    }
  }
}

function isFolder(path: string): boolean {
  try {
    return fs.lstatSync(path).isDirectory()
  } catch {
    return false
  }
}
