import type { Codec } from '../objects/codec.ts'
import { CorruptObjectError, MissingObjectError } from '../objects/errors.ts'
import { ObjectCache } from '../objects/object-cache.ts'
import type { GitObject, ObjectType, Oid } from '../objects/oid.ts'
import { indexPack, readPackObject } from '../objects/pack-reader.ts'
import type { IndexedObject, PackSource } from '../objects/pack-reader.ts'
import { LARGE_BLOB } from '../ports/object-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { checkPushedObject } from '../protocol/git/object-rules.ts'
import type { ObjectRules } from '../protocol/git/object-rules.ts'

/** Inflated bytes of one tree, commit, tag or delta's base. */
const MAX_IN_MEMORY = 64 * 1024 * 1024
const CACHE_BYTES = 16 * 1024 * 1024
/** What a push may inflate to, beside so many times its size: a year's trees of a large vault make 800 times. Bytes. */
const INFLATED_BASE = 256 * 1024 * 1024
const INFLATED_PER_BYTE = 1000

const PROGRESS_OBJECTS = 256

export interface QuarantineOptions {
  readonly rules: ObjectRules
  readonly maxObjects: number
  /** Awaited every few hundred objects: the place to let others run, and to throw in order to stop. */
  readonly onProgress: () => void | Promise<void>
}

/**
 * A pushed pack that is verified in itself and not part of the store: its objects can be read through this, beside those of the
 * store, and nothing remains of them when it is let go (T2).
 */
export class Quarantine implements Pick<ObjectStore, 'has' | 'missing' | 'read'> {
  readonly #cache = new ObjectCache<Oid>(CACHE_BYTES)
  readonly #types = new Map<Oid, ObjectType | null>()

  private constructor(
    private readonly codec: Codec,
    private readonly store: ObjectStore,
    private readonly source: PackSource | null,
    private readonly objects: ReadonlyMap<Oid, IndexedObject>,
  ) {}

  /** Nothing but the store: for a push that only deletes, or sends no pack. */
  static empty(codec: Codec, store: ObjectStore): Quarantine {
    return new Quarantine(codec, store, null, new Map())
  }

  /** @throws CorruptObjectError when anything about the pack, or one of its objects, is not as it should be */
  static async open(
    codec: Codec,
    store: ObjectStore,
    source: PackSource,
    options: QuarantineOptions,
  ): Promise<Quarantine> {
    const { objects } = await indexPack(codec, source, {
      resolveBase: (oid) => readBase(store, oid),
      maxObjects: options.maxObjects,
      maxObjectSize: MAX_IN_MEMORY,
      maxInflated: INFLATED_BASE + INFLATED_PER_BYTE * source.size,
      onLarge: () => undefined,
      onProgress: options.onProgress,
    })
    const quarantine = new Quarantine(codec, store, source, new Map(objects.map((object) => [object.oid, object])))
    await quarantine.#refuseCollisions(options)
    await quarantine.#check(options)
    return quarantine
  }

  get pack(): PackSource | null {
    return this.source
  }

  async has(oid: Oid): Promise<boolean> {
    return this.objects.has(oid) || this.store.has(oid)
  }

  async missing(oids: Iterable<Oid>): Promise<Oid[]> {
    return this.store.missing([...new Set(oids)].filter((oid) => !this.objects.has(oid)))
  }

  async read(oid: Oid): Promise<GitObject> {
    const entry = this.objects.get(oid)
    if (!entry || !this.source) return this.store.read(oid)
    const cached = this.#cache.get(oid)
    if (cached) return cached
    const object = await readPackObject(
      this.codec,
      this.source,
      entry.offset,
      { byOid: (base) => this.#readBase(base) },
      MAX_IN_MEMORY,
    )
    this.#cache.set(oid, object)
    return object
  }

  async #readBase(oid: Oid): Promise<GitObject> {
    const base = this.objects.has(oid) ? await this.read(oid) : await readBase(this.store, oid)
    if (!base) throw new MissingObjectError(oid)
    return base
  }

  /** Null when it is nowhere. */
  async typeOf(oid: Oid): Promise<ObjectType | null> {
    const here = this.objects.get(oid)?.type ?? this.#types.get(oid)
    if (here !== undefined) return here
    const type = (await this.store.info(oid))?.type ?? null
    this.#types.set(oid, type)
    return type
  }

  /** What the store holds already must be the same here: a hash that somebody has broken shall not put one thing for another. */
  async #refuseCollisions({ onProgress }: QuarantineOptions): Promise<void> {
    const absent = new Set(await this.store.missing(this.objects.keys()))
    let compared = 0
    for (const { oid, type, size } of this.objects.values()) {
      if (absent.has(oid)) continue
      if (++compared % PROGRESS_OBJECTS === 0) await onProgress()
      const info = await this.store.info(oid)
      if (!info) continue
      const isOther = info.type !== type || info.size !== size
      if (isOther || (size <= LARGE_BLOB && !(await this.#isSame(oid))))
        throw new CorruptObjectError('bad-object', `SHA1 COLLISION FOUND WITH ${oid} !`, { oid }) // git's words
    }
  }

  async #isSame(oid: Oid): Promise<boolean> {
    const [ours, theirs] = [await this.#soundCopy(oid), await this.read(oid)]
    return !ours || ours.content.every((byte, at) => byte === theirs.content[at]) // of one length
  }

  /** The store's; undefined when that turns out to be damaged: then the one that was pushed takes its place. */
  async #soundCopy(oid: Oid): Promise<GitObject | undefined> {
    try {
      return await this.store.read(oid)
    } catch (error) {
      if (error instanceof CorruptObjectError || error instanceof MissingObjectError) return undefined
      throw error
    }
  }

  /** Each object of the pack by itself, and that what it names is of the right kind where it is there at all. */
  async #check({ rules, onProgress }: QuarantineOptions): Promise<void> {
    let checked = 0
    for (const { oid, type } of this.objects.values()) {
      if (type === 'blob') continue
      if (++checked % PROGRESS_OBJECTS === 0) await onProgress()
      for (const named of checkPushedObject(type, (await this.read(oid)).content, oid, rules)) {
        const found = await this.typeOf(named.oid)
        if (named.type === null || found === null || found === named.type) continue
        const wrong = `${named.oid} is a ${found} where a ${named.type} belongs`
        throw new CorruptObjectError('bad-object', wrong, { oid: named.oid })
      }
    }
  }
}

/** Whole, also a blob that the store hands out in pieces only: stock git makes deltas of large files too. */
async function readBase(store: ObjectStore, oid: Oid): Promise<GitObject | undefined> {
  const info = await store.info(oid)
  if (!info || info.type !== 'blob' || info.size <= LARGE_BLOB) return info && store.read(oid)
  if (info.size > MAX_IN_MEMORY) {
    throw new CorruptObjectError('too-large', `a delta on a file of ${info.size} bytes, more than ${MAX_IN_MEMORY}`)
  }
  const content = new Uint8Array(info.size)
  let at = 0
  for await (const chunk of store.stream(oid)) {
    content.set(chunk, at)
    at += chunk.length
  }
  return { type: 'blob', content }
}
