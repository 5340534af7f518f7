import type { Clock } from '../../ports/clock.ts'
import { TransportError } from '../../ports/errors.ts'
import type { ByteStream, CloseReason, Connection, EndpointId, PathInfo } from '../../ports/transport.ts'
import { decodeFrame, encodeFrame, shortReason, type Frame, type Role } from './port-frames.ts'
import type { PortInbox } from './port-inbox.ts'
import { PortLiveness } from './port-liveness.ts'
import { PortStreams } from './port-streams.ts'
import { SendWindow } from './send-window.ts'

/** What a side that breaks the protocol is closed with. */
export const PROTOCOL_CODE = 4004
/** More than this cannot be waiting in a port whose other side reads: 1 MiB of chunks and what is said about them. */
const MAX_BUFFERED = 8 * 1024 * 1024

export interface PortConnectionOptions {
  readonly clock: Clock
  readonly inbox: PortInbox
  readonly side: Role
  /** Proven by the handshake. */
  readonly remoteId: EndpointId
  /** For people. */
  readonly address: string
}

/**
 * Streams over a port, with the flow control that it lacks. Two bounds: a chunk counts as under way until the other side has it
 * (T6, {@link SendWindow}), and as unread until its reader took it (stream-credit.ts). The port belongs to the connection, and is
 * closed with it. Whatever the other side sends beyond what the protocol allows ends the connection.
 */
export class PortConnection implements Connection {
  readonly remoteId: EndpointId
  readonly side: Role
  readonly closed: Promise<CloseReason>
  readonly #inbox: PortInbox
  readonly #address: string
  readonly #window = new SendWindow()
  readonly #streams: PortStreams
  readonly #liveness: PortLiveness
  /** Data frames that the other side has not acknowledged. */
  #underWay = 0
  #reason: CloseReason | null = null
  #tellClosed!: (reason: CloseReason) => void
  readonly #traffic = { sent: 0, received: 0 }

  constructor({ clock, inbox, side, remoteId, address }: PortConnectionOptions) {
    this.remoteId = remoteId
    this.side = side
    this.#inbox = inbox
    this.#address = address
    this.closed = new Promise((resolve) => (this.#tellClosed = resolve))
    this.#streams = new PortStreams(side === 'dialer', this.#window, (frame) => {
      this.#post(frame)
      if (frame.type !== 'data' || this.#reason) return
      this.#underWay++
      this.#liveness.sent()
    })
    this.#liveness = new PortLiveness(clock, {
      ping: () => this.#post({ type: 'ping' }),
      dead: () => this.#end({ by: 'network', reason: 'timed out' }),
    })
    inbox.attach((message) => this.#onMessage(message))
    void inbox.gone.then(() => this.#end({ by: 'network', reason: 'the port closed' }))
  }

  /** Resolves when nothing passes any more on the port under it. */
  get gone(): Promise<void> {
    return this.#inbox.gone
  }

  openStream(): Promise<ByteStream> {
    return this.#streams.open()
  }

  acceptStream(): Promise<ByteStream | null> {
    return this.#streams.accept()
  }

  paths(): readonly PathInfo[] {
    return this.#reason ? [] : [{ kind: this.#inbox.port.kind, address: this.#address }]
  }

  /** Of messages, without what the port adds to them. */
  traffic(): { readonly sent: number; readonly received: number } {
    return { ...this.#traffic }
  }

  /** What was written leaves before it, but whether it arrived only `finish` tells. */
  close(code: number, reason: string): void {
    if (this.#reason) return
    const text = shortReason(reason)
    this.#post({ type: 'close', code, reason: text })
    this.#end({ by: 'us', code, reason: text })
  }

  #onMessage(message: Uint8Array): void {
    if (this.#reason) return
    this.#traffic.received += message.length
    this.#liveness.heard()
    const frame = decodeFrame(message)
    if (!frame || !this.#onFrame(frame)) this.close(PROTOCOL_CODE, 'protocol error')
  }

  /** False when the frame breaks the protocol. */
  #onFrame(frame: Frame): boolean {
    switch (frame.type) {
      case 'hello':
      case 'proof':
        return false
      case 'received':
        return this.#onReceived()
      case 'ping':
        if (this.#liveness.mayAnswer()) this.#post({ type: 'pong' })
        return true
      case 'pong':
        return true
      case 'close':
        this.#end({ by: 'peer', code: frame.code, reason: frame.reason })
        return true
      case 'data':
        this.#post({ type: 'received' })
        return this.#streams.receive(frame)
      case 'open':
      case 'credit':
      case 'finish':
      case 'finished':
      case 'reset':
      case 'stop':
      case 'release':
        return this.#streams.receive(frame)
    }
  }

  #onReceived(): boolean {
    if (this.#underWay === 0) return false
    this.#underWay--
    this.#window.leave()
    this.#liveness.acknowledged(this.#underWay)
    return true
  }

  #post(frame: Frame): void {
    if (this.#reason) return
    const message = encodeFrame(frame)
    this.#traffic.sent += message.length
    try {
      this.#inbox.port.postMessage(message)
    } catch {
      return this.#end({ by: 'network', reason: 'the port closed' })
    }
    if (this.#inbox.port.bufferedAmount > MAX_BUFFERED) this.#end({ by: 'network', reason: 'the port is full' })
  }

  /** The first reason holds. */
  #end(reason: CloseReason): void {
    if (this.#reason) return
    this.#reason = reason
    this.#liveness.stop()
    const { by, code } = reason
    this.#streams.fail(
      new TransportError('disconnected', 'The connection is over.', code === undefined ? { by } : { by, code }),
    )
    this.#window.close()
    this.#inbox.port.close()
    this.#tellClosed(reason)
  }
}
