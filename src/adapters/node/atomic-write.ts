import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import type { Stats } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { CorruptObjectError } from '../../objects/errors.ts'
import { hashObject, objectHeader } from '../../objects/hash.ts'
import type { Oid } from '../../objects/oid.ts'
import type { FileContent } from '../../ports/vault-files.ts'
import { temporaryName } from '../memory/vault-scope.ts'
import type { DiskAccess } from './disk-access.ts'
import { errno } from './disk-errors.ts'
import { READ_SIZE } from './file-content.ts'

const fsyncAsync = promisify(fs.fsync)
const writeAsync = promisify(fs.write)

/** A file written whole, verified and durable, under a name of its own beside its future place. */
export interface TemporaryFile {
  readonly disk: string
  readonly stat: Stats
}

/** The folders that a write had to make, outermost first. */
export class MadeFolders {
  readonly paths: string[] = []

  /** Makes `names` below `folder`, one in the other; returns the innermost. @throws system errors, nothing left behind. */
  make(folder: string, names: readonly string[]): string {
    let disk = folder
    for (const name of names) {
      disk = join(disk, name)
      try {
        fs.mkdirSync(disk)
        this.paths.push(disk)
      } catch (cause) {
        // Another step made it since we looked. Never through a link (E6).
        if (errno(cause) === 'EEXIST' && fs.lstatSync(disk).isDirectory()) continue
        this.undo()
        throw cause
      }
    }
    return disk
  }

  /** Removes those that are empty. */
  undo(): void {
    for (const disk of this.paths.splice(0).reverse()) {
      try {
        fs.rmdirSync(disk)
      } catch {
        return // Somebody put a file there: it is theirs now.
      }
    }
  }
}

/**
 * Writes content under a temporary name in `folder`. The bytes are hashed on their way, the size is asked of the disk
 * afterwards, and the file is flushed, so that a rename can only ever show the whole of it (pitfall 3).
 * @throws system errors; CorruptObjectError `hash-mismatch` when the content is not `oid`. The file is removed then.
 */
export async function writeTemporary(
  access: DiskAccess,
  folder: string,
  oid: Oid,
  content: FileContent,
  like: Stats | undefined,
): Promise<TemporaryFile> {
  const disk = join(folder, temporaryName(randomBytes(8).toString('hex')))
  access.live.add(basename(disk))
  try {
    access.hook('open', disk)
    const fd = fs.openSync(disk, 'wx')
    try {
      if (like) copyRights(fd, like)
      const size = await writeVerified(access, fd, disk, oid, content)
      access.hook('sync', disk)
      await fsyncAsync(fd)
      const stat = fs.fstatSync(fd)
      if (stat.size !== size) throw mismatch(oid, `the disk holds ${stat.size} of ${size} bytes`)
      return { disk, stat }
    } finally {
      fs.closeSync(fd)
    }
  } catch (cause) {
    removeTemporary(access, disk)
    throw cause
  }
}

/** Removes a temporary file. */
export function removeTemporary(access: DiskAccess, disk: string): void {
  try {
    fs.unlinkSync(disk)
  } catch {
    // Never made. What stays is removed at the next start.
  }
  forgetTemporary(access, disk)
}

/** For one that was renamed to its place. */
export function forgetTemporary(access: DiskAccess, disk: string): void {
  access.live.delete(basename(disk))
}

async function writeVerified(
  access: DiskAccess,
  fd: number,
  disk: string,
  oid: Oid,
  content: FileContent,
): Promise<number> {
  const whole = content instanceof Uint8Array
  const size = whole ? content.length : content.size
  if (whole && size <= READ_SIZE) {
    // At once: a turn of the event loop costs more than a copy into the system's cache.
    const found = hashObject(access.codec, 'blob', content)
    if (found !== oid) throw mismatch(oid, `it is ${found}`)
    access.hook('write', disk)
    for (let at = 0; at < size;) at += fs.writeSync(fd, content, at, size - at, at)
    return size
  }
  const sha1 = access.codec.sha1().update(objectHeader('blob', size))
  let written = 0
  for await (const chunk of whole ? pieces(content) : fromSource(content.chunks)) {
    if (written + chunk.length > size) throw mismatch(oid, `more than the ${size} bytes announced`)
    sha1.update(chunk)
    access.hook('write', disk)
    for (let at = 0; at < chunk.length;)
      at += (await writeAsync(fd, chunk, at, chunk.length - at, written + at)).bytesWritten
    written += chunk.length
  }
  if (written !== size) throw mismatch(oid, `${written} of ${size} bytes`)
  const found = sha1.hex()
  if (found !== oid) throw mismatch(oid, `it is ${found}`)
  return size
}

/** What the content's source threw, so that it is not taken for a fault of the vault's disk. */
export class SourceError extends Error {
  constructor(cause: unknown) {
    super('the content could not be had', { cause })
  }
}

async function* fromSource(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks
  } catch (cause) {
    throw new SourceError(cause)
  }
}

function* pieces(content: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < content.length; at += READ_SIZE) yield content.subarray(at, at + READ_SIZE)
}

/** The replaced file's permissions, and its owner where we may: a peer that runs as root must not take notes away from their user. */
function copyRights(fd: number, like: Stats): void {
  const own = fs.fstatSync(fd)
  if (own.uid !== like.uid || own.gid !== like.gid) {
    try {
      fs.fchownSync(fd, like.uid, like.gid)
    } catch {
      // Only root may give files away.
    }
  }
  fs.fchmodSync(fd, like.mode & 0o777)
}

const mismatch = (oid: Oid, found: string): CorruptObjectError =>
  new CorruptObjectError('hash-mismatch', `the content to write is not ${oid}: ${found}`, { oid })
