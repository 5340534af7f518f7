import type { Codec } from '../../objects/codec.ts'
import type { Oid } from '../../objects/oid.ts'
import { PackIndex } from '../../objects/pack-index.ts'
import { ChunkRecords, dataKey, dataRange } from './chunk-records.ts'
import { IdbPack } from './idb-pack.ts'
import type { FinishedPack } from './idb-pack-writer.ts'
import { attempt, startingWith } from './share-database.ts'
import type { ShareDatabase } from './share-database.ts'

/** `pack/<id>` */
interface PackRecord {
  readonly size: number
  readonly index: Uint8Array
}
/** `large/<oid>`: a blob's content, raw. */
export interface LargeRecord {
  readonly id: string
  readonly size: number
}
/** `partial/<oid>.<size>`: the first `received` bytes of a blob. */
export interface PartialRecord {
  readonly id: string
  readonly received: number
  /** Milliseconds since 1970. */
  readonly updatedAt: number
}

/** What one transaction puts into the store, all of it or nothing. */
export interface Addition {
  readonly packs?: readonly FinishedPack[]
  /** `count`: how many records of bytes there must be. */
  readonly large?: readonly { readonly oid: Oid; readonly id: string; readonly size: number; readonly count: number }[]
  /** Packs whose objects are all in the added ones. */
  readonly removePacks?: readonly IdbPack[]
  readonly removeKeys?: readonly string[]
}

/** Half a transfer that nobody went on with for so long is given up. */
const KEEP_PARTIAL_MS = 30 * 24 * 60 * 60 * 1000

/** Which objects the database holds and where: the indexes of all packs, and the large blobs, in memory. */
export class IdbCatalog {
  readonly records: ChunkRecords
  readonly large: Map<Oid, LargeRecord>
  readonly #codec: Codec
  readonly #database: ShareDatabase
  readonly #packs: Map<string, IdbPack>
  /** Objects whose copy in a pack, by its id, was found damaged. Found again after a restart. */
  readonly #damaged = new Map<Oid, Set<string>>()

  private constructor(codec: Codec, database: ShareDatabase) {
    this.#codec = codec
    this.#database = database
    this.records = new ChunkRecords(database)
    this.large = new Map()
    this.#packs = new Map()
  }

  /** Reads the indexes and removes bytes that nothing names: of batches cut off by a crash, and of receptions given up. */
  static async open(codec: Codec, database: ShareDatabase): Promise<IdbCatalog> {
    const catalog = new IdbCatalog(codec, database)
    const used = new Set<string>()
    await catalog.#forEach<PackRecord>('pack/', (id, record) => {
      // Kept in any case: a damaged index says nothing about the bytes.
      used.add(id)
      catalog.#take(id, record)
    })
    await catalog.#forEach<LargeRecord>('large/', (oid, record) => {
      used.add(record.id)
      catalog.large.set(oid as Oid, record)
    })
    const old: string[] = []
    await catalog.#forEach<PartialRecord>('partial/', (name, record) => {
      if (Date.now() - record.updatedAt > KEEP_PARTIAL_MS) old.push(`partial/${name}`)
      else used.add(record.id)
    })
    await catalog.#removeUnused(used, old)
    return catalog
  }

  get packs(): readonly IdbPack[] {
    return [...this.#packs.values()]
  }

  has(oid: Oid): boolean {
    if (this.large.has(oid)) return true
    for (const _ of this.holding(oid)) return true
    return false
  }

  /** The copy in the pack, or the one in records of its own, is of no use; what is stored next takes its place. */
  passOver(oid: Oid, pack: IdbPack | null): void {
    if (!pack) this.large.delete(oid)
    else if (this.#damaged.has(oid)) this.#damaged.get(oid)!.add(pack.id)
    else this.#damaged.set(oid, new Set([pack.id]))
  }

  *holding(oid: Oid): Generator<{ readonly pack: IdbPack; readonly offset: number }> {
    for (const pack of this.#packs.values()) {
      const offset = pack.index.find(oid)
      if (offset !== undefined && !this.#damaged.get(oid)?.has(pack.id)) yield { pack, offset }
    }
  }

  /** Durable when it resolves; then the objects can be read. @throws StoreError; then nothing was added and the written bytes are removed. */
  async apply({ packs = [], large = [], removePacks = [], removeKeys = [] }: Addition): Promise<void> {
    try {
      await this.#database.write(this.#database.durable, (store) => {
        for (const pack of packs) expectRecords(store, pack.id, pack.written)
        for (const blob of large) expectRecords(store, blob.id, blob.count)
        for (const { id, size, index, last } of packs) {
          for (const [n, bytes] of last) store.put(bytes, dataKey(id, n))
          store.put({ size, index } satisfies PackRecord, `pack/${id}`)
        }
        for (const { oid, id, size } of large) store.put({ id, size } satisfies LargeRecord, `large/${oid}`)
        for (const pack of removePacks) {
          store.delete(`pack/${pack.id}`)
          store.delete(dataRange(pack.id))
        }
        for (const key of removeKeys) store.delete(key)
      })
    } catch (error) {
      for (const { id } of [...packs, ...large]) await this.records.remove(id).catch(() => undefined)
      throw error
    }
    for (const { oid, id, size } of large) this.large.set(oid, { id, size })
    for (const pack of packs) this.#take(pack.id, pack)
    for (const pack of removePacks) this.#packs.delete(pack.id)
  }

  #take(id: string, { size, index }: PackRecord): void {
    try {
      this.#packs.set(id, new IdbPack(id, size, PackIndex.decode(this.#codec, index), this.records))
    } catch {
      // Its objects count as missing and are fetched again.
    }
  }

  async #forEach<T>(prefix: string, visit: (rest: string, record: T) => void): Promise<void> {
    const keys = await this.#database.read((store) => store.getAllKeys(startingWith(prefix)))
    for (const key of keys) {
      const record = await this.#database.read<T | undefined>((store) => store.get(key) as IDBRequest<T | undefined>)
      if (record !== undefined) visit((key as string).slice(prefix.length), record)
    }
  }

  async #removeUnused(used: ReadonlySet<string>, oldPartials: readonly string[]): Promise<void> {
    const keys = await this.#database.read((store) => store.getAllKeys(startingWith('data/')))
    const unused = new Set<string>()
    for (const key of keys) {
      const id = (key as string).split('/')[1]!
      if (!used.has(id)) unused.add(id)
    }
    if (unused.size === 0 && oldPartials.length === 0) return
    await this.#database.write(this.#database.quick, (store) => {
      for (const id of unused) store.delete(dataRange(id))
      for (const key of oldPartials) store.delete(key)
    })
  }
}

/** Another instance that opened meanwhile may have taken our bytes for a crash's: then they must not be named. */
function expectRecords(store: IDBObjectStore, id: string, count: number): void {
  if (count === 0) return
  const request = store.count(dataRange(id))
  request.onsuccess = () =>
    attempt(store.transaction, () => {
      if (request.result < count) throw new DOMException('the bytes were removed meanwhile', 'AbortError')
    })
}
