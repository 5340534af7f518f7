import { foldersOf } from '../history/folders-of.ts'
import type { Codec } from '../objects/codec.ts'
import { hashObject } from '../objects/hash.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { Clock } from '../ports/clock.ts'
import { VaultError } from '../ports/errors.ts'
import type { IndexEntry } from '../ports/index-store.ts'
import { LARGE_BLOB, type ObjectBatch, type ObjectStore } from '../ports/object-store.ts'
import type { FileStat, ScanIssue, VaultFiles } from '../ports/vault-files.ts'

/** What a look at the disk found, compared with the index. The contents of all changed files are in the object store. */
export interface DiskChanges {
  /** Files whose content differs; null: the file is gone (E2). */
  readonly changed: ReadonlyMap<VaultPath, IndexEntry | null>
  /** Same content under a new stat: the index wants to know, nobody else. */
  readonly touched: ReadonlyMap<VaultPath, IndexEntry>
  /** Files that are gone and had been out of scope since we last looked: whether a person deleted them is not ours to tell (E2). */
  readonly unknown: readonly VaultPath[]
  /** Files that could not be read just now; they stay dirty. */
  readonly postponed: ReadonlyMap<VaultPath, VaultError>
  /** Of a full scan; null when only the dirty paths were looked at. */
  readonly scan: {
    readonly errors: readonly ScanIssue[]
    readonly skipped: readonly ScanIssue[]
    readonly files: number
  } | null
}

export interface DiskProgress {
  readonly filesDone: number
  readonly filesTotal: number
  readonly bytesDone: number
  readonly bytesTotal: number
}

export interface DiskContext {
  readonly files: VaultFiles
  readonly objects: ObjectStore
  readonly codec: Codec
  readonly clock: Clock
  readonly index: ReadonlyMap<VaultPath, IndexEntry>
  readonly onProgress?: (progress: DiskProgress) => void
  readonly signal?: AbortSignal
}

/** Files that are compared with the index between two breaths. */
const STATS_PER_BREATH = 500

/** Kinds that are compressed already: deflating them again costs time and gains nothing. */
const COMPRESSED =
  /\.(png|jpe?g|gif|webp|avif|heic|pdf|zip|gz|7z|rar|mp3|m4a|ogg|opus|flac|mp4|mov|mkv|webm|docx|xlsx|pptx|epub)$/i

/**
 * Looks at the dirty paths, or at everything when `dirty` is null, and stores what changed.
 * An absence is believed only after a complete scan without errors that found at least one file (E2); so a dirty path that is
 * gone makes it a full scan.
 */
export async function findDiskChanges(
  context: DiskContext,
  dirty: ReadonlySet<VaultPath> | null,
): Promise<DiskChanges> {
  const { files, index } = context
  const stats = dirty && (await statDirty(context, dirty))
  if (stats) return storeChanges(context, stats, [], null)
  const scan = await files.scan(context.signal)
  const { clock } = context
  await clock.breathe?.()
  const present = new Set(scan.files.map((f) => f.path))
  const skipped = new Set(scan.skipped.map((s) => s.path))
  const emptied = scan.files.length === 0 && index.size > 0
  const errors = emptied
    ? [
        {
          path: '',
          reason:
            'the vault folder is empty although it held files before; nothing is deleted or written anywhere until files are back in it',
        },
        ...scan.errors,
      ]
    : scan.errors
  await clock.breathe?.()
  const absent = errors.length
    ? []
    : [...index].filter(([path]) => !present.has(path) && !isWithin(path, skipped) && files.inScope(path))
  await clock.breathe?.()
  const gone = absent.filter(([, entry]) => !wasOutside(entry)).map(([path]) => path)
  const changes = await storeChanges(context, scan.files, gone, {
    errors,
    skipped: scan.skipped,
    files: scan.files.length,
  })
  return { ...changes, unknown: absent.filter(([, entry]) => wasOutside(entry)).map(([path]) => path) }
}

/** The index entry of a file that left the scope: what we saw last, to be believed by nobody when it is back in scope. */
export function outsideEntry(entry: IndexEntry): IndexEntry {
  return { ...entry, hashedAt: 0 }
}

export function wasOutside(entry: IndexEntry): boolean {
  return entry.hashedAt === 0
}

/** The index entry of a file that was found to hold something else although its stat is the same: the next look reads it. */
export function distrustedEntry(entry: IndexEntry): IndexEntry {
  return wasOutside(entry) ? entry : { ...entry, hashedAt: 1 }
}

/** The index entry of a file that a checkout wrote and of which nobody noted the stat. */
export function unseenEntry(oid: IndexEntry['oid']): IndexEntry {
  return { oid, size: 0, mtimeMs: 0, ctimeMs: 0, ino: 0, hashedAt: 1 }
}

