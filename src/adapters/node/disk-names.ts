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
 * Finds vault paths (always NFC) on a disk that may spell names in NFD or fold case. Never follows a symbolic link:
 * each parent is looked at. Nothing is assumed to be still as it was; what a scan remembered is tried first and verified.
 */
export class DiskNames {
  readonly #root: string
  /** Whether names that differ only in case are one file here. */
  readonly caseInsensitive: boolean
  /** Names in NFD that the last scan saw: spares a listing of the folder each time. */
  spellings: ReadonlyMap<VaultPath, string> = new Map()

  constructor(root: string, caseInsensitive: boolean) {
    this.#root = root
    this.caseInsensitive = caseInsensitive
  }

  /** @throws system errors other than absence. */
  locate(path: VaultPath): Located {
    // On Windows `a\\b` would be a file in a folder, `a:b` a stream of a file, `a.` the file `a`.
    const reason = portableNameProblem(path, PLATFORM)
    if (reason !== null) return { kind: 'unholdable', reason }
    const spelled = this.spellings.get(path)
    if (spelled !== undefined && !lookAt(join(this.#root, path))) {
      const found = this.#walk(this.#root, spelled.slice(this.#root.length + 1).split('/'), 0)
      if (found.kind === 'file') return found
    }
    return this.#walk(this.#root, path.split('/'), 0)
  }

  #walk(folder: string, parts: readonly string[], at: number): Located {
    const wanted = parts[at]!
    const absent: Located = { kind: 'absent', folder, missing: parts.slice(at) }
    let nearest: Located | undefined
    for (const name of this.#spellingsIn(folder, wanted)) {
      const found = this.#entry(folder, name, parts, at)
      if (found.kind !== 'absent') return found
      nearest ??= found
    }
    if (nearest) return nearest
    const twin = this.caseInsensitive ? this.#twinOf(folder, wanted) : undefined
    return twin === undefined ? absent : { kind: 'twin', name: [...parts.slice(0, at), twin].join('/') }
  }

  #entry(folder: string, name: string, parts: readonly string[], at: number): Located {
    const disk = join(folder, name)
    const stat = lookAt(disk)
    if (!stat) return { kind: 'absent', folder, missing: parts.slice(at) }
    const last = at === parts.length - 1
    if (stat.isDirectory()) return last ? { kind: 'folder', disk } : this.#walk(disk, parts, at + 1)
    if (!last) return { kind: 'blocked', by: parts.slice(0, at + 1).join('/'), link: !stat.isFile() }
    return stat.isFile() ? { kind: 'file', disk, stat } : { kind: 'special', what: kindOf(stat) }
  }

  /** The names in a folder that are `name` in NFC: itself first, then other compositions. */
  *#spellingsIn(folder: string, name: string): Generator<string> {
    if (this.caseInsensitive) {
      if (this.#storedName(folder, name)?.normalize('NFC') === name.normalize('NFC')) yield name
      return
    }
    if (lookAt(join(folder, name))) yield name
    if (ASCII.test(name)) return
    yield* readdirSync(folder).filter((other) => other !== name && other.normalize('NFC') === name)
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
