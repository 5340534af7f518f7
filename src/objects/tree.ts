import { concatBytes, decodeUtf8, encodeUtf8, isWellFormed } from './bytes.ts'
import { CorruptObjectError } from './errors.ts'
import { isGitDirName } from './git-dir-name.ts'
import { oidFromBytes, oidToBytes } from './oid.ts'
import type { Oid } from './oid.ts'

/*
 * A tree's content is its entries one after another, each
 *   mode SP name NUL oid
 * mode in octal digits without a leading zero, the name any bytes but NUL and `/`, the oid as 20 raw bytes.
 * Entries are sorted by the bytes of their names, a folder's as if it ended in `/`.
 */

/** File, executable file, symbolic link, submodule, folder. What older gits wrote besides (`100664`) `git fsck --strict` refuses. */
export type FileMode = '100644' | '100755' | '120000' | '160000' | '40000'

export interface TreeEntry {
  readonly mode: FileMode
  /** As the tree holds it: any Unicode, perhaps not in NFC. No more than a name: a path comes from `parseVaultPath`. */
  readonly name: string
  readonly oid: Oid
}

const MODES: ReadonlySet<string> = new Set<FileMode>(['100644', '100755', '120000', '160000', '40000'])
const FOLDER: FileMode = '40000'
const LONGEST_MODE = 6
const NULL_OID = '0'.repeat(40)
const SPACE = 0x20
const SLASH = 0x2f

/**
 * Strict, as `git fsck --strict` is: order, duplicates (also a file and a folder of one name), modes, names; and stricter,
 * for names that are not valid UTF-8 can't be paths here.
 * @throws CorruptObjectError `bad-tree`
 */
export function decodeTree(content: Uint8Array): TreeEntry[] {
  const entries: TreeEntry[] = []
  const names = new Set<string>()
  let previous: SortKey | undefined
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(SPACE, at)
    if (space < 0 || space - at > LONGEST_MODE) throw badTree('an entry without a mode')
    const mode = asciiText(content, at, space)
    if (!isFileMode(mode)) throw badTree(`the mode ${JSON.stringify(mode)}`)
    const end = content.indexOf(0, space + 1)
    if (end < 0 || end + 21 > content.length) throw badTree('an entry that is cut short')
    const nameBytes = content.subarray(space + 1, end)
    const name = decodeUtf8(nameBytes)
    if (name === undefined) throw badTree('a name that is not UTF-8')
    const problem = treeNameProblem(name)
    if (problem) throw badTree(problem)
    const key = { bytes: nameBytes, folder: mode === FOLDER }
    if (previous && compareSortKeys(previous, key) >= 0) throw badTree('entries out of order')
    // A file and a folder of one name need not be neighbours: `a`, `a.b`, `a/`.
    if (names.has(name)) throw badTree('a name twice')
    names.add(name)
    const oid = oidFromBytes(content, end + 1)
    if (oid === NULL_OID) throw badTree('an entry without an object')
    entries.push({ mode, name, oid })
    previous = key
    at = end + 21
  }
  return entries
}

/**
 * In git's order, whatever the order given.
 * @throws CorruptObjectError `bad-tree` for what `decodeTree` would refuse
 */
export function encodeTree(entries: readonly TreeEntry[]): Uint8Array {
  const names = new Set<string>()
  const keyed = entries.map((entry) => {
    if (!isFileMode(entry.mode)) throw badTree(`the mode ${JSON.stringify(entry.mode)}`)
    const problem = isWellFormed(entry.name) ? treeNameProblem(entry.name) : 'a name that is not valid Unicode'
    if (problem) throw badTree(problem)
    if (entry.oid === NULL_OID) throw badTree('an entry without an object')
    if (names.has(entry.name)) throw badTree('a name twice')
    names.add(entry.name)
    return { entry, bytes: encodeUtf8(entry.name), folder: entry.mode === FOLDER }
  })
  keyed.sort(compareSortKeys)
  const parts: Uint8Array[] = []
  for (const { entry, bytes } of keyed) {
    parts.push(MODE_BYTES[entry.mode], bytes, NUL, oidToBytes(entry.oid))
  }
  return concatBytes(parts)
}

/** Git's order of tree entries: by UTF-8 bytes (UTF-16 order differs for emoji), folders as `name/`. */
export function compareTreeEntries(a: Pick<TreeEntry, 'mode' | 'name'>, b: Pick<TreeEntry, 'mode' | 'name'>): number {
  return compareSortKeys(sortKey(a), sortKey(b))
}

interface SortKey {
  readonly bytes: Uint8Array
  readonly folder: boolean
}

const NUL = new Uint8Array(1)
const MODE_BYTES: Record<FileMode, Uint8Array> = {
  '100644': encodeUtf8('100644 '),
  '100755': encodeUtf8('100755 '),
  '120000': encodeUtf8('120000 '),
  '160000': encodeUtf8('160000 '),
  '40000': encodeUtf8('40000 '),
}

function sortKey(entry: Pick<TreeEntry, 'mode' | 'name'>): SortKey {
  return { bytes: encodeUtf8(entry.name), folder: entry.mode === FOLDER }
}

function compareSortKeys(a: SortKey, b: SortKey): number {
  const length = Math.min(a.bytes.length, b.bytes.length)
  for (let i = 0; i < length; i++) {
    if (a.bytes[i] !== b.bytes[i]) return a.bytes[i]! - b.bytes[i]!
  }
  return byteAfter(a, length) - byteAfter(b, length)
}

/** The byte at the end of the common part: a folder's name goes on with a slash, a file's with NUL. */
function byteAfter(key: SortKey, at: number): number {
  return key.bytes[at] ?? (key.folder ? SLASH : 0)
}

function isFileMode(text: string): text is FileMode {
  return MODES.has(text)
}

function treeNameProblem(name: string): string | null {
  if (name === '') return 'an empty name'
  if (name === '.' || name === '..') return `the name ${name}`
  if (name.includes('/') || name.includes('\0')) return 'a name with a slash or NUL'
  if (isGitDirName(name)) return 'a name that leads into a git folder'
  return null
}

function asciiText(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!)
  return text
}

function badTree(what: string): CorruptObjectError {
  return new CorruptObjectError('bad-tree', `a tree holds ${what}`)
}
