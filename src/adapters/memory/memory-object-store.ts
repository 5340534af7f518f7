import { concatBytes } from '../../objects/bytes.ts'
import type { Codec } from '../../objects/codec.ts'
import { CorruptObjectError, MissingObjectError } from '../../objects/errors.ts'
import { hashObject } from '../../objects/hash.ts'
import type { GitObject, ObjectType, Oid } from '../../objects/oid.ts'
import { bytesSource, indexPack } from '../../objects/pack-reader.ts'
import { StoreError } from '../../ports/errors.ts'
import { LARGE_BLOB } from '../../ports/object-store.ts'
import type { DeflatedObject, LargeReception, ObjectBatch, ObjectInfo, ObjectStore } from '../../ports/object-store.ts'
import { collectExactly, collectUpTo, slices } from './byte-stream.ts'
import { explodePack } from './explode-pack.ts'
import { noFaults } from './faults.ts'
import type { Faults } from './faults.ts'
import { Mutex } from './mutex.ts'

/** What outlives an instance: open the same disk again for a restarted device. */
export interface MemoryObjectDisk {
  readonly objects: Map<Oid, GitObject>
  /** Content of unfinished receptions, by `<oid>.<size>`. */
  readonly partials: Map<string, Uint8Array>
}

/** Verified once: what a test put into the disk with its own hands is not among them. */
const sound = new WeakSet<GitObject>()

export function createMemoryObjectDisk(): MemoryObjectDisk {
  return { objects: new Map(), partials: new Map() }
}

/**
 * Objects in a map, for tests and simulations. Operations for `faults`: `objects.` before `has`, `missing`, `info`, `read`, `stream`,
 * `begin`, `add`, `commit`, `writePack`, `receive`, `write`, `finish`.
 */
export class MemoryObjectStore implements ObjectStore {
  readonly #codec: Codec
  readonly #disk: MemoryObjectDisk
  readonly #faults: Faults
  readonly #batches = new Mutex()
  readonly #receiving = new Set<string>()

  constructor(codec: Codec, disk: MemoryObjectDisk = createMemoryObjectDisk(), faults: Faults = noFaults) {
    this.#codec = codec
    this.#disk = disk
    this.#faults = faults
  }

  async has(oid: Oid): Promise<boolean> {
    await this.#faults('objects.has')
    return this.#disk.objects.has(oid)
  }

  async missing(oids: Iterable<Oid>): Promise<Oid[]> {
    const asked = new Set(oids)
    await this.#faults('objects.missing')
    return [...asked].filter((oid) => !this.#disk.objects.has(oid))
  }

  async info(oid: Oid): Promise<ObjectInfo | undefined> {
    await this.#faults('objects.info')
    const object = this.#disk.objects.get(oid)
    return object && { type: object.type, size: object.content.length }
  }

  async read(oid: Oid): Promise<GitObject> {
    await this.#faults('objects.read')
    const object = this.#find(oid)
    if (object.type === 'blob' && object.content.length > LARGE_BLOB)
      throw new CorruptObjectError('too-large', `blob ${oid} is to be streamed`, { oid })
    return object
  }

  async readDeflated(): Promise<DeflatedObject | undefined> {
    return undefined
  }

  async *stream(oid: Oid, offset = 0): AsyncGenerator<Uint8Array> {
    await this.#faults('objects.stream')
    yield* slices(this.#find(oid).content, offset)
  }

  async begin(): Promise<ObjectBatch> {
    await this.#faults('objects.begin')
    const release = await this.#batches.acquire()
    const added = new Map<Oid, GitObject>()
    let over = false
    const end = () => {
      over = true
      added.clear()
      release()
    }
    const add = async (type: ObjectType, content: Uint8Array): Promise<Oid> => {
      if (over) throw new Error('the batch is over')
      // Before anything waits: the caller may reuse the bytes.
      const copy = content.slice()
      await this.#faults('objects.add')
      const oid = hashObject(this.#codec, type, copy)
      added.set(oid, { type, content: copy })
      return oid
    }
    return {
      add,
      addStream: async (size, chunks) => add('blob', await collectExactly(size, chunks)),
      commit: async () => {
        if (over) throw new Error('the batch is over')
        try {
          await this.#faults('objects.commit')
          this.#keep(added)
          await this.#faults('objects.commit:done')
        } finally {
          end()
        }
      },
      abort: async () => {
        if (!over) end()
      },
    }
  }

  async writePack(pack: AsyncIterable<Uint8Array> | Uint8Array): Promise<Oid[]> {
    const source = bytesSource(pack instanceof Uint8Array ? pack.slice() : await collectUpTo(Infinity, pack))
    const resolveBase = async (oid: Oid) => this.#disk.objects.get(oid)
    const indexed = await indexPack(this.#codec, source, { resolveBase, onLarge: () => undefined })
    const added = new Map<Oid, GitObject>()
    for await (const [oid, object] of explodePack(this.#codec, source, indexed, resolveBase)) added.set(oid, object)
    await this.#faults('objects.writePack')
    this.#keep(added)
    await this.#faults('objects.writePack:done')
    return [...added.keys()]
  }

  async receiveLarge(oid: Oid, size: number): Promise<LargeReception> {
    await this.#faults('objects.receive')
    const key = `${oid}.${size}`
    if (this.#receiving.has(key)) throw new StoreError('busy', `${oid} is being received already`, { oid })
    this.#receiving.add(key)
    const { partials } = this.#disk
    const content = () => partials.get(key) ?? new Uint8Array()
    const has = () => this.#disk.objects.has(oid)
    return {
      get received() {
        return has() ? size : content().length
      },
      write: async (chunk) => {
        const copy = chunk.slice()
        await this.#faults('objects.write')
        if (content().length + copy.length > size)
          throw new CorruptObjectError('bad-object', `more than ${size} bytes for ${oid}`, { oid })
        partials.set(key, concatBytes([content(), copy]))
      },
      finish: async () => {
        await this.#faults('objects.finish')
        if (!has()) {
          if (content().length !== size) throw new CorruptObjectError('bad-object', `${oid} is not whole yet`, { oid })
          const object: GitObject = { type: 'blob', content: content() }
          partials.delete(key)
          this.#receiving.delete(key)
          if (hashObject(this.#codec, 'blob', object.content) !== oid)
            throw new CorruptObjectError('hash-mismatch', `other content than ${oid}`, { oid })
          sound.add(object)
          this.#disk.objects.set(oid, object)
        }
        this.#receiving.delete(key)
        partials.delete(key)
        await this.#faults('objects.finish:done')
      },
      pause: async () => {
        this.#receiving.delete(key)
      },
    }
  }

  async maintain(): Promise<void> {}

  async close(): Promise<void> {}

  #find(oid: Oid): GitObject {
    const object = this.#disk.objects.get(oid)
    if (!object) throw new MissingObjectError(oid)
    if (!sound.has(object) && hashObject(this.#codec, object.type, object.content) !== oid) {
      this.#disk.objects.delete(oid)
      throw new CorruptObjectError('hash-mismatch', `${oid} is damaged`, { oid })
    }
    sound.add(object)
    return object
  }

  #keep(objects: ReadonlyMap<Oid, GitObject>): void {
    for (const [oid, object] of objects) {
      sound.add(object)
      if (!this.#disk.objects.has(oid)) this.#disk.objects.set(oid, object)
    }
  }
}
