import type { Codec } from '../../objects/codec.ts'
import { CorruptObjectError } from '../../objects/errors.ts'
import { hashObject } from '../../objects/hash.ts'
import type { Oid } from '../../objects/oid.ts'
import { portableNameProblem, vaultPathProblem } from '../../objects/vault-path.ts'
import type { Platform, VaultPath } from '../../objects/vault-path.ts'
import { VaultError } from '../../ports/errors.ts'
import type {
  CheckoutStep,
  DeleteStep,
  FileContent,
  FileStat,
  ScanResult,
  StepResult,
  VaultFiles,
  WatchEvent,
  WriteStep,
} from '../../ports/vault-files.ts'
import type { DiskFile, MemoryDisk } from './memory-disk.ts'
import { existingFolders, findPlace, removeEmptied } from './memory-place.ts'
import type { Place } from './memory-place.ts'
import { MemoryScan, statOf } from './memory-scan.ts'
import { trashNames } from './trash-name.ts'
import { createScope, temporaryName } from './vault-scope.ts'
import type { Scope, ScopeOptions } from './vault-scope.ts'

export interface MemoryVaultOptions {
  readonly disk: MemoryDisk
  readonly codec: Codec
  readonly scope?: ScopeOptions
  /** Whose names are impossible. Default `linux`: all are possible. */
  readonly platform?: Platform
  /** For tests: called between the check of the old content and the change, as if somebody were faster. */
  readonly beforeReplace?: (path: VaultPath) => void
}

const READ_ATTEMPTS = 5
const READ_PAUSE_MS = 20
const FRESH_MS = 100
const FRESH_PAUSE_MS = 50
const CHANGED: StepResult = { result: 'changed' }
const APPLIED: StepResult = { result: 'applied' }

/**
 * A vault on a {@link MemoryDisk}: the contract of VaultFiles without a platform, for simulations on a virtual clock.
 * Never looks at real time; what it does between two waits is one step for everybody else.
 */
export class MemoryVaultFiles implements VaultFiles {
  readonly inScope: Scope
  readonly #disk: MemoryDisk
  readonly #options: MemoryVaultOptions
  readonly #boot: number
  readonly #live = new Set<string>()
  readonly #stops = new Set<() => void>()
  #scanned = false
  #hadFiles = false
  #temporaries = 0

  constructor(options: MemoryVaultOptions) {
    this.#options = options
    this.#disk = options.disk
    this.#boot = options.disk.boot
    this.inScope = createScope(options.scope)
  }