/** A skipped place stands for everything below it: a folder that became a link hides its files, it does not delete them. */
function isWithin(path: string, places: ReadonlySet<string>): boolean {
  for (let at = path; ; at = at.slice(0, at.lastIndexOf('/'))) {
    if (places.has(at)) return true
    if (!at.includes('/')) return false
  }
}

/** Null: something is gone or cannot be looked at, so only a full scan can tell. */
async function statDirty({ files, index }: DiskContext, dirty: ReadonlySet<VaultPath>): Promise<FileStat[] | null> {
  const found = new Map<VaultPath, FileStat>()
  let folders: ReadonlySet<string> | undefined
  for (const path of dirty) {
    if (!files.inScope(path)) continue
    let stat
    try {
      stat = await files.stat(path)
    } catch (error) {
      if (error instanceof VaultError) return null // a link now, or not readable: a scan goes on around it and shows it
      throw error
    }
    if (stat) {
      if (!index.has(path) && (folders ??= foldersOf(index.keys())).has(path)) return null // a file now, that was a folder
      found.set(path, stat)
      continue
    }
    if (index.has(path)) return null
    const below = await files.scanBelow(path) // a folder that came, went, or was renamed
    if (below.errors.length) return null
    for (const file of below.files) found.set(file.path, file)
    const prefix = `${path}/`
    for (const known of index.keys()) if (known.startsWith(prefix) && !found.has(known)) return null
  }
  return [...found.values()]
}

/** git's "racily clean": a file changed within the same tick of the file system's clock keeps its stat. */
function isTrusted(entry: IndexEntry, stat: FileStat): boolean {
  if (
    entry.size !== stat.size ||
    entry.mtimeMs !== stat.mtimeMs ||
    entry.ctimeMs !== stat.ctimeMs ||
    entry.ino !== stat.ino
  )
    return false
  const tickMs = stat.mtimeMs % 1000 === 0 ? 2000 : 10
  return entry.hashedAt - Math.max(stat.mtimeMs, stat.ctimeMs) > tickMs
}

async function storeChanges(
  context: DiskContext,
  stats: readonly FileStat[],
  gone: readonly VaultPath[],
  scan: DiskChanges['scan'],
): Promise<DiskChanges> {
  const { objects, index, signal, onProgress } = context
  const changed = new Map<VaultPath, IndexEntry | null>(gone.map((path) => [path, null]))
  const touched = new Map<VaultPath, IndexEntry>()
  const postponed = new Map<VaultPath, VaultError>()
  const suspects: FileStat[] = []
  let looked = 0
  for (const stat of stats) {
    const entry = index.get(stat.path)
    if (!entry || !isTrusted(entry, stat)) suspects.push(stat)
    if (++looked % STATS_PER_BREATH === 0) await context.clock.breathe?.()
  }
  if (!suspects.length) return { changed, touched, unknown: [], postponed, scan }
  const bytesTotal = suspects.reduce((sum, s) => sum + s.size, 0)
  let bytesDone = 0
  let filesDone = 0
  const batch = await objects.begin()
  try {
    for (const stat of suspects) {
      signal?.throwIfAborted()
      await context.clock.breathe?.()
      const before = index.get(stat.path)
      try {
        const entry = await storeFile(context, batch, stat)
        if (before?.oid === entry.oid) touched.set(stat.path, entry)
        else changed.set(stat.path, entry)
      } catch (error) {
        if (!(error instanceof VaultError)) throw error
        postponed.set(stat.path, error)
      }
      bytesDone += stat.size
      filesDone++
      onProgress?.({ filesDone, filesTotal: suspects.length, bytesDone, bytesTotal })
    }
    await batch.commit()
  } finally {
    await batch.abort()
  }
  return { changed, touched, unknown: [], postponed, scan }
}

async function storeFile(
  { files, clock, codec, index, objects }: DiskContext,
  batch: ObjectBatch,
  { path, size }: FileStat,
): Promise<IndexEntry> {
  const compressed = COMPRESSED.test(path)
  if (size > LARGE_BLOB) {
    const { stat, chunks } = await files.stream(path)
    return toEntry(stat, await batch.addStream(stat.size, chunks, { compressed }), clock.now())
  }
  const { content, stat } = await files.read(path)
  const before = index.get(path)
  // A racily clean file is mostly the same: don't hand the store what it has.
  const oid = before?.size === content.length ? hashObject(codec, 'blob', content) : undefined
  if (before && before.oid === oid && (await objects.has(oid))) return toEntry(stat, oid, clock.now())
  return toEntry(stat, await batch.add('blob', content, { compressed }), clock.now())
}

export function toEntry(stat: FileStat, oid: IndexEntry['oid'], hashedAt: number): IndexEntry {
  return { oid, size: stat.size, mtimeMs: stat.mtimeMs, ctimeMs: stat.ctimeMs, ino: stat.ino, hashedAt }
}
