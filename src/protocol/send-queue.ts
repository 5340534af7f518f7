import type { SendableMessage } from './messages.ts'

/** L7: messages that wait for the stream. */
export const QUEUE_LIMIT = 100

const URGENT: ReadonlySet<SendableMessage['kind']> = new Set([
  'hello',
  'ping',
  'pong',
  'bye',
  'pair-proof',
  'pair-confirm',
  'pair-done',
])

/** Messages of one key replace each other: only the newest counts. Undefined: every one counts. */
function coalesceKey(message: SendableMessage): string | undefined {
  if (message.kind === 'directory' || message.kind === 'applied') return `${message.kind} ${message.share}`
  if (message.kind === 'subscribe' || message.kind === 'ping' || message.kind === 'pong') return message.kind
  return undefined
}

/** What waits to be sent on one link: control first, then in order, coalesced, bounded. */
export class SendQueue {
  #urgent: SendableMessage[] = []
  #rest: SendableMessage[] = []
  /** Messages dropped because the queue was full; a directory is owed then, which repairs all (L7, L8). */
  dropped = 0

  get depth(): number {
    return this.#urgent.length + this.#rest.length
  }

  /** False when it was full and this, or an older message, was dropped. */
  push(message: SendableMessage, policy: 'oldest' | 'newest' = 'oldest'): boolean {
    const list = URGENT.has(message.kind) ? this.#urgent : this.#rest
    const key = coalesceKey(message)
    const same = key === undefined ? -1 : list.findIndex((m) => coalesceKey(m) === key)
    if (same >= 0) {
      list[same] = message
      return true
    }
    if (this.depth < QUEUE_LIMIT) {
      list.push(message)
      return true
    }
    this.dropped++
    // Control is never what is dropped while there is anything else.
    const victims = this.#rest.length ? this.#rest : this.#urgent
    if (policy === 'newest' && (list === this.#rest || victims === list)) return false
    if (policy === 'oldest') victims.shift()
    else victims.pop()
    list.push(message)
    return false
  }

  take(): SendableMessage | undefined {
    return this.#urgent.shift() ?? this.#rest.shift()
  }
}
