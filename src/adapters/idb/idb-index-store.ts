import { isOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'
import type { VaultPath } from '../../objects/vault-path.ts'
import type { IndexChanges, IndexEntry, IndexState, IndexStore } from '../../ports/index-store.ts'
import { Mutex } from '../memory/mutex.ts'
import { attempt, startingWith } from './share-database.ts'
import type { ShareDatabase } from './share-database.ts'

/** Rows are spread over so many records: a save of one row rewrites a small part, a load reads few records. */
const BUCKETS = 64
const PREFIX = 'index/'
const META = 'index/meta'
const VERSION = 1

/** Shorter in the database than an object with names: `[path, oid, size, mtimeMs, ctimeMs, ino, hashedAt]`. */
type Row = readonly [VaultPath, Oid, number, number, number, number, number]
interface Meta {
  readonly version: number
  readonly base: Oid | null
  /** Absent in what an older version wrote. */
  readonly unfinished?: readonly Oid[]
}

/** Rows made between two breaths. */
const ROWS_PER_BREATH = 256

export interface IdbIndexStoreOptions {
  /** The rows made no sense and were dropped; the index begins empty. */
  readonly onDamaged?: () => void
}

/**
 * The stat index of a share in records of rows, by a hash of the path; a save is one transaction. A damaged index is dropped:
 * an empty one says "nothing is known about any path" and must never be read as "everything was deleted" (E2).
 */
export class IdbIndexStore implements IndexStore {
  readonly #database: ShareDatabase
  readonly #options: IdbIndexStoreOptions
  readonly #turns = new Mutex()
  #checked = false

  constructor(database: ShareDatabase, options: IdbIndexStoreOptions = {}) {
    this.#database = database
    this.#options = options
  }

  async load(): Promise<IndexState> {
    return this.#turns.run(() => this.#load())
  }

  async save(changes: IndexChanges): Promise<void> {
    const buckets = new Map<string, { put: Row[]; remove: VaultPath[] }>()
    const bucketOf = (path: VaultPath) => {
      const key = keyOf(path)
      let bucket = buckets.get(key)
      if (!bucket) buckets.set(key, (bucket = { put: [], remove: [] }))
      return bucket
    }
    // As they are now: the caller may go on with them.
    const unfinished = changes.unfinished && [...changes.unfinished]
    const [put, remove] = [[...(changes.put ?? [])], [...(changes.remove ?? [])]]
    await this.#turns.run(async () => {
      let rows = 0
      for (const path of remove) bucketOf(path).remove.push(path)
      for (const [path, entry] of put) {
        bucketOf(path).put.push(encodeRow(path, entry))
        if (++rows % ROWS_PER_BREATH === 0) await this.#database.breathe()
      }
      // Rows of another version must not be mixed with ours.
      if (!this.#checked) await this.#load()
      await this.#database.write(this.#database.durable, (store) => {
        for (const [key, { put, remove }] of buckets) {
          change<readonly Row[]>(store, key, (rows = []) => {
            const merged = new Map(rows.map((row) => [row[0], row]))
            for (const path of remove) merged.delete(path)
            for (const row of put) merged.set(row[0], row)
            return [...merged.values()]
          })
        }
        change<Meta>(store, META, (meta) => ({
          version: VERSION,
          base: changes.base === undefined ? (meta?.base ?? null) : changes.base,
          unfinished: unfinished ?? meta?.unfinished ?? [],
        }))
      })
    })
  }

  async #load(): Promise<IndexState> {
    const reading = new StateReading()
    await this.#database.forEach(PREFIX, (key, record) => reading.take(key, record))
    const state = reading.state()
    if (!state) {
      await this.#database.write(this.#database.durable, (store) => void store.delete(startingWith(PREFIX)))
      this.#options.onDamaged?.()
    }
    this.#checked = true
    return state ?? { entries: new Map(), base: null, unfinished: [] }
  }

  /** The database is closed by who opened it. */
  async close(): Promise<void> {}
}

function change<T>(store: IDBObjectStore, key: string, by: (value: T | undefined) => T): void {
  const request = store.get(key) as IDBRequest<T | undefined>
  request.onsuccess = () => attempt(store.transaction, () => void store.put(by(request.result), key))
}

class StateReading {
  readonly #entries = new Map<VaultPath, IndexEntry>()
  #meta: Meta | undefined
  #isEmpty = true
  #isSound = true

  take(key: string, record: unknown): void {
    this.#isEmpty = false
    if (key === META) this.#meta = record as Meta
    else this.#isSound &&= Array.isArray(record) && decodeRows(record as unknown[], this.#entries)
  }

  /** Undefined when it makes no sense. */
  state(): IndexState | undefined {
    if (this.#isEmpty) return { entries: new Map(), base: null, unfinished: [] }
    const meta = this.#meta
    if (!this.#isSound || meta?.version !== VERSION) return undefined
    return { entries: this.#entries, base: meta.base, unfinished: meta.unfinished ?? [] }
  }
}

function decodeRows(rows: readonly unknown[], into: Map<VaultPath, IndexEntry>): boolean {
  for (const row of rows) {
    if (!Array.isArray(row)) return false
    const [path, oid, size, mtimeMs, ctimeMs, ino, hashedAt] = row as unknown as Row
    if (typeof path !== 'string' || typeof oid !== 'string' || !isOid(oid) || typeof hashedAt !== 'number') return false
    into.set(path, { oid, size, mtimeMs, ctimeMs, ino, hashedAt })
  }
  return true
}

function encodeRow(path: VaultPath, e: IndexEntry): Row {
  return [path, e.oid, e.size, e.mtimeMs, e.ctimeMs, e.ino, e.hashedAt]
}

/** FNV-1a over the UTF-16 units: only to spread rows evenly. */
function keyOf(path: VaultPath): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193)
  return `${PREFIX}${((hash >>> 0) % BUCKETS).toString().padStart(2, '0')}`
}
