import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { DeflateLevel } from '../../objects/codec.ts'
import { objectHeader } from '../../objects/hash.ts'
import type { ObjectType, Oid } from '../../objects/oid.ts'
import { countedBlob } from '../memory/byte-stream.ts'
import { fsyncAll, removeQuietly, writeFully } from './durable-files.ts'
import { errnoOf } from './fs-failure.ts'
import { encodeLoose } from './loose-objects.ts'
import type { LooseObjects } from './loose-objects.ts'
import { nodeCodec } from './node-codec.ts'
import { temporaryName } from './temporary-files.ts'

const fsync = promisify(fs.fsync)
/** Git's own: nobody is to change an object. */
const READ_ONLY = 0o444

interface Staged {
  readonly oid: Oid
  readonly temporary: string
  /** Open while the file is yet to be synced. */
  fd: number | undefined
}

/** Loose objects on their way in: temporary files until `publish` syncs them all and gives them their names, in the order added. */
export class StagedLooseObjects {
  readonly #loose: LooseObjects
  #staged: Staged[] = []

  constructor(loose: LooseObjects) {
    this.#loose = loose
  }

  add(oid: Oid, type: ObjectType, content: Uint8Array, level: DeflateLevel): void {
    const staged = this.#create(oid)
    writeFully(staged.fd!, encodeLoose(type, content, level))
  }

  /** Writes a blob of `size` bytes as it comes, in bounded memory. @throws CorruptObjectError `bad-object` when it is of another size. */
  async addStream(size: number, chunks: AsyncIterable<Uint8Array>, level: DeflateLevel): Promise<Oid> {
    const temporary = path.join(this.#loose.folder, temporaryName('obj'))
    const fd = fs.openSync(temporary, 'wx', READ_ONLY)
    try {
      const blob = countedBlob(nodeCodec, size, chunks)
      for await (const bytes of nodeCodec.deflateStream(withHeader(size, blob.chunks), level)) writeFully(fd, bytes)
      await fsync(fd)
      fs.closeSync(fd)
      this.#staged.push({ oid: blob.oid(), temporary, fd: undefined })
      return blob.oid()
    } catch (error) {
      closeQuietly(fd)
      removeQuietly(temporary)
      throw error
    }
  }

  /** Makes everything durable, then readable. What fails before leaves nothing; a crash in between leaves whole objects, earlier ones first. */
  async publish(): Promise<void> {
    await Promise.all(this.#staged.flatMap((staged) => (staged.fd === undefined ? [] : [fsync(staged.fd)])))
    const folders = new Set<string>()
    for (const staged of this.#staged) {
      closeStaged(staged)
      const target = this.#loose.fileOf(staged.oid)
      moveInto(staged.temporary, target, folders)
      folders.add(path.dirname(target))
    }
    this.#staged = []
    await fsyncAll(folders)
  }

  discard(): void {
    for (const staged of this.#staged) {
      closeStaged(staged)
      removeQuietly(staged.temporary)
    }
    this.#staged = []
  }

  #create(oid: Oid): Staged {
    const temporary = path.join(this.#loose.folder, temporaryName('obj'))
    const staged = { oid, temporary, fd: fs.openSync(temporary, 'wx', READ_ONLY) }
    this.#staged.push(staged)
    return staged
  }
}

function moveInto(temporary: string, target: string, folders: Set<string>): void {
  const folder = path.dirname(target)
  for (let tries = 0; ; tries++) {
    if (fs.existsSync(target)) return removeQuietly(temporary)
    if (fs.mkdirSync(folder, { recursive: true }) !== undefined) folders.add(path.dirname(folder))
    try {
      return fs.renameSync(temporary, target)
    } catch (error) {
      // `git gc` removes a folder that it finds empty, also the one that we just made.
      if (errnoOf(error) !== 'ENOENT' || tries === 3) throw error
    }
  }
}

async function* withHeader(size: number, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield objectHeader('blob', size)
  yield* chunks
}

function closeStaged(staged: Staged): void {
  if (staged.fd !== undefined) closeQuietly(staged.fd)
  staged.fd = undefined
}

function closeQuietly(fd: number): void {
  try {
    fs.closeSync(fd)
  } catch {
    // It was written and synced, or is being thrown away.
  }
}
