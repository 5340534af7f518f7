import { encodeUtf8 } from '../objects/bytes.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import { MAX_NAME_BYTES, MAX_PATH_BYTES, parseVaultPath } from '../objects/vault-path.ts'

/** Who wrote a version and when, in the writer's own time zone. */
export interface ConflictOrigin {
  readonly device: string
  /** Since 1970. */
  readonly seconds: number
  /** Minutes east of UTC. */
  readonly zoneMinutes: number
}

/** Characters of a device's name that go into file names; the rest would make long names for nothing. */
const MAX_DEVICE_LENGTH = 40
/** What follows a name's last dot and is longer than this is no extension. */
const MAX_EXTENSION_LENGTH = 32
/** Not in file names somewhere, or of meaning in an Obsidian link; round brackets would end the note's own. */
const UNFIT = /(?:\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|[/\\:*?"<>|#^[\]()])+/gu
/** Two and more copies of one minute are told apart by a number. */
const CONFLICT = / \(conflict [^()]* \d{4}-\d\d-\d\d \d{4}\)(?: \d+)?$/

/** A file's place without what makes it a conflict copy: copies of one note share it. */
export interface NoteFamily {
  /** `''`, or the folder with its slash. */
  readonly folder: string
  readonly stem: string
  /** With its dot, or `''`. */
  readonly extension: string
}

/** The family of a file: for a conflict copy that of the note it is a copy of, so that names never grow. */
export function familyOf(path: string): NoteFamily {
  const slash = path.lastIndexOf('/') + 1
  const name = path.slice(slash)
  const dot = name.lastIndexOf('.')
  const plain = dot <= 0 || name.length - dot > MAX_EXTENSION_LENGTH || CONFLICT.test(name)
  const cut = plain ? name.length : dot
  let stem = name.slice(0, cut)
  while (CONFLICT.test(stem)) stem = stem.replace(CONFLICT, '')
  return { folder: path.slice(0, slash), stem, extension: name.slice(cut) }
}

/** Whether a file is the note of this family or one of its conflict copies. */
export function inFamily(path: string, family: NoteFamily): boolean {
  const other = familyOf(path)
  return other.folder === family.folder && other.extension === family.extension && other.stem === family.stem
}

/**
 * `Name (conflict <device> 2026-11-21 1520).md` beside the file (V6), the time in the writer's own zone; `count` from 2
 * on is appended. The name's own part is cut to keep within 255 bytes.
 */
export function conflictPath(family: NoteFamily, origin: ConflictOrigin, count = 1): VaultPath {
  const number = count > 1 ? ` ${count}` : ''
  const suffix = ` (conflict ${cleanDevice(origin.device)} ${localMinute(origin)})${number}${family.extension}`
  const stem = cutToBytes(family.stem, MAX_NAME_BYTES - encodeUtf8(suffix).length)
  // A path too long with the suffix goes further up rather than nowhere.
  let { folder } = family
  while (encodeUtf8(folder + stem + suffix).length > MAX_PATH_BYTES) folder = folder.replace(/[^/]*\/$/, '')
  return parseVaultPath(folder + stem + suffix)
}

function cleanDevice(name: string): string {
  const clean = [...name.normalize('NFC').replace(UNFIT, ' ').replace(/\s+/g, ' ').trim()]
  const short = clean.slice(0, MAX_DEVICE_LENGTH).join('').trim()
  return short === '' ? 'device' : short
}

function localMinute({ seconds, zoneMinutes }: ConflictOrigin): string {
  // Years beyond 9999 and before 0 have another shape; a clock so wrong is shown as the nearest that fits.
  const local = Math.min(Math.max(seconds + zoneMinutes * 60, 0), 253_402_300_799)
  const [date, time] = new Date(local * 1000).toISOString().split('T')
  return `${date} ${time!.slice(0, 2)}${time!.slice(3, 5)}`
}

function cutToBytes(text: string, limit: number): string {
  if (encodeUtf8(text).length <= limit) return text
  let cut = ''
  let length = 0
  for (const point of text) {
    length += encodeUtf8(point).length
    if (length > limit) break
    cut += point
  }
  return cut.trimEnd()
}
