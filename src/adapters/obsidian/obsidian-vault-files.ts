import type { EventRef } from 'obsidian'
import type { Codec } from '../../objects/codec.ts'
import type { Platform, VaultPath } from '../../objects/vault-path.ts'
import { vaultPathProblem } from '../../objects/vault-path.ts'
import type { Clock } from '../../ports/clock.ts'
import { VaultError } from '../../ports/errors.ts'
import type {
  CheckoutStep,
  FileContent,
  FileStat,
  ScanResult,
  StepResult,
  VaultFiles,
  WatchEvent,
} from '../../ports/vault-files.ts'
import { createScope } from '../memory/vault-scope.ts'
import type { Scope, ScopeOptions } from '../memory/vault-scope.ts'
import { applyDelete } from './apply-delete.ts'
import { applyWrite } from './apply-write.ts'
import { readChunks, readWhole } from './file-reading.ts'
import { tooLargeToRead, WHOLE_LIMIT } from './large-files.ts'
import type { LargeFiles } from './large-files.ts'
import type { EditRemotely } from './edit-remotely.ts'
import { TimeSlices } from './time-slices.ts'
import { fileStatOf, isShown } from './vault-access.ts'
import type { VaultAccess } from './vault-access.ts'
import type { VaultApp } from './vault-app.ts'
import { reasonOf, readError, unstable, vanished, verifyRoot } from './vault-errors.ts'
import { findPlace } from './vault-place.ts'
import { walkFolder } from './vault-walk.ts'
import { VaultWatch } from './vault-watch.ts'

export interface ObsidianVaultOptions {
  /** Obsidian's `App`. */
  readonly app: VaultApp
  readonly codec: Codec
  readonly clock: Clock
  /** Whose names are impossible (E6). iOS counts as `macos`. */
  readonly platform: Platform
  /** Default: nothing of the config folder (E8). The config folder's name and hidden files are Obsidian's to say. */
  readonly scope?: Omit<ScopeOptions, 'configDir' | 'hiddenFiles'>
  /** For files above LARGE_BLOB. Without it they go through memory, up to WHOLE_LIMIT. */
  readonly largeFiles?: LargeFiles
  /** The plugin's `registerEvent`: takes the listeners away also when `close` is never called. */
  readonly registerEvent?: (ref: EventRef) => void
  /** Calls back when the window gets the focus; returns the function that ends it. */
  readonly onFocus?: (then: () => void) => () => void
  readonly editRemotely?: EditRemotely
  /** Gives the UI thread a turn. Default: by a message. */
  readonly nextTurn?: () => Promise<void>
}

const READ_ATTEMPTS = 5
const READ_PAUSE_MS = 20
/** A file that was emptied this short a time ago is probably being written: many programs truncate first (pitfall 3). */
const FRESH_MS = 100
const FRESH_PAUSE_MS = 50
/** Names between two looks at the clock. */
const NAMES_PER_LOOK = 32

/**
 * A vault as Obsidian has it open. See {@link VaultFiles} for what each call promises. What the platform lacks: hidden files
 * outside the config folder and names that Obsidian rewrites are not seen (nor, then, deleted anywhere); symbolic links are followed,
 * as Obsidian follows them; there is no inode number or change time.
 */
export class ObsidianVaultFiles implements VaultFiles {
  readonly inScope: Scope
  readonly #options: ObsidianVaultOptions
  readonly #access: VaultAccess
  readonly #watches = new Set<VaultWatch>()
  /** The files that Obsidian showed at the last complete scan; undefined before. */
  #shown: ReadonlySet<string> | undefined
  #hadFiles = false

