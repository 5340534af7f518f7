import { concatBytes } from '../objects/bytes.ts'
import type { Codec } from '../objects/codec.ts'
import { CorruptObjectError } from '../objects/errors.ts'
import { decodePackHeader, entryKind, PACK_HEADER_SIZE, PACK_TRAILER_SIZE } from '../objects/pack.ts'

export interface PackLimits {
  /** Of the pack as it is sent. */
  readonly bytes: number
  readonly objects: number
  /** Inflated, of one entry. */
  readonly objectSize: number
}

/** The longest header of an entry: 8 bytes of size, 20 of a base. The shortest entry and the trailer are longer than that. */
const MAX_ENTRY_HEADER = 28
const MAX_SIZE_BYTES = 8
/** Entries up to this size are inflated at one go where they lie in the buffer whole. */
const AT_ONCE = 1024 * 1024
/** Bytes kept back while an entry streams by: its end is noticed a few chunks late. */
const RETAINED = 1024 * 1024

/**
 * The bytes of exactly one pack from a stream that goes on behind it, as they come. A pack does not say how long it is: each
 * entry must be inflated to find the next. Limits hold before anything is believed; what the entries mean is not looked at.
 * @throws CorruptObjectError `bad-pack`, `bad-zlib`, `too-large`
 */
export async function* onePack(
  read: () => Promise<Uint8Array | null>,
  codec: Codec,
  limits: PackLimits,
): AsyncGenerator<Uint8Array> {
  yield* new PackIntake(read, codec, limits).run()
}

class PackIntake {
  #window: Uint8Array = new Uint8Array(0)
  /** Chunks that arrived behind the window. */
  #queue: Uint8Array[] = []
  #reading: Promise<boolean> | null = null
  #taken = 0

  constructor(
    private readonly read: () => Promise<Uint8Array | null>,
    private readonly codec: Codec,
    private readonly limits: PackLimits,
  ) {}

  async *run(): AsyncGenerator<Uint8Array> {
    await this.#need(PACK_HEADER_SIZE)
    const count = decodePackHeader(this.#window)
    if (count > this.limits.objects) throw tooLarge(`a pack of ${count} objects`)
    yield this.#take(PACK_HEADER_SIZE)
    for (let entry = 0; entry < count; entry++) yield* this.#entry()
    await this.#need(PACK_TRAILER_SIZE)
    yield this.#take(PACK_TRAILER_SIZE)
  }

  async *#entry(): AsyncGenerator<Uint8Array> {
    await this.#need(MAX_ENTRY_HEADER)
    const { header, size } = measureHeader(this.#window)
    if (size > this.limits.objectSize) throw tooLarge(`an object of ${size} bytes, more than ${this.limits.objectSize}`)
    const end = size <= AT_ONCE ? this.#endAtOnce(header, size) : undefined
    if (end !== undefined) yield this.#take(end)
    else yield* this.#streamEntry(header, size)
  }

  /** Undefined when the entry is not here whole (or damaged, which the stream will tell). */
  #endAtOnce(header: number, size: number): number | undefined {
    try {
      return header + this.codec.inflate(this.#window, header, size).consumed
    } catch (error) {
      if (error instanceof CorruptObjectError) return undefined
      throw error
    }
  }

  async *#streamEntry(header: number, size: number): AsyncGenerator<Uint8Array> {
    let consumed: number | undefined
    let inflated = 0
    let over = false
    /** Bytes of this entry, and perhaps of what follows it, that are not passed on yet. */
    const chunks = [this.#window]
    let dropped = 0
    this.#window = new Uint8Array(0)
    const feed = async function* (this: PackIntake): AsyncGenerator<Uint8Array> {
      yield chunks[0]!.subarray(header)
      while ((await this.#isMore()) && !over) {
        const chunk = this.#queue.shift()!
        chunks.push(chunk)
        yield chunk
      }
    }.bind(this)
    for await (const piece of this.codec.inflateStream(feed(), (length) => (consumed = length))) {
      inflated += piece.length
      if (inflated > size) throw badZlib(size)
      let held = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      while (held > RETAINED + chunks[0]!.length) {
        const first = chunks.shift()!
        held -= first.length
        dropped += first.length
        yield this.#count(first)
      }
    }
    over = true
    this.#window = concatBytes(chunks)
    const rest = header + (consumed ?? Infinity) - dropped
    if (inflated !== size || rest < 0 || rest > this.#window.length) throw badZlib(size)
    yield this.#take(rest)
  }

  async #need(length: number): Promise<void> {
    while (this.#window.length < length) {
      if (!(await this.#isMore())) throw new CorruptObjectError('bad-pack', 'the pack is cut short')
      const chunk = this.#queue.shift()!
      this.#window = this.#window.length === 0 ? chunk : concatBytes([this.#window, chunk])
    }
  }

  /**
   * Waits until a chunk is in the queue; false at the stream's end. One read is under way at a time, and what it brings stays in
   * the queue until somebody takes it: an inflater that read ahead and lost interest loses nothing.
   */
  async #isMore(): Promise<boolean> {
    if (this.#queue.length > 0) return true
    this.#reading ??= this.read().then((chunk) => {
      this.#reading = null
      if (chunk) this.#queue.push(chunk)
      return chunk !== null
    })
    await this.#reading
    return this.#queue.length > 0
  }

  #take(length: number): Uint8Array {
    const taken = this.#window.subarray(0, length)
    this.#window = this.#window.subarray(length)
    return this.#count(taken)
  }

  #count(bytes: Uint8Array): Uint8Array {
    this.#taken += bytes.length
    if (this.#taken > this.limits.bytes)
      throw tooLarge(`pack exceeds maximum allowed size (${this.limits.bytes} bytes)`)
    return bytes
  }
}

/** Where the zlib stream begins, and what it inflates to; see readPackEntryHeader for the layout. */
function measureHeader(bytes: Uint8Array): { header: number; size: number } {
  let byte = bytes[0]!
  const kind = entryKind((byte >> 4) & 7)
  if (!kind) throw new CorruptObjectError('bad-pack', 'an entry of an unknown kind')
  let size = byte & 0xf
  let header = 1
  for (let weight = 16; byte & 0x80; weight *= 128) {
    if (header === MAX_SIZE_BYTES) throw new CorruptObjectError('bad-pack', 'an entry of an absurd size')
    byte = bytes[header++]!
    size += (byte & 0x7f) * weight
  }
  if (kind === 'ref-delta') header += 20
  if (kind === 'ofs-delta') while (bytes[header++]! & 0x80) if (header > MAX_ENTRY_HEADER - 1) throw badBase()
  return { header, size }
}

function badBase(): CorruptObjectError {
  return new CorruptObjectError('bad-pack', 'a delta with an absurd base')
}

function badZlib(size: number): CorruptObjectError {
  return new CorruptObjectError('bad-zlib', `a zlib stream of another size than ${size} bytes`)
}

function tooLarge(what: string): CorruptObjectError {
  return new CorruptObjectError('too-large', what)
}
