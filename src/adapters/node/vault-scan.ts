import { isUtf8 } from 'node:buffer'
import { lstatSync, readdirSync, unlinkSync } from 'node:fs'
import type { Dirent, Stats } from 'node:fs'
import { vaultPathProblem } from '../../objects/vault-path.ts'
import type { VaultPath } from '../../objects/vault-path.ts'
import type { FileStat, ScanIssue, ScanResult } from '../../ports/vault-files.ts'
import { isTemporaryName } from '../memory/vault-scope.ts'
import type { Scope } from '../memory/vault-scope.ts'
import { isAbsent, reasonOf } from './disk-errors.ts'
import type { DiskHook } from './disk-hook.ts'

export interface ScanOptions {
  readonly inScope: Scope
  readonly hook: DiskHook
  /** Whether a temporary file is one that a killed process left, to be removed now. */
  readonly isLeftover: (name: string) => boolean
  readonly signal?: AbortSignal
}

/** A place to scan: `disk` is its true path, `path` the vault path, '' for the root. */
export interface ScanStart {
  readonly disk: string
  readonly path: string
}

export interface TreeScan extends ScanResult {
  /** The files whose path on disk is not simply the root and the vault path: names in NFD. */
  readonly spellings: ReadonlyMap<VaultPath, string>
  /** Names seen in the folder where the scan began, in scope or not. */
  readonly namesAtStart: number
}

/** The event loop gets a turn this often; half of the 16 ms that a stall may last, and some. */
const TURN_MS = 10
/** Names between two looks at the clock. */
const NAMES_PER_LOOK = 64

export const fileStatOf = (path: VaultPath, stat: Stats): FileStat => ({
  path,
  size: stat.size,
  mtimeMs: stat.mtimeMs,
  ctimeMs: stat.ctimeMs,
  ino: stat.ino,
})

/** What a thing that is neither file nor folder is called. */
export function kindOf(entry: Dirent | Stats): string {
  if (entry.isSymbolicLink()) return 'a symbolic link'
  if (entry.isSocket()) return 'a socket'
  if (entry.isFIFO()) return 'a pipe'
  return 'a device'
}

/** Lists the files below a folder. Calls are synchronous (about 4 µs a file), with turns for the event loop in between. */
export async function scanTree(start: ScanStart, options: ScanOptions): Promise<TreeScan> {
  const scan = new Scan(options)
  await scan.run(start)
  return scan
}

class Scan implements TreeScan {
  readonly files: FileStat[] = []
  readonly errors: ScanIssue[] = []
  readonly skipped: ScanIssue[] = []
  readonly spellings = new Map<VaultPath, string>()
  namesAtStart = 0
  readonly #options: ScanOptions
  /** What each path is: two disk names that are one path in NFC must not both become files of the tree. */
  readonly #kinds = new Map<string, 'file' | 'folder'>()
  #names = 0
  #turnAt = performance.now()

  constructor(options: ScanOptions) {
    this.#options = options
  }

  async run(start: ScanStart): Promise<void> {
    const folders = [{ ...start, plain: true }]
    for (let folder = folders.pop(); folder; folder = folders.pop()) {
      const entries = this.#list(folder.disk, folder.path)
      if (folder.disk === start.disk) this.namesAtStart = entries.length
      for (const entry of entries) {
        if (++this.#names % NAMES_PER_LOOK === 0) await this.#turn()
        const name = entry.name.normalize('NFC')
        const path = folder.path === '' ? name : `${folder.path}/${name}`
        const disk = `${folder.disk}/${entry.name}`
        const plain = folder.plain && name === entry.name
        const kind = this.#admit(entry, path, disk)
        if (kind === 'folder') folders.push({ disk, path, plain })
        else if (kind === 'file') this.#addFile(path as VaultPath, disk, plain)
      }
    }
  }

  /** Says what the entry is to us, or why not. */
  #admit(entry: Dirent, path: string, disk: string): 'file' | 'folder' | undefined {
    if (isTemporaryName(entry.name)) this.#removeLeftover(entry, disk)
    if (!this.#options.inScope(path)) return undefined
    const kind = entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : undefined
    if (!kind) return this.#skip(path, `it is ${kindOf(entry)}`)
    const problem = vaultPathProblem(path)
    if (problem) return this.#skip(path, problem)
    const before = this.#kinds.get(path)
    if (before && (kind === 'file' || before === 'file'))
      return this.#skip(disk, 'it is a second spelling of the same name')
    this.#kinds.set(path, kind)
    return kind
  }

  #addFile(path: VaultPath, disk: string, plain: boolean): void {
    try {
      const stat = lstatSync(disk)
      if (!stat.isFile()) throw new Error('it changed while it was looked at')
      this.files.push(fileStatOf(path, stat))
      if (!plain) this.spellings.set(path, disk)
    } catch (cause) {
      // Gone since its folder was listed: truly absent.
      if (!isAbsent(cause)) this.errors.push({ path, reason: reasonOf(cause) })
    }
  }

  /** The entries of a folder, names that are NFC already first: of twins, these win. */
  #list(disk: string, path: string): Dirent[] {
    try {
      this.#options.hook('list', disk)
      const entries = readdirSync(disk, { withFileTypes: true })
      const readable = entries.some(({ name }) => name.includes('\uFFFD'))
        ? this.#dropBrokenNames(entries, disk, path)
        : entries
      const composed = ({ name }: Dirent): boolean => name === name.normalize('NFC')
      if (readable.every(composed)) return readable
      return [...readable.filter(composed), ...readable.filter((entry) => !composed(entry))]
    } catch (cause) {
      // ENOENT: removed since its parent was listed. Everything else hides files that may well be there.
      if (!isAbsent(cause)) this.errors.push({ path, reason: reasonOf(cause) })
      else if (path === '') this.errors.push({ path, reason: 'the folder is gone' })
      return []
    }
  }

  /** Node shows bytes that are not UTF-8 as U+FFFD, which is a character that a name may also hold: only the bytes tell. */
  #dropBrokenNames(entries: Dirent[], disk: string, path: string): Dirent[] {
    const sound = new Set<string>()
    for (const bytes of readdirSync(disk, { encoding: 'buffer' })) {
      const name = bytes.toString('utf8')
      if (isUtf8(bytes)) sound.add(name)
      else this.#skip(path === '' ? name : `${path}/${name}`, 'its name is not valid UTF-8')
    }
    return entries.filter(({ name }) => sound.has(name))
  }

  #skip(path: string, reason: string): undefined {
    this.skipped.push({ path, reason })
  }

  #removeLeftover(entry: Dirent, disk: string): void {
    if (!entry.isFile() || !this.#options.isLeftover(entry.name)) return
    try {
      unlinkSync(disk)
    } catch {
      // It is out of scope and does no harm; the next start tries again.
    }
  }

  async #turn(): Promise<void> {
    this.#options.signal?.throwIfAborted()
    if (performance.now() - this.#turnAt < TURN_MS) return
    await new Promise((resolve) => setImmediate(resolve))
    this.#turnAt = performance.now()
  }
}
