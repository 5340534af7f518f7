import { TransportError } from '../../ports/errors.ts'
import type { ByteStream, CloseReason, Connection, EndpointId, PathInfo } from '../../ports/transport.ts'
import { AcceptQueue } from './accept-queue.ts'
import { MemoryPipe, type PipeHost } from './memory-pipe.ts'
import { MemoryStream } from './memory-stream.ts'
import { MemoryWire, type WireOptions } from './memory-wire.ts'

/** Streams that one side may have open at a time, as with Iroh: who forgets to end them notices here too. */
export const MAX_STREAMS = 100
/** How long a peer may be silent before the connection counts as dead, as with Iroh. */
const IDLE_TIMEOUT_MS = 30_000
const MAX_REASON = 200

export interface LinkHost extends WireOptions {
  isStalled(id: EndpointId): boolean
  /** The bytes after which the stream about to be opened dies, if a test planned that. */
  takePlannedCut(): number | null
}

/** Two connections that are each other's other side, and the wires between them. */
export class MemoryLink {
  readonly dialer: MemoryConnection
  readonly acceptor: MemoryConnection
  readonly #host: LinkHost
  readonly #wires: readonly [MemoryWire, MemoryWire]
  #cancelDeath: (() => void) | null = null
  #stranded = false

  /** `onOver` is called when both sides know that it ended. */
  constructor(host: LinkHost, dialer: EndpointId, acceptor: EndpointId, onOver: () => void) {
    this.#host = host
    const [forth, back] = (this.#wires = [new MemoryWire(host), new MemoryWire(host)])
    const onEnd = (): void => {
      if (!this.dialer.over || !this.acceptor.over) return
      this.#cancelDeath?.()
      onOver()
    }
    this.dialer = new MemoryConnection(host, this, 'dialer', dialer, acceptor, forth, onEnd)
    this.acceptor = new MemoryConnection(host, this, 'acceptor', acceptor, dialer, back, onEnd)
  }

  joins(a: EndpointId, b: EndpointId): boolean {
    const [from, to] = [this.acceptor.remoteId, this.dialer.remoteId]
    return (from === a && to === b) || (from === b && to === a)
  }

  sideOf(id: EndpointId): MemoryConnection | null {
    return this.dialer.localId === id ? this.dialer : this.acceptor.localId === id ? this.acceptor : null
  }

  otherSide(side: MemoryConnection): MemoryConnection {
    return side === this.dialer ? this.acceptor : this.dialer
  }

  /** Nothing passes any more; unless healed in time, both sides notice after the idle timeout. */
  partition(): void {
    for (const wire of this.#wires) wire.hold(true)
    this.#cancelDeath ??= this.#host.clock.after(IDLE_TIMEOUT_MS, () => this.die('timed out'))
  }

  heal(): void {
    if (this.#stranded) return
    this.#cancelDeath?.()
    this.#cancelDeath = null
    for (const wire of this.#wires) wire.hold(false)
  }

  /** As a partition that nothing heals. */
  strand(): void {
    this.#stranded = true
    this.partition()
  }

  /** Both sides notice at once. */
  die(reason: string): void {
    for (const wire of this.#wires) wire.drop()
    for (const side of [this.dialer, this.acceptor]) side.end({ by: 'network', reason })
  }

  /** One side is gone without a word, and what it had under way with it. */
  crash(side: MemoryConnection): void {
    for (const wire of this.#wires) wire.drop()
    this.strand()
    side.end({ by: 'network', reason: 'crashed' })
  }
}

export class MemoryConnection implements Connection {
  readonly localId: EndpointId
  readonly remoteId: EndpointId
  readonly side: 'dialer' | 'acceptor'
  readonly closed: Promise<CloseReason>
  readonly #host: LinkHost
  readonly #link: MemoryLink
  readonly #out: MemoryWire
  readonly #onEnd: () => void
  readonly #streams = new Set<MemoryStream>()
  readonly #incoming = new AcceptQueue<ByteStream>(Infinity)
  /** Streams opened by this side that are not over, and who waits to open one more. */
  #opened = 0
  readonly #waitingToOpen: (() => void)[] = []
  #reason: CloseReason | null = null
  #tellClosed!: (reason: CloseReason) => void
  readonly #traffic = { sent: 0, received: 0 }

  constructor(
    host: LinkHost,
    link: MemoryLink,
    side: 'dialer' | 'acceptor',
    localId: EndpointId,
    remoteId: EndpointId,
    out: MemoryWire,
    onEnd: () => void,
  ) {
    this.#host = host
    this.#link = link
    this.side = side
    this.localId = localId
    this.remoteId = remoteId
    this.#out = out
    this.#onEnd = onEnd
    this.closed = new Promise((resolve) => (this.#tellClosed = resolve))
  }

  get over(): boolean {
    return this.#reason !== null
  }

  async openStream(): Promise<ByteStream> {
    while (!this.#reason && this.#opened >= MAX_STREAMS) {
      await new Promise<void>((wake) => this.#waitingToOpen.push(wake))
    }
    if (this.#reason) throw this.#goneError()
    this.#opened++
    return this.#open(this.#link.otherSide(this))
  }

  acceptStream(): Promise<ByteStream | null> {
    return this.#incoming.next()
  }

  paths(): readonly PathInfo[] {
    if (this.#reason) return []
    return [{ kind: 'local', address: `mem:${this.remoteId}`, roundTripMs: 2 * this.#host.latencyMs }]
  }

  traffic(): { readonly sent: number; readonly received: number } {
    return { ...this.#traffic }
  }

  /** As with QUIC, what was written and has not arrived is lost: `finish` and wait before. */
  close(code: number, reason: string): void {
    if (this.#reason) return
    const text = reason.slice(0, MAX_REASON)
    this.end({ by: 'us', code, reason: text })
    const other = this.#link.otherSide(this)
    this.#out.drop()
    this.#out.send(0, () => other.end({ by: 'peer', code, reason: text }))
  }

  /** This side learns that it is over, and why. The first reason holds. */
  end(reason: CloseReason): void {
    if (this.#reason) return
    this.#reason = reason
    const fault = this.#goneError()
    for (const stream of this.#streams) stream.fail(fault)
    this.#streams.clear()
    this.#incoming.close()
    for (const wake of this.#waitingToOpen.splice(0)) wake()
    this.#tellClosed(reason)
    this.#onEnd()
  }

  /** The device reads again. */
  resume(): void {
    for (const stream of this.#streams) stream.resume()
  }

  #open(other: MemoryConnection): MemoryStream {
    let budget = this.#host.takePlannedCut()
    const allowance = (bytes: number): number => {
      if (budget === null) return bytes
      const allowed = Math.min(bytes, budget)
      budget -= allowed
      return allowed
    }
    const hostFor = (writer: MemoryConnection, reader: MemoryConnection): PipeHost => ({
      forth: writer.#out,
      back: reader.#out,
      stalled: () => this.#host.isStalled(reader.localId),
      allowance: (bytes) => {
        writer.#traffic.sent += bytes
        reader.#traffic.received += bytes
        return allowance(bytes)
      },
      exhausted: () => this.#link.die('cut'),
    })
    let freed = false
    const onOver = (): void => {
      if (ours.over) this.#streams.delete(ours)
      if (theirs.over) other.#streams.delete(theirs)
      if (freed || !ours.over || !theirs.over) return
      freed = true
      this.#opened--
      this.#waitingToOpen.shift()?.()
    }
    const arrive = (): void => {
      if (other.#reason) return
      other.#streams.add(theirs)
      other.#incoming.push(theirs)
    }
    const forth = new MemoryPipe(hostFor(this, other), arrive, onOver)
    const back = new MemoryPipe(hostFor(other, this), () => {}, onOver)
    const ours = new MemoryStream(forth, back)
    const theirs = new MemoryStream(back, forth)
    this.#streams.add(ours)
    return ours
  }

  #goneError(): TransportError {
    const { by, code } = this.#reason!
    const data = code === undefined ? { by } : { by, code }
    return new TransportError('disconnected', 'The connection is over.', data)
  }
}
