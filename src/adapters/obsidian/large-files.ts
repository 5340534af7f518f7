import type { VaultPath } from '../../objects/vault-path.ts'
import { VaultError } from '../../ports/errors.ts'

/** What Obsidian's own calls can take, which hand over a file in one piece. Bytes. */
export const WHOLE_LIMIT = 200 * 1024 * 1024

const STREAM_CHUNK = 256 * 1024

/** Files piece by piece, which Obsidian's own calls cannot: on a desktop, its file system. Paths are vault paths. */
export interface LargeFiles {
  /** @throws what the system throws */
  open(path: string): Promise<OpenLargeFile>
  /** Writes a file that is not there yet, and makes it durable. */
  write(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void>
  /** Renames over what is there, in one step. */
  replace(from: string, to: string): Promise<void>
}

export interface OpenLargeFile {
  /** The bytes from `offset` on, at most `length`; none at the end. */
  read(offset: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** As much of `node:fs/promises` as is needed: handed in, since on a phone there is none. */
export interface FileSystemPromises {
  open(path: string, flags: string): Promise<FileHandle>
  rename(from: string, to: string): Promise<void>
}

interface FileHandle {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>
  writeFile(chunk: Uint8Array): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/** `fullPath`: FileSystemAdapter.getFullPath. */
export function desktopLargeFiles(fs: FileSystemPromises, fullPath: (path: string) => string): LargeFiles {
  return {
    async open(path) {
      const handle = await fs.open(fullPath(path), 'r')
      return {
        async read(offset, length) {
          const chunk = new Uint8Array(length)
          const { bytesRead } = await handle.read(chunk, 0, length, offset)
          return chunk.subarray(0, bytesRead)
        },
        close: () => handle.close(),
      }
    },
    async write(path, chunks) {
      const handle = await fs.open(fullPath(path), 'wx')
      try {
        for await (const chunk of chunks) await handle.writeFile(chunk)
        await handle.sync()
      } finally {
        await handle.close()
      }
    },
    replace: (from, to) => fs.rename(fullPath(from), fullPath(to)),
  }
}

/** A file's bytes up to `size`, in chunks; ends early, without complaint, when the file is shorter. */
export async function* largeChunks(files: LargeFiles, path: string, size: number): AsyncGenerator<Uint8Array> {
  const file = await files.open(path)
  try {
    for (let at = 0; at < size;) {
      const chunk = await file.read(at, Math.min(STREAM_CHUNK, size - at))
      if (chunk.length === 0) return
      at += chunk.length
      yield chunk
    }
  } finally {
    await file.close()
  }
}

/** The bytes of a whole file in chunks. */
export async function* chunksOf(content: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += STREAM_CHUNK) yield content.subarray(at, at + STREAM_CHUNK)
}

const MEGABYTES = WHOLE_LIMIT / 1024 / 1024

export const tooLargeToWrite = `Obsidian cannot write files above ${MEGABYTES} MB on this device`

export const tooLargeToRead = (path: VaultPath): VaultError =>
  new VaultError(
    'unreadable',
    `“${path}” is not synced: Obsidian cannot read files above ${MEGABYTES} MB on this device. Add it to the vault on a computer.`,
    { path },
  )
