import type { Codec } from '../objects/codec.ts'
import { createDelta } from '../objects/create-delta.ts'
import { CorruptObjectError, MissingObjectError } from '../objects/errors.ts'
import { oidToBytes, parseOid } from '../objects/oid.ts'
import type { GitObject, ObjectType, Oid } from '../objects/oid.ts'
import { encodeOffsetDelta } from '../objects/offset-delta.ts'
import { encodeEntryHeader, encodePackEntry, encodePackHeader } from '../objects/pack.ts'
import { LARGE_BLOB } from '../ports/object-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { PlannedEntry } from './git-pack-plan.ts'

/** Objects above this are not worth a delta's time on the way, and those below the other not a delta's header. Bytes. */
const DELTA_LIMIT = 1024 * 1024
const DELTA_MINIMUM = 64

export interface PackStreamStats {
  objects: number
  deltas: number
  reused: number
}

/**
 * The bytes of a pack, made as they are read: one object at a time in memory, large blobs in pieces. Compressed forms that the
 * store has are copied.
 */
export async function* packBytes(
  codec: Codec,
  objects: ObjectStore,
  entries: readonly PlannedEntry[],
  options: { readonly ofsDelta: boolean; readonly stats?: PackStreamStats; readonly signal?: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const writer = new EntryWriter(codec, objects, options.ofsDelta, options.stats)
  const sha1 = codec.sha1()
  const emit = (bytes: Uint8Array): Uint8Array => {
    sha1.update(bytes)
    writer.offset += bytes.length
    return bytes
  }
  yield emit(encodePackHeader(entries.length))
  for (const entry of entries) {
    options.signal?.throwIfAborted()
    writer.offsets.set(entry.oid, writer.offset)
    for await (const part of writer.write(entry)) yield emit(part)
  }
  yield oidToBytes(parseOid(sha1.hex()))
}

class EntryWriter {
  offset = 0
  readonly offsets = new Map<Oid, number>()

  constructor(
    private readonly codec: Codec,
    private readonly objects: ObjectStore,
    private readonly ofsDelta: boolean,
    private readonly stats: PackStreamStats = { objects: 0, deltas: 0, reused: 0 },
  ) {}

  async *write({ oid, base }: PlannedEntry): AsyncGenerator<Uint8Array> {
    this.stats.objects++
    if (base) {
      const delta = await this.#delta(oid, base)
      if (delta) {
        this.stats.deltas++
        const deflated = this.codec.deflate(delta, 1)
        const at = this.ofsDelta ? this.offsets.get(base) : undefined
        if (at === undefined) yield* encodePackEntry({ kind: 'ref-delta', base, size: delta.length, deflated })
        else yield* encodeOffsetDelta(this.offset - at, delta.length, deflated)
        return
      }
    }
    const stored = await this.objects.readDeflated(oid)
    if (stored) {
      this.stats.reused++
      return yield* full(stored.type, stored.size, stored.deflated)
    }
    const info = await this.objects.info(oid)
    if (!info) throw new MissingObjectError(oid)
    if (info.type === 'blob' && info.size > LARGE_BLOB) {
      yield encodeEntryHeader('blob', info.size)
      yield* this.codec.deflateStream(this.objects.stream(oid), 1)
      return
    }
    const { type, content } = await this.objects.read(oid)
    yield* full(type, content.length, this.codec.deflate(content, 1))
  }

  async #delta(oid: Oid, base: Oid): Promise<Uint8Array | null> {
    const [target, source] = [await this.#small(oid), await this.#small(base)]
    if (!target || !source || target.type !== source.type || target.content.length < DELTA_MINIMUM) return null
    return createDelta(source.content, target.content)
  }

  /**
   * Null when it is too large to be worth a delta, and when the store has lost it: a base is not needed, and for what is sent the next
   * read says so. A tree's size alone would cost as much to find out as the tree.
   */
  async #small(oid: Oid): Promise<GitObject | null> {
    try {
      const object = await this.objects.read(oid)
      return object.content.length <= DELTA_LIMIT ? object : null
    } catch (error) {
      if (error instanceof CorruptObjectError || error instanceof MissingObjectError) return null
      throw error
    }
  }
}

function full(type: ObjectType, size: number, deflated: Uint8Array): Uint8Array[] {
  return encodePackEntry({ kind: 'full', type, size, deflated })
}
