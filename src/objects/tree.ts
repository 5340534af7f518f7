import { asciiText, decodeUtf8, isWellFormed, writeUtf8 } from './bytes.ts'
import { CorruptObjectError } from './errors.ts'
import { isGitDirName } from './git-dir-name.ts'
import { oidFromBytes, writeOid } from './oid.ts'
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
  let previous: TreeEntry | undefined
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(SPACE, at)
    if (space < 0 || space - at > LONGEST_MODE) throw badTree('an entry without a mode')
    const mode = asciiText(content.subarray(at, space))
    if (!isFileMode(mode)) throw badTree(`the mode ${JSON.stringify(mode)}`)
    const end = content.indexOf(0, space + 1)
    if (end < 0 || end + 21 > content.length) throw badTree('an entry that is cut short')
    const name = decodeUtf8(content, space + 1, end)
    if (name === undefined) throw badTree('a name that is not UTF-8')
    const entry = { mode, name, oid: oidFromBytes(content, end + 1) }
    if (previous && compareTreeEntries(previous, entry) >= 0) throw badTree('entries out of order')
    checkEntry(entry, names)
    entries.push(entry)
    previous = entry
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
  let room = 0
  for (const entry of entries) {
    if (!isFileMode(entry.mode)) throw badTree(`the mode ${JSON.stringify(entry.mode)}`)
    if (!isWellFormed(entry.name)) throw badTree('a name that is not valid Unicode')
    checkEntry(entry, names)
    room += LONGEST_MODE + 2 + 3 * entry.name.length + 20
  }
  const bytes = new Uint8Array(room)
  let at = 0
  for (const { mode, name, oid } of sortedEntries(entries)) {
    at = writeUtf8(mode, bytes, at)
    bytes[at++] = SPACE
    at = writeUtf8(name, bytes, at)
    bytes[at++] = 0
    writeOid(oid, bytes, at)
    at += 20
  }
  return bytes.slice(0, at)
}

/**
 * Git's order of tree entries: by the bytes of their names, folders as `name/`. Bytes of UTF-8 sort as code points do,
 * so UTF-16 units do too, but for surrogates (emoji), which come after all others.
 */
export function compareTreeEntries(a: Pick<TreeEntry, 'mode' | 'name'>, b: Pick<TreeEntry, 'mode' | 'name'>): number {
  const length = Math.min(a.name.length, b.name.length)
  for (let i = 0; i < length; i++) {
    const left = a.name.charCodeAt(i)
    const right = b.name.charCodeAt(i)
    if (left !== right) return codePointRank(left) - codePointRank(right)
  }
  return rankAfter(a, length) - rankAfter(b, length)
}

function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** What follows the common part: a folder's name goes on with a slash, a file's with NUL. */
function rankAfter({ mode, name }: Pick<TreeEntry, 'mode' | 'name'>, at: number): number {
  return at < name.length ? codePointRank(name.charCodeAt(at)) : mode === FOLDER ? SLASH : 0
}

/** Entries mostly come from a tree, and so in order. */
function sortedEntries(entries: readonly TreeEntry[]): readonly TreeEntry[] {
  for (let i = 1; i < entries.length; i++) {
    if (compareTreeEntries(entries[i - 1]!, entries[i]!) > 0) return [...entries].sort(compareTreeEntries)
  }
  return entries
}

/** `names` are those of the entries before: a file and a folder of one name need not be neighbours (`a`, `a.b`, `a/`). */
function checkEntry({ name, oid }: TreeEntry, names: Set<string>): void {
  const problem = treeNameProblem(name)
  if (problem) throw badTree(problem)
  if (names.has(name)) throw badTree('a name twice')
  names.add(name)
  if (oid === NULL_OID) throw badTree('an entry without an object')
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

function badTree(what: string): CorruptObjectError {
  return new CorruptObjectError('bad-tree', `a tree holds ${what}`)
}
