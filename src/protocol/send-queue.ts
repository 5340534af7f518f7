import { isPairingMessage, type SendableMessage, type ShareName } from './messages.ts'

export interface QueueOptions {
  /** Messages about the vault that wait for the stream. */
  readonly limit: number
  /** How long one that does not fit waits for room, ms. */
  readonly waitMs: number
  /** Which goes when there was none: the oldest of the queue, or the one that waited. */
  readonly drop: 'oldest' | 'newest'
}

/** L7 */
export const QUEUE_OPTIONS: QueueOptions = { limit: 100, waitMs: 1_000, drop: 'oldest' }

/** Bytes of messages that may wait for room: a few of the largest frames. What goes beyond is dropped at once. */
const MAX_OVERFLOW_BYTES = 4 * 1024 * 1024

/** What keeps the link itself alive, or ends it. At most one of each waits, so there is always room for it. */
const HEARTBEAT: ReadonlySet<SendableMessage['kind']> = new Set(['hello', 'ping', 'pong', 'bye'])

/** What goes before everything about the vault. Pairing bounds itself: each of its messages answers one, and its list is bounded. */
function isControl(message: SendableMessage): boolean {
  // S5: that a share is taken back waits for nothing; of each share at most one does.
  return HEARTBEAT.has(message.kind) || isPairingMessage(message) || message.kind === 'share-revoked'
}

/** Of one share only the newest of each kind counts. */
const KEYED: ReadonlySet<SendableMessage['kind']> = new Set([
  'directory',
  'applied',
  'share-offer',
  'share-revoked',
  'sync-response',
])

/** Messages of one key replace each other: only the newest counts. Undefined: every one counts. */
function coalesceKey(message: SendableMessage): string | undefined {
  if (KEYED.has(message.kind) && 'share' in message) return `${message.kind} ${message.share}`
  return message.kind === 'subscribe' || HEARTBEAT.has(message.kind) ? message.kind : undefined
}

/** About how many bytes a message takes while it waits: an id and an oid per head, and the texts. */
function sizeOf(message: SendableMessage): number {
  switch (message.kind) {
    case 'directory':
      return 64 + message.share.length + 90 * message.heads.size
    case 'update':
      return 64 + message.share.length + 90 * message.heads.size + message.pack.length
    case 'subscribe':
      return message.shares.reduce((sum, share) => sum + 4 + share.length, 64)
    case 'refusal':
      return 64 + message.share.length + message.code.length + message.message.length
    case 'share-offer':
      return 64 + message.share.length + message.title.length
    case 'pair-listing':
      return message.files.reduce((sum, { path }) => sum + 32 + path.length, 64)
    case 'hello':
      return 1024 + message.hello.ticket.length
    case 'pair-proof':
    case 'pair-confirm':
    case 'pair-more':
    case 'pair-agree':
    case 'pair-done':
    case 'applied':
    case 'share-revoked':
    case 'sync-response':
    case 'ping':
    case 'pong':
    case 'bye':
      return 128
  }
}

/** What a drop left untold: a full directory of a share, or our whole list of subscriptions. */
export type Owed = { readonly kind: 'directory'; readonly share: ShareName } | { readonly kind: 'subscribe' }

interface Overflowing {
  readonly message: SendableMessage
  /** When it stops waiting for room, ms on the caller's clock. */
  readonly due: number
}

/**
 * What waits to be sent on one link (L7): control first, then in order, coalesced, bounded in number and bytes. What does not fit
 * waits for room; when its time is over the policy drops, and what was dropped is owed: see `takeOwed`. Knows no clock: times come
 * from outside, and whoever owns the queue calls `expire` at `nextDue`.
 */
export class SendQueue {
  readonly #o: QueueOptions
  #control: SendableMessage[] = []
  #queue: SendableMessage[] = []
  #overflow: Overflowing[] = []
  #overflowBytes = 0
  readonly #owed = new Map<string, Owed>()
  #dropped = 0

  /** @throws RangeError for a limit below 1 or a wait below 0. */
  constructor(options: QueueOptions = QUEUE_OPTIONS) {
    if (!(options.limit >= 1) || !(options.waitMs >= 0))
      throw new RangeError(`a send queue of ${options.limit} messages and a wait of ${options.waitMs} ms is none`)
    this.#o = options
  }

  /** Messages that were dropped because the queue stayed full. */
  get dropped(): number {
    return this.#dropped
  }

  get depth(): number {
    return this.#control.length + this.#queue.length + this.#overflow.length
  }

