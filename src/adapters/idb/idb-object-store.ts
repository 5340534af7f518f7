import type { Codec } from '../../objects/codec.ts'
import { CorruptObjectError, MissingObjectError } from '../../objects/errors.ts'
import { hashObject } from '../../objects/hash.ts'
import { PACK_TRAILER_SIZE } from '../../objects/pack.ts'
import { ObjectCache } from '../../objects/object-cache.ts'
import type { GitObject, Oid } from '../../objects/oid.ts'
import {
  bytesSource,
  completeThinPack,
  indexPack,
  readDeflatedEntry,
  readPackEntryHeader,
  readPackObject,
  readPackObjectInfo,
} from '../../objects/pack-reader.ts'
import type { Breathe } from '../../ports/clock.ts'
import { StoreError } from '../../ports/errors.ts'
import { LARGE_BLOB } from '../../ports/object-store.ts'
import type { DeflatedObject, LargeReception, ObjectBatch, ObjectInfo, ObjectStore } from '../../ports/object-store.ts'
import { collectExactly, collectUpTo, skipped, slices, verified } from '../memory/byte-stream.ts'
import { oidsOf } from '../memory/explode-pack.ts'
import { Mutex } from '../memory/mutex.ts'
import { receivedAlready } from '../memory/received-already.ts'
import { ChunkGoneError } from './chunk-records.ts'
import { IdbCatalog } from './idb-catalog.ts'
import { IdbLargeReception } from './idb-large-reception.ts'
import { IdbObjectBatch } from './idb-object-batch.ts'
import type { IdbPack } from './idb-pack.ts'
import { wholePack } from './idb-pack-writer.ts'
import { MAX_PACKS, repackIdb } from './idb-repack.ts'
import type { IdbRepackResult } from './idb-repack.ts'
import type { ShareDatabase } from './share-database.ts'

/** Trees and commits kept inflated. */
const CACHE_BYTES = 8 * 1024 * 1024
const LARGEST_CACHED = 512 * 1024
/** A deltified blob is made whole in memory, up to this size. */
const LARGEST_DELTA = 64 * 1024 * 1024
/** A pack is verified in memory, for IndexedDB cannot be read synchronously: whoever asks for packs asks for smaller ones (T1: 8 MiB). */
export const LARGEST_PACK = 32 * 1024 * 1024
const TRIES = 3

/** Inflated bytes; what is larger goes through the streaming forms, in between which others get their turn. */
const AT_ONCE = 256 * 1024
/** Objects asked for between two breaths, where each takes little. */
const OIDS_PER_BREATH = 256

/**
 * The objects of a share in IndexedDB: packs and large blobs in records of 1 MiB, the packs' indexes in memory. Small packs are merged
 * when there are many. One instance per database writes at a time. The content of what `read` returns may be shared and must not be
 * changed; every read is checked against its oid, and a copy found damaged is passed over.
 */
export class IdbObjectStore implements ObjectStore {
  readonly #codec: Codec
  readonly #database: ShareDatabase
  readonly #catalog: IdbCatalog
  readonly #cache = new ObjectCache<Oid>(CACHE_BYTES)
  readonly #batches = new Mutex()
  readonly #repacks = new Mutex()
  readonly #receiving = new Set<string>()
  readonly #breathe: Breathe
  #closed = false

  private constructor(codec: Codec, database: ShareDatabase, catalog: IdbCatalog) {
    this.#breathe = database.breathe
    this.#codec = codec
    this.#database = database
    this.#catalog = catalog
  }

  static async open(codec: Codec, database: ShareDatabase): Promise<IdbObjectStore> {
    return new IdbObjectStore(codec, database, await IdbCatalog.open(codec, database))
  }

  async has(oid: Oid): Promise<boolean> {
    this.#checkOpen()
    return this.#catalog.has(oid)
  }