  constructor(options: ObsidianVaultOptions) {
    const { app, codec, clock, platform } = options
    this.#options = options
    const configDir = app.vault.configDir
    this.inScope = createScope({ configParts: [], ...options.scope, configDir, hiddenFiles: false })
    this.#access = {
      app,
      disk: app.vault.adapter,
      codec,
      clock,
      platform,
      inScope: this.inScope,
      nextTurn: options.nextTurn,
      largeFiles: options.largeFiles,
      live: new Set(),
      editRemotely: options.editRemotely,
    }
  }

  async scan(signal?: AbortSignal): Promise<ScanResult> {
    const found = (await this.#scanShown(signal)) ?? (await this.#scanAll(signal))
    signal?.throwIfAborted()
    if (found.errors.length > 0) return found
    this.#hadFiles = found.files.length > 0
    this.#shown = new Set(found.files.map(({ path }) => path).filter(isShown))
    return found
  }

  async scanBelow(path: VaultPath): Promise<ScanResult> {
    const nothing: ScanResult = { files: [], errors: [], skipped: [] }
    if (!this.inScope(path)) return nothing
    try {
      const place = await findPlace(this.#access, path)
      await verifyRoot(this.#access.disk)
      if (place.kind === 'file') return { ...nothing, files: [fileStatOf(path, place.stat)] }
      return place.kind === 'folder' ? await walkFolder(this.#access, path) : nothing
    } catch (cause) {
      return { ...nothing, errors: [{ path, reason: reasonOf(cause) }] }
    }
  }

  async stat(path: VaultPath): Promise<FileStat | undefined> {
    if (!this.inScope(path)) return undefined
    const { disk } = this.#access
    try {
      const place = await findPlace(this.#access, path)
      if (place.kind === 'file') return fileStatOf(path, place.stat)
    } catch (cause) {
      throw await readError(disk, cause, path)
    }
    await verifyRoot(disk)
    return undefined
  }

  async read(path: VaultPath): Promise<{ content: Uint8Array; stat: FileStat }> {
    const { clock } = this.#options
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
      if (attempt > 0) await clock.sleep(READ_PAUSE_MS)
      const stat = await this.#statToRead(path)
      if (stat.size === 0 && Math.abs(clock.now() - stat.mtimeMs) < FRESH_MS) await clock.sleep(FRESH_PAUSE_MS)
      const content = await this.#readNow(path, stat.size)
      if (content.length === stat.size && isSame(stat, await this.#statToRead(path))) return { content, stat }
    }
    throw unstable(path)
  }

  async stream(path: VaultPath): Promise<{ stat: FileStat; chunks: AsyncIterable<Uint8Array> }> {
    const stat = await this.#statToRead(path)
    if (stat.size > WHOLE_LIMIT && !this.#options.largeFiles) throw tooLargeToRead(path)
    return { stat, chunks: this.#chunks(path, stat) }
  }

  async apply(step: CheckoutStep, content?: FileContent): Promise<StepResult> {
    const { path } = step
    if (!this.inScope(path)) throw new VaultError('bad-path', `“${path}” is not synced on this device.`, { path })
    if (step.kind === 'delete') return applyDelete(this.#access, step)
    if (content === undefined) throw new TypeError('a write step needs its content')
    return applyWrite(this.#access, step, content)
  }

  async watch(onEvent: (event: WatchEvent) => void): Promise<() => Promise<void>> {
    const watch = new VaultWatch(this.#access, onEvent)
    this.#watches.add(watch)
    await watch.start(this.#options.registerEvent ?? (() => undefined), this.#options.onFocus)
    return async () => {
      this.#watches.delete(watch)
      watch.stop()
    }
  }

  async close(): Promise<void> {
    for (const watch of this.#watches) watch.stop()
    this.#watches.clear()
  }

  /** From the disk's own lists. The first scan removes what a killed process left. */
  async #scanAll(signal?: AbortSignal): Promise<ScanResult> {
    const first = this.#shown === undefined
    const isLeftover = (path: string): boolean => first && !this.#access.live.has(path)
    const { files, errors, skipped, namesAtStart } = await walkFolder(this.#access, '', {
      isLeftover,
      ...(signal && { signal }),
    })
    const emptied = namesAtStart === 0 && this.#hadFiles ? [{ path: '', reason: EMPTIED }] : []
    return { files, errors: [...errors, ...emptied], skipped }
  }

  /**
   * From what Obsidian has in memory, and the disk for the config folder. Undefined when that could hide something: at the first
   * scan, and when a file is missing that was there at the last one. Whether it is gone only the disk can tell (E2).
   */
  async #scanShown(signal?: AbortSignal): Promise<ScanResult | undefined> {
    const { app, disk } = this.#access
    if (!this.#shown) return undefined
    if (!(await disk.list('/').catch(() => null))) return undefined
    const files: FileStat[] = []
    const skipped: { path: string; reason: string }[] = []
    const slices = new TimeSlices(this.#options)
    let looked = 0
    let known = 0
    for (const file of app.vault.getFiles()) {
      if (++looked % NAMES_PER_LOOK === 0) {
        signal?.throwIfAborted()
        await slices.pause()
      }
      const path = file.path.normalize('NFC')
      if (!this.inScope(path)) continue
      const problem = vaultPathProblem(path)
      if (problem !== null) skipped.push({ path, reason: problem })
      else files.push(fileStatOf(path as VaultPath, file.stat))
      if (this.#shown.has(path)) known++
    }
    if (known < this.#shown.size) return undefined
    if (!this.inScope(app.vault.configDir)) return { files, errors: [], skipped }
    const config = await walkFolder(this.#access, app.vault.configDir, signal && { signal })
    return { files: [...files, ...config.files], errors: config.errors, skipped: [...skipped, ...config.skipped] }
  }

  async #statToRead(path: VaultPath): Promise<FileStat> {
    const stat = await this.stat(path)
    if (!stat) throw vanished(path)
    return stat
  }

  async #readNow(path: VaultPath, size: number): Promise<Uint8Array> {
    try {
      return await readWhole(this.#access, path, size)
    } catch (cause) {
      throw await readError(this.#access.disk, cause, path)
    }
  }

  async *#chunks(path: VaultPath, stat: FileStat): AsyncGenerator<Uint8Array> {
    try {
      yield* readChunks(this.#access, path, stat.size)
    } catch (cause) {
      throw await readError(this.#access.disk, cause, path)
    }
    const after = await this.stat(path)
    if (!after || !isSame(stat, after)) throw unstable(path)
  }
}

const EMPTIED =
  'the vault folder is empty, though it held files before; if its disk is gone connect it, if all was deleted on purpose put one file there'

const isSame = (a: FileStat, b: FileStat): boolean => a.size === b.size && a.mtimeMs === b.mtimeMs
