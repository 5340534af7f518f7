import { encodeUtf8, isWellFormed } from './bytes.ts'
import { CorruptObjectError } from './errors.ts'
import { isGitDirName } from './git-dir-name.ts'

declare const pathBrand: unique symbol

/** A file's place in a share: NFC, `/`-separated, relative, without `.` or `..` (E6). Made by {@link parseVaultPath} only. */
export type VaultPath = string & { readonly [pathBrand]: true }

/** UTF-8 bytes (T8). */
export const MAX_PATH_BYTES = 4096
/** UTF-8 bytes; the limit of ext4, APFS and NTFS alike (NTFS counts UTF-16 units, never more). */
export const MAX_NAME_BYTES = 255

const CONTROL = /\p{Cc}/u
const DRIVE = /^[A-Za-z]:$/
/** No UTF-16 unit takes more bytes than this in UTF-8. */
const MAX_BYTES_PER_UNIT = 3

/**
 * The path that `text` names, in NFC.
 * Refused is what could leave the vault, harm a repository or not survive as UTF-8 (E6). A name that merely cannot exist on
 * some systems (`NUL.md`, `a:b`, a backslash) passes: it may be somebody's note on a system where it can, so it stays in the
 * tree, and `portableNameProblem` keeps it off the disk of the others. So "reserved device names are refused at
 * the boundary" (E6) is read as the boundary between tree and disk; refusing it in the tree would lose that note.
 * @throws CorruptObjectError `bad-path`
 */
export function parseVaultPath(text: string): VaultPath {
  const problem = vaultPathProblem(text)
  if (problem !== null) throw new CorruptObjectError('bad-path', problem, { path: text.slice(0, 200) })
  return text.normalize('NFC') as VaultPath
}

/** Why `text` is no path in a share, in plain words; null when it is one (perhaps not in NFC yet). */
export function vaultPathProblem(text: string): string | null {
  if (text === '') return 'The path is empty'
  if (text.length > MAX_PATH_BYTES) return `The path is longer than ${MAX_PATH_BYTES} bytes`
  if (!isWellFormed(text)) return 'The path is not valid Unicode'
  const path = text.normalize('NFC')
  if (utf8LengthAbove(path, MAX_PATH_BYTES)) return `The path is longer than ${MAX_PATH_BYTES} bytes`
  if (CONTROL.test(path)) return 'The path holds a control character'
  if (path.startsWith('/')) return 'The path is absolute'
  const names = path.split('/')
  if (DRIVE.test(names[0]!)) return 'The path begins with a drive letter'
  for (const name of names) {
    const problem = nameProblem(name)
    if (problem !== null) return problem
  }
  return null
}

function nameProblem(name: string): string | null {
  if (name === '') return 'The path holds an empty name'
  if (name === '.' || name === '..') return `The path holds “${name}”`
  if (isGitDirName(name)) return 'The path leads into a git folder'
  if (utf8LengthAbove(name, MAX_NAME_BYTES)) return `A name in the path is longer than ${MAX_NAME_BYTES} bytes`
  return null
}

function utf8LengthAbove(text: string, limit: number): boolean {
  return text.length * MAX_BYTES_PER_UNIT > limit && encodeUtf8(text).length > limit
}

export type Platform = 'windows' | 'macos' | 'linux' | 'android'

/** Win32 file naming rules. COM and LPT exist with superscript digits too; an extension does not free the name. */
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i
const WINDOWS_CHARACTER = /[<>:"|?*\\]/
/** Android's shared storage accepts what FAT does (MediaProvider, FileUtils.isValidFatFilename). */
const ANDROID_CHARACTER = /[:"*?<>|\\]/

/** Why this platform's file systems cannot hold the path, in plain words; null when they can. Such a path is kept in the tree and shown as "not on this device" (E6). */
export function portableNameProblem(path: string, platform: Platform): string | null {
  if (platform === 'windows') return firstProblem(path, windowsProblem)
  if (platform === 'android') return firstProblem(path, androidProblem)
  return null
}

function firstProblem(path: string, problemOf: (name: string) => string | null): string | null {
  for (const name of path.split('/')) {
    const problem = problemOf(name)
    if (problem !== null) return problem
  }
  return null
}

function windowsProblem(name: string): string | null {
  const character = WINDOWS_CHARACTER.exec(name)
  if (character) return `Windows allows no ${character[0]} in a name`
  if (WINDOWS_DEVICE.test(name)) return `Windows reserves the name “${name}” for a device`
  if (name.endsWith('.')) return 'Windows allows no dot at the end of a name'
  if (name.endsWith(' ')) return 'Windows allows no space at the end of a name'
  return null
}

function androidProblem(name: string): string | null {
  const character = ANDROID_CHARACTER.exec(name)
  return character ? `Android allows no ${character[0]} in a name` : null
}

const ASCII = /^[\0-\x7f]*$/
/** Dotless i: its upper case is I, yet no file system takes it for i. */
const DOTLESS_I = 'ı'

/**
 * Equal for two paths that a case-insensitive file system takes for one ("case twins", E6). Folds each code point by
 * itself and keeps lengths (Unicode's simple folding), as NTFS does: `ß` is no twin of `ss`.
 */
export function caseKey(path: string): string {
  if (ASCII.test(path)) return path.toLowerCase()
  let key = ''
  for (const point of path.normalize('NFC')) key += foldPoint(point)
  return key.normalize('NFC')
}

function foldPoint(point: string): string {
  if (point === DOTLESS_I) return point
  const upper = point.toUpperCase()
  const lower = (upper.length === point.length ? upper : point).toLowerCase()
  return lower.length === point.length ? lower : point
}