  async scan(signal?: AbortSignal): Promise<ScanResult> {
    const found = await this.#scanAt('')
    signal?.throwIfAborted()
    if (found.errors.length > 0) return found
    const disk = this.#disk
    if (disk.root.children.size === 0 && this.#hadFiles)
      return { ...found, errors: [{ path: '', reason: 'the vault folder is empty, though it held files before' }] }
    this.#scanned = true
    this.#hadFiles = found.files.length > 0
    return found
  }

  async scanBelow(path: VaultPath): Promise<ScanResult> {
    if (!this.inScope(path)) return { files: [], errors: [], skipped: [] }
    return this.#scanAt(path)
  }

  async stat(path: VaultPath): Promise<FileStat | undefined> {
    await this.#disk.enter('stat', path, this.#boot)
    if (!this.inScope(path)) return undefined
    const place = this.#look(path)
    return place.kind === 'file' ? statOf(path, place.file) : undefined
  }

  async read(path: VaultPath): Promise<{ content: Uint8Array; stat: FileStat }> {
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
      if (attempt > 0) await this.#disk.clock.sleep(READ_PAUSE_MS)
      await this.#disk.enter('read', path, this.#boot)
      const file = this.#fileAt(path)
      const stat = statOf(path, file)
      // A file that was emptied just now is probably being written (pitfall 3).
      const fresh = stat.size === 0 && this.#disk.clock.now() - stat.mtimeMs < FRESH_MS
      if (fresh) await this.#disk.clock.sleep(FRESH_PAUSE_MS)
      const content = file.content.slice()
      this.#disk.runDuringRead(path)
      if (this.#fileAt(path) === file && isSame(stat, statOf(path, file))) return { content, stat }
    }
    throw unstable(path)
  }

  async stream(path: VaultPath): Promise<{ stat: FileStat; chunks: AsyncIterable<Uint8Array> }> {
    await this.#disk.enter('read', path, this.#boot)
    const stat = statOf(path, this.#fileAt(path))
    return { stat, chunks: this.#chunks(path, stat) }
  }

  async apply(step: CheckoutStep, content?: FileContent): Promise<StepResult> {
    const { path } = step
    if (!this.inScope(path)) throw new VaultError('bad-path', `“${path}” is not synced on this device.`, { path })
    await this.#disk.alive(this.#boot)
    if (step.kind === 'delete') return this.#delete(step)
    if (content === undefined) throw new TypeError('a write step needs its content')
    return this.#write(step, content)
  }

  async watch(onEvent: (event: WatchEvent) => void): Promise<() => Promise<void>> {
    const stop = this.#disk.listen((spelled) => {
      if (spelled === null) return onEvent({ kind: 'rescan' })
      const visible = spelled
        .map((path) => path.normalize('NFC'))
        .filter((path) => this.inScope(path) && vaultPathProblem(path) === null)
      const paths = [...new Set(visible)] as VaultPath[]
      if (paths.length > 0) onEvent({ kind: 'paths', paths })
    })
    this.#stops.add(stop)
    return async () => {
      this.#stops.delete(stop)
      stop()
    }
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop()
    this.#stops.clear()
  }

  async #scanAt(path: string): Promise<ScanResult> {
    try {
      await this.#disk.enter('scan', path, this.#boot)
      this.#verifyRoot()
      return this.#walk(path)
    } catch (cause) {
      return { files: [], errors: [{ path, reason: (cause as Error).message }], skipped: [] }
    }
  }

  #walk(path: string): ScanResult {
    const isLeftover = (disk: string): boolean => !this.#scanned && !this.#live.has(disk)
    return new MemoryScan(this.#disk, this.inScope, isLeftover).run(path)
  }

