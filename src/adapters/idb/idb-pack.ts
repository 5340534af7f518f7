import type { PackIndex } from '../../objects/pack-index.ts'
import type { PackSource } from '../../objects/pack-reader.ts'
import { RECORD } from './chunk-records.ts'
import type { ChunkRecords } from './chunk-records.ts'

/** A pack in records. Work on its bytes is synchronous, records are not: `use` runs it anew when it came to one that was not at hand. */
export class IdbPack {
  readonly id: string
  /** Bytes, trailer included. */
  readonly size: number
  readonly index: PackIndex
  readonly #records: ChunkRecords

  constructor(id: string, size: number, index: PackIndex, records: ChunkRecords) {
    this.id = id
    this.size = size
    this.index = index
    this.#records = records
  }

  /** Runs `work`, which may only read, until it has all records that it needs. Holds as many as it touched. @throws ChunkGoneError */
  async use<T>(work: (source: PackSource) => T | Promise<T>): Promise<T> {
    const source = new RecordSource(this.size)
    for (;;) {
      try {
        return await work(source)
      } catch (error) {
        const wanted = source.takeWanted()
        if (wanted.length === 0) throw error
        for (const n of wanted) source.records.set(n, await this.#records.read(this.id, n))
      }
    }
  }

  stream(start: number, end: number): AsyncGenerator<Uint8Array> {
    return this.#records.stream(this.id, start, end)
  }
}

class RecordSource implements PackSource {
  readonly size: number
  readonly records = new Map<number, Uint8Array>()
  readonly #wanted = new Set<number>()

  constructor(size: number) {
    this.size = size
  }

  takeWanted(): number[] {
    const wanted = [...this.#wanted]
    this.#wanted.clear()
    return wanted
  }

  read(offset: number, length: number): Uint8Array {
    const end = Math.min(offset + length, this.size)
    if (end <= offset) return new Uint8Array()
    const first = Math.floor(offset / RECORD)
    const last = Math.floor((end - 1) / RECORD)
    for (let n = first; n <= last; n++) if (!this.records.has(n)) this.#wanted.add(n)
    if (this.#wanted.size > 0) throw new Error('some records are yet to be read')
    if (first === last) return this.records.get(first)!.subarray(offset - first * RECORD, end - first * RECORD)
    const bytes = new Uint8Array(end - offset)
    for (let n = first; n <= last; n++) {
      const from = Math.max(offset, n * RECORD)
      const to = Math.min(end, (n + 1) * RECORD)
      bytes.set(this.records.get(n)!.subarray(from - n * RECORD, to - n * RECORD), from - offset)
    }
    return bytes
  }
}
