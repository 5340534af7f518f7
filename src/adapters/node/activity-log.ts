import * as fs from 'node:fs'
import type { Clock } from '../../ports/clock.ts'
import type { Logger, LogLevel, LogRecord } from '../../ports/logger.ts'

/** The log is turned over at this size; one older file is kept, so it takes at most twice as much. Bytes. */
const TURN_OVER = 1024 * 1024
/** A longer line keeps the beginning of its sentence and loses its data. Bytes. */
const MAX_LINE = 16 * 1024
const MESSAGE_LEFT = 1000

/** One JSON object per line and event, for people who ask what happened. Trouble with the log never stops the sync. */
export class ActivityLog implements Logger {
  readonly #file: string
  readonly #clock: Clock
  readonly #also: (record: LogRecord) => void
  #size: number

  constructor(file: string, clock: Clock, also: (record: LogRecord) => void = () => undefined) {
    this.#file = file
    this.#clock = clock
    this.#also = also
    this.#size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0
  }

  log(level: LogLevel, event: string, message: string, data?: Record<string, unknown>): void {
    const peer = typeof data?.peer === 'string' ? { peer: data.peer } : {}
    const record: LogRecord = { at: this.#clock.now(), level, event, ...peer, message, ...(data ? { data } : {}) }
    this.#also(record)
    try {
      const line = lineOf(record)
      if (this.#size + line.length > TURN_OVER) {
        fs.renameSync(this.#file, `${this.#file}.1`)
        this.#size = 0
      }
      fs.appendFileSync(this.#file, line)
      this.#size += line.length
    } catch {
      // A full disk is reported where it matters.
    }
  }
}

function lineOf(record: LogRecord): Buffer {
  const line = Buffer.from(`${JSON.stringify(record)}\n`)
  if (line.length <= MAX_LINE) return line
  const { data: _left, ...rest } = record
  return Buffer.from(`${JSON.stringify({ ...rest, message: record.message.slice(0, MESSAGE_LEFT) })}\n`)
}
