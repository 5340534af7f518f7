import { StoreError } from '../../ports/errors.ts'

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** The system's name of what went wrong (`ENOENT`); undefined when the error is not the system's. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('errno' in error || 'syscall' in error)) return undefined
  const code = (error as NodeJS.ErrnoException).code
  return typeof code === 'string' ? code : undefined
}

/** What to throw when the system refused to read or write at `path`: a StoreError, or the error itself when it is not the system's. */
export function fsFailure(error: unknown, doing: 'read' | 'write', path: string): unknown {
  const errno = errnoOf(error)
  if (errno === undefined) return error
  const code = NO_SPACE.has(errno) ? 'disk-full' : doing === 'read' ? 'unreadable' : 'unwritable'
  return new StoreError(code, `cannot ${doing} ${path}: ${errno}`, { path, errno }, { cause: error })
}

/** Runs `work` and gives the system's errors our names. */
export function named<T>(doing: 'read' | 'write', path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw fsFailure(error, doing, path)
  }
}
