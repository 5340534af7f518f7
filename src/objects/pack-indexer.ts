import type { Codec } from './codec.ts'
import { applyDelta, deltaResultSize } from './delta.ts'
import { CorruptObjectError } from './errors.ts'
import { hashObject, objectHeader } from './hash.ts'
import type { IndexedObject, IndexPackOptions } from './indexed-pack.ts'
import { ObjectCache } from './object-cache.ts'
import { parseOid } from './oid.ts'
import type { GitObject, ObjectType, Oid } from './oid.ts'
import { PACK_HEADER_SIZE, PACK_TRAILER_SIZE } from './pack.ts'
import { inflateEntry, MAX_OBJECT_SIZE, readPackEntryHeader, streamPackEntry, tooLarge } from './pack-entry.ts'
import type { PackEntryHeader } from './pack-entry.ts'
import { limitedSource, readAheadSource } from './pack-source.ts'
import type { PackSource } from './pack-source.ts'

/** Deltas on deltas that we take from others (T8), as many as `git repack` makes. */
const MAX_DELTA_DEPTH = 50
const CACHE_BYTES = 32 * 1024 * 1024
const INFLATED_BASE = 8 * 1024 * 1024 * 1024
const INFLATED_PER_BYTE = 1000
const CRC_CHUNK = 1024 * 1024
/** Some milliseconds of work. */
const PROGRESS_BYTES = 128 * 1024
const PROGRESS_OBJECTS = 32

/** What is known of an entry; the second part once its object is known. */
interface Entry {
  readonly header: PackEntryHeader
  readonly offset: number
  readonly crc32: number
  object?: { readonly oid: Oid; readonly type: ObjectType; readonly size: number; readonly depth: number }
  /** The entry of a delta's base, or the oid of one outside the pack. */
  base?: number | Oid
}

/** The work of `indexPack`: `readEntries`, then `resolveOutside`, then `objects`. Each step throws CorruptObjectError. */
export class PackIndexer {
  private readonly codec: Codec
  private readonly source: PackSource
  private readonly options: IndexPackOptions
  private readonly count: number
  private readonly maxSize: number
  private readonly entries: Entry[] = []
  private readonly byOffset = new Map<number, number>()
  private readonly byOid = new Map<Oid, number>()
  /** Deltas by the base that they wait for: an entry's number, or an oid. */
  private readonly waiting = new Map<number | Oid, number[]>()
  private readonly cache = new ObjectCache<number | Oid>(CACHE_BYTES)
  private inflated = 0
  private resolved = 0
  private nextReport = { bytes: PROGRESS_BYTES, objects: PROGRESS_OBJECTS }

  constructor(codec: Codec, source: PackSource, options: IndexPackOptions, count: number) {
    this.codec = codec
    this.source = limitedSource(source, source.size - PACK_TRAILER_SIZE)
    this.options = options
    this.count = count
    this.maxSize = options.maxObjectSize ?? MAX_OBJECT_SIZE
  }

  async readEntries(): Promise<void> {
    const ahead = readAheadSource(this.source)
    let offset = PACK_HEADER_SIZE
    for (let number = 0; number < this.count; number++) offset = await this.readEntry(ahead, number, offset)
    if (offset !== this.source.size) throw badPack('holds more than it says')
  }

  /** Asks for each base that the pack does not hold; what hangs on it follows. */
  async resolveOutside(): Promise<void> {
    for (const key of [...this.waiting.keys()]) {
      if (typeof key === 'number' || !this.waiting.has(key)) continue
      const base = await this.options.resolveBase(key)
      if (!base) continue
      this.cache.set(key, base)
      await this.resolveWaiting(key)
    }
    for (const [base] of this.waiting) {
      // Deltas that wait for each other in a circle end here too.
      if (typeof base === 'string') {
        throw new CorruptObjectError('missing-base', `the base ${base} of a delta is missing`, { oid: base })
      }
    }
  }

  objects(): IndexedObject[] {
    this.settleBases()
    return this.entries.map((entry) => indexedObject(entry))
  }

