import { promisifyRequest } from 'idb-keyval'
import type { Clock } from '../../ports/clock.ts'
import type { Logger, LogLevel, LogRecord } from '../../ports/logger.ts'

/** Records that are kept. */
export const ACTIVITY_LIMIT = 2_000
/** From a record to its being written, ms, and how many may wait: each transaction costs some milliseconds. */
const WRITE_MS = 1_000
const WRITE_AT = 100
/** Characters; the rest is cut. */
const LONGEST_MESSAGE = 2_000
const LONGEST_DATA = 4_000

const STORE = 'records'

export interface ActivityOptions {
  /** Of the database (`vaultNames`). */
  readonly name: string
  readonly clock: Clock
  readonly factory?: IDBFactory
  /** Hears of each record at once. */
  readonly onRecord?: (record: LogRecord) => void
}

/**
 * The last things that happened, for people who ask; kept across restarts. Records get rising numbers, and only the last
 * {@link ACTIVITY_LIMIT} stay. Trouble with the log never stops the sync: without a database it is kept while the app runs.
 */
export class ObsidianActivity implements Logger {
  readonly #options: ActivityOptions
  /** Not written yet; never more than are kept. */
  #waiting: LogRecord[] = []
  #cancelWrite: (() => void) | undefined
  #writes: Promise<void> = Promise.resolve()
  #database: Promise<IDBDatabase> | undefined
  #failing = false
  #closed = false

  constructor(options: ActivityOptions) {
    this.#options = options
  }

  log(level: LogLevel, event: string, message: string, data?: Record<string, unknown>): void {
    if (this.#closed) return
    const { clock, onRecord } = this.#options
    const peer = typeof data?.peer === 'string' ? { peer: data.peer } : {}
    const record: LogRecord = {
      at: clock.now(),
      level,
      event,
      ...peer,
      message: message.slice(0, LONGEST_MESSAGE),
      ...plainData(data),
    }
    onRecord?.(record)
    this.#waiting.push(record)
    if (this.#waiting.length > ACTIVITY_LIMIT) this.#waiting.shift()
    if (this.#waiting.length >= WRITE_AT && !this.#failing) void this.flush()
    else this.#cancelWrite ??= clock.after(WRITE_MS, () => void this.flush())
  }

  /** Oldest first. */
  async read(): Promise<readonly LogRecord[]> {
    await this.flush()
    const stored = await this.#transact<unknown[]>('readonly', (store) => promisifyRequest(store.getAll())).catch(
      () => [],
    )
    return [...(stored as LogRecord[]), ...this.#waiting].slice(-ACTIVITY_LIMIT)
  }

  async clear(): Promise<void> {
    this.#waiting = []
    this.#writes = this.#writes.then(() =>
      this.#transact('readwrite', (store) => promisifyRequest(store.clear())).catch(() => undefined),
    )
    await this.#writes
  }

  /** One JSON object per line, oldest first. */
  async export(): Promise<string> {
    return (await this.read()).map((record) => `${JSON.stringify(record)}\n`).join('')
  }

  /** Writes what waits. Never rejects. */
  flush(): Promise<void> {
    this.#cancelWrite?.()
    this.#cancelWrite = undefined
    this.#writes = this.#writes.then(() => this.#write())
    return this.#writes
  }

  /** Writes what waits, then lets go of the database. Nothing is logged any more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.flush()
    const database = this.#database
    this.#database = undefined
    await database?.then(
      (open) => open.close(),
      () => undefined,
    )
  }

  async #write(): Promise<void> {
    const records = this.#waiting
    if (records.length === 0) return
    this.#waiting = []
    try {
      await this.#transact('readwrite', async (store) => {
        let last = 0
        for (const record of records) {
          const request = store.add(record)
          request.onsuccess = () => (last = request.result as number)
        }
        this.#failing = false
        await promisifyRequest(store.count()) // behind all of them
        if (last > ACTIVITY_LIMIT) await promisifyRequest(store.delete(IDBKeyRange.upperBound(last - ACTIVITY_LIMIT)))
      })
    } catch {
      this.#failing = true
      this.#waiting = [...records, ...this.#waiting].slice(-ACTIVITY_LIMIT)
    }
  }

  async #transact<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => Promise<T>): Promise<T> {
    const begin = async (): Promise<IDBObjectStore> =>
      (await this.#open()).transaction(STORE, mode, { durability: 'relaxed' }).objectStore(STORE)
    let store: IDBObjectStore
    try {
      store = await begin()
    } catch (error) {
      // The connection was closed without a word, as phones do in the background.
      if (!(error instanceof DOMException) || error.name !== 'InvalidStateError') throw error
      this.#database = undefined
      store = await begin()
    }
    const done = promisifyRequest(store.transaction)
    const [result] = await Promise.all([work(store), done])
    return result
  }

  #open(): Promise<IDBDatabase> {
    if (!this.#database) {
      const database = this.#connect()
      this.#database = database
      database.catch(() => (this.#database = undefined))
    }
    return this.#database
  }

  async #connect(): Promise<IDBDatabase> {
    const request = (this.#options.factory ?? indexedDB).open(this.#options.name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { autoIncrement: true })
    const database = await promisifyRequest(request)
    database.onclose = () => (this.#database = undefined)
    // Somebody deletes the database: holding on would make them wait for ever.
    database.onversionchange = () => {
      database.close()
      this.#database = undefined
    }
    return database
  }
}

/** Data that the database takes: what JSON keeps of it. */
function plainData(data: Record<string, unknown> | undefined): { data?: Record<string, unknown> } {
  if (!data) return {}
  try {
    const text = JSON.stringify(data)
    if (text.length > LONGEST_DATA) return { data: { cut: text.slice(0, LONGEST_DATA) } }
    return { data: JSON.parse(text) as Record<string, unknown> }
  } catch {
    return {}
  }
}
