import { VaultError } from '../../ports/errors.ts'
import { errno, reasonOf } from '../memory/system-error.ts'

export { errno, isImpossible, reasonOf } from '../memory/system-error.ts'

export const isAbsent = (cause: unknown): boolean => errno(cause) === 'ENOENT' || errno(cause) === 'ENOTDIR'

/** A failed look at a file: `vanished` or `unreadable`. */
export function readError(cause: unknown, path: string): VaultError {
  if (cause instanceof VaultError) return cause
  if (isAbsent(cause)) return new VaultError('vanished', `“${path}” is not there any more.`, { path }, { cause })
  const message = `“${path}” cannot be read because ${reasonOf(cause)}. It is left as it is; make it readable for this user.`
  return new VaultError('unreadable', message, { path }, { cause })
}

/** A failed change of a file: `disk-full` or `unwritable`. The caller has made sure that the old content is still there. */
export function writeError(cause: unknown, path: string): Error {
  if (cause instanceof VaultError || !errno(cause)) return cause as Error
  const full = ['ENOSPC', 'EDQUOT'].includes(errno(cause))
  const advice = full ? 'Free some space' : 'Check the permissions of the file and its folder'
  const message = `“${path}” cannot be written because ${reasonOf(cause)}. It holds what it held before. ${advice}.`
  return new VaultError(full ? 'disk-full' : 'unwritable', message, { path }, { cause })
}
