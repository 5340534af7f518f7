import type { LogRecord } from '../../ports/logger.ts'
import { formatMoment } from '../words/format.ts'

/** What a person may want to see of the activity log. */
export const ACTIVITY_KINDS = {
  all: 'Everything',
  problems: 'Problems',
  connections: 'Connections',
  pairing: 'Pairing',
  transfers: 'Transfers',
  files: 'Notes and files',
} as const
export type ActivityKind = keyof typeof ACTIVITY_KINDS

export function isActivityKind(text: string): text is ActivityKind {
  return text in ACTIVITY_KINDS
}

/** By the first word of a record's event: `link.up` is of `link`. */
const TOPICS: Readonly<Record<string, ActivityKind>> = {
  link: 'connections',
  network: 'connections',
  lan: 'connections',
  pairing: 'pairing',
  peer: 'pairing',
  peers: 'pairing',
  transfer: 'transfers',
  share: 'files',
  vault: 'files',
  conflict: 'files',
  consent: 'files',
}

export interface ActivityFilter {
  readonly kind: ActivityKind
  /** Words that all must occur, in any case. */
  readonly search: string
}

/** The records that fit, newest first. `nameOf`: what a device is called. */
export function filterActivity(
  records: readonly LogRecord[],
  { kind, search }: ActivityFilter,
  nameOf: (peer: string) => string,
): LogRecord[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const fits = (record: LogRecord): boolean => {
    if (record.level === 'debug' || !isOfKind(record, kind)) return false
    const text = `${record.message} ${record.peer ? nameOf(record.peer) : ''} ${record.event}`.toLowerCase()
    return words.every((word) => text.includes(word))
  }
  return records.filter(fits).reverse()
}

function isOfKind({ level, event }: LogRecord, kind: ActivityKind): boolean {
  if (kind === 'all') return true
  if (kind === 'problems') return level === 'warn' || level === 'error'
  return TOPICS[event.split('.', 1)[0]!] === kind
}

/** One line, for the clipboard. */
export function activityLine(record: LogRecord, nameOf: (peer: string) => string): string {
  const who = record.peer ? `${nameOf(record.peer)}: ` : ''
  return `${formatMoment(record.at)} ${record.level} ${who}${record.message}`
}

/** A record's message as a sentence begins. */
export function activitySentence({ message }: LogRecord): string {
  return message.charAt(0).toUpperCase() + message.slice(1)
}
