import type { Clock } from '../ports/clock.ts'
import { JsonProgress } from './json-progress.ts'
import { ProgressBar } from './progress-bar.ts'
import type { ProgressStream } from './progress-bar.ts'
import type { Progress } from './progress.ts'
import { createStyle, wantsColour } from './style.ts'
import type { Style } from './style.ts'

/** What Output needs of process.stdout and process.stderr. */
export interface OutputStream extends ProgressStream {
  write(data: string | Uint8Array, written?: (error?: Error | null) => void): unknown
  on?(event: 'error', listener: (error: Error) => void): unknown
}

export interface OutputOptions {
  /** One JSON object per line on stdout, and nothing else there. */
  readonly json: boolean
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly clock: Pick<Clock, 'now' | 'after'>
  readonly env: Readonly<Record<string, string | undefined>>
  /** The reader of stdout is gone (`| head`): nothing more need be said. */
  readonly onClosed?: () => void
}

/**
 * Everything the command line says. Results go to stdout: text for people, or JSON lines for scripts.
 * Diagnostics and the progress bar go to stderr, so that a pipe gets results alone.
 */
export class Output {
  readonly json: boolean
  /** For text that goes to `human`. */
  readonly style: Style
  /** For text that goes to `diagnostic`. */
  readonly errorStyle: Style
  private readonly bar: ProgressBar
  private readonly jsonProgress: JsonProgress | undefined
  private closed = false

  constructor(private readonly options: OutputOptions) {
    this.json = options.json
    this.style = createStyle(!options.json && wantsColour(options.stdout, options.env))
    this.errorStyle = createStyle(wantsColour(options.stderr, options.env))
    this.bar = new ProgressBar(options.stderr, options.clock, this.errorStyle)
    this.jsonProgress = options.json ? new JsonProgress((object) => this.object(object), options.clock) : undefined
    options.stdout.on?.('error', () => {
      if (this.closed) return
      this.closed = true
      options.onClosed?.()
    })
    options.stderr.on?.('error', () => {}) // there is nobody left to tell
  }

  /** Width to lay text out for; undefined when stdout is not a terminal (then nothing is cut). */
  get columns(): number | undefined {
    return this.options.stdout.isTTY ? this.options.stdout.columns || 80 : undefined
  }

  /** A line (or several) for people. Silent in JSON mode. */
  human(line = ''): void {
    if (!this.json) this.toStdout(`${line}\n`)
  }

  /** An object for scripts. Silent without --json. Carries no Map, bigint or the like. */
  object(value: Readonly<Record<string, unknown>>): void {
    if (this.json) this.toStdout(`${JSON.stringify(value)}\n`)
  }

  /** Content as it is, bytes and all, silent in JSON mode. Resolves when the reader has taken it, or is gone. */
  async bytes(content: Uint8Array): Promise<void> {
    if (this.json || this.closed) return
    await new Promise<void>((resolve) => this.options.stdout.write(content, () => resolve()))
  }

  /** Something about the run itself, in either mode, on stderr. */
  diagnostic(line: string): void {
    this.bar.above(() => this.options.stderr.write(`${line}\n`))
  }

  /** The one progress display of this run. */
  progress(): Progress {
    return this.jsonProgress ?? this.bar
  }

  /** Resolves when everything said so far has left the process; then it may exit. */
  async flush(): Promise<void> {
    const written = (stream: OutputStream): Promise<void> => new Promise((resolve) => stream.write('', () => resolve()))
    await Promise.all([this.closed ? undefined : written(this.options.stdout), written(this.options.stderr)])
  }

  private toStdout(text: string): void {
    if (this.closed) return
    this.bar.above(() => this.options.stdout.write(text))
  }
}
