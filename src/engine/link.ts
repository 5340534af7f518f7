import { CorruptObjectError } from '../objects/errors.ts'
import type { Clock } from '../ports/clock.ts'
import { ProtocolError, TransportError } from '../ports/errors.ts'
import type { ByteStream, CloseReason, Connection, EndpointId } from '../ports/transport.ts'
import { CLOSE, type CloseCode } from '../protocol/close-codes.ts'
import { encodeFrame, FrameReader } from '../protocol/frames.ts'
import {
  newLink,
  updateLink,
  type LinkEffect,
  type LinkEvent,
  type LinkState,
  type LinkTimes,
} from '../protocol/link-session.ts'
import {
  decodeMessage,
  encodeMessage,
  type ByeReason,
  type DeviceHeads,
  type Hello,
  type SendableMessage,
  type ShareName,
} from '../protocol/messages.ts'
import { SendQueue, type QueueOptions } from '../protocol/send-queue.ts'
import type { ShareOffer, ShareRights } from '../protocol/subscription-state.ts'

/** How often the session looks at the clock: fine enough for its timeouts of seconds. */
const TICK_MS = 1_000
/** Requests of a peer that are answered at once; it sends few at a time. */
const MAX_SERVING = 16
/** What comes so soon after a change of the network may have been sent before it. */
const STRAGGLERS_MS = 1_000
/** L9: after a goodbye streams may finish this long. */
const GOODBYE_MS = 2_000

/** What tells a peer that a share exists, or what is in it. */
const SPEAKS_OF_A_SHARE: ReadonlySet<SendableMessage['kind']> = new Set([
  'directory',
  'update',
  'applied',
  'share-offer',
])

export interface PendingUpdate {
  readonly share: ShareName
  readonly heads: DeviceHeads
  readonly known: DeviceHeads
  readonly view: Extract<LinkEffect, { kind: 'update' }>['view']
}

/** What the owner of a link answers to. Called synchronously, in the order of the messages. */
export interface LinkOwner {
  greeted(link: Link, hello: Hello): void
  pairing(link: Link, message: Extract<LinkEffect, { kind: 'pairing' }>['message']): void
  opened(link: Link): void
  offer(link: Link, share: ShareName, heads: DeviceHeads, pack: Uint8Array): void
  changed(link: Link): void
  /** S1: what the peer of the link may do, computed anew at each question. */
  rights(link: Link): ShareRights
  /** S5: whatever runs for the share on this link ends now. */
  withdrawn(link: Link, share: ShareName): void
  /** The peer offers us a share, changed what we may do with it, or (undefined) took it back. */
  offered(link: Link, share: ShareName, offer: ShareOffer | undefined): void
  refused(link: Link, code: string, message: string): void
  /** Makes the thin pack for an update; empty when the refs should go alone. */
  buildUpdate(link: Link, update: PendingUpdate): Promise<Uint8Array>
  serve(link: Link, stream: ByteStream): Promise<void>
  closed(link: Link, reason: CloseReason): void
}

export interface LinkTraffic {
  messagesSent: number
  messagesReceived: number
  bytesSent: number
  bytesReceived: number
}

/** Runs the session of one connection: reads its messages, writes what it wants sent, keeps its time. */
export class Link {
  readonly remoteId: EndpointId
  readonly side: Connection['side']
  readonly traffic: LinkTraffic = { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0 }
  #state: LinkState
  readonly #queue: SendQueue
  #updates = new Map<ShareName, PendingUpdate>()
  #wake: (() => void) | null = null
  #cancelTick: (() => void) | null = null
  #cancelExpiry: (() => void) | null = null
  #cancelProbe: (() => void) | null = null
  #over = false
  #serving = 0
  #endGoodbye!: () => void
  /** The goodbye has arrived, or there is nobody to say it to. */
  readonly #saidGoodbye = new Promise<void>((resolve) => (this.#endGoodbye = resolve))
  #bye: ByeReason | null = null
  readonly #connection: Connection
  readonly #owner: LinkOwner
  readonly #clock: Clock

  constructor(
    connection: Connection,
    self: Hello,
    owner: LinkOwner,
    clock: Clock,
    times?: LinkTimes,
    queue?: QueueOptions,
  ) {
    this.#connection = connection
    this.#owner = owner
    this.#clock = clock
    this.remoteId = connection.remoteId
    this.side = connection.side
    this.#state = newLink(connection.remoteId, self, clock.now(), times)
    this.#queue = new SendQueue(queue)
  }

