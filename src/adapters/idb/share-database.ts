import { promisifyRequest } from 'idb-keyval'
import type { UseStore } from 'idb-keyval'
import type { Breathe } from '../../ports/clock.ts'
import { StoreError } from '../../ports/errors.ts'
import { idbFailure } from './idb-failure.ts'

const STORE = 'records'

/**
 * The IndexedDB database of one share, with one store of records as idb-keyval's `createStore` makes it. Other than that, its
 * writes can be made durable (browsers answer before the disk has them, unless told otherwise), and it can be closed.
 *
 * Records, by the start of their key: `refs`; `index/…`; `pack/<id>`, `large/<oid>`, `partial/<oid>.<size>`, and the bytes
 * of these in `data/<id>/<n>`.
 */
export class ShareDatabase {
  readonly name: string
  readonly breathe: Breathe
  readonly #factory: IDBFactory
  #database: Promise<IDBDatabase> | undefined
  #closed = false

  /** `breathe`: asked for in long work, which is in memory for the most part, so that waiting for records gives no turn. */
  constructor(name: string, factory: IDBFactory = indexedDB, breathe: Breathe = () => undefined) {
    this.name = name
    this.breathe = breathe
    this.#factory = factory
  }

  /** Transactions whose end means: it is on the disk, and so is everything before it. */
  readonly durable: UseStore = (mode, work) => this.#transaction(mode, 'strict', work)
  /** For what counts only once a durable transaction names it. */
  readonly quick: UseStore = (mode, work) => this.#transaction(mode, 'relaxed', work)

  /** All changes that `work` makes, or none. @throws StoreError `disk-full`, `unwritable` */
  async write(use: UseStore, work: (store: IDBObjectStore) => void): Promise<void> {
    try {
      await use('readwrite', (store) => {
        const done = completed(store.transaction)
        attempt(store.transaction, () => work(store))
        return done
      })
    } catch (error) {
      throw idbFailure(error, 'write')
    }
  }

  /**
   * Visits keys that begin so and what they hold, of one moment: each in a turn of the event loop of its own, as large records take
   * some milliseconds. What `visit` throws ends it. @throws StoreError `unreadable`
   */
  async forEach(prefix: string, visit: (key: string, value: unknown) => void): Promise<void> {
    try {
      await this.quick('readonly', async (store) => {
        const keys = await promisifyRequest(store.getAllKeys(startingWith(prefix)))
        await Promise.all(
          keys.map(async (key) => visit(key as string, await promisifyRequest<unknown>(store.get(key)))),
        )
      })
    } catch (error) {
      throw idbFailure(error, 'read')
    }
  }

  /** @throws StoreError `unreadable` */
  async read<T>(request: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    try {
      return await this.quick('readonly', (store) => promisifyRequest(request(store)))
    } catch (error) {
      throw idbFailure(error, 'read')
    }
  }

  /** Lets running transactions end. The stores on it are of no use afterwards. */
  async close(): Promise<void> {
    this.#closed = true
    const database = this.#database
    this.#database = undefined
    await database?.then(
      (open) => open.close(),
      () => undefined,
    )
  }

  async #transaction<T>(
    mode: IDBTransactionMode,
    durability: IDBTransactionDurability,
    work: (store: IDBObjectStore) => T | PromiseLike<T>,
  ): Promise<T> {
    const begin = async () => (await this.#open()).transaction(STORE, mode, { durability }).objectStore(STORE)
    let store: IDBObjectStore
    try {
      store = await begin()
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'InvalidStateError') throw error
      // The connection was closed without a word, as phones do in the background.
      this.#database = undefined
      store = await begin()
    }
    // In the same turn: a transaction without a request ends by itself.
    return work(store)
  }

  #open(): Promise<IDBDatabase> {
    if (this.#closed) throw new StoreError('closed', `the database ${this.name} is closed`)
    if (this.#database) return this.#database
    const database = this.#connect()
    this.#database = database
    // Next time it may open: a browser that refuses may do so before it returns.
    database.catch(() => {
      if (this.#database === database) this.#database = undefined
    })
    return database
  }

  async #connect(): Promise<IDBDatabase> {
    try {
      const request = this.#factory.open(this.name, 1)
      request.onupgradeneeded = () => request.result.createObjectStore(STORE)
      const database = await promisifyRequest(request)
      // Phones close connections on their own in the background; the next transaction opens a new one.
      database.onclose = () => (this.#database = undefined)
      // Somebody deletes the database: holding on would make them wait for ever.
      database.onversionchange = () => {
        database.close()
        this.#database = undefined
      }
      return database
    } catch (error) {
      this.#database = undefined
      throw error
    }
  }
}

/** Runs `work` for a transaction: what it throws undoes all of it. */
export function attempt(transaction: IDBTransaction, work: () => void): void {
  try {
    work()
  } catch (error) {
    // The abort's own error says nothing; this one is what `completed` rejects with.
    reasons.set(transaction, error instanceof Error ? error : new Error(String(error)))
    transaction.abort()
  }
}

const reasons = new WeakMap<IDBTransaction, Error>()

/** Resolves when the transaction is complete; rejects when it was undone. */
function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () =>
      reject(reasons.get(transaction) ?? transaction.error ?? new DOMException('undone', 'AbortError'))
  })
}

/** The keys that begin so. */
export function startingWith(prefix: string): IDBKeyRange {
  return IDBKeyRange.bound(prefix, `${prefix}\uffff`)
}
