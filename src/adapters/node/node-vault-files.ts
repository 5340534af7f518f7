import { closeSync, fstatSync } from 'node:fs'
import type { Codec } from '../../objects/codec.ts'
import type { VaultPath } from '../../objects/vault-path.ts'
import type { Clock } from '../../ports/clock.ts'
import { VaultError } from '../../ports/errors.ts'
import type {
  CheckoutStep,
  FileContent,
  FileStat,
  ScanIssue,
  ScanResult,
  StepResult,
  VaultFiles,
  WatchEvent,
} from '../../ports/vault-files.ts'
import { createScope } from '../memory/vault-scope.ts'
import type { Scope, ScopeOptions } from '../memory/vault-scope.ts'
import { applyDelete } from './apply-delete.ts'
import { applyWrite } from './apply-write.ts'
import { foldsCase } from './case-probe.ts'
import type { DiskAccess } from './disk-access.ts'
import { readError, reasonOf } from './disk-errors.ts'
import { noHook } from './disk-hook.ts'
import type { DiskHook } from './disk-hook.ts'
import { DiskNames } from './disk-names.ts'
import type { Located } from './disk-names.ts'
import { openForReading, readChunks, readNow, readWhole, untouched } from './file-content.ts'
import type { OpenFile } from './file-content.ts'
import { FolderSync } from './folder-sync.ts'
import type { TrashChoice } from './trash.ts'
import { VaultRoot } from './vault-root.ts'
import { fileStatOf, scanTree } from './vault-scan.ts'
import type { TreeScan } from './vault-scan.ts'
import { VaultWatch } from './vault-watch.ts'
import type { Subscribe } from './vault-watch.ts'

export interface NodeVaultOptions {
  /** The vault's folder. It may be a symbolic link; nothing inside it is followed. */
  readonly root: string
  readonly codec: Codec
  readonly clock: Clock
  readonly scope?: ScopeOptions
  /** Default `vault`. */
  readonly trash?: TrashChoice
  /** Told of what a person should know and no call can return, such as a watcher that cannot start. */
  readonly onWarning?: (issue: ScanIssue) => void
  /** Taken for given instead of asking the disk. */
  readonly caseInsensitive?: boolean
  /** Instead of `@parcel/watcher`. */
  readonly subscribe?: Subscribe
  /** For tests. */
  readonly hook?: DiskHook
}

/** What `read` resolves to. */
type Read = { readonly content: Uint8Array; readonly stat: FileStat }

/** Attempts at reading a file that keeps changing, and the pause between two. */
const READ_ATTEMPTS = 5
const READ_PAUSE_MS = 20
/** A file that was emptied this short a time ago is probably being written: many programs truncate first (pitfall 3). */
const FRESH_MS = 100
const FRESH_PAUSE_MS = 50

/** @throws VaultError `no-vault`, `not-a-folder`, `unreadable`. */
export async function openNodeVault(options: NodeVaultOptions): Promise<NodeVaultFiles> {
  return new NodeVaultFiles(new VaultRoot(options.root), options)
}

/** A vault in a folder of the disk. See {@link VaultFiles} for what each call promises. */
export class NodeVaultFiles implements VaultFiles {
  readonly inScope: Scope
  readonly #options: NodeVaultOptions
  readonly #root: VaultRoot
  readonly #names: DiskNames
  readonly #access: DiskAccess
  readonly #watches = new Set<VaultWatch>()
  /** The first scan removes what a killed process left. */
  #scanned = false
  #hadFiles = false

  constructor(root: VaultRoot, options: NodeVaultOptions) {
    this.#options = options
    this.#root = root
    this.inScope = createScope(options.scope)
    this.#names = new DiskNames(root.path, options.caseInsensitive ?? foldsCase(root.path))
    const { codec, hook = noHook } = options
    const folders = new FolderSync()
    this.#access = { root, names: this.#names, inScope: this.inScope, codec, hook, live: new Set(), folders }
  }

  /** The vault's folder, absolute and without symbolic links. */
  get root(): string {
    return this.#root.path
  }

  get caseInsensitive(): boolean {
    return this.#names.caseInsensitive
  }

