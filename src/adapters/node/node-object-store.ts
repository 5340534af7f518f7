import fs from 'node:fs'
import path from 'node:path'
import { CorruptObjectError, MissingObjectError } from '../../objects/errors.ts'
import { hashObject } from '../../objects/hash.ts'
import { ObjectCache } from '../../objects/object-cache.ts'
import type { GitObject, Oid } from '../../objects/oid.ts'
import {
  readDeflatedEntry,
  readPackEntryHeader,
  readPackObject,
  readPackObjectInfo,
  streamPackEntry,
} from '../../objects/pack-reader.ts'
import type { PackBases } from '../../objects/pack-reader.ts'
import { StoreError } from '../../ports/errors.ts'
import { LARGE_BLOB } from '../../ports/object-store.ts'
import type {
  DeflatedObject,
  LargeReception,
  ObjectBatch,
  ObjectInfo,
  ObjectStore,
  PackSpool,
} from '../../ports/object-store.ts'
import { skipped, slices, verified } from '../memory/byte-stream.ts'
import { Mutex } from '../memory/mutex.ts'
import { receivedAlready } from '../memory/received-already.ts'
import { makeFolder } from './durable-files.ts'
import { FileSource } from './file-source.ts'
import { fileSpool } from './file-spool.ts'
import { fsFailure } from './fs-failure.ts'
import { LooseObjects } from './loose-objects.ts'
import { nodeCodec } from './node-codec.ts'
import { NodeLargeReceptions } from './node-large-reception.ts'
import { NodeObjectBatch } from './node-object-batch.ts'
import { adoptOrphanedPacks } from './orphaned-packs.ts'
import { PackVanishedError } from './pack-file.ts'
import type { PackFile } from './pack-file.ts'
import { PackFiles } from './pack-files.ts'
import { receivePack } from './pack-reception.ts'
import { repack, REPACK_LIMITS } from './repack.ts'
import type { RepackLimits, RepackResult } from './repack.ts'
import { removeStaleTemporaries } from './temporary-files.ts'

/** Trees and commits kept inflated: history walks read the same ones over and over. */
const CACHE_BYTES = 16 * 1024 * 1024
const LARGEST_CACHED = 1024 * 1024
const BASE_BYTES = 8 * 1024 * 1024
/** A deltified blob is made whole in memory, up to this size; ours above LARGE_BLOB never are deltas. */
const LARGEST_DELTA = 64 * 1024 * 1024
/** From so many oids on, listing the folders of loose objects is cheaper than asking for each file. */
const LIST_FROM = 256
/** How often an object is looked for again when packs come and go under us. */
const TRIES = 4

/**
 * The objects of a bare git repository on disk, loose and packed, beside any git that works on it at the same time: after a
 * `git gc` the same instance finds everything again. Opened by {@link NodeObjectStore.open}; the content of what `read` returns
 * may be shared and must not be changed. Every read is checked against its oid; a loose object found damaged moves to the
 * repository's folder `tandem-damaged`, a packed one is passed over.
 *
 * The system's failures come as StoreError; nothing half-written remains, except in files that the next open removes.
 */
export class NodeObjectStore implements ObjectStore {
  readonly #packs: PackFiles
  readonly #loose: LooseObjects
  readonly #receptions: NodeLargeReceptions
  readonly #cache = new ObjectCache<Oid>(CACHE_BYTES)
  /** Objects in the middle of chains of deltas, by pack and offset: the neighbours in a history are made from them too. */
  readonly #bases = new ObjectCache<string>(BASE_BYTES)
  readonly #batches = new Mutex()
  readonly #repacks = new Mutex()
  #closed = false

  private constructor(gitDir: string) {
    this.#loose = new LooseObjects(gitDir)
    this.#packs = new PackFiles(path.join(this.#loose.folder, 'pack'))
    this.#receptions = new NodeLargeReceptions(gitDir, this.#loose)
  }

