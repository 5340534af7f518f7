import { TandemError } from '../ports/errors.ts'

/** `usage`: the command line makes no sense. `needs-terminal`: a question that nobody is there to answer. */
export type UsageErrorCode = 'usage' | 'needs-terminal'

/** What the person typed cannot be done as typed. The message says why, for people. */
export class UsageError extends TandemError<UsageErrorCode> {
  override readonly name = 'UsageError'
}
