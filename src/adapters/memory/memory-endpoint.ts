import type { Clock } from '../../ports/clock.ts'
import { TransportError } from '../../ports/errors.ts'
import type { Connection, EndpointId, PeerAddress, Transport } from '../../ports/transport.ts'
import { AcceptQueue } from './accept-queue.ts'
import { boundedDial } from './bounded-dial.ts'
import type { MemoryConnection } from './memory-connection.ts'

/** Connections that nobody took yet, as with Iroh. */
const MAX_WAITING = 64
const BUSY_CODE = 4008

/** What an endpoint needs of its network. */
export interface EndpointHost {
  readonly clock: Clock
  readonly connectTimeoutMs: number
  /** Stays open while the address does not answer; nothing comes of it once the signal is aborted. */
  dial(from: EndpointId, to: PeerAddress, signal: AbortSignal): Promise<Connection>
  connectionsOf(endpoint: MemoryEndpoint): readonly MemoryConnection[]
  remove(endpoint: MemoryEndpoint): void
}

/** One device's transport in a MemoryNetwork. */
export class MemoryEndpoint implements Transport {
  readonly id: EndpointId
  readonly socket: string
  readonly #host: EndpointHost
  readonly #arrivals = new AcceptQueue<Connection>(MAX_WAITING)
  readonly #dials = new Set<AbortController>()
  #open = true

  /** `socket`: the one direct address. */
  constructor(id: EndpointId, socket: string, host: EndpointHost) {
    this.id = id
    this.socket = socket
    this.#host = host
  }

  get isOpen(): boolean {
    return this.#open
  }

  address(): PeerAddress {
    return { id: this.id, direct: [this.socket] }
  }

  connect(to: PeerAddress, signal?: AbortSignal): Promise<Connection> {
    if (!this.#open) return Promise.reject(closedError())
    const dial = new AbortController()
    const start = (): Promise<Connection> =>
      new Promise((resolve, reject) => {
        dial.signal.addEventListener('abort', () => reject(closedError()), { once: true })
        this.#host.dial(this.id, to, dial.signal).then(resolve, reject)
      })
    this.#dials.add(dial)
    return boundedDial(start, {
      clock: this.#host.clock,
      timeoutMs: this.#host.connectTimeoutMs,
      signal,
      onAbandoned: () => dial.abort(),
      onLate: (connection) => connection.close(0, ''),
    }).finally(() => this.#dials.delete(dial))
  }

  accept(): Promise<Connection | null> {
    return this.#arrivals.next()
  }

  /** Somebody's dial reached us. */
  arrive(connection: MemoryConnection): void {
    if (!this.#arrivals.push(connection)) connection.close(BUSY_CODE, 'busy')
  }

  close(): Promise<void> {
    // The network knows connections by id, and a restarted device has the same one.
    if (!this.#open) return Promise.resolve()
    for (const connection of this.#host.connectionsOf(this)) connection.close(0, '')
    this.vanish()
    return Promise.resolve()
  }

  /** Ends without telling anybody. */
  vanish(): void {
    this.#open = false
    this.#arrivals.close()
    this.#host.remove(this)
    for (const dial of this.#dials) dial.abort()
  }
}

function closedError(): TransportError {
  return new TransportError('closed', 'The network endpoint is closed.')
}