  /** Returns where the next entry begins. */
  private async readEntry(ahead: PackSource, number: number, offset: number): Promise<number> {
    if (offset >= ahead.size) throw badPack('holds fewer objects than it says')
    const header = readPackEntryHeader(ahead, offset)
    this.byOffset.set(offset, number)
    if (header.kind === 'full' && header.size > this.maxSize) return this.readLarge(header, number, offset)
    if (header.kind === 'full' && header.type === 'blob' && header.size > (this.options.atOnce ?? Infinity)) {
      return this.readInPieces(header.size, header, number, offset)
    }
    const { content, consumed } = inflateEntry(this.codec, ahead, header, this.maxSize)
    const end = header.dataOffset + consumed
    const crc32 = this.codec.crc32(ahead.read(offset, end - offset))
    this.entries.push({ header, offset, crc32 })
    if (header.kind === 'full') {
      this.spend(content.length)
      this.setObject(number, { type: header.type, content }, 0)
      await this.resolveWaiting(number)
    } else {
      if (deltaResultSize(content) > this.maxSize) throw tooLarge(deltaResultSize(content), this.maxSize)
      await this.readDelta(header, number, content)
    }
    return end
  }

  private async readDelta(header: PackEntryHeader, number: number, delta: Uint8Array): Promise<void> {
    const base = this.findBase(header)
    if (typeof base === 'number' && this.entries[base]!.object) {
      await this.resolve(number, base, delta)
      await this.resolveWaiting(number)
    } else {
      const others = this.waiting.get(base)
      if (others) others.push(number)
      else this.waiting.set(base, [number])
    }
  }

  /** As at one go, but others get their turn in between. */
  private async readInPieces(size: number, header: PackEntryHeader, number: number, offset: number): Promise<number> {
    const content = new Uint8Array(size)
    const sha1 = this.codec.sha1().update(objectHeader('blob', size))
    let at = 0
    let consumed = 0
    for await (const piece of streamPackEntry(this.codec, this.source, offset, (length) => (consumed = length))) {
      content.set(piece, at)
      at += piece.length
      sha1.update(piece)
      this.spend(piece.length)
      await this.report()
    }
    const end = header.dataOffset + consumed
    this.entries.push({ header, offset, crc32: await this.crc32Of(offset, end) })
    this.setOid(number, { oid: parseOid(sha1.hex()), type: 'blob', size, depth: 0 })
    this.cache.set(number, { type: 'blob', content })
    await this.resolveWaiting(number)
    return end
  }

  private async crc32Of(start: number, end: number): Promise<number> {
    let crc32 = 0
    for (let at = start; at < end; at += CRC_CHUNK) {
      crc32 = this.codec.crc32(this.source.read(at, Math.min(CRC_CHUNK, end - at)), crc32)
      await this.options.onProgress?.(this.resolved, this.count)
    }
    return crc32
  }

  /** A blob that is not held: hashed as it flows by, never anybody's base. */
  private async readLarge(header: PackEntryHeader, number: number, offset: number): Promise<number> {
    if (header.kind !== 'full' || header.type !== 'blob' || !this.options.onLarge) {
      throw tooLarge(header.size, this.maxSize)
    }
    const sha1 = this.codec.sha1().update(objectHeader('blob', header.size))
    let consumed = 0
    for await (const piece of streamPackEntry(this.codec, this.source, offset, (length) => (consumed = length))) {
      sha1.update(piece)
      this.spend(piece.length)
      await this.report()
    }
    const end = header.dataOffset + consumed
    const entry: Entry = { header, offset, crc32: await this.crc32Of(offset, end) }
    this.entries.push(entry)
    this.setOid(number, { oid: parseOid(sha1.hex()), type: 'blob', size: header.size, depth: 0 })
    this.options.onLarge(indexedObject(entry))
    await this.resolveWaiting(number)
    return end
  }

  /** The number of the base's entry if it is known yet, else its oid. */
  private findBase(header: PackEntryHeader): number | Oid {
    if (header.kind === 'ref-delta') return this.byOid.get(header.base) ?? header.base
    const number = header.kind === 'ofs-delta' ? this.byOffset.get(header.base) : undefined
    if (number === undefined) throw badPack('holds a delta whose base is no entry')
    return number
  }

  /** All deltas that waited for this base, and those that waited for them. */
  private async resolveWaiting(base: number | Oid): Promise<void> {
    const ready: (number | Oid)[] = [base]
    await this.report()
    for (let known = ready.pop(); known !== undefined; known = ready.pop()) {
      for (const key of typeof known === 'number' ? [known, this.entries[known]!.object!.oid] : [known]) {
        const deltas = this.waiting.get(key)
        if (!deltas) continue
        this.waiting.delete(key)
        for (const number of deltas) {
          const { header } = this.entries[number]!
          await this.resolve(number, known, inflateEntry(this.codec, this.source, header, this.maxSize).content)
          ready.push(number)
          await this.report()
        }
      }
    }
  }

