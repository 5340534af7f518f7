import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'

/** Datagrams taken per second. A device in use sends one or two; dozens may start at once. */
const MAX_PER_SOURCE = 10
const MAX_TOTAL = 100
const WINDOW_MS = 1000

/** Counts datagrams by where they say to come from. Its memory is bounded by what it takes in a second. */
export class DatagramLimit {
  readonly #counts = new Map<string, number>()
  #windowStart = -Infinity
  #total = 0

  /** Whether one more is taken. `now` in ms. */
  take(source: string, now: number): boolean {
    if (Math.abs(now - this.#windowStart) >= WINDOW_MS) {
      this.#windowStart = now
      this.#total = 0
      this.#counts.clear()
    }
    const count = (this.#counts.get(source) ?? 0) + 1
    if (count > MAX_PER_SOURCE || this.#total >= MAX_TOTAL) return false
    this.#counts.set(source, count)
    this.#total++
    return true
  }
}

/**
 * A UDP socket that shows its listeners nothing that `accepts` refuses, and no more than they can take: decoding a datagram
 * costs far more than sending one.
 */
export function limitedSocket(accepts: (bytes: Uint8Array, from: RemoteInfo) => boolean, now: () => number): Socket {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  const limit = new DatagramLimit()
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...args: unknown[]) => boolean
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'message') {
      const [bytes, from] = args as [Uint8Array, RemoteInfo]
      if (!accepts(bytes, from) || !limit.take(from.address, now())) return false
    }
    return emit(event, ...args)
  }
  return socket
}
