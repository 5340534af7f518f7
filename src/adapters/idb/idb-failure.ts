import { StoreError } from '../../ports/errors.ts'

/** What to throw when IndexedDB refused: a StoreError, or the error itself when it is not IndexedDB's. */
export function idbFailure(error: unknown, doing: 'read' | 'write'): unknown {
  if (!(error instanceof DOMException)) return error
  const code = error.name === 'QuotaExceededError' ? 'disk-full' : doing === 'read' ? 'unreadable' : 'unwritable'
  return new StoreError(code, `cannot ${doing} the database: ${error.name}`, { errno: error.name }, { cause: error })
}
