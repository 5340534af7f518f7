import { STREAM_CHUNK } from '../memory/byte-stream.ts'
import type { Breathe } from '../../ports/clock.ts'
import { StoreError } from '../../ports/errors.ts'
import { startingWith } from './share-database.ts'
import type { ShareDatabase } from './share-database.ts'

/** Bytes per record: measured to be read and written as fast as larger ones, and small enough to hold several. */
export const RECORD = 1024 * 1024
/** Records kept in memory, those used last: notes are sent by size, and so from all over the packs; each record not at hand costs milliseconds. */
const CACHED = 24

/** The bytes are gone: what they belonged to was merged into another pack. Look again where the object is now. */
export class ChunkGoneError extends StoreError {
  constructor(key: string) {
    super('damaged', `the record ${key} is gone`, { key })
  }
}

/** Bytes that make up one thing: a random id, so that two instances never write to the same place. */
export function newDataId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function dataKey(id: string, n: number): string {
  return `data/${id}/${n.toString().padStart(8, '0')}`
}

export function dataRange(id: string): IDBKeyRange {
  return startingWith(`data/${id}/`)
}

/** Byte sequences cut into records of 1 MiB, `data/<id>/<n>`; only the last one is shorter. */
export class ChunkRecords {
  readonly #database: ShareDatabase
  readonly #cache = new Map<string, Uint8Array>()
  /** Several who want one record at once read it once. */
  readonly #reading = new Map<string, Promise<Uint8Array>>()

  constructor(database: ShareDatabase) {
    this.#database = database
  }

  /** The record must not be changed. @throws ChunkGoneError */
  async read(id: string, n: number): Promise<Uint8Array> {
    const key = dataKey(id, n)
    const cached = this.#cache.get(key)
    if (cached) {
      this.#cache.delete(key)
      this.#cache.set(key, cached)
      return cached
    }
    const underWay = this.#reading.get(key)
    if (underWay) return underWay
    const reading = this.#readNow(key)
    this.#reading.set(key, reading)
    try {
      return await reading
    } finally {
      if (this.#reading.get(key) === reading) this.#reading.delete(key)
    }
  }

  async #readNow(key: string): Promise<Uint8Array> {
    const bytes: unknown = await this.#database.read((store) => store.get(key))
    if (!(bytes instanceof Uint8Array)) throw new ChunkGoneError(key)
    if (!this.#reading.has(key)) return bytes // written anew meanwhile
    this.#cache.set(key, bytes)
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= CACHED) break
      this.#cache.delete(oldest)
    }
    return bytes
  }

  /** The bytes from `start` to `end`, in chunks of at most 64 KiB. @throws ChunkGoneError */
  async *stream(id: string, start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end;) {
      const record = await this.read(id, Math.floor(at / RECORD))
      const from = at % RECORD
      const to = Math.min(record.length, from + STREAM_CHUNK, from + end - at)
      if (to <= from) throw new ChunkGoneError(id)
      await this.#database.breathe()
      yield record.subarray(from, to)
      at += to - from
    }
  }

  /** The bytes of one sequence. Only for short ones. @throws ChunkGoneError */
  async readAll(id: string, size: number): Promise<Uint8Array> {
    const whole = new Uint8Array(size)
    let at = 0
    for await (const chunk of this.stream(id, 0, size)) {
      whole.set(chunk, at)
      at += chunk.length
    }
    return whole
  }

  get breathe(): Breathe {
    return this.#database.breathe
  }

  /** The record was written anew by somebody else. */
  forget(id: string, n: number): void {
    this.#cache.delete(dataKey(id, n))
    this.#reading.delete(dataKey(id, n))
  }

  /** Not durable by itself: a durable transaction that names the bytes makes it so. */
  async write(id: string, n: number, bytes: Uint8Array): Promise<void> {
    await this.#database.breathe()
    await this.#database.write(this.#database.quick, (store) => void store.put(bytes, dataKey(id, n)))
  }

  async remove(id: string): Promise<void> {
    await this.#database.write(this.#database.quick, (store) => void store.delete(dataRange(id)))
  }
}

/** Writes bytes that come piece by piece into records. */
export class ChunkWriter {
  readonly id = newDataId()
  readonly #records: ChunkRecords
  readonly #buffer = new Uint8Array(RECORD)
  #buffered = 0
  #count = 0

  constructor(records: ChunkRecords) {
    this.#records = records
  }

  /** Records written so far. */
  get count(): number {
    return this.#count
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + RECORD - this.#buffered)
      this.#buffer.set(part, this.#buffered)
      this.#buffered += part.length
      at += part.length
      if (this.#buffered === RECORD) await this.#flush()
    }
  }

  async end(): Promise<void> {
    if (this.#buffered > 0) await this.#flush()
  }

  async discard(): Promise<void> {
    if (this.#count > 0) await this.#records.remove(this.id)
  }

  async #flush(): Promise<void> {
    await this.#records.write(this.id, this.#count, this.#buffer.slice(0, this.#buffered))
    this.#count++
    this.#buffered = 0
  }
}