  /** Opens the objects of a repository that `openBareRepository` made or found, and clears away what killed processes left. */
  static async open(gitDir: string): Promise<NodeObjectStore> {
    try {
      const store = new NodeObjectStore(gitDir)
      const { folder } = store.#packs
      makeFolder(folder)
      removeStaleTemporaries(folder)
      removeStaleTemporaries(store.#loose.folder)
      store.#receptions.removeOld()
      store.#packs.rescan()
      await adoptOrphanedPacks(folder, (oid) => store.#packs.has(oid) || store.#loose.has(oid))
      store.#packs.rescan()
      return store
    } catch (error) {
      throw fsFailure(error, 'read', gitDir)
    }
  }

  async has(oid: Oid): Promise<boolean> {
    return (await this.missing([oid])).length === 0
  }

  async missing(oids: Iterable<Oid>): Promise<Oid[]> {
    return this.#reading(async () => {
      // A pack that the user's git removed must not vouch for what it held.
      this.#packs.rescan()
      const unpacked = [...new Set(oids)].filter((oid) => !this.#packs.has(oid))
      if (unpacked.length === 0) return []
      const absent = this.#withoutLoose(unpacked)
      if (absent.length === 0 || !this.#packs.rescan()) return absent
      // Loose ones once more: they may have been unpacked just before their pack went.
      return this.#withoutLoose(absent.filter((oid) => !this.#packs.has(oid)))
    })
  }

  async info(oid: Oid): Promise<ObjectInfo | undefined> {
    return this.#reading(() =>
      this.#locate(
        oid,
        (pack, offset) =>
          readPackObjectInfo(nodeCodec, pack, offset, {
            typeOf: async (base) => (await this.#infoOf(base)).type,
            bases: this.#basesOf(pack),
          }),
        () => this.#loose.info(oid),
      ),
    )
  }

  async read(oid: Oid): Promise<GitObject> {
    const object = await this.#reading(() => this.#read(oid))
    if (!object) throw new MissingObjectError(oid)
    return object
  }

  async readDeflated(oid: Oid): Promise<DeflatedObject | undefined> {
    return this.#reading(() =>
      this.#locate(
        oid,
        (pack, offset) => {
          const header = readPackEntryHeader(pack, offset)
          return header.kind === 'full' && header.size <= LARGE_BLOB
            ? readDeflatedEntry(nodeCodec, pack, offset, pack.index.extentOf(oid, pack.size))
            : undefined
        },
        // A loose object's stream holds its header too: of no use in a pack.
        () => undefined,
      ),
    )
  }

  async *stream(oid: Oid, offset = 0): AsyncGenerator<Uint8Array> {
    let from: PackFile | null = null
    const chunks = await this.#reading(() =>
      this.#locate(
        oid,
        (pack, at) => {
          from = pack
          return this.#streamPacked(oid, pack, at, offset)
        },
        () => {
          from = null
          return this.#loose.stream(oid, offset)
        },
      ),
    )
    if (!chunks) throw new MissingObjectError(oid)
    try {
      yield* chunks
    } catch (error) {
      if (isDamage(error)) await this.#writing(() => this.#leave(oid, from))
      throw fsFailure(error, 'read', this.#loose.folder)
    }
  }

  async begin(): Promise<ObjectBatch> {
    const release = await this.#batches.acquire()
    try {
      return await this.#writing(() => {
        // A pack that the user's git removed must not vouch for what it held.
        this.#packs.rescan()
        return new NodeObjectBatch(this.#packs, this.#loose, release)
      })
    } catch (error) {
      release()
      throw error
    }
  }

  async writePack(pack: AsyncIterable<Uint8Array> | Uint8Array): Promise<Oid[]> {
    return this.#writing(() => receivePack(pack, this.#packs, this.#loose, (oid) => this.#read(oid, LARGEST_DELTA)))
  }

  async receiveLarge(oid: Oid, size: number): Promise<LargeReception> {
    const here = await this.has(oid)
    return this.#writing(() => (here ? receivedAlready(size) : this.#receptions.open(oid, size)))
  }

  /**
   * Merges small packs and loose objects into one pack when there are more than `limits` of them. Costs a while: to be called when
   * nothing else is going on. Never loses an object, also when it is killed.
   */
  async repack(limits: RepackLimits = REPACK_LIMITS): Promise<RepackResult> {
    return this.#repacks.run(() =>
      this.#writing(() => repack(this.#packs, this.#loose, (oid) => this.read(oid), limits)),
    )
  }

  spool(): PackSpool {
    return fileSpool(this.#packs.folder)
  }

  async maintain(): Promise<void> {
    await this.repack()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#packs.close()
  }

  /** `largestBlob`: what a delta is made on may be larger than what is handed out. */
  async #read(oid: Oid, largestBlob = LARGE_BLOB): Promise<GitObject | undefined> {
    const cached = this.#cache.get(oid)
    if (cached) return cached
    const object = await this.#locate(
      oid,
      (pack, offset) => this.#readPacked(oid, pack, offset, largestBlob),
      () => this.#loose.read(oid, largestBlob),
    )
    if (object && object.type !== 'blob' && object.content.length <= LARGEST_CACHED) this.#cache.set(oid, object)
    return object
  }

  async #readPacked(oid: Oid, pack: PackFile, offset: number, largestBlob: number): Promise<GitObject> {
    const header = readPackEntryHeader(pack, offset)
    if (header.kind === 'full' && header.type === 'blob' && header.size > largestBlob) throw tooLarge(oid)
    const byOid = async (base: Oid) => (await this.#read(base, LARGEST_DELTA)) ?? missing(base)
    const bases = this.#basesOf(pack)
    const object = await readPackObject(nodeCodec, pack, offset, { byOid, bases }, LARGEST_DELTA)
    if (object.type === 'blob' && object.content.length > largestBlob) throw tooLarge(oid)
    if (hashObject(nodeCodec, object.type, object.content) !== oid)
      throw new CorruptObjectError('hash-mismatch', `${oid} is damaged`, { oid })
    return object
  }

  /** A pack's name says what it holds, so that another file of the same name has the same objects at the same places. */
  #basesOf({ name }: PackFile): PackBases {
    return {
      get: (offset) => this.#bases.get(`${name} ${offset}`),
      set: (offset, object) =>
        void (object.content.length <= LARGEST_CACHED && this.#bases.set(`${name} ${offset}`, object)),
    }
  }

  async #streamPacked(oid: Oid, pack: PackFile, at: number, offset: number): Promise<AsyncGenerator<Uint8Array>> {
    const header = readPackEntryHeader(pack, at)
    if (header.kind !== 'full' || header.size <= LARGE_BLOB) {
      return slices((await this.#readPacked(oid, pack, at, LARGEST_DELTA)).content, offset)
    }
    return streamOpenPack(oid, header.size, pack.openOwn(), pack.size, at, offset)
  }

  async #infoOf(oid: Oid): Promise<ObjectInfo> {
    return (await this.info(oid)) ?? missing(oid)
  }

  /** Tries every copy of the object until one is sound; looks at the packs again when there is none. */
  async #locate<T>(
    oid: Oid,
    inPack: (pack: PackFile, offset: number) => T | undefined | Promise<T | undefined>,
    loose: () => T | undefined,
  ): Promise<T | undefined> {
    let damage: CorruptObjectError | undefined
    for (let tries = 0; tries < TRIES; tries++) {
      let vanished = false
      for (const { pack, offset } of this.#packs.holding(oid)) {
        try {
          return await inPack(pack, offset)
        } catch (error) {
          if (error instanceof PackVanishedError) {
            this.#packs.forget(pack.name)
            vanished = true
          } else if (isDamage(error)) {
            damage = error
            this.#leave(oid, pack)
          } else throw error
        }
      }
      try {
        const found = loose()
        if (found !== undefined) return found
      } catch (error) {
        if (!isDamage(error)) throw error
        damage = error
        this.#leave(oid, null)
      }
      if (!this.#packs.rescan() && !vanished) break
    }
    if (damage) throw damage
    return undefined
  }

  /** A damaged copy, in a pack or loose, counts no longer. */
  #leave(oid: Oid, pack: PackFile | null): void {
    if (pack) this.#packs.passOver(pack, oid)
    else this.#loose.setAside(oid)
  }

  #withoutLoose(oids: readonly Oid[]): Oid[] {
    if (oids.length < LIST_FROM) return oids.filter((oid) => !this.#loose.has(oid))
    const folders = new Map<string, Set<Oid>>()
    return oids.filter((oid) => {
      const name = oid.slice(0, 2)
      let folder = folders.get(name)
      if (!folder) folders.set(name, (folder = new Set(this.#loose.inFolder(name))))
      return !folder.has(oid)
    })
  }

  async #reading<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#running('read', work)
  }

  async #writing<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#running('write', work)
  }

  async #running<T>(doing: 'read' | 'write', work: () => T | Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreError('closed', 'the object store is closed')
    try {
      return await work()
    } catch (error) {
      throw fsFailure(error, doing, this.#loose.folder)
    }
  }
}

async function* streamOpenPack(
  oid: Oid,
  size: number,
  fd: number,
  packSize: number,
  at: number,
  offset: number,
): AsyncGenerator<Uint8Array> {
  try {
    const content = streamPackEntry(nodeCodec, new FileSource(fd, packSize), at)
    yield* skipped(verified(nodeCodec, oid, size, content), offset)
  } finally {
    fs.closeSync(fd)
  }
}

/** Another copy may be sound; for what is too large, it is as large. */
function isDamage(error: unknown): error is CorruptObjectError {
  return error instanceof CorruptObjectError && error.code !== 'too-large'
}

function tooLarge(oid: Oid): CorruptObjectError {
  return new CorruptObjectError('too-large', `blob ${oid} is to be streamed`, { oid })
}

function missing(oid: Oid): never {
  throw new MissingObjectError(oid)
}