  async scan(signal?: AbortSignal): Promise<ScanResult> {
    const problem = this.#root.problem()
    if (problem) return { files: [], errors: [{ path: '', reason: problem }], skipped: [] }
    const found = await this.#scanTree(this.#root.path, '', signal)
    const errors = [...found.errors]
    const problemNow = this.#root.problem()
    if (problemNow) errors.push({ path: '', reason: problemNow })
    if (found.namesAtStart === 0 && this.#hadFiles) errors.push({ path: '', reason: EMPTIED })
    if (errors.length === 0) {
      this.#scanned = true
      this.#hadFiles = found.files.length > 0
      this.#names.spellings = found.spellings
    }
    return { files: found.files, errors, skipped: found.skipped }
  }

  async scanBelow(path: VaultPath): Promise<ScanResult> {
    const nothing: ScanResult = { files: [], errors: [], skipped: [] }
    if (!this.inScope(path)) return nothing
    try {
      if (this.#isSpelledTwice(path)) return restrict(await this.scan(), path)
      const located = this.#names.locate(path)
      this.#root.verify()
      if (located.kind === 'folder') return this.#resultOf(await this.#scanTree(located.disk, path))
      if (located.kind === 'file') return { ...nothing, files: [fileStatOf(path, located.stat)] }
      const reason = leftOut(located)
      return reason === undefined ? nothing : { ...nothing, skipped: [{ path, reason }] }
    } catch (cause) {
      return { ...nothing, errors: [{ path, reason: reasonOf(cause) }] }
    }
  }

  async stat(path: VaultPath): Promise<FileStat | undefined> {
    if (!this.inScope(path)) return undefined
    const located = this.#locate(path)
    return located.kind === 'file' ? fileStatOf(path, located.stat) : undefined
  }

  async read(path: VaultPath): Promise<Read> {
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
      if (attempt > 0) await this.#options.clock.sleep(READ_PAUSE_MS)
      const read = await this.#withFile(path, (file, disk) => this.#readFile(path, file, disk))
      if (read) return read
    }
    throw unstable(path)
  }

  async stream(path: VaultPath): Promise<{ stat: FileStat; chunks: AsyncIterable<Uint8Array> }> {
    const located = this.#locate(path)
    if (located.kind !== 'file' || !this.inScope(path)) throw readError({ code: 'ENOENT' }, path)
    return { stat: fileStatOf(path, located.stat), chunks: this.#chunks(path, located) }
  }

  async apply(step: CheckoutStep, content?: FileContent): Promise<StepResult> {
    const { path } = step
    if (!this.inScope(path)) throw new VaultError('bad-path', `“${path}” is not synced on this device.`, { path })
    if (step.kind === 'delete') return applyDelete(this.#access, step, this.#options.trash ?? 'vault')
    if (content === undefined) throw new TypeError('a write step needs its content')
    return applyWrite(this.#access, step, content)
  }

  async watch(onEvent: (event: WatchEvent) => void): Promise<() => Promise<void>> {
    const { clock, onWarning = () => undefined, subscribe } = this.#options
    const common = { root: this.#root.path, inScope: this.inScope, clock, onWarning }
    const watch = new VaultWatch(subscribe ? { ...common, subscribe } : common, onEvent)
    this.#watches.add(watch)
    await watch.start()
    return async () => {
      this.#watches.delete(watch)
      await watch.stop()
    }
  }

  async close(): Promise<void> {
    const watches = [...this.#watches]
    this.#watches.clear()
    await Promise.all(watches.map((watch) => watch.stop()))
  }

  #scanTree(disk: string, path: string, signal?: AbortSignal): Promise<TreeScan> {
    const { hook, live } = this.#access
    const isLeftover = (name: string): boolean => !this.#scanned && !live.has(name)
    return scanTree({ disk, path }, { inScope: this.inScope, hook, isLeftover, ...(signal && { signal }) })
  }

  /** A scan that ended in front of a vanished disk saw nothing of worth. */
  #resultOf({ files, errors, skipped }: TreeScan): ScanResult {
    const problem = this.#root.problem()
    return { files, errors: problem ? [...errors, { path: '', reason: problem }] : errors, skipped }
  }

  /** Whether names in NFD lie below: then the folder itself may be there in two spellings, and only a whole scan joins them. */
  #isSpelledTwice(path: string): boolean {
    for (const spelled of this.#names.spellings.keys()) if (spelled.startsWith(`${path}/`)) return true
    return false
  }

  /** @throws VaultError `no-vault`, `unreadable`: also for a link, of which nobody may believe that it is no file. */
  #locate(path: VaultPath): Located {
    let located: Located
    try {
      located = this.#names.locate(path)
    } catch (cause) {
      throw readError(cause, path)
    }
    if (located.kind !== 'file') this.#root.verify()
    const reason = leftOut(located)
    if (reason !== undefined) throw new VaultError('unreadable', `“${path}” is not synced: ${reason}.`, { path })
    return located
  }

  async #withFile<T>(path: VaultPath, use: (file: OpenFile, disk: string) => Promise<T> | T): Promise<T> {
    const located = this.#locate(path)
    if (located.kind !== 'file' || !this.inScope(path)) throw readError({ code: 'ENOENT' }, path)
    try {
      this.#access.hook('open', located.disk)
      const fd = openForReading(located.disk)
      try {
        const stat = fstatSync(fd)
        if (!stat.isFile()) throw readError({ code: 'ENOENT' }, path)
        const result = use({ fd, stat }, located.disk)
        return result instanceof Promise ? await result : result
      } finally {
        closeSync(fd)
      }
    } catch (cause) {
      throw readError(cause, path)
    }
  }

  /** Undefined: it is being written. Small files come without a turn of the event loop. */
  #readFile(path: VaultPath, file: OpenFile, disk: string): Promise<Read | undefined> | Read | undefined {
    if (file.stat.size === 0) return this.#readWhole(path, file, disk)
    this.#access.hook('read', disk)
    const content = readNow(file)
    if (content) return { content, stat: fileStatOf(path, file.stat) }
    return this.#readWhole(path, file, disk)
  }

  async #readWhole(path: VaultPath, file: OpenFile, disk: string): Promise<Read | undefined> {
    if (!(await this.#isSettled(file))) return undefined
    if (file.stat.size === 0) this.#access.hook('read', disk)
    const content = await readWhole(file)
    return content && { content, stat: fileStatOf(path, file.stat) }
  }

  async #isSettled(file: OpenFile): Promise<boolean> {
    const { clock } = this.#options
    if (file.stat.size > 0 || Math.abs(clock.now() - file.stat.mtimeMs) >= FRESH_MS) return true
    await clock.sleep(FRESH_PAUSE_MS)
    return untouched(file.stat, fstatSync(file.fd))
  }

  /** Opens the file when the first chunk is asked for, so that a stream nobody starts holds nothing open. */
  async *#chunks(path: VaultPath, located: Located & { kind: 'file' }): AsyncGenerator<Uint8Array> {
    let fd: number | undefined
    try {
      fd = openForReading(located.disk)
      if (!untouched(located.stat, fstatSync(fd))) throw unstable(path)
      yield* readChunks({ fd, stat: located.stat })
      if (!untouched(located.stat, fstatSync(fd))) throw unstable(path)
    } catch (cause) {
      throw readError(cause, path)
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  }
}

const EMPTIED =
  'the vault folder is empty, though it held files before; if its disk is gone connect it, if all was deleted on purpose put one file there'

const unstable = (path: string): VaultError =>
  new VaultError('unstable', `“${path}” keeps changing while it is read. It is read again when it rests.`, { path })

/** Why something that is there is no file to us, in the words of a scan. */
function leftOut(located: Located): string | undefined {
  if (located.kind === 'special') return `it is ${located.what}`
  if (located.kind === 'blocked' && located.link)
    return `it lies behind “${located.by}”, which is no folder of the vault`
  return undefined
}

/** The part of a scan at and below a path. Errors stay: they may hide anything. */
function restrict(scan: ScanResult, path: string): ScanResult {
  const below = (other: { path: string }): boolean => other.path === path || other.path.startsWith(`${path}/`)
  return { files: scan.files.filter(below), errors: scan.errors, skipped: scan.skipped.filter(below) }
}
