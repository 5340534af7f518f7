import { lstatSync, readdirSync, realpathSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { basename, join } from 'node:path'
import { caseKey, portableNameProblem } from '../../objects/vault-path.ts'
import type { Platform, VaultPath } from '../../objects/vault-path.ts'
import { isAbsent } from './disk-errors.ts'
import { kindOf } from './vault-scan.ts'

/**
 * What the disk holds at a vault path.
 * `absent`: nothing; `folder` is the deepest existing folder, `missing` the names to make below it, the file's own last.
 * `blocked`: a parent is no folder; `link` tells whether it leads elsewhere. `special`: neither file nor folder.
 * `twin`: this disk folds case, and holds the name in another case (`name`, a path in the vault).
 * `unholdable`: no file can bear this name here, and asking for it could find another one (E6).
 */
export type Located =
  | { readonly kind: 'file'; readonly disk: string; readonly stat: Stats }
  | { readonly kind: 'folder'; readonly disk: string }
  | { readonly kind: 'absent'; readonly folder: string; readonly missing: readonly string[] }
  | { readonly kind: 'blocked'; readonly by: string; readonly link: boolean }
  | { readonly kind: 'special'; readonly what: string }
  | { readonly kind: 'twin'; readonly name: string }
  | { readonly kind: 'unholdable'; readonly reason: string }

const ASCII = /^[\x00-\x7f]*$/

/**
 * For writing, a listing of a folder is believed this long, ms: a checkout asks for thousands of new names in one folder. It is needed
 * for names in part composed and in part not; one of those that somebody puts there meanwhile lies beside what we write, and the next
 * scan tells of it.
 */
const LISTING_MS = 1000

const MAX_LISTINGS = 1000

interface Listing {
  readonly at: number
  /** The names that are not in NFC: mostly none. */
  readonly uncomposed: readonly string[]
}

/**
 * Finds vault paths (always NFC) on a disk that may spell names in NFD or fold case. Never follows a symbolic link:
 * each parent is looked at. Nothing is assumed to be still as it was; what a scan remembered is tried first and verified.
 */
export class DiskNames {
  readonly #root: string
  /** Whether names that differ only in case are one file here. */
  readonly caseInsensitive: boolean
  /** Names in NFD that the last scan saw: spares a listing of the folder each time. */
  spellings: ReadonlyMap<VaultPath, string> = new Map()
  #listings = new Map<string, Listing>()

  constructor(root: string, caseInsensitive: boolean) {
    this.#root = root
    this.caseInsensitive = caseInsensitive
  }

  /** Like `locate`, for a place to write to: see LISTING_MS. */
  locateForWriting(path: VaultPath): Located {
    return this.locate(path, LISTING_MS)
  }

  /** @throws system errors other than absence. */
  locate(path: VaultPath, listingMs = 0): Located {
    // On Windows `a\\b` would be a file in a folder, `a:b` a stream of a file, `a.` the file `a`.
    const reason = portableNameProblem(path, PLATFORM)
    if (reason !== null) return { kind: 'unholdable', reason }
    const spelled = this.spellings.get(path)
    if (spelled !== undefined && !lookAt(join(this.#root, path))) {
      const found = this.#walk(this.#root, spelled.slice(this.#root.length + 1).split('/'), 0, listingMs)
      if (found.kind === 'file') return found
    }
    return this.#walk(this.#root, path.split('/'), 0, listingMs)
  }

  #walk(folder: string, parts: readonly string[], at: number, listingMs: number): Located {
    const wanted = parts[at]!
    let nearest: Located | undefined
    for (const disk of this.#spellingsIn(folder, wanted, listingMs)) {
      const found = this.#entry(disk, parts, at, listingMs)
      if (!found) continue
      if (found.kind !== 'absent') return found
      nearest ??= found
    }
    if (nearest) return nearest
    const twin = this.caseInsensitive ? this.#twinOf(folder, wanted) : undefined
    if (twin === undefined) return { kind: 'absent', folder, missing: parts.slice(at) }
    return { kind: 'twin', name: [...parts.slice(0, at), twin].join('/') }
  }

  /** Undefined: there is no such name. */
  #entry(disk: string, parts: readonly string[], at: number, listingMs: number): Located | undefined {
    const stat = lookAt(disk)
    if (!stat) return undefined
    const last = at === parts.length - 1
    if (stat.isDirectory()) return last ? { kind: 'folder', disk } : this.#walk(disk, parts, at + 1, listingMs)
    if (!last) return { kind: 'blocked', by: parts.slice(0, at + 1).join('/'), link: !stat.isFile() }
    return stat.isFile() ? { kind: 'file', disk, stat } : { kind: 'special', what: kindOf(stat) }
  }

  /** Where `name` may lie in a folder: under itself first, then under the names there that are `name` in NFC. */
  *#spellingsIn(folder: string, name: string, listingMs: number): Generator<string> {
    if (this.caseInsensitive) {
      if (this.#storedName(folder, name)?.normalize('NFC') === name.normalize('NFC')) yield join(folder, name)
      return
    }
    yield join(folder, name)
    if (ASCII.test(name)) return
    const decomposed = name.normalize('NFD') // the usual other spelling, asked for by name: a listing may be older
    if (decomposed !== name) yield join(folder, decomposed)
    for (const other of this.#uncomposedIn(folder, listingMs))
      if (other !== decomposed && other.normalize('NFC') === name) yield join(folder, other)
  }

  #uncomposedIn(folder: string, listingMs: number): readonly string[] {
    const now = performance.now()
    const known = this.#listings.get(folder)
    if (known && now - known.at < listingMs) return known.uncomposed
    const uncomposed = readdirSync(folder).filter((name) => !ASCII.test(name) && name !== name.normalize('NFC'))
    if (listingMs > 0) {
      // Of a few seconds ago, and so of no use: all of them, now and then.
      if (this.#listings.size >= MAX_LISTINGS) this.#listings.clear()
      this.#listings.set(folder, { at: now, uncomposed })
    }
    return uncomposed
  }

  #twinOf(folder: string, name: string): string | undefined {
    const stored = this.#storedName(folder, name)
    return stored?.normalize('NFC') === name.normalize('NFC') ? undefined : stored
  }

  /** The name under which a disk that folds case holds what it finds when asked for `name`. */
  #storedName(folder: string, name: string): string | undefined {
    if (KNOWS_STORED_NAMES) {
      const disk = join(folder, name)
      const stat = lookAt(disk)
      return !stat ? undefined : stat.isSymbolicLink() ? name : basename(realpathSync.native(disk))
    }
    const names = readdirSync(folder)
    const composed = name.normalize('NFC')
    const same = names.includes(name) ? name : names.find((other) => other.normalize('NFC') === composed)
    return same ?? names.find((other) => caseKey(other.normalize('NFC')) === caseKey(composed))
  }
}

const PLATFORM: Platform = process.platform === 'win32' ? 'windows' : process.platform === 'darwin' ? 'macos' : 'linux'

/** realpath(3) tells the name as it is stored on these; on Linux it repeats what it was asked. */
const KNOWS_STORED_NAMES = process.platform === 'darwin' || process.platform === 'win32'

function lookAt(disk: string): Stats | undefined {
  try {
    return lstatSync(disk, { throwIfNoEntry: false })
  } catch (cause) {
    if (isAbsent(cause)) return undefined
    throw cause
  }
}
