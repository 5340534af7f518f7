import { isOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'
import type { VaultPath } from '../../objects/vault-path.ts'
import type { IndexEntry, IndexState } from '../../ports/index-store.ts'
import { nodeCodec } from './node-codec.ts'

/**
 * The index journal: lines of `<crc32 of the json, 8 hex digits> SP <json> LF`. The first line is `{"version":1}`; each further
 * line is one change set, all of it or nothing: `{"put":[row…],"remove":[path…],"base":oid|null,"unfinished":[oid…]}`, each part
 * optional, with row = `[path, oid, size, mtimeMs, ctimeMs, ino, hashedAt]`. Applied in order, removals of a line before its rows.
 */
export interface JournalLine {
  readonly put?: readonly (readonly [VaultPath, IndexEntry])[]
  readonly remove?: readonly VaultPath[]
  readonly base?: Oid | null
  readonly unfinished?: readonly Oid[]
}

const VERSION = 1
/** Rows per line of a rewritten journal: keeps a line, and the string it becomes, small. */
const ROWS_PER_LINE = 1000

export function encodeJournalLine(line: JournalLine): Buffer {
  return encodeLine({
    ...(line.put?.length
      ? { put: line.put.map(([path, e]) => [path, e.oid, e.size, e.mtimeMs, e.ctimeMs, e.ino, e.hashedAt]) }
      : {}),
    ...(line.remove?.length ? { remove: line.remove } : {}),
    ...(line.base === undefined ? {} : { base: line.base }),
    ...(line.unfinished ? { unfinished: line.unfinished } : {}),
  })
}

/** A whole journal that says the same in as few lines as there may be. */
export function encodeJournal({ entries, base, unfinished }: IndexState): Buffer {
  const rows = [...entries]
  const parts = [encodeLine({ version: VERSION }), encodeJournalLine({ base, unfinished })]
  for (let i = 0; i < rows.length; i += ROWS_PER_LINE)
    parts.push(encodeJournalLine({ put: rows.slice(i, i + ROWS_PER_LINE) }))
  return Buffer.concat(parts)
}

/**
 * Reads a journal. `length` is where the good part ends: a last line that was cut short by a crash is no part of it.
 * Undefined when a line before the last is damaged, or the version is another one.
 */
export function decodeJournal(bytes: Buffer): { lines: JournalLine[]; length: number } | undefined {
  const lines: JournalLine[] = []
  let length = 0
  let first = true
  while (length < bytes.length) {
    const end = bytes.indexOf(0x0a, length)
    const value = end < 0 ? undefined : decodeLine(bytes.subarray(length, end))
    const line = first ? (isHeader(value) ? {} : undefined) : decodeChanges(value)
    if (line === undefined) return first || (end >= 0 && end + 1 < bytes.length) ? undefined : { lines, length }
    if (!first) lines.push(line)
    first = false
    length = end + 1
  }
  // A file without its first line is not ours, or lost it.
  return first ? undefined : { lines, length }
}

function encodeLine(value: object): Buffer {
  const json = Buffer.from(JSON.stringify(value))
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.from('\n')])
}

function decodeLine(line: Buffer): unknown {
  const json = line.subarray(9)
  if (line.length < 11 || line.toString('latin1', 0, 9) !== `${checksum(json)} `) return undefined
  try {
    return JSON.parse(json.toString('utf8'))
  } catch {
    return undefined
  }
}

function checksum(bytes: Buffer): string {
  return nodeCodec.crc32(bytes).toString(16).padStart(8, '0')
}

function isHeader(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (value as { version?: unknown }).version === VERSION
}

// The checksum tells accidents; these checks tell a file that somebody else wrote.
function decodeChanges(value: unknown): JournalLine | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { put = [], remove = [], base, unfinished } = value as Readonly<Record<string, unknown>>
  if (!Array.isArray(put) || !Array.isArray(remove)) return undefined
  if (base !== undefined && base !== null && !isOidValue(base)) return undefined
  const rows: [VaultPath, IndexEntry][] = []
  for (const row of put as unknown[]) {
    const decoded = decodeRow(row)
    if (!decoded) return undefined
    rows.push(decoded)
  }
  if (!remove.every((path) => typeof path === 'string')) return undefined
  if (unfinished !== undefined && !(Array.isArray(unfinished) && unfinished.every(isOidValue))) return undefined
  return {
    put: rows,
    remove: remove as VaultPath[],
    ...(base === undefined ? {} : { base }),
    ...(unfinished === undefined ? {} : { unfinished }),
  }
}

function isOidValue(value: unknown): value is Oid {
  return typeof value === 'string' && isOid(value)
}

function decodeRow(row: unknown): [VaultPath, IndexEntry] | undefined {
  if (!Array.isArray(row) || row.length !== 7) return undefined
  const [path, oid, size, mtimeMs, ctimeMs, ino, hashedAt] = row as unknown[]
  if (typeof path !== 'string' || typeof oid !== 'string' || !isOid(oid)) return undefined
  if (typeof size !== 'number' || typeof mtimeMs !== 'number' || typeof ctimeMs !== 'number') return undefined
  if (typeof ino !== 'number' || typeof hashedAt !== 'number') return undefined
  return [path as VaultPath, { oid, size, mtimeMs, ctimeMs, ino, hashedAt }]
}
