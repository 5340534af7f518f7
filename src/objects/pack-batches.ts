import { concatBytes } from './bytes.ts'
import type { Codec } from './codec.ts'
import { CorruptObjectError } from './errors.ts'
import { oidFromBytes, oidToBytes, parseOid } from './oid.ts'
import { decodePackHeader, encodePackHeader, entryKind, PACK_HEADER_SIZE, PACK_TRAILER_SIZE } from './pack.ts'
import type { PackEntryKind } from './pack.ts'
import { deflatedBound, MAX_OBJECT_SIZE } from './pack-entry.ts'

export interface PackBatchOptions {
  /** A batch is closed when it holds so many bytes, or so many objects. One object alone may be larger. */
  readonly bytes: number
  readonly objects: number
  /** Told of each entry before it is looked at; may throw. */
  readonly onEntry: (kind: PackEntryKind) => void
  /** Bytes of pack after which it is given up (T8). */
  readonly maxBytes: number
  /** Awaited every few objects: where others get their turn. */
  readonly breathe?: () => Promise<void> | undefined
}

export interface PackBatch {
  /** A whole pack, thin where a delta's base lies in an earlier batch. */
  readonly pack: Uint8Array
  readonly objects: number
}

/**
 * Cuts one pack, as it streams in, into packs that can be verified and stored one by one: a cut of the stream then costs the last of
 * them alone (T2). Entries are copied as they are. The last batch is given only after the checksum of the whole was right.
 * Deltas must name their bases by oid, and come after them. What the entries hold is not looked at.
 * @throws CorruptObjectError `bad-pack`, `bad-zlib`, `too-large`
 */
export async function* packBatches(
  chunks: AsyncIterable<Uint8Array>,
  codec: Codec,
  options: PackBatchOptions,
): AsyncGenerator<PackBatch> {
  yield* new PackCutter(chunks, codec, options).run()
}

/** The longest header of an entry: 8 bytes of size, 20 of a base. The shortest entry and the trailer are longer than that. */
const MAX_ENTRY_HEADER = 28
const MAX_SIZE_BYTES = 8
const BREATHE_OBJECTS = 16

type Sha1 = ReturnType<Codec['sha1']>

class PackCutter {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #codec: Codec
  readonly #options: PackBatchOptions
  /** Bytes that arrived and belong to no whole entry yet: `#window` from `#start` to `#end`. */
  #window: Uint8Array = new Uint8Array(256 * 1024)
  #start = 0
  #end = 0
  #taken = 0
  #entries: Uint8Array[] = []
  #bytes = 0

  constructor(chunks: AsyncIterable<Uint8Array>, codec: Codec, options: PackBatchOptions) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#codec = codec
    this.#options = options
  }

  async *run(): AsyncGenerator<PackBatch> {
    try {
      yield* this.#batches()
    } finally {
      await this.#chunks.return?.()
    }
  }

  async *#batches(): AsyncGenerator<PackBatch> {
    const whole = this.#codec.sha1()
    await this.#need(PACK_HEADER_SIZE)
    const count = decodePackHeader(this.#window.subarray(this.#start, this.#end))
    whole.update(this.#take(PACK_HEADER_SIZE))
    for (let i = 0; i < count; i++) {
      // Closed before the next entry, so that the last batch waits for the trailer.
      if (this.#bytes >= this.#options.bytes || this.#entries.length >= this.#options.objects) yield this.#close(whole)
      if (i % BREATHE_OBJECTS === 0) await this.#options.breathe?.()
      const entry = await this.#entry()
      this.#entries.push(entry)
      this.#bytes += entry.length
    }
    const last = this.#close(whole)
    await this.#need(PACK_TRAILER_SIZE)
    if (parseOid(whole.hex()) !== oidFromBytes(this.#take(PACK_TRAILER_SIZE), 0))
      throw badPack('does not match its checksum')
    if (this.#end > this.#start || (await this.#more())) throw badPack('goes on behind its end')
    if (last.objects > 0) yield last
  }

  #close(whole: Sha1): PackBatch {
    const parts = [encodePackHeader(this.#entries.length), ...this.#entries]
    const sha1 = this.#codec.sha1()
    const objects = this.#entries.length
    this.#entries = []
    this.#bytes = 0
    const pack = concatBytes([...parts, new Uint8Array(PACK_TRAILER_SIZE)])
    const end = pack.length - PACK_TRAILER_SIZE
    whole.update(pack.subarray(PACK_HEADER_SIZE, end))
    pack.set(oidToBytes(parseOid(sha1.update(pack.subarray(0, end)).hex())), end)
    return { pack, objects }
  }

  async #entry(): Promise<Uint8Array> {
    await this.#need(MAX_ENTRY_HEADER)
    const { header, size } = this.#header()
    if (size > MAX_OBJECT_SIZE) throw new CorruptObjectError('too-large', `an object of ${size} bytes`, { size })
    const most = header + deflatedBound(size)
    for (;;) {
      const have = this.#end - this.#start
      try {
        const { consumed } = this.#codec.inflate(this.#window.subarray(this.#start, this.#end), header, size)
        return this.#take(header + consumed)
      } catch (error) {
        // Perhaps it is not here whole. So that a large one is not inflated again for each chunk: twice as much each time.
        if (!(error instanceof CorruptObjectError) || have >= most) throw error
      }
      await this.#need(have + 1)
      const enough = Math.min(most, 2 * have)
      while (this.#end - this.#start < enough && (await this.#more()));
    }
  }

  #header(): { header: number; size: number } {
    let at = this.#start
    let byte = this.#window[at++]!
    const kind = entryKind((byte >> 4) & 7)
    let size = byte & 0xf
    for (let weight = 16; byte & 0x80; weight *= 128) {
      if (at - this.#start === MAX_SIZE_BYTES) throw badPack('holds an entry of an absurd size')
      byte = this.#window[at++]!
      size += (byte & 0x7f) * weight
    }
    const header = at - this.#start
    if (kind === undefined) throw badPack('holds an entry of an unknown kind')
    this.#options.onEntry(kind)
    if (kind === 'ofs-delta') throw badPack('holds a delta whose base is named by its place')
    if (kind === 'ref-delta') return { header: header + 20, size }
    return { header, size }
  }

  async #need(length: number): Promise<void> {
    while (this.#end - this.#start < length) if (!(await this.#more())) throw badPack('is cut short')
  }

  async #more(): Promise<boolean> {
    const next = await this.#chunks.next()
    if (next.done) return false
    const chunk = next.value
    this.#taken += chunk.length
    if (this.#taken > this.#options.maxBytes)
      throw new CorruptObjectError('too-large', `a pack of ${this.#taken} bytes`)
    if (this.#end + chunk.length > this.#window.length) this.#makeRoom(chunk.length)
    this.#window.set(chunk, this.#end)
    this.#end += chunk.length
    return true
  }

  #makeRoom(length: number): void {
    const waiting = this.#window.subarray(this.#start, this.#end)
    const needed = waiting.length + length
    const target = needed > this.#window.length / 2 ? new Uint8Array(2 * needed) : this.#window
    target.set(waiting)
    this.#window = target
    this.#start = 0
    this.#end = waiting.length
  }

  #take(length: number): Uint8Array {
    const taken = this.#window.slice(this.#start, this.#start + length)
    this.#start += length
    return taken
  }
}

function badPack(what: string): CorruptObjectError {
  return new CorruptObjectError('bad-pack', `the pack ${what}`)
}
