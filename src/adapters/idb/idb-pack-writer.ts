import type { Codec } from '../../objects/codec.ts'
import { oidToBytes, parseOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'
import { encodePackHeader, PACK_HEADER_SIZE } from '../../objects/pack.ts'
import { packIndexSteps } from '../../objects/pack-index.ts'
import type { PackIndexEntry } from '../../objects/pack-index.ts'
import type { Breathe } from '../../ports/clock.ts'
import { newDataId, RECORD } from './chunk-records.ts'
import type { ChunkRecords } from './chunk-records.ts'

/** A pack that is written but not yet named: `last` records go in with the transaction that names it. */
export interface FinishedPack {
  readonly id: string
  readonly size: number
  readonly index: Uint8Array
  /** Records that lie in the database already. */
  readonly written: number
  readonly last: readonly (readonly [n: number, bytes: Uint8Array])[]
}

/** Makes a pack in records, entry by entry; holds two records. The first stays here until the number of objects is known. */
export class IdbPackWriter {
  readonly #codec: Codec
  readonly #records: ChunkRecords
  readonly #id = newDataId()
  readonly #entries: PackIndexEntry[] = []
  readonly #oids = new Set<Oid>()
  #first: Uint8Array | undefined
  #buffer = new Uint8Array(RECORD)
  #size = PACK_HEADER_SIZE
  #written = 0

  constructor(codec: Codec, records: ChunkRecords) {
    this.#codec = codec
    this.#records = records
  }

  get count(): number {
    return this.#entries.length
  }

  has(oid: Oid): boolean {
    return this.#oids.has(oid)
  }

  /** Appends one entry, as `encodePackEntry` makes it. */
  async add(oid: Oid, parts: readonly Uint8Array[]): Promise<void> {
    this.#oids.add(oid)
    const offset = this.#size
    let crc32 = 0
    for (const part of parts) {
      crc32 = this.#codec.crc32(part, crc32)
      await this.#append(part)
    }
    this.#entries.push({ oid, offset, crc32 })
  }

  async finish(): Promise<FinishedPack> {
    const first = this.#first ?? this.#buffer
    first.set(encodePackHeader(this.#entries.length))
    const hash = this.#codec.sha1()
    for (let at = 0; at < this.#size; at += RECORD) {
      const n = at / RECORD
      const record = n === 0 ? first : n <= this.#written ? await this.#records.read(this.#id, n) : this.#buffer
      await this.#records.breathe()
      hash.update(record.subarray(0, Math.min(RECORD, this.#size - at)))
    }
    const packSha = parseOid(hash.hex())
    await this.#append(oidToBytes(packSha))
    const last: [number, Uint8Array][] = this.#first ? [[0, this.#first]] : []
    const rest = this.#size % RECORD
    if (rest > 0) last.push([Math.floor(this.#size / RECORD), this.#buffer.slice(0, rest)])
    const index = await breathing(packIndexSteps(this.#codec, this.#entries, packSha), this.#records.breathe)
    return { id: this.#id, size: this.#size, index, written: this.#written, last }
  }

  async discard(): Promise<void> {
    if (this.#written > 0) await this.#records.remove(this.#id)
  }

  async #append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const from = this.#size % RECORD
      const part = bytes.subarray(at, at + RECORD - from)
      this.#buffer.set(part, from)
      this.#size += part.length
      at += part.length
      if (this.#size % RECORD === 0) await this.#turnOver()
    }
  }

  async #turnOver(): Promise<void> {
    if (!this.#first) {
      this.#first = this.#buffer
      this.#buffer = new Uint8Array(RECORD)
      return
    }
    const full = this.#buffer
    this.#buffer = new Uint8Array(RECORD)
    await this.#records.write(this.#id, this.#size / RECORD - 1, full)
    this.#written++
  }
}

/** A pack that lies whole in memory. All but its first record are written one by one. */
export async function wholePack(
  codec: Codec,
  records: ChunkRecords,
  pack: Uint8Array,
  entries: readonly PackIndexEntry[],
  packSha: Oid,
): Promise<FinishedPack> {
  const id = newDataId()
  let written = 0
  try {
    for (let n = 1; n * RECORD < pack.length; n++) {
      await records.write(id, n, pack.slice(n * RECORD, (n + 1) * RECORD))
      written++
    }
  } catch (error) {
    await records.remove(id).catch(() => undefined)
    throw error
  }
  const index = await breathing(packIndexSteps(codec, entries, packSha), records.breathe)
  return { id, size: pack.length, index, written, last: [[0, pack.slice(0, RECORD)]] }
}

async function breathing<T>(steps: Generator<void, T>, breathe: Breathe): Promise<T> {
  for (;;) {
    await breathe()
    const { done, value } = steps.next()
    if (done) return value
  }
}
