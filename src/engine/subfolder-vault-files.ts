import type { VaultPath } from '../objects/vault-path.ts'
import { VaultError } from '../ports/errors.ts'
import type {
  CheckoutStep,
  FileContent,
  FileStat,
  ScanIssue,
  ScanResult,
  StepResult,
  VaultFiles,
  WatchEvent,
} from '../ports/vault-files.ts'

/**
 * One folder of a vault, as if it were a vault of its own: what a folder share sees (V1). Paths are seen from the folder; its name
 * and everything beside it stay unknown here.
 *
 * Hidden files and folders are left out, in whatever the vault's scope: programs keep their settings in them, Obsidian its plugins,
 * and another person shall not put any there.
 *
 * It looks at the very files of the vault, through the vault's own adapter, so both see each other's writes: what one of them
 * writes is to the other a change on the disk like any other, each step names the content that it replaces (E1), and content that
 * is there already is nothing new to either (E4).
 */
export class SubfolderVaultFiles implements VaultFiles {
  readonly #vault: VaultFiles
  readonly #folder: VaultPath
  readonly #stops = new Set<() => Promise<void>>()
  #hadFiles = false

  /** The vault stays its owner's: `close` ends the watching, and no more. */
  constructor(vault: VaultFiles, folder: VaultPath) {
    this.#vault = vault
    this.#folder = folder
  }

  inScope(path: VaultPath): boolean {
    return !isHidden(path) && this.#vault.inScope(this.#outside(path))
  }

  async scan(signal?: AbortSignal): Promise<ScanResult> {
    const found = this.#result(await this.#vault.scanBelow(this.#folder))
    signal?.throwIfAborted()
    if (found.errors.length) return found
    if (!found.files.length && this.#hadFiles)
      return { ...found, errors: [{ path: '', reason: 'the shared folder is empty, though it held files before' }] }
    this.#hadFiles = found.files.length > 0
    return found
  }

  async stat(path: VaultPath): Promise<FileStat | undefined> {
    const stat = isHidden(path) ? undefined : await this.#told(this.#vault.stat(this.#outside(path)))
    return stat && this.#stat(stat)
  }

  async scanBelow(path: VaultPath): Promise<ScanResult> {
    if (isHidden(path)) return { files: [], errors: [], skipped: [] }
    return this.#result(await this.#vault.scanBelow(this.#outside(path)))
  }

  async read(path: VaultPath): Promise<{ content: Uint8Array; stat: FileStat }> {
    const { content, stat } = await this.#told(this.#vault.read(this.#visible(path)))
    return { content, stat: this.#stat(stat) }
  }

  async stream(path: VaultPath): Promise<{ stat: FileStat; chunks: AsyncIterable<Uint8Array> }> {
    const { stat, chunks } = await this.#told(this.#vault.stream(this.#visible(path)))
    return { stat: this.#stat(stat), chunks }
  }

  async apply(step: CheckoutStep, content?: FileContent): Promise<StepResult> {
    const { path } = step
    if (isHidden(path))
      throw new VaultError('bad-path', `“${path}” is hidden, and hidden files are not shared.`, { path })
    const result = await this.#told(this.#vault.apply({ ...step, path: this.#outside(path) }, content))
    return result.result === 'applied' && result.stat ? { ...result, stat: this.#stat(result.stat) } : result
  }

  async watch(onEvent: (event: WatchEvent) => void): Promise<() => Promise<void>> {
    const stopWatching = await this.#vault.watch((event) => {
      const own = this.#event(event)
      if (own) onEvent(own)
    })
    const stop = async (): Promise<void> => {
      if (this.#stops.delete(stop)) await stopWatching()
    }
    this.#stops.add(stop)
    return stop
  }

  async close(): Promise<void> {
    await Promise.all([...this.#stops].map((stop) => stop()))
  }

  /** Null: it concerns the rest of the vault. What happened to the folder itself, or around it, only a scan can tell. */
  #event(event: WatchEvent): WatchEvent | null {
    if (event.kind === 'rescan') return event
    if (event.paths.some((path) => path === this.#folder || this.#folder.startsWith(`${path}/`)))
      return { kind: 'rescan' }
    const below = event.paths.filter((path) => path.startsWith(`${this.#folder}/`))
    const paths = below.map((path) => this.#inside(path)).filter((path) => !isHidden(path))
    return paths.length ? { kind: 'paths', paths: paths as VaultPath[] } : null
  }

  /** An error about a path names the path as it is called here. */
  async #told<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (cause) {
      if (!(cause instanceof VaultError) || typeof cause.data.path !== 'string') throw cause
      throw new VaultError(cause.code, cause.message, { ...cause.data, path: this.#inside(cause.data.path) }, { cause })
    }
  }

  #visible(path: VaultPath): VaultPath {
    if (isHidden(path)) throw new VaultError('vanished', `“${path}” is not shared.`, { path })
    return this.#outside(path)
  }

  #outside(path: VaultPath): VaultPath {
    return `${this.#folder}/${path}` as VaultPath
  }

  /** The folder itself, and what lies above it, is '': the root of this view. */
  #inside(path: string): string {
    return path.startsWith(`${this.#folder}/`) ? path.slice(this.#folder.length + 1) : ''
  }

  #stat(stat: FileStat): FileStat {
    return { ...stat, path: this.#inside(stat.path) as VaultPath }
  }

  /** A file that lies where the folder should be is told as an error, so that nothing counts as deleted (E2). */
  #result({ files, errors, skipped }: ScanResult): ScanResult {
    const isInside = ({ path }: FileStat): boolean => path.startsWith(`${this.#folder}/`)
    const isSeen = ({ path }: ScanIssue | FileStat): boolean => !isHidden(this.#inside(path))
    const blocked = files.filter((file) => !isInside(file))
    const issue = ({ path, reason }: ScanIssue): ScanIssue => ({ path: this.#inside(path), reason })
    // The folder itself, left out on purpose (a link now, out of scope): then nothing of it can be told.
    const [root, below] = [
      skipped.filter(({ path }) => !this.#inside(path)),
      skipped.filter((s) => this.#inside(s.path)),
    ]
    return {
      files: files.filter((file) => isInside(file) && isSeen(file)).map((file) => this.#stat(file)),
      errors: [
        ...[...errors, ...root].filter(isSeen).map(issue),
        ...blocked.map(() => ({ path: '', reason: 'a file lies where the shared folder should be' })),
      ],
      skipped: below.filter(isSeen).map(issue),
    }
  }
}

function isHidden(path: string): boolean {
  return path.startsWith('.') || path.includes('/.')
}
