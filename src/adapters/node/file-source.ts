import type { PackSource } from '../../objects/pack-reader.ts'
import { readFully } from './durable-files.ts'

const WINDOW = 256 * 1024

/** An open file as a pack's bytes, read through one window. The descriptor stays the caller's. */
export class FileSource implements PackSource {
  readonly size: number
  readonly #fd: number
  #window = new Uint8Array()
  #windowAt = 0

  constructor(fd: number, size: number) {
    this.#fd = fd
    this.size = size
  }

  read(offset: number, length: number): Uint8Array {
    const end = Math.min(offset + length, this.size)
    if (end <= offset) return new Uint8Array()
    if (offset < this.#windowAt || end > this.#windowAt + this.#window.length) {
      const bytes = new Uint8Array(Math.min(Math.max(length, WINDOW), this.size - offset))
      const window = bytes.subarray(0, readFully(this.#fd, bytes, offset))
      if (window.length > 4 * WINDOW) return window
      this.#window = window
      this.#windowAt = offset
    }
    return this.#window.subarray(offset - this.#windowAt, end - this.#windowAt)
  }
}
