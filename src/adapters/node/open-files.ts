import fs from 'node:fs'
import { errnoOf } from './fs-failure.ts'

/** Files kept open for reading, the ones used last: positional reads without opening anew. */
export class OpenFiles {
  readonly #capacity: number
  readonly #fds = new Map<string, number>()

  constructor(capacity = 64) {
    this.#capacity = capacity
  }

  /** An open descriptor of the file, valid until the next call of any method. Throws the system's errors. */
  fd(file: string): number {
    const known = this.#fds.get(file)
    if (known !== undefined) {
      this.#fds.delete(file)
      this.#fds.set(file, known)
      return known
    }
    const fd = this.#open(file)
    this.#fds.set(file, fd)
    if (this.#fds.size > this.#capacity) this.#closeOldest()
    return fd
  }

  close(file: string): void {
    const fd = this.#fds.get(file)
    this.#fds.delete(file)
    if (fd !== undefined) fs.closeSync(fd)
  }

  closeAll(): void {
    for (const file of [...this.#fds.keys()]) this.close(file)
  }

  #open(file: string): number {
    try {
      return fs.openSync(file, 'r')
    } catch (error) {
      if (errnoOf(error) !== 'EMFILE' && errnoOf(error) !== 'ENFILE') throw error
      // The process has no descriptors left: give back ours.
      this.closeAll()
      return fs.openSync(file, 'r')
    }
  }

  #closeOldest(): void {
    for (const file of this.#fds.keys()) return this.close(file)
  }
}
