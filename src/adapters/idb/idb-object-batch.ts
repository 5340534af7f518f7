import { concatBytes } from '../../objects/bytes.ts'
import type { Codec, DeflateLevel } from '../../objects/codec.ts'
import { hashObject } from '../../objects/hash.ts'
import type { ObjectType, Oid } from '../../objects/oid.ts'
import { encodePackEntry } from '../../objects/pack.ts'
import type { Breathe } from '../../ports/clock.ts'
import { LARGE_BLOB } from '../../ports/object-store.ts'
import type { ObjectBatch } from '../../ports/object-store.ts'
import { collectExactly, countedBlob } from '../memory/byte-stream.ts'
import { ChunkWriter } from './chunk-records.ts'
import type { Addition, IdbCatalog } from './idb-catalog.ts'
import { IdbPackWriter } from './idb-pack-writer.ts'

/** Bytes that are deflated at one go: a few milliseconds of work. */
const AT_ONCE = 64 * 1024

/** A batch that becomes one small pack, and a row of records per large blob; its commit is one transaction. */
export class IdbObjectBatch implements ObjectBatch {
  readonly #codec: Codec
  readonly #catalog: IdbCatalog
  readonly #breathe: Breathe
  readonly #onEnd: (committed: boolean) => Promise<void>
  readonly #pack: IdbPackWriter
  readonly #large = new Map<Oid, { writer: ChunkWriter; size: number }>()
  #state: 'open' | 'over' = 'open'
  /** Entries are appended one after another, also when several `add` are called at once. */
  #last: Promise<unknown> = Promise.resolve()

  /** `onEnd` is called once, after commit or abort. */
  constructor(codec: Codec, catalog: IdbCatalog, breathe: Breathe, onEnd: (committed: boolean) => Promise<void>) {
    this.#breathe = breathe
    this.#codec = codec
    this.#catalog = catalog
    this.#onEnd = onEnd
    this.#pack = new IdbPackWriter(codec, catalog.records)
  }

  async add(type: ObjectType, content: Uint8Array, options: { compressed?: boolean } = {}): Promise<Oid> {
    this.#checkOpen()
    await this.#breathe()
    const oid = hashObject(this.#codec, type, content)
    if (this.#catalog.has(oid)) return oid
    const deflated = await this.#deflate(content, options.compressed ? 0 : 1)
    const size = content.length
    this.#checkOpen()
    const added = this.#last.then(async () => {
      if (!this.#pack.has(oid)) await this.#pack.add(oid, encodePackEntry({ kind: 'full', type, size, deflated }))
    })
    this.#last = added.catch(() => undefined)
    await added
    return oid
  }

  async addStream(
    size: number,
    chunks: AsyncIterable<Uint8Array>,
    options: { compressed?: boolean } = {},
  ): Promise<Oid> {
    this.#checkOpen()
    if (size <= LARGE_BLOB) return this.add('blob', await collectExactly(size, chunks), options)
    const writer = new ChunkWriter(this.#catalog.records)
    try {
      const blob = countedBlob(this.#codec, size, chunks)
      for await (const chunk of blob.chunks) await writer.write(chunk)
      await writer.end()
      const oid = blob.oid()
      if (this.#large.has(oid) || this.#catalog.has(oid)) await writer.discard()
      else this.#large.set(oid, { writer, size })
      return oid
    } catch (error) {
      await writer.discard().catch(() => undefined)
      throw error
    }
  }

  async commit(): Promise<void> {
    this.#checkOpen()
    this.#state = 'over'
    let committed = false
    try {
      await this.#last
      const large = [...this.#large].map(([oid, { writer, size }]) => ({
        oid,
        id: writer.id,
        size,
        count: writer.count,
      }))
      const addition: Addition = this.#pack.count > 0 ? { packs: [await this.#pack.finish()], large } : { large }
      if (this.#pack.count > 0 || large.length > 0) await this.#catalog.apply(addition)
      committed = true
    } catch (error) {
      await this.#discard()
      throw error
    } finally {
      await this.#onEnd(committed)
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'over') return
    this.#state = 'over'
    await this.#last
    await this.#discard()
    await this.#onEnd(false)
  }

  /** What takes longer than a slice of time goes through the streaming form, piece by piece. */
  async #deflate(content: Uint8Array, level: DeflateLevel): Promise<Uint8Array> {
    if (content.length <= AT_ONCE) return this.#codec.deflate(content, level)
    const pieces: Uint8Array[] = []
    const breathe = this.#breathe
    const slices = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < content.length; at += AT_ONCE) {
        await breathe()
        yield content.subarray(at, at + AT_ONCE)
      }
    }
    for await (const piece of this.#codec.deflateStream(slices(), level)) pieces.push(piece)
    return concatBytes(pieces)
  }

  /** What cannot be removed now is removed at the next open: nothing names it. */
  async #discard(): Promise<void> {
    await this.#pack.discard().catch(() => undefined)
    for (const { writer } of this.#large.values()) await writer.discard().catch(() => undefined)
  }

  #checkOpen(): void {
    if (this.#state === 'over') throw new Error('the batch is over')
  }
}
