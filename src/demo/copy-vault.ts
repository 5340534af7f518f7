import { chmod, constants, copyFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { VaultError } from '../ports/errors.ts'
import { walkVault, type VaultWalk } from './vault-walk.ts'

export interface CopyProgress {
  readonly files: number
  readonly totalFiles: number
  readonly bytes: number
  readonly totalBytes: number
}

export interface VaultCopy {
  readonly files: number
  readonly bytes: number
  readonly leftOut: VaultWalk['leftOut']
}

/**
 * Copies what of a vault is synced; the original is only read. What cannot be copied is left out and named.
 * @throws VaultError `unreadable` when the vault itself cannot be read; errors of the system when the copy cannot be written.
 */
export async function copyVault(
  from: string,
  to: string,
  signal: AbortSignal,
  onProgress: (progress: CopyProgress) => void,
): Promise<VaultCopy> {
  const walk = await walkVault(from).catch((cause: Error) => {
    throw new VaultError('unreadable', cause.message, { path: from }, { cause })
  })
  const leftOut = [...walk.leftOut]
  const totalBytes = walk.files.reduce((sum, { bytes }) => sum + bytes, 0)
  const made = new Set<string>()
  let files = 0
  let bytes = 0
  for (const source of walk.files) {
    signal.throwIfAborted()
    const target = join(to, source.path)
    const folder = dirname(target)
    if (!made.has(folder)) await mkdir(folder, { recursive: true })
    made.add(folder)
    try {
      await copyFile(source.file, target, constants.COPYFILE_FICLONE)
      // A write-protected note is copied as such, and the demonstration wants to write.
      if (process.platform !== 'win32') await chmod(target, 0o644)
      files++
      bytes += source.bytes
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'EACCES' && code !== 'EPERM' && code !== 'ENOENT') throw error
      leftOut.push({ path: source.path, why: message })
    }
    onProgress({ files, totalFiles: walk.files.length, bytes, totalBytes })
  }
  return { files, bytes, leftOut }
}
