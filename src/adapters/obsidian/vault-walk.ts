import { vaultPathProblem } from '../../objects/vault-path.ts'
import type { VaultPath } from '../../objects/vault-path.ts'
import type { FileStat, ScanIssue, ScanResult } from '../../ports/vault-files.ts'
import { isTemporaryName } from '../memory/vault-scope.ts'
import { TimeSlices } from './time-slices.ts'
import { fileStatOf } from './vault-access.ts'
import type { VaultAccess } from './vault-access.ts'
import { isGone, reasonOf } from './vault-errors.ts'

/** Calls on the disk at once: on phones each crosses a bridge. */
const PARALLEL = 8
/** Names between two looks at the clock. */
const NAMES_PER_LOOK = 32

export interface Walk extends ScanResult {
  /** Names in the folder where it began, in scope or not; undefined when that could not be listed. */
  readonly namesAtStart: number | undefined
}

/**
 * The files below a folder, as the disk lists them: unlike what Obsidian has in memory, this tells a file that is gone from a
 * folder that cannot be read (E2). '' is the vault.
 */
export async function walkFolder(
  access: VaultAccess,
  folder: string,
  options: { readonly isLeftover?: (path: string) => boolean; readonly signal?: AbortSignal } = {},
): Promise<Walk> {
  const walk = new FolderWalk(access, options.isLeftover ?? (() => false), options.signal)
  await walk.run(folder)
  return walk
}

class FolderWalk implements Walk {
  readonly files: FileStat[] = []
  readonly errors: ScanIssue[] = []
  readonly skipped: ScanIssue[] = []
  namesAtStart: number | undefined
  readonly #access: VaultAccess
  readonly #isLeftover: (path: string) => boolean
  readonly #signal: AbortSignal | undefined
  readonly #slices: TimeSlices
  readonly #seen = new Set<string>()
  #names = 0

  constructor(access: VaultAccess, isLeftover: (path: string) => boolean, signal: AbortSignal | undefined) {
    this.#access = access
    this.#isLeftover = isLeftover
    this.#signal = signal
    this.#slices = new TimeSlices(access)
  }

  async run(start: string): Promise<void> {
    let folders = [start]
    while (folders.length > 0) {
      const below: string[] = []
      for (let at = 0; at < folders.length; at += PARALLEL) {
        const some = folders.slice(at, at + PARALLEL)
        const lists = await Promise.all(some.map((folder) => this.#list(folder)))
        for (const list of lists) below.push(...(await this.#take(list)))
      }
      folders = below
    }
  }

  async #list(folder: string): Promise<{ files: string[]; folders: string[] }> {
    const { disk } = this.#access
    try {
      const list = await disk.list(folder === '' ? '/' : folder)
      this.namesAtStart ??= list.files.length + list.folders.length
      return list
    } catch (cause) {
      // Removed since its parent was listed: truly absent. Everything else hides files that may well be there.
      if (folder === '' || !(await isGone(disk, cause, folder)))
        this.errors.push({ path: folder, reason: reasonOf(cause) })
      return { files: [], folders: [] }
    }
  }

  /** Adds a folder's files; returns its folders that are in scope. */
  async #take({ files, folders }: { files: string[]; folders: string[] }): Promise<string[]> {
    const wanted: VaultPath[] = []
    for (const file of files) {
      await this.#look()
      const path = vaultForm(file)
      if (isTemporaryName(path.slice(path.lastIndexOf('/') + 1)) && this.#isLeftover(path)) await this.#remove(path)
      else if (this.#admits(path)) wanted.push(path as VaultPath)
    }
    for (let at = 0; at < wanted.length; at += PARALLEL) {
      await this.#look()
      const asked: Promise<FileStat | undefined>[] = []
      for (const path of wanted.slice(at, at + PARALLEL)) {
        // From memory where Obsidian shows the file: that spares a call for each.
        const file = this.#access.app.vault.getFileByPath(path)
        if (file) this.files.push(fileStatOf(path, file.stat))
        else asked.push(this.#statOnDisk(path))
      }
      if (asked.length > 0) this.files.push(...(await Promise.all(asked)).filter((stat) => stat !== undefined))
    }
    const below: string[] = []
    for (const folder of folders) {
      await this.#look()
      if (this.#admits(vaultForm(folder))) below.push(vaultForm(folder))
    }
    return below
  }

  #admits(path: string): boolean {
    if (!this.#access.inScope(path)) return false
    const problem = this.#seen.has(path) ? 'it is a second spelling of the same name' : vaultPathProblem(path)
    this.#seen.add(path)
    if (problem !== null) this.skipped.push({ path, reason: problem })
    return problem === null
  }

  async #statOnDisk(path: VaultPath): Promise<FileStat | undefined> {
    try {
      const stat = await this.#access.disk.stat(path)
      if (stat) return stat.type === 'file' ? fileStatOf(path, stat) : undefined
      // Obsidian says the same of a file that is gone and of one that it may not look at.
      if (await this.#access.disk.exists(path)) this.errors.push({ path, reason: 'it cannot be looked at' })
      return undefined
    } catch (cause) {
      this.errors.push({ path, reason: reasonOf(cause) })
      return undefined
    }
  }

  async #remove(path: string): Promise<void> {
    // It is out of scope and does no harm; the next start tries again.
    await this.#access.disk.remove(path).catch(() => undefined)
  }

  async #look(): Promise<void> {
    if (++this.#names % NAMES_PER_LOOK !== 0) return
    this.#signal?.throwIfAborted()
    await this.#slices.pause()
  }
}

/** A path that the disk listed, in NFC and relative. */
const vaultForm = (path: string): string => path.replace(/^\/+/, '').normalize('NFC')