  get state(): LinkState {
    return this.#state
  }

  get isOpen(): boolean {
    return this.#state.phase === 'open' && !this.#over
  }

  get queueDepth(): number {
    return this.#queue.depth + this.#updates.size
  }

  /** About how much memory the messages that wait to be sent take. */
  get queuedBytes(): number {
    return this.#queue.bytes
  }

  get dropped(): number {
    return this.#queue.dropped
  }

  /** It was asked for a sign of life and has given none so far. */
  get isUnanswered(): boolean {
    return this.#state.probedAt !== null
  }

  /** The reason of the other side's goodbye, if it said one. */
  get bye(): ByeReason | null {
    return this.#bye
  }

  paths() {
    return this.#connection.paths()
  }

  /** Bytes as the network library counts them; also once it is over. */
  wire(): ReturnType<Connection['traffic']> {
    return this.#connection.traffic()
  }

  openStream(): Promise<ByteStream> {
    if (this.#over) throw new TransportError('disconnected', 'the link is closed')
    return this.#connection.openStream()
  }

  /** Talks until the connection is over; never throws. */
  async run(): Promise<void> {
    this.#tickLater()
    void this.#talk().catch((error: unknown) => this.#fail(error))
    const reason = await this.#connection.closed
    this.#end()
    this.#endGoodbye()
    // A read that never ends, on a connection that is over, keeps nobody waiting; what it brings is not looked at.
    this.#owner.closed(this, reason)
  }

  async #talk(): Promise<void> {
    const control = this.side === 'dialer' ? await this.#connection.openStream() : await this.#connection.acceptStream()
    if (!control) return
    if (this.side === 'dialer') this.dispatch({ kind: 'start' })
    await Promise.all(
      [this.#write(control), this.#read(control), this.#serve()].map((task) =>
        task.catch((error: unknown) => this.#fail(error)),
      ),
    )
  }

  dispatch(event: LinkEvent): void {
    const [state, effects] = updateLink(this.#state, event, this.#owner.rights(this))
    this.#state = state
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: LinkEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.send(effect.message)
      case 'greeted':
        return this.#owner.greeted(this, effect.hello)
      case 'pairing':
        return this.#owner.pairing(this, effect.message)
      case 'opened':
        return this.#owner.opened(this)
      case 'offer':
        return this.#owner.offer(this, effect.share, effect.heads, effect.pack)
      case 'update': {
        const before = this.#updates.get(effect.share)
        const update = before
          ? { ...effect, heads: new Map([...before.heads, ...effect.heads]), known: before.known, view: before.view }
          : effect
        this.#updates.set(effect.share, update)
        return this.#wake?.()
      }
      case 'peer-changed':
        return this.#owner.changed(this)
      case 'withdraw':
        this.#queue.forget(effect.share)
        this.#updates.delete(effect.share)
        return this.#owner.withdrawn(this, effect.share)
      case 'offered':
        return this.#owner.offered(this, effect.share, effect)
      case 'taken-back':
        return this.#owner.offered(this, effect.share, undefined)
      case 'refused':
        return this.#owner.refused(this, effect.code, effect.message)
      case 'bye':
        this.#bye = effect.reason
        return this.close(CLOSE.shutdown, 'goodbye')
      case 'close':
        return this.close(effect.code, effect.reason)
    }
  }

  send(message: SendableMessage): void {
    if (this.#over) return
    this.#queue.push(message, this.#clock.now())
    this.#expireLater()
    this.#wake?.()
  }

  #expireLater(): void {
    const due = this.#queue.nextDue
    if (due === null || this.#cancelExpiry) return
    this.#cancelExpiry = this.#clock.after(Math.max(0, due - this.#clock.now()), () => {
      this.#cancelExpiry = null
      this.#queue.expire(this.#clock.now())
      this.#expireLater()
    })
  }

  close(code: CloseCode, reason: string): void {
    this.#end()
    this.#connection.close(code, reason)
  }

