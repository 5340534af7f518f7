import type { DeflateLevel } from '../../objects/codec.ts'
import { hashObject } from '../../objects/hash.ts'
import type { ObjectType, Oid } from '../../objects/oid.ts'
import { encodePackEntry } from '../../objects/pack.ts'
import { LARGE_BLOB } from '../../ports/object-store.ts'
import type { ObjectBatch } from '../../ports/object-store.ts'
import { collectExactly } from '../memory/byte-stream.ts'
import { fsFailure } from './fs-failure.ts'
import type { LooseObjects } from './loose-objects.ts'
import { nodeCodec } from './node-codec.ts'
import { Pacer } from './pacer.ts'
import type { PackFiles } from './pack-files.ts'
import { PackWriter } from './pack-writer.ts'
import { StagedLooseObjects } from './staged-loose-objects.ts'

/**
 * Up to here a batch becomes loose objects, as git's own `unpackLimit` does; above, one pack: two syncs instead of many. The
 * bytes are well below those of a piece of a bulk transfer, which must not be compressed anew, object by object.
 */
export const LOOSE_LIMIT = { objects: 64, bytes: 1024 * 1024 }

interface Pending {
  readonly type: ObjectType
  readonly content: Uint8Array
  readonly level: DeflateLevel
}

/** A batch on disk. Few objects wait in memory, many go into a temporary pack, large blobs into temporary files. */
export class NodeObjectBatch implements ObjectBatch {
  readonly #packs: PackFiles
  readonly #loose: LooseObjects
  readonly #onEnd: () => void
  readonly #pacer = new Pacer()
  readonly #pending = new Map<Oid, Pending>()
  #pendingBytes = 0
  readonly #large: StagedLooseObjects
  #pack: PackWriter | undefined
  #state: 'open' | 'over' = 'open'

  /** `onEnd` is called once, after commit or abort. */
  constructor(packs: PackFiles, loose: LooseObjects, onEnd: () => void) {
    this.#packs = packs
    this.#loose = loose
    this.#large = new StagedLooseObjects(loose)
    this.#onEnd = onEnd
  }

  async add(type: ObjectType, content: Uint8Array, options: { compressed?: boolean } = {}): Promise<Oid> {
    this.#checkOpen()
    try {
      const oid = hashObject(nodeCodec, type, content)
      if (!this.#holds(oid)) this.#put(oid, { type, content, level: options.compressed ? 0 : 1 })
      await this.#pacer.breathe()
      return oid
    } catch (error) {
      throw fsFailure(error, 'write', this.#loose.folder)
    }
  }

  async addStream(
    size: number,
    chunks: AsyncIterable<Uint8Array>,
    options: { compressed?: boolean } = {},
  ): Promise<Oid> {
    this.#checkOpen()
    if (size <= LARGE_BLOB) return this.add('blob', await collectExactly(size, chunks), options)
    try {
      return await this.#large.addStream(size, chunks, options.compressed ? 0 : 1)
    } catch (error) {
      throw fsFailure(error, 'write', this.#loose.folder)
    }
  }

  async commit(): Promise<void> {
    this.#checkOpen()
    this.#state = 'over'
    const small = new StagedLooseObjects(this.#loose)
    try {
      // Large blobs first: a commit is never there before what it needs, also after a crash in between.
      await this.#large.publish()
      if (this.#pack) {
        this.#packs.add(await this.#pack.finish())
      } else {
        for (const [oid, { type, content, level }] of this.#pending) small.add(oid, type, content, level)
        await small.publish()
      }
    } catch (error) {
      small.discard()
      this.#discard()
      throw fsFailure(error, 'write', this.#loose.folder)
    } finally {
      this.#pending.clear()
      this.#onEnd()
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#discard()
    this.#onEnd()
  }

  #holds(oid: Oid): boolean {
    return this.#pending.has(oid) || this.#pack?.has(oid) === true || this.#packs.has(oid) || this.#loose.has(oid)
  }

  #put(oid: Oid, object: Pending): void {
    if (!this.#pack) {
      const content = object.content.slice()
      if (this.#pending.size < LOOSE_LIMIT.objects && this.#pendingBytes + content.length <= LOOSE_LIMIT.bytes) {
        this.#pending.set(oid, { ...object, content })
        this.#pendingBytes += content.length
        return
      }
      this.#pack = PackWriter.create(this.#packs.folder)
      for (const [pendingOid, pending] of this.#pending) putInPack(this.#pack, pendingOid, pending)
      this.#pending.clear()
    }
    putInPack(this.#pack, oid, object)
  }

  #discard(): void {
    this.#pending.clear()
    this.#large.discard()
    this.#pack?.abort()
  }

  #checkOpen(): void {
    if (this.#state === 'over') throw new Error('the batch is over')
  }
}

function putInPack(pack: PackWriter, oid: Oid, { type, content, level }: Pending): void {
  pack.add(
    oid,
    encodePackEntry({ kind: 'full', type, size: content.length, deflated: nodeCodec.deflate(content, level) }),
  )
}
