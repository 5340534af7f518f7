import { VaultError } from '../../ports/errors.ts'
import { errno, reasonOf } from '../memory/system-error.ts'
import type { VaultDisk } from './vault-app.ts'

export { isImpossible, reasonOf } from '../memory/system-error.ts'

/** Whether a call failed because nothing is at the path. */
export async function isGone(disk: VaultDisk, cause: unknown, path: string): Promise<boolean> {
  const code = errno(cause)
  if (code === 'ENOENT' || code === 'ENOTDIR') return true
  return code === '' && !(await disk.exists(path))
}

/** @throws VaultError `no-vault` when the vault's folder itself cannot be found: then nothing below it is "absent" (E2). */
export async function verifyRoot(disk: VaultDisk): Promise<void> {
  const root = await disk.stat('/').catch(() => null)
  if (root?.type === 'folder') return
  // Not every platform knows the times of the vault's own folder.
  if (!(await disk.list('/').catch(() => null)))
    throw new VaultError('no-vault', 'Nothing was read or written: the vault folder is gone. Connect its disk.')
}

export const vanished = (path: string, cause?: unknown): VaultError =>
  new VaultError('vanished', `“${path}” is not there any more.`, { path }, { cause })

export const unstable = (path: string): VaultError =>
  new VaultError('unstable', `“${path}” keeps changing while it is read. It is read again when it rests.`, { path })

/** A failed look at a file: `vanished` or `unreadable`. */
export async function readError(disk: VaultDisk, cause: unknown, path: string): Promise<VaultError> {
  if (cause instanceof VaultError) return cause
  if (await isGone(disk, cause, path)) return vanished(path, cause)
  const message = `“${path}” cannot be read because ${reasonOf(cause)}. It is left as it is; make it readable for Obsidian.`
  return new VaultError('unreadable', message, { path }, { cause })
}

/** A failed change of a file: `disk-full` or `unwritable`. */
export function writeError(cause: unknown, path: string): VaultError {
  if (cause instanceof VaultError) return cause
  const full =
    ['ENOSPC', 'EDQUOT'].includes(errno(cause)) || (cause instanceof Error && cause.name === 'QuotaExceededError')
  const advice = full ? 'Free some space' : 'Check the permissions of the file and its folder'
  const message = `“${path}” cannot be written because ${reasonOf(cause)}. It holds what it held before. ${advice}.`
  return new VaultError(full ? 'disk-full' : 'unwritable', message, { path }, { cause })
}