  async #write(step: WriteStep, content: FileContent): Promise<StepResult> {
    await this.#disk.enter('write', step.path, this.#boot)
    const before = this.#check(step)
    if ('result' in before) return before
    const bytes = await collect(content)
    if (this.#oidOf(bytes) !== step.oid)
      throw new CorruptObjectError('hash-mismatch', `the content to write is not ${step.oid}`, { oid: step.oid })
    await this.#disk.alive(this.#boot)
    const cut = before.disk.lastIndexOf('/') + 1
    const token = (this.#temporaries++).toString(16).padStart(16, '0')
    const temporary = before.disk.slice(0, cut) + temporaryName(token)
    const emptyBefore = existingFolders(this.#disk, before.disk)
    this.#live.add(temporary)
    this.#disk.put(temporary, bytes)
    await this.#reach('before-replace')
    this.#options.beforeReplace?.(step.path)
    // No turn for anybody from here to the end.
    this.#verifyRoot()
    const now = this.#check(step)
    const node = this.#disk.detach(temporary)!
    this.#live.delete(temporary)
    if ('result' in now) {
      removeEmptied(this.#disk, before.disk, emptyBefore)
      return now.result === 'applied' ? now : CHANGED
    }
    this.#disk.attach(now.disk, node)
    const result: StepResult = { result: 'applied', stat: statOf(step.path, node as DiskFile) }
    await this.#reach('after-replace')
    return result
  }

  async #delete(step: DeleteStep): Promise<StepResult> {
    await this.#disk.enter('trash', step.path, this.#boot)
    const first = this.#checkDelete(step)
    if (typeof first !== 'string') return first
    await this.#reach('before-replace')
    this.#options.beforeReplace?.(step.path)
    this.#verifyRoot()
    const disk = this.#checkDelete(step)
    if (typeof disk !== 'string') return disk
    const node = this.#disk.detach(disk) as DiskFile
    for (const name of trashNames(step.path)) {
      if (this.#disk.trash.has(name)) continue
      this.#disk.trash.set(name, node.content)
      break
    }
    removeEmptied(this.#disk, disk, 0)
    await this.#reach('after-replace')
    return APPLIED
  }

  /** E1: where the step's content goes, or the result that settles it. */
  #check(step: WriteStep): { readonly disk: string } | StepResult {
    const problem = portableNameProblem(step.path, this.#options.platform ?? 'linux')
    if (problem !== null) return { result: 'impossible', reason: problem }
    const place = findPlace(this.#disk, step.path)
    switch (place.kind) {
      case 'twin':
        return {
          result: 'impossible',
          reason: `this disk already holds “${place.name}”, and does not tell upper from lower case`,
        }
      case 'folder': {
        const below = this.#walk(step.path)
        if (below.files.length + below.errors.length > 0) return CHANGED
        return { result: 'impossible', reason: 'a folder of that name is in the way' }
      }
      case 'absent':
        return step.expect === null ? place : CHANGED
      case 'file': {
        const oid = this.#oidOf(place.file.content)
        if (oid === step.oid) return { result: 'applied', stat: statOf(step.path, place.file) }
        return oid === step.expect ? place : CHANGED
      }
      case 'special':
      case 'behind-link':
      case 'behind-file':
        return CHANGED
    }
  }

  /** The disk's spelling of the file to delete, or the result. */
  #checkDelete(step: DeleteStep): string | StepResult {
    const place = findPlace(this.#disk, step.path)
    if (place.kind === 'special' || place.kind === 'behind-link') return CHANGED
    if (place.kind !== 'file') return APPLIED
    return this.#oidOf(place.file.content) === step.expect ? place.disk : CHANGED
  }

  /** @throws VaultError `no-vault`, `unreadable`. */
  #look(path: VaultPath): Place {
    this.#verifyRoot()
    const place = findPlace(this.#disk, path)
    for (let cut = path.lastIndexOf('/'); cut >= 0; cut = cut === 0 ? -1 : path.lastIndexOf('/', cut - 1)) {
      if (this.#disk.unreadableFolders.has(path.slice(0, cut)))
        throw new VaultError('unreadable', `“${path}” cannot be read because this user has no permission.`, { path })
    }
    if (place.kind === 'special' || place.kind === 'behind-link')
      throw new VaultError('unreadable', `“${path}” is not synced: it is a symbolic link.`, { path })
    return place
  }

  #fileAt(path: VaultPath): DiskFile {
    const place = this.inScope(path) ? this.#look(path) : undefined
    if (place?.kind === 'file') return place.file
    throw new VaultError('vanished', `“${path}” is not there any more.`, { path })
  }

  #verifyRoot(): void {
    if (this.#disk.rootMissing)
      throw new VaultError('no-vault', 'Nothing was read or written: the vault folder is gone. Connect its disk.')
  }

  async *#chunks(path: VaultPath, stat: FileStat): AsyncGenerator<Uint8Array> {
    const { content } = this.#fileAt(path)
    for (let at = 0; at < content.length; at += STREAM_CHUNK) {
      await this.#disk.alive(this.#boot)
      yield content.slice(at, at + STREAM_CHUNK)
    }
    this.#disk.runDuringRead(path)
    if (!isSame(stat, statOf(path, this.#fileAt(path)))) throw unstable(path)
  }

  async #reach(point: 'before-replace' | 'after-replace'): Promise<void> {
    this.#disk.reach(point)
    await this.#disk.alive(this.#boot)
  }

  #oidOf(content: Uint8Array): Oid {
    return hashObject(this.#options.codec, 'blob', content)
  }
}

const STREAM_CHUNK = 256 * 1024

const isSame = (a: FileStat, b: FileStat): boolean =>
  a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs

const unstable = (path: string): VaultError =>
  new VaultError('unstable', `“${path}” keeps changing while it is read.`, { path })

async function collect(content: FileContent): Promise<Uint8Array> {
  if (content instanceof Uint8Array) return content
  const bytes = new Uint8Array(content.size)
  let filled = 0
  for await (const chunk of content.chunks) {
    if (filled + chunk.length > bytes.length)
      throw new CorruptObjectError('hash-mismatch', 'more content than announced')
    bytes.set(chunk, filled)
    filled += chunk.length
  }
  return bytes.subarray(0, filled)
}
