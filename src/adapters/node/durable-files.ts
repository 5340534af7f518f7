import fs from 'node:fs'
import path from 'node:path'
import { errnoOf } from './fs-failure.ts'

/** Writes all of the bytes; `fs.writeSync` alone may write fewer. */
export function writeFully(fd: number, bytes: Uint8Array, position: number | null = null): void {
  let done = 0
  while (done < bytes.length) {
    done += fs.writeSync(fd, bytes, done, bytes.length - done, position === null ? null : position + done)
  }
}

/** Fills `into` from `position` on; returns how much there was, less only at the end of the file. */
export function readFully(fd: number, into: Uint8Array, position: number): number {
  let done = 0
  while (done < into.length) {
    const read = fs.readSync(fd, into, done, into.length - done, position + done)
    if (read === 0) break
    done += read
  }
  return done
}

/** Makes names in the folder durable: created, renamed, removed. */
export function fsyncFolder(folder: string): void {
  let fd: number
  try {
    fd = fs.openSync(folder, 'r')
  } catch (error) {
    if (cannotSyncFolders(error)) return
    throw error
  }
  try {
    fs.fsyncSync(fd)
  } catch (error) {
    if (!cannotSyncFolders(error)) throw error
  } finally {
    fs.closeSync(fd)
  }
}

/** Many files and folders at once, on the thread pool: a disk syncs several in about the time of one. */
export async function fsyncAll(paths: Iterable<string>): Promise<void> {
  await Promise.all(Array.from(paths, fsyncPath))
}

async function fsyncPath(name: string): Promise<void> {
  try {
    const handle = await fs.promises.open(name, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (!cannotSyncFolders(error)) throw error
  }
}

// Windows opens no folder, and some network file systems sync none; both write names through on their own.
function cannotSyncFolders(error: unknown): boolean {
  const errno = errnoOf(error)
  return (
    errno === 'EISDIR' ||
    errno === 'EINVAL' ||
    errno === 'ENOTSUP' ||
    (process.platform === 'win32' && (errno === 'EPERM' || errno === 'EACCES'))
  )
}

/** Creates a folder and those above it, each durable in the one that holds it. */
export function makeFolder(folder: string): void {
  const first = fs.mkdirSync(folder, { recursive: true })
  if (first === undefined) return
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    fsyncFolder(path.dirname(at))
    if (at === path.resolve(first) || at === path.dirname(at)) return
  }
}

/** Replaces a file's content at once: a reader, or a restart after a power cut, sees the old or the new, whole. */
export function replaceFile(target: string, temporary: string, content: Uint8Array): void {
  const fd = fs.openSync(temporary, 'wx', 0o644)
  try {
    try {
      writeFully(fd, content)
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
    fs.renameSync(temporary, target)
  } catch (error) {
    removeQuietly(temporary)
    throw error
  }
  fsyncFolder(path.dirname(target))
}

/** Removes a file that may be gone already, where a failure changes nothing for the caller. */
export function removeQuietly(file: string): void {
  try {
    fs.unlinkSync(file)
  } catch {
    // Left for the removal of stale temporary files at the next open.
  }
}
