import type { Codec } from '../../objects/codec.ts'
import { CorruptObjectError } from '../../objects/errors.ts'
import type { Oid } from '../../objects/oid.ts'
import type { LargeReception } from '../../ports/object-store.ts'
import { verified } from '../memory/byte-stream.ts'
import { dataKey, dataRange, newDataId, RECORD } from './chunk-records.ts'
import type { IdbCatalog, PartialRecord } from './idb-catalog.ts'
import type { ShareDatabase } from './share-database.ts'

/**
 * A large blob on its way in: whole records as they fill, the rest at a pause. A crash loses less than one record. The records
 * become the blob's own at the end: nothing is copied.
 */
export class IdbLargeReception implements LargeReception {
  readonly #codec: Codec
  readonly #database: ShareDatabase
  readonly #catalog: IdbCatalog
  readonly #oid: Oid
  readonly #size: number
  readonly #id: string
  readonly #onEnd: () => void
  readonly #buffer = new Uint8Array(RECORD)
  #received: number
  #open = true

  private constructor(
    codec: Codec,
    database: ShareDatabase,
    catalog: IdbCatalog,
    oid: Oid,
    size: number,
    partial: PartialRecord,
    onEnd: () => void,
  ) {
    this.#codec = codec
    this.#database = database
    this.#catalog = catalog
    this.#oid = oid
    this.#size = size
    this.#id = partial.id
    this.#received = partial.received
    this.#onEnd = onEnd
  }

  static async open(
    codec: Codec,
    database: ShareDatabase,
    catalog: IdbCatalog,
    oid: Oid,
    size: number,
    onEnd: () => void,
  ): Promise<IdbLargeReception> {
    const key = keyOf(oid, size)
    const stored = await database.read<PartialRecord | undefined>(
      (store) => store.get(key) as IDBRequest<PartialRecord | undefined>,
    )
    const partial = stored && stored.received <= size ? stored : { id: newDataId(), received: 0, updatedAt: 0 }
    const reception = new IdbLargeReception(codec, database, catalog, oid, size, partial, onEnd)
    const rest = partial.received % RECORD
    if (rest > 0) reception.#buffer.set(await catalog.records.read(partial.id, Math.floor(partial.received / RECORD)))
    return reception
  }

  get received(): number {
    return this.#received
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (!this.#open) throw new Error('the reception is over')
    if (this.#received + chunk.length > this.#size) {
      throw new CorruptObjectError('bad-object', `more than ${this.#size} bytes for ${this.#oid}`, { oid: this.#oid })
    }
    for (let at = 0; at < chunk.length;) {
      const from = this.#received % RECORD
      const part = chunk.subarray(at, at + RECORD - from)
      this.#buffer.set(part, from)
      // Counted only when the record is in: after a failure the sender begins again where it was.
      if (from + part.length === RECORD) await this.#save(this.#received + part.length)
      this.#received += part.length
      at += part.length
    }
  }

  async finish(): Promise<void> {
    if (!this.#open) throw new Error('the reception is over')
    if (this.#received !== this.#size) {
      throw new CorruptObjectError('bad-object', `${this.#oid} is not whole yet`, { oid: this.#oid })
    }
    const key = keyOf(this.#oid, this.#size)
    try {
      if (this.#received % RECORD > 0) await this.#save(this.#received)
      await this.#verify()
      const count = Math.ceil(this.#size / RECORD)
      await this.#catalog.apply({
        large: [{ oid: this.#oid, id: this.#id, size: this.#size, count }],
        removeKeys: [key],
      })
    } catch (error) {
      if (error instanceof CorruptObjectError) {
        await this.#database.write(this.#database.quick, (store) => {
          store.delete(key)
          store.delete(dataRange(this.#id))
        })
      }
      throw error
    } finally {
      this.#end()
    }
  }

  async pause(): Promise<void> {
    if (!this.#open) return
    try {
      if (this.#received % RECORD > 0) await this.#save(this.#received)
    } finally {
      this.#end()
    }
  }

  /** Stores the last record and that so much is here, together. */
  async #save(received: number): Promise<void> {
    await this.#database.breathe()
    const n = Math.ceil(received / RECORD) - 1
    const bytes = this.#buffer.slice(0, received - n * RECORD)
    const partial: PartialRecord = { id: this.#id, received, updatedAt: Date.now() }
    await this.#database.write(this.#database.quick, (store) => {
      store.put(bytes, dataKey(this.#id, n))
      store.put(partial, keyOf(this.#oid, this.#size))
    })
    this.#catalog.records.forget(this.#id, n)
  }

  async #verify(): Promise<void> {
    const content = this.#catalog.records.stream(this.#id, 0, this.#size)
    for await (const _ of verified(this.#codec, this.#oid, this.#size, content));
  }

  #end(): void {
    this.#open = false
    this.#onEnd()
  }
}

function keyOf(oid: Oid, size: number): string {
  return `partial/${oid}.${size}`
}
