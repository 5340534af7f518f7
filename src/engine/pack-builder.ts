import { createDelta } from '../objects/delta.ts'
import { encodePack, type PackEntry } from '../objects/pack.ts'
import type { Oid } from '../objects/oid.ts'
import type { ListedObject } from './object-list.ts'
import type { Repository } from './repository.ts'

/** An update that would be larger goes as refs alone; the peer then fetches (S3). Bytes of pack. */
export const SMALL_UPDATE = 64 * 1024
/** Objects above this are not worth a delta's time on the way. */
const DELTA_LIMIT = 1024 * 1024
/** Receivers refuse longer chains (T8); a tree that changes often starts a new one before that. */
const MAX_CHAIN = 40

/** Turns listed objects into pack entries, as deltas where the receiver holds the base. */
export class PackBuilder {
  readonly #repository: Repository
  readonly #depth = new Map<Oid, number>()
  readonly #added = new Set<Oid>()
  /** Bases that were not added here: the receiver has them. */
  readonly #held = new Set<Oid>()
  #entries: PackEntry[] = []
  /** Bytes of the entries so far. */
  size = 0

  constructor(repository: Repository) {
    this.#repository = repository
  }

  get count(): number {
    return this.#entries.length
  }

  async add({ oid, base, kind }: ListedObject): Promise<void> {
    // A note that went back to an old version is listed again although the receiver holds it; as a delta of what was made from
    // it, it would close a circle.
    if (this.#held.has(oid)) return
    this.#added.add(oid)
    const entry = (base && kind !== 'commit' ? await this.#delta(oid, base) : undefined) ?? (await this.#full(oid))
    this.#entries.push(entry)
    this.size += entry.deflated.length + (entry.kind === 'full' ? 4 : 24)
  }

  /** The pack of all entries added since the last call. */
  take(): Uint8Array {
    const pack = encodePack(this.#repository.codec, this.#entries)
    this.#entries = []
    this.size = 0
    return pack
  }

  async #full(oid: Oid): Promise<PackEntry> {
    const { objects, codec } = this.#repository
    const stored = await objects.readDeflated(oid)
    if (stored) return { kind: 'full', type: stored.type, size: stored.size, deflated: stored.deflated }
    const { type, content } = await objects.read(oid)
    return { kind: 'full', type, size: content.length, deflated: codec.deflate(content, 1) }
  }

  async #delta(oid: Oid, base: Oid): Promise<PackEntry | undefined> {
    const { objects, codec } = this.#repository
    const depth = (this.#depth.get(base) ?? 0) + 1
    if (depth > MAX_CHAIN) return undefined
    const [info, baseInfo] = await Promise.all([objects.info(oid), objects.info(base)])
    if (!info || !baseInfo || info.type !== baseInfo.type || Math.max(info.size, baseInfo.size) > DELTA_LIMIT)
      return undefined
    const [target, source] = await Promise.all([objects.read(oid), objects.read(base)])
    const delta = createDelta(source.content, target.content)
    if (!delta) return undefined
    this.#depth.set(oid, depth)
    if (!this.#added.has(base)) this.#held.add(base)
    return { kind: 'ref-delta', base, size: delta.length, deflated: codec.deflate(delta, 1) }
  }
}

/** A thin pack with all that `wants` need beyond `haves`; empty when that is not small. */
export async function buildUpdatePack(
  repository: Repository,
  objects: AsyncIterable<ListedObject>,
): Promise<Uint8Array> {
  const builder = new PackBuilder(repository)
  for await (const object of objects) {
    if (object.kind === 'blob') {
      const info = await repository.objects.info(object.oid)
      if (!info || info.size > 16 * SMALL_UPDATE) return NONE
    }
    await builder.add(object)
    if (builder.size > SMALL_UPDATE || builder.count > 500) return NONE
  }
  return builder.count ? builder.take() : NONE
}

const NONE = new Uint8Array(0)
