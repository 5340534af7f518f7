import { ExitCode } from '../cli/exit-codes.ts'
import { TandemError } from '../ports/errors.ts'

/** `peer-ended`: one of the processes ended by itself. `too-late`: what was awaited did not come. */
export type DemoErrorCode = 'peer-ended' | 'too-late' | 'not-built' | 'bad-work-folder'

/** The demonstration cannot go on. The message and the hint are for people. */
export class DemoError extends TandemError<DemoErrorCode> {
  override readonly name = 'DemoError'
  readonly hint: string
  readonly exitCode: ExitCode
  constructor(code: DemoErrorCode, message: string, options: { hint: string; exitCode?: ExitCode; cause?: unknown }) {
    super(code, message, {}, { cause: options.cause })
    this.hint = options.hint
    this.exitCode = options.exitCode ?? ExitCode.unexpected
  }
}
