import fs from 'node:fs'
import type { PackIndex, PackIndexEntry } from '../../objects/pack-index.ts'
import type { PackSource } from '../../objects/pack-reader.ts'
import { readFully } from './durable-files.ts'
import { errnoOf } from './fs-failure.ts'
import type { OpenFiles } from './open-files.ts'

/** Bytes read at once when a pack is read from front to back. */
const WINDOW = 64 * 1024
/** … and when it is read here and there: a note, compressed, is mostly smaller. */
const NEAR = 4 * 1024
/** A read this close behind the begin of the window is the rest of the entry that begins there, else a neighbour. Longest entry header, bytes. */
const HEADER = 32
/** The pack's own SHA-1 at its end, bytes. */
export const PACK_TRAILER = 20

/** The pack file is gone: the user's git packed anew. Look again where the object is now. */
export class PackVanishedError extends Error {
  override readonly name = 'PackVanishedError'
}

/** One pack with its index, read at positions through a small window. */
export class PackFile implements PackSource {
  /** `pack-<sha>`, without an ending. */
  readonly name: string
  readonly file: string
  readonly size: number
  readonly index: PackIndex
  readonly #open: OpenFiles
  #window: Uint8Array = new Uint8Array()
  #windowAt = 0

  constructor(name: string, file: string, size: number, index: PackIndex, open: OpenFiles) {
    this.name = name
    this.file = file
    this.size = size
    this.index = index
    this.#open = open
  }

  /** @throws PackVanishedError */
  read(offset: number, length: number): Uint8Array {
    const end = Math.min(offset + length, this.size)
    if (offset < this.#windowAt || end > this.#windowAt + this.#window.length) {
      const ahead = offset - this.#windowAt
      const onwards = ahead > HEADER && ahead <= this.#window.length + NEAR
      const bytes = new Uint8Array(Math.max(0, Math.min(Math.max(length, onwards ? WINDOW : NEAR), this.size - offset)))
      this.#window = bytes.subarray(0, readFully(this.#fd(), bytes, offset))
      this.#windowAt = offset
      if (bytes.length > 4 * WINDOW) {
        // Not kept: one large object would hold its size of memory for as long as the pack is open.
        const once = this.#window
        this.#window = new Uint8Array()
        return once
      }
    }
    return this.#window.subarray(offset - this.#windowAt, Math.max(offset, end) - this.#windowAt)
  }

  /** A descriptor of one's own, for a long read: it outlives the file's removal. @throws PackVanishedError */
  openOwn(): number {
    return this.#orVanished(() => fs.openSync(this.file, 'r'))
  }

  /** The entries by offset, each with the offset at which it ends. */
  extents(): (PackIndexEntry & { readonly end: number })[] {
    const entries = [...this.index.entries()].sort((a, b) => a.offset - b.offset)
    return entries.map((entry, i) => ({ ...entry, end: entries[i + 1]?.offset ?? this.size - PACK_TRAILER }))
  }

  #fd(): number {
    return this.#orVanished(() => this.#open.fd(this.file))
  }

  #orVanished<T>(open: () => T): T {
    try {
      return open()
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw new PackVanishedError(this.file, { cause: error })
      throw error
    }
  }
}
