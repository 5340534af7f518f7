import fs from 'node:fs'
import path from 'node:path'
import { CorruptObjectError } from '../../objects/errors.ts'
import type { DeflateLevel } from '../../objects/codec.ts'
import type { Oid } from '../../objects/oid.ts'
import { StoreError } from '../../ports/errors.ts'
import type { LargeReception } from '../../ports/object-store.ts'
import { makeFolder, readFully, removeQuietly, writeFully } from './durable-files.ts'
import { fileChunks } from './file-chunks.ts'
import { fsFailure } from './fs-failure.ts'
import type { LooseObjects } from './loose-objects.ts'
import { nodeCodec } from './node-codec.ts'
import { StagedLooseObjects } from './staged-loose-objects.ts'

/** Half a transfer that nobody went on with for so long is given up. */
const KEEP_PARTIAL_MS = 30 * 24 * 60 * 60 * 1000
/** Content that does not shrink below this part of its size is stored as it is. */
const WORTH_DEFLATING = 0.95
const SAMPLE = 64 * 1024

/** Receptions of large blobs: the bytes that arrived lie raw in `tandem-partial/<oid>.<size>`. */
export class NodeLargeReceptions {
  readonly #folder: string
  readonly #loose: LooseObjects
  readonly #active = new Set<string>()

  constructor(gitDir: string, loose: LooseObjects) {
    this.#folder = path.join(gitDir, 'tandem-partial')
    this.#loose = loose
  }

  removeOld(): void {
    if (!fs.existsSync(this.#folder)) return
    for (const name of fs.readdirSync(this.#folder)) {
      const file = path.join(this.#folder, name)
      if (Date.now() - fs.statSync(file).mtimeMs > KEEP_PARTIAL_MS) removeQuietly(file)
    }
  }

  /** @throws StoreError `busy` while another reception of the blob is open. */
  open(oid: Oid, size: number): LargeReception {
    const name = `${oid}.${size}`
    if (this.#active.has(name)) throw new StoreError('busy', `${oid} is being received already`, { oid })
    makeFolder(this.#folder)
    const reception = new NodeLargeReception(path.join(this.#folder, name), oid, size, this.#loose, () =>
      this.#active.delete(name),
    )
    this.#active.add(name)
    return reception
  }
}

class NodeLargeReception implements LargeReception {
  readonly #file: string
  readonly #oid: Oid
  readonly #size: number
  readonly #loose: LooseObjects
  readonly #onEnd: () => void
  readonly #fd: number
  #received: number
  #open = true

  constructor(file: string, oid: Oid, size: number, loose: LooseObjects, onEnd: () => void) {
    this.#file = file
    this.#oid = oid
    this.#size = size
    this.#loose = loose
    this.#onEnd = onEnd
    this.#fd = fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o644)
    this.#received = fs.fstatSync(this.#fd).size
    if (this.#received > size) {
      fs.ftruncateSync(this.#fd, 0)
      this.#received = 0
    }
  }

  get received(): number {
    return this.#received
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (!this.#open) throw new Error('the reception is over')
    if (this.#received + chunk.length > this.#size) {
      throw new CorruptObjectError('bad-object', `more than ${this.#size} bytes for ${this.#oid}`, { oid: this.#oid })
    }
    try {
      writeFully(this.#fd, chunk, this.#received)
    } catch (error) {
      // A disk that filled up half-way through: what was written of the chunk does not count.
      truncateQuietly(this.#fd, this.#received)
      throw fsFailure(error, 'write', this.#file)
    }
    this.#received += chunk.length
  }

  async finish(): Promise<void> {
    if (!this.#open) throw new Error('the reception is over')
    if (this.#received !== this.#size)
      throw new CorruptObjectError('bad-object', `${this.#oid} is not whole yet`, { oid: this.#oid })
    const staged = new StagedLooseObjects(this.#loose)
    try {
      const oid = await staged.addStream(this.#size, fileChunks(this.#fd), this.#level())
      if (oid !== this.#oid) {
        removeQuietly(this.#file)
        throw new CorruptObjectError('hash-mismatch', `other content than ${this.#oid}`, { oid: this.#oid })
      }
      await staged.publish()
      removeQuietly(this.#file)
    } catch (error) {
      staged.discard()
      throw fsFailure(error, 'write', this.#file)
    } finally {
      this.#end()
    }
  }

  async pause(): Promise<void> {
    if (!this.#open) return
    try {
      fs.fdatasyncSync(this.#fd)
    } finally {
      this.#end()
    }
  }

  #level(): DeflateLevel {
    const sample = new Uint8Array(Math.min(SAMPLE, this.#size))
    readFully(this.#fd, sample, 0)
    return nodeCodec.deflate(sample, 1).length > WORTH_DEFLATING * sample.length ? 0 : 1
  }

  #end(): void {
    if (!this.#open) return
    this.#open = false
    fs.closeSync(this.#fd)
    this.#onEnd()
  }
}

function truncateQuietly(fd: number, length: number): void {
  try {
    fs.ftruncateSync(fd, length)
  } catch {
    // The next write goes to the same place; the hash tells in the end.
  }
}