  private async resolve(number: number, base: number | Oid, delta: Uint8Array): Promise<void> {
    const depth = (typeof base === 'number' ? this.entries[base]!.object!.depth : 0) + 1
    this.checkDepth(depth)
    this.entries[number]!.base = base
    const { type, content } = await this.read(base)
    const made = applyDelta(content, delta, this.maxSize)
    this.spend(made.length)
    this.setObject(number, { type, content: made }, depth)
  }

  /** The object of an entry or of an oid outside; made again from its base when the cache has let go of it. */
  private async read(key: number | Oid): Promise<GitObject> {
    const chain: number[] = []
    let at = key
    let object: GitObject | undefined
    for (;;) {
      object = this.cache.get(at)
      if (object) break
      if (typeof at === 'string') {
        object = await this.options.resolveBase(at)
        if (!object) throw new CorruptObjectError('missing-base', `the base ${at} of a delta is missing`, { oid: at })
        break
      }
      const entry = this.entries[at]!
      if (entry.header.kind === 'full') {
        object = {
          type: entry.header.type,
          content: inflateEntry(this.codec, this.source, entry.header, this.maxSize).content,
        }
        this.spend(object.content.length)
        break
      }
      chain.push(at)
      at = entry.base!
    }
    this.cache.set(at, object)
    for (const number of chain.reverse()) {
      const delta = inflateEntry(this.codec, this.source, this.entries[number]!.header, this.maxSize).content
      object = { type: object.type, content: applyDelta(object.content, delta, this.maxSize) }
      this.spend(object.content.length)
      this.cache.set(number, object)
    }
    return object
  }

  private setObject(number: number, object: GitObject, depth: number): void {
    const { type, content } = object
    this.setOid(number, { oid: hashObject(this.codec, type, content), type, size: content.length, depth })
    this.cache.set(number, object)
  }

  private setOid(number: number, object: NonNullable<Entry['object']>): void {
    if (this.byOid.has(object.oid)) throw badPack(`holds ${object.oid} twice`)
    this.byOid.set(object.oid, number)
    this.entries[number]!.object = object
    this.resolved++
  }

  /**
   * Whoever reads the pack later takes a base from the pack when it is there. So a base that was asked for outside and turned up
   * inside after all becomes an inner one; and that may close a circle, or make a chain longer than allowed.
   */
  private settleBases(): void {
    const moved: number[] = []
    this.entries.forEach((entry, number) => {
      const inside = typeof entry.base === 'string' ? this.byOid.get(entry.base) : undefined
      if (inside === undefined) return
      entry.base = inside
      moved.push(number)
    })
    if (moved.length > 0) this.checkChains()
  }

  private checkChains(): void {
    const depths = new Map<number, number>()
    for (let number = 0; number < this.entries.length; number++) {
      const chain: number[] = []
      let at: number | Oid | undefined = number
      while (typeof at === 'number' && !depths.has(at)) {
        chain.push(at)
        this.checkDepth(chain.length - 1)
        at = this.entries[at]!.base
      }
      let depth = typeof at === 'number' ? depths.get(at)! + 1 : at === undefined ? 0 : 1
      for (const link of chain.reverse()) {
        this.checkDepth(depth)
        depths.set(link, depth++)
      }
    }
  }

  private checkDepth(depth: number): void {
    if (depth > (this.options.maxDeltaDepth ?? MAX_DELTA_DEPTH)) {
      throw new CorruptObjectError('bad-delta', 'a chain of too many deltas')
    }
  }

  private spend(bytes: number): void {
    this.inflated += bytes
    const limit = this.options.maxInflated ?? INFLATED_BASE + INFLATED_PER_BYTE * this.source.size
    if (this.inflated > limit) throw new CorruptObjectError('too-large', 'a pack that inflates to too much', { limit })
  }

  private async report(): Promise<void> {
    if (this.inflated < this.nextReport.bytes && this.resolved < this.nextReport.objects) return
    this.nextReport = { bytes: this.inflated + PROGRESS_BYTES, objects: this.resolved + PROGRESS_OBJECTS }
    await this.options.onProgress?.(this.resolved, this.count)
  }
}

function indexedObject({ header, offset, crc32, object, base }: Entry): IndexedObject {
  const { oid, type, size } = object!
  const outside = typeof base === 'string' ? { externalBase: base } : {}
  return { oid, type, size, offset, crc32, delta: header.kind !== 'full', ...outside }
}

function badPack(what: string): CorruptObjectError {
  return new CorruptObjectError('bad-pack', `the pack ${what}`)
}
