import fs from 'node:fs'
import path from 'node:path'
import type { PackSpool } from '../../ports/object-store.ts'
import { removeQuietly, writeFully } from './durable-files.ts'
import { FileSource } from './file-source.ts'
import { fsFailure } from './fs-failure.ts'
import { temporaryName } from './temporary-files.ts'

/** A temporary file for a pushed pack that is not trusted yet; one that a killed process left is removed when its folder is opened again. */
export function fileSpool(folder: string): PackSpool {
  const file = path.join(folder, temporaryName('pack'))
  let fd: number
  try {
    fd = fs.openSync(file, 'wx+', 0o600)
  } catch (error) {
    throw fsFailure(error, 'write', file)
  }
  let size = 0
  let open = true
  return {
    async write(chunk) {
      try {
        writeFully(fd, chunk)
        size += chunk.length
      } catch (error) {
        throw fsFailure(error, 'write', file)
      }
    },
    source: () => new FileSource(fd, size),
    dispose() {
      if (!open) return
      open = false
      fs.closeSync(fd)
      removeQuietly(file)
    },
  }
}
