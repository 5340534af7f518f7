export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface LogRecord {
  readonly at: number
  readonly level: LogLevel
  /** A stable word per kind of event: `link.up`, `transfer.done`. */
  readonly event: string
  readonly peer?: string
  /** One plain sentence for people. */
  readonly message: string
  readonly data?: Readonly<Record<string, unknown>>
}

export interface Logger {
  log(level: LogLevel, event: string, message: string, data?: Record<string, unknown>): void
}