  #end(): void {
    this.#over = true
    for (const cancel of [this.#cancelTick, this.#cancelExpiry, this.#cancelProbe]) cancel?.()
    this.#wake?.()
  }

  /** Asks for a sign of life; without one the link closes itself (L4). One that waits for an answer already is left to it. */
  probe(): void {
    if (this.#over || this.#state.phase === 'closed' || this.isUnanswered) return
    this.dispatch({ kind: 'probe', now: this.#clock.now() })
    this.#cancelProbe?.()
    this.#cancelProbe = this.#clock.after(STRAGGLERS_MS, () => {
      const before = this.wire().received
      this.#cancelProbe = this.#clock.after(this.#state.times.probeMs - STRAGGLERS_MS, () => {
        // A large file on a slow line holds the answer up: its bytes are one.
        if (this.wire().received > before) this.dispatch({ kind: 'answered' })
        else this.dispatch({ kind: 'tick', now: this.#clock.now() })
      })
    })
  }

  /** L9: says goodbye and closes when it is on its way. */
  async leave(reason: ByeReason, code: CloseCode): Promise<void> {
    if (this.#over) return
    this.dispatch({ kind: 'leave', reason })
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(GOODBYE_MS, resolve)
      void this.#saidGoodbye.then(resolve).then(cancel)
    })
    this.close(code, reason)
  }

  #tickLater(): void {
    this.#cancelTick = this.#clock.after(this.#untilTick(), () => {
      if (this.#over) return
      this.dispatch({ kind: 'tick', now: this.#clock.now() })
      this.#tickLater()
    })
  }

  /** At the very moment, too, at which silence makes the peer unhealthy or ends the link (L6). */
  #untilTick(): number {
    const { heardAt, times } = this.#state
    const silence = this.#clock.now() - heardAt
    const ahead = [times.unhealthyAfterMs, times.closeAfterMs].map((after) => after - silence)
    return Math.min(TICK_MS, ...ahead.filter((ms) => ms > 0))
  }

  async #write(control: ByteStream): Promise<void> {
    for (;;) {
      for (let owed = this.#queue.takeOwed(); owed; owed = this.#queue.takeOwed())
        this.dispatch({ kind: 'repair', owed })
      const message = this.#queue.take() ?? (this.#updates.size ? await this.#takeUpdate() : undefined)
      if (this.#over) return control.abort()
      if (!message) {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        this.#wake = null
        continue
      }
      if (SPEAKS_OF_A_SHARE.has(message.kind) && 'share' in message && !this.#owner.rights(this).reveal(message.share))
        continue // S1: it waited, and the grant is gone
      const frame = encodeFrame(encodeMessage(message))
      await control.write(frame)
      this.traffic.messagesSent++
      this.traffic.bytesSent += frame.length
      if (message.kind === 'bye') return control.finish().finally(this.#endGoodbye) // a close right after a write would overtake it
    }
  }

  async #takeUpdate(): Promise<SendableMessage | undefined> {
    const [update] = this.#updates.values()
    if (!update) return undefined
    this.#updates.delete(update.share)
    const pack = await this.#owner.buildUpdate(this, update)
    return { kind: 'update', share: update.share, heads: update.heads, pack }
  }

  async #read(control: ByteStream): Promise<void> {
    const frames = new FrameReader(control)
    for (;;) {
      const frame = await frames.frame()
      if (!frame || this.#over) return
      this.traffic.messagesReceived++
      this.traffic.bytesReceived += frame.length + 4
      this.dispatch({ kind: 'message', message: decodeMessage(frame), now: this.#clock.now() })
    }
  }

  async #serve(): Promise<void> {
    for (;;) {
      const stream = await this.#connection.acceptStream()
      if (!stream) return
      // P4: a stranger learns nothing. And nobody makes us work on very many requests at once.
      if (this.#state.phase !== 'open' || this.#serving >= MAX_SERVING) stream.abort()
      else void this.#serveOne(stream)
    }
  }

  async #serveOne(stream: ByteStream): Promise<void> {
    this.#serving++
    try {
      await this.#owner.serve(this, stream)
    } catch (error) {
      this.#failBulk(error)
    } finally {
      this.#serving--
    }
  }

  /** A bulk stream that failed ends alone, unless the other side broke the protocol on it. */
  #failBulk(error: unknown): void {
    if (error instanceof ProtocolError) this.#fail(error)
  }

  #fail(error: unknown): void {
    if (this.#over) return
    const broken = error instanceof ProtocolError || error instanceof CorruptObjectError
    const text = error instanceof Error ? error.message : String(error)
    if (broken || !(error instanceof TransportError)) this.close(CLOSE.protocol, text.slice(0, 180))
    else this.close(CLOSE.disconnect, text.slice(0, 180))
  }
}
