import { closeSync, constants, fstatSync, openSync, read as readCallback, readSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { promisify } from 'node:util'
import type { Codec } from '../../objects/codec.ts'
import { objectHeader } from '../../objects/hash.ts'
import { parseOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'

/** Bytes asked of the disk at a time; the bound of memory for files of any size (E7). */
export const READ_SIZE = 256 * 1024
/** Up to this size reading at once, synchronously, costs less than a turn of the event loop. */
const SMALL = READ_SIZE

const readAsync = promisify(readCallback)

/** Never through a symbolic link, which may lead out of the vault; never waits for the writer of a pipe. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** Whether two looks saw one file with one content, as far as size and time can tell. */
export const sameContent = (a: Stats, b: Stats): boolean =>
  a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeMs === b.mtimeMs

/** Also the inode's change time: somebody may have set the modification time back. Renaming changes it too. */
export const untouched = (a: Stats, b: Stats): boolean => sameContent(a, b) && a.ctimeMs === b.ctimeMs

export const openForReading = (disk: string): number => openSync(disk, READ_FLAGS)

export interface OpenFile {
  readonly fd: number
  readonly stat: Stats
}

/** Opens a file for reading, calls `use`, closes it. */
export async function withFile<T>(disk: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  const fd = openForReading(disk)
  try {
    return await use({ fd, stat: fstatSync(fd) })
  } finally {
    closeSync(fd)
  }
}

/** As `readWhole`, without a turn of the event loop; undefined also for a file that is empty or not small. */
export function readNow({ fd, stat }: OpenFile): Uint8Array | undefined {
  if (stat.size === 0 || stat.size > SMALL) return undefined
  const content = new Uint8Array(stat.size)
  for (let filled = 0; filled < content.length;) {
    const got = readSync(fd, content, filled, content.length - filled, filled)
    if (got === 0) return undefined
    filled += got
  }
  return untouched(stat, fstatSync(fd)) ? content : undefined
}

/** The whole content, or undefined when the file changed in size or time while it was read. */
export async function readWhole({ fd, stat }: OpenFile): Promise<Uint8Array | undefined> {
  const content = new Uint8Array(stat.size)
  let filled = 0
  while (filled < content.length) {
    const length = Math.min(content.length - filled, stat.size <= SMALL ? SMALL : 4 * READ_SIZE)
    const got =
      stat.size <= SMALL
        ? readSync(fd, content, filled, length, filled)
        : (await readAsync(fd, content, filled, length, filled)).bytesRead
    if (got === 0) return undefined
    filled += got
  }
  return untouched(stat, fstatSync(fd)) ? content : undefined
}

/** The content in fresh chunks of READ_SIZE. Ends early, without complaint, when the file is shorter than it was. */
export async function* readChunks({ fd, stat }: OpenFile): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < stat.size;) {
    const chunk = new Uint8Array(Math.min(READ_SIZE, stat.size - at))
    const got =
      stat.size <= SMALL
        ? readSync(fd, chunk, 0, chunk.length, at)
        : (await readAsync(fd, chunk, 0, chunk.length, at)).bytesRead
    if (got === 0) return
    at += got
    yield chunk.subarray(0, got)
  }
}

/** The blob id of an open file, or undefined when it changed meanwhile. */
export async function hashFile(file: OpenFile, codec: Codec): Promise<Oid | undefined> {
  const sha1 = codec.sha1().update(objectHeader('blob', file.stat.size))
  let bytes = 0
  for await (const chunk of readChunks(file)) {
    sha1.update(chunk)
    bytes += chunk.length
  }
  if (bytes !== file.stat.size || !untouched(file.stat, fstatSync(file.fd))) return undefined
  return parseOid(sha1.hex())
}

/** The blob id of a file of at most `limit` bytes in one go, so that nothing can happen between it and the caller's next call. */
export function hashNow(disk: string, limit: number, codec: Codec): Oid | undefined {
  const fd = openForReading(disk)
  try {
    const size = fstatSync(fd).size
    if (size > limit) return undefined
    const sha1 = codec.sha1().update(objectHeader('blob', size))
    const chunk = new Uint8Array(READ_SIZE)
    for (let got = readSync(fd, chunk); got > 0; got = readSync(fd, chunk)) sha1.update(chunk.subarray(0, got))
    return parseOid(sha1.hex())
  } finally {
    closeSync(fd)
  }
}