  async missing(oids: Iterable<Oid>): Promise<Oid[]> {
    this.#checkOpen()
    const missing: Oid[] = []
    let asked = 0
    for (const oid of new Set(oids)) {
      if (!this.#catalog.has(oid)) missing.push(oid)
      if (++asked % OIDS_PER_BREATH === 0) await this.#breathe()
    }
    return missing
  }

  async info(oid: Oid): Promise<ObjectInfo | undefined> {
    this.#checkOpen()
    await this.#breathe()
    const large = this.#catalog.large.get(oid)
    if (large) return { type: 'blob', size: large.size }
    const typeOf = async (base: Oid) => ((await this.info(base)) ?? missing(base)).type
    return this.#locate(oid, (pack, offset) =>
      pack.use((source) => readPackObjectInfo(this.#codec, source, offset, { typeOf })),
    )
  }

  async read(oid: Oid): Promise<GitObject> {
    this.#checkOpen()
    await this.#breathe()
    return (await this.#read(oid, LARGE_BLOB)) ?? missing(oid)
  }

  async readDeflated(oid: Oid): Promise<DeflatedObject | undefined> {
    this.#checkOpen()
    await this.#breathe()
    return this.#locate(oid, (pack, offset) =>
      pack.use((source) => {
        const header = readPackEntryHeader(source, offset)
        if (header.kind !== 'full' || header.size > LARGE_BLOB) return undefined
        return readDeflatedEntry(this.#codec, source, offset, pack.index.extentOf(oid, pack.size))
      }),
    )
  }

  async *stream(oid: Oid, offset = 0): AsyncGenerator<Uint8Array> {
    let at = offset
    for (let tries = 0; ; tries++) {
      const chunks = await this.#openStream(oid, at)
      try {
        for await (const chunk of chunks) {
          at += chunk.length
          yield chunk
        }
        return
      } catch (error) {
        // Its pack was merged into another meanwhile: on from there.
        if (isDamage(error)) this.#leave(oid)
        if (!(error instanceof ChunkGoneError) || tries === TRIES) throw error
      }
    }
  }

  async #openStream(oid: Oid, offset: number): Promise<AsyncGenerator<Uint8Array>> {
    this.#checkOpen()
    const large = this.#catalog.large.get(oid)
    if (large) return this.#streamLarge(oid, large.id, large.size, offset)
    return (await this.#locate(oid, (pack, at) => this.#streamPacked(oid, pack, at, offset))) ?? missing(oid)
  }

  async begin(): Promise<ObjectBatch> {
    this.#checkOpen()
    const release = await this.#batches.acquire()
    return new IdbObjectBatch(this.#codec, this.#catalog, this.#breathe, async (committed) => {
      try {
        if (committed) await this.#tidy()
      } finally {
        release()
      }
    })
  }

  /** @throws CorruptObjectError also `too-large` for a pack above {@link LARGEST_PACK}. */
  async writePack(pack: AsyncIterable<Uint8Array> | Uint8Array): Promise<Oid[]> {
    this.#checkOpen()
    const bytes = pack instanceof Uint8Array ? pack : await collectUpTo(LARGEST_PACK, pack)
    await this.#breathe()
    const source = bytesSource(bytes)
    const readBase = async (oid: Oid) => {
      await this.#breathe()
      return this.#read(oid, LARGEST_DELTA)
    }
    const indexed = await indexPack(this.#codec, source, {
      resolveBase: readBase,
      onLarge: () => undefined,
      onProgress: async () => this.#breathe(),
      atOnce: AT_ONCE,
    })
    const oids = oidsOf(indexed)
    if (oids.every((oid) => this.#catalog.has(oid))) return oids
    const whole = await completeThinPack(this.#codec, source, indexed, readBase)
    const finished = await wholePack(this.#codec, this.#catalog.records, whole.pack, whole.entries, whole.packSha)
    await this.#catalog.apply({ packs: [finished] })
    await this.#tidy()
    return oids
  }

  async receiveLarge(oid: Oid, size: number): Promise<LargeReception> {
    this.#checkOpen()
    if (this.#catalog.has(oid)) return receivedAlready(size)
    const name = `${oid}.${size}`
    if (this.#receiving.has(name)) throw new StoreError('busy', `${oid} is being received already`, { oid })
    this.#receiving.add(name)
    const end = () => this.#receiving.delete(name)
    try {
      return await IdbLargeReception.open(this.#codec, this.#database, this.#catalog, oid, size, end)
    } catch (error) {
      end()
      throw error
    }
  }

  /** Merges small packs when there are more than `maxPacks`. Done by itself after a batch or pack that made too many. */
  async repack(maxPacks = MAX_PACKS): Promise<IdbRepackResult> {
    this.#checkOpen()
    return this.#repacks.run(() => repackIdb(this.#codec, this.#catalog, (oid) => this.read(oid), maxPacks))
  }

  /** The database stays open: it is its opener's to close. */
  async maintain(): Promise<void> {
    await this.repack()
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  /** Everything is stored already: a merge that fails now is tried again after the next batch. */
  async #tidy(): Promise<void> {
    if (this.#catalog.packs.length > MAX_PACKS) await this.repack().catch(() => undefined)
  }

  async #read(oid: Oid, largestBlob: number): Promise<GitObject | undefined> {
    const cached = this.#cache.get(oid)
    if (cached) return cached
    const large = this.#catalog.large.get(oid)
    if (large) {
      if (large.size > largestBlob) throw tooLarge(oid)
      try {
        const content = await collectExactly(large.size, this.#streamLarge(oid, large.id, large.size, 0))
        return { type: 'blob', content }
      } catch (error) {
        if (isDamage(error)) this.#leave(oid)
        throw error
      }
    }
    const object = await this.#locate(oid, (pack, offset) => this.#readPacked(oid, pack, offset, largestBlob))
    if (object && object.type !== 'blob' && object.content.length <= LARGEST_CACHED) this.#cache.set(oid, object)
    return object
  }

  async #readPacked(oid: Oid, pack: IdbPack, offset: number, largestBlob: number): Promise<GitObject> {
    const byOid = async (base: Oid) => (await this.#read(base, LARGEST_DELTA)) ?? missing(base)
    const header = await pack.use((source) => readPackEntryHeader(source, offset))
    if (header.kind === 'full' && header.type === 'blob' && header.size > largestBlob) throw tooLarge(oid)
    if (header.kind === 'full' && header.type === 'blob' && header.size > AT_ONCE) {
      const deflated = pack.stream(header.dataOffset, pack.size - PACK_TRAILER_SIZE)
      const content = this.#codec.inflateStream(deflated, () => undefined)
      const breathing = this.#breathing(verified(this.#codec, oid, header.size, content))
      return { type: 'blob', content: await collectExactly(header.size, breathing) }
    }
    const object = await pack.use((source) => readPackObject(this.#codec, source, offset, { byOid }, LARGEST_DELTA))
    if (object.type === 'blob' && object.content.length > largestBlob) throw tooLarge(oid)
    if (hashObject(this.#codec, object.type, object.content) !== oid) throw damaged(oid)
    return object
  }

  async *#breathing(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      await this.#breathe()
      yield chunk
    }
  }

  async #streamPacked(oid: Oid, pack: IdbPack, at: number, offset: number): Promise<AsyncGenerator<Uint8Array>> {
    const header = await pack.use((source) => readPackEntryHeader(source, at))
    if (header.kind !== 'full' || header.size <= LARGE_BLOB) {
      return slices((await this.#readPacked(oid, pack, at, LARGEST_DELTA)).content, offset)
    }
    const content = this.#codec.inflateStream(pack.stream(header.dataOffset, pack.index.endOf(at, pack.size)))
    return skipped(verified(this.#codec, oid, header.size, content), offset)
  }

  /** Stored raw: a stream from the middle begins there, and is checked by the one that reads all. */
  #streamLarge(oid: Oid, id: string, size: number, offset: number): AsyncGenerator<Uint8Array> {
    const content = this.#catalog.records.stream(id, offset, size)
    return offset === 0 ? verified(this.#codec, oid, size, content) : content
  }

  /** The copy that a stream reads first is damaged. */
  #leave(oid: Oid): void {
    const [first] = this.#catalog.holding(oid)
    this.#catalog.passOver(oid, this.#catalog.large.has(oid) || !first ? null : first.pack)
  }

  /** Tries every copy of the object until one is sound; looks again when packs were merged meanwhile. */
  async #locate<T>(
    oid: Oid,
    inPack: (pack: IdbPack, offset: number) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    let damage: CorruptObjectError | undefined
    for (let tries = 0; tries < TRIES; tries++) {
      let gone = false
      for (const { pack, offset } of this.#catalog.holding(oid)) {
        try {
          return await inPack(pack, offset)
        } catch (error) {
          if (error instanceof ChunkGoneError) gone = true
          else if (isDamage(error)) {
            damage = error
            this.#catalog.passOver(oid, pack)
          } else throw error
        }
      }
      if (!gone) break
      if (tries === TRIES - 1) {
        damage ??= damaged(oid)
        for (const { pack } of [...this.#catalog.holding(oid)]) this.#catalog.passOver(oid, pack)
      }
    }
    if (damage) throw damage
    return undefined
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreError('closed', 'the object store is closed')
  }
}

/** Not for what is only too large: another copy is as large. */
function isDamage(error: unknown): error is CorruptObjectError {
  return error instanceof CorruptObjectError && error.code !== 'too-large'
}

function tooLarge(oid: Oid): CorruptObjectError {
  return new CorruptObjectError('too-large', `blob ${oid} is to be streamed`, { oid })
}

function damaged(oid: Oid): CorruptObjectError {
  return new CorruptObjectError('hash-mismatch', `${oid} is damaged`, { oid })
}

function missing(oid: Oid): never {
  throw new MissingObjectError(oid)
}
