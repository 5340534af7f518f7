import { AcceptQueue } from '../memory/accept-queue.ts'
import type { TransportError } from '../../ports/errors.ts'
import type { ByteStream } from '../../ports/transport.ts'
import type { StreamFrame } from './port-frames.ts'
import { PortStream, type StreamHost } from './port-stream.ts'
import type { SendWindow } from './send-window.ts'

/** Streams that one side may have open at a time, as with Iroh. */
export const MAX_STREAMS = 100

/**
 * The streams of a connection by number. A stream that the other side opened is over when both halves are, on the port and for our
 * reader and writer; then it is released, and only then may the other side open another one in its place: so no more than 100 of
 * its streams hold anything here, however it behaves.
 */
export class PortStreams {
  readonly #post: (frame: StreamFrame) => void
  readonly #streamHost: StreamHost
  readonly #streams = new Map<number, PortStream>()
  readonly #incoming = new AcceptQueue<ByteStream>(MAX_STREAMS)
  #nextOwn: number
  #nextTheirs: number
  /** Streams of each side that are not over, and who waits to open one more. */
  #own = 0
  #theirs = 0
  readonly #waitingToOpen: (() => void)[] = []
  #fault: TransportError | null = null

  constructor(isDialer: boolean, window: SendWindow, post: (frame: StreamFrame) => void) {
    this.#nextOwn = isDialer ? 1 : 2
    this.#nextTheirs = isDialer ? 2 : 1
    this.#post = post
    this.#streamHost = { window, post, onChange: (stream) => this.#onChange(stream) }
  }

  async open(): Promise<ByteStream> {
    while (!this.#fault && this.#own >= MAX_STREAMS) {
      await new Promise<void>((wake) => this.#waitingToOpen.push(wake))
    }
    if (this.#fault) throw this.#fault
    this.#own++
    return this.#add(this.#nextOwn, false)
  }

  accept(): Promise<ByteStream | null> {
    return this.#incoming.next()
  }

  /** False when the frame breaks the protocol. */
  receive(frame: StreamFrame): boolean {
    if (frame.type === 'open') return this.#onOpen(frame.stream)
    const stream = this.#streams.get(frame.stream)
    if (!stream) return this.#isLate(frame)
    if (frame.type !== 'release') return stream.receive(frame)
    if (this.#isTheirs(stream.id) || stream.released || !stream.portOver) return false
    stream.released = true
    this.#onChange(stream)
    return true
  }

  /** The connection is over. */
  fail(fault: TransportError): void {
    if (this.#fault) return
    this.#fault = fault
    for (const stream of this.#streams.values()) stream.fail(fault)
    this.#streams.clear()
    this.#incoming.close()
    for (const wake of this.#waitingToOpen.splice(0)) wake()
  }

  #onOpen(id: number): boolean {
    if (id !== this.#nextTheirs || this.#theirs >= MAX_STREAMS) return false
    this.#theirs++
    return this.#incoming.push(this.#add(id, true))
  }

  #add(id: number, known: boolean): PortStream {
    const stream = new PortStream(id, known, this.#streamHost)
    if (known) this.#nextTheirs += 2
    else this.#nextOwn += 2
    this.#streams.set(id, stream)
    return stream
  }

  /** Of a stream that we released, what crossed the release on its way. */
  #isLate({ type, stream }: StreamFrame): boolean {
    return this.#isTheirs(stream) && stream < this.#nextTheirs && stream > 0 && (type === 'credit' || type === 'stop')
  }

  #isTheirs(id: number): boolean {
    return id % 2 === this.#nextTheirs % 2
  }

  #onChange(stream: PortStream): void {
    if (!stream.userOver || !this.#streams.has(stream.id)) return
    if (this.#isTheirs(stream.id)) {
      if (!stream.portOver) return
      this.#streams.delete(stream.id)
      this.#theirs--
      this.#post({ type: 'release', stream: stream.id })
    } else if (stream.released) {
      this.#streams.delete(stream.id)
      this.#own--
      this.#waitingToOpen.shift()?.()
    }
  }
}