  /** About how much memory the waiting messages take. */
  get bytes(): number {
    const sum = (messages: readonly SendableMessage[]) => messages.reduce((bytes, m) => bytes + sizeOf(m), 0)
    return sum(this.#control) + sum(this.#queue) + this.#overflowBytes
  }

  /** When `expire` has something to do; null: nothing waits for room. */
  get nextDue(): number | null {
    return this.#overflow[0]?.due ?? null
  }

  push(message: SendableMessage, now: number): void {
    if (message.kind === 'directory' || message.kind === 'subscribe') this.#owed.delete(owedKey(message)) // this is it
    const key = coalesceKey(message)
    const isSame = (other: SendableMessage) => key !== undefined && coalesceKey(other) === key
    const list = isControl(message) ? this.#control : this.#queue
    const at = list.findIndex(isSame)
    if (at >= 0) list[at] = message
    else if (list === this.#control) list.push(message)
    else this.#pushData(message, isSame, now)
  }

  #pushData(message: SendableMessage, isSame: (other: SendableMessage) => boolean, now: number): void {
    const at = this.#overflow.findIndex((waiting) => isSame(waiting.message))
    if (at >= 0) {
      const before = this.#overflow[at]!
      this.#overflow[at] = { ...before, message }
      this.#overflowBytes += sizeOf(message) - sizeOf(before.message)
    } else if (this.#hasRoom) {
      this.#queue.push(message)
      return
    } else {
      this.#overflow.push({ message, due: now + this.#o.waitMs })
      this.#overflowBytes += sizeOf(message)
    }
    // Waiting is bounded, too: what is too much for it goes by the policy at once.
    while (this.#overflow.length > this.#o.limit || this.#overflowBytes > MAX_OVERFLOW_BYTES) this.#drop('last')
    this.expire(now)
  }

  /** The policy drops for every message whose wait is over. */
  expire(now: number): void {
    while (this.#overflow.length && this.#overflow[0]!.due <= now) this.#drop('first')
  }

  /** S5: nothing of a share leaves any more; what waits of it is taken out, and none of it is owed. */
  forget(share: ShareName): void {
    const isOther = (message: SendableMessage): boolean => shareOf(message) !== share
    this.#control = this.#control.filter(isOther)
    this.#queue = this.#queue.filter(isOther)
    this.#overflow = this.#overflow.filter(({ message }) => isOther(message))
    this.#overflowBytes = this.#overflow.reduce((sum, { message }) => sum + sizeOf(message), 0)
    while (this.#overflow.length && this.#queue.length < this.#o.limit) this.#admit()
    this.#owed.delete(owedKey({ kind: 'directory', share }))
  }

  /** The next to send. */
  take(): SendableMessage | undefined {
    const control = this.#control.shift()
    if (control) return control
    const next = this.#queue.shift()
    if (this.#overflow.length) this.#admit()
    return next
  }

  /** What a drop left untold, once there is room to tell it: it is to be pushed now. */
  takeOwed(): Owed | undefined {
    if (!this.#hasRoom) return undefined
    const [first] = this.#owed
    if (first) this.#owed.delete(first[0])
    return first?.[1]
  }

  get #hasRoom(): boolean {
    return !this.#overflow.length && this.#queue.length < this.#o.limit
  }

  /** The first of those that wait for room goes into the queue. */
  #admit(): void {
    const { message } = this.#overflow.shift()!
    this.#overflowBytes -= sizeOf(message)
    this.#queue.push(message)
  }

  /** One message less waits for room: `which` of them is dropped, or the oldest in the queue makes room for the first. */
  #drop(which: 'first' | 'last'): void {
    let victim: SendableMessage
    if (this.#o.drop === 'oldest') {
      victim = this.#queue.shift()!
      this.#admit()
    } else {
      victim = (which === 'first' ? this.#overflow.shift()! : this.#overflow.pop()!).message
      this.#overflowBytes -= sizeOf(victim)
    }
    this.#dropped++
    const owed: Owed =
      victim.kind === 'subscribe' ? { kind: 'subscribe' } : { kind: 'directory', share: shareOf(victim) }
    this.#owed.set(owedKey(owed), owed)
  }
}

function owedKey(owed: Owed): string {
  return owed.kind === 'subscribe' ? 'subscribe' : `directory ${owed.share}`
}

/** Everything about the vault, but the subscriptions, is about one share. */
function shareOf(message: SendableMessage): ShareName {
  return 'share' in message ? message.share : ''
}
