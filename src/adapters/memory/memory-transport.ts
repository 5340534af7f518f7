import type { Clock } from '../../ports/clock.ts'
import { TransportError } from '../../ports/errors.ts'
import type { Random } from '../../ports/random.ts'
import type { Connection, EndpointId, PeerAddress, Transport } from '../../ports/transport.ts'
import { MemoryLink, type LinkHost, type MemoryConnection } from './memory-connection.ts'
import { MemoryEndpoint, type EndpointHost } from './memory-endpoint.ts'

const CONNECT_TIMEOUT_MS = 30_000

export interface MemoryNetworkOptions {
  readonly clock: Clock
  /** Adds jitter to the latency. Without it every message takes exactly as long. */
  readonly random?: Random
  /** One way; default 0. */
  readonly latencyMs?: number
  /** Per direction of each connection; default unlimited. */
  readonly bytesPerMs?: number
  /** How long a dial waits for an address that does not answer; default 30 s, as with Iroh. */
  readonly connectTimeoutMs?: number
}

/**
 * A network of transports in one process, with everything that a real one does: authenticated ids, flow control, resets,
 * deaths, silence. All of it happens on the clock, so that a run on a virtual clock with a seed is the same each time.
 */
export class MemoryNetwork {
  readonly #linkHost: LinkHost
  readonly #endpointHost: EndpointHost
  /** By address. */
  readonly #endpoints = new Map<string, MemoryEndpoint>()
  readonly #links = new Set<MemoryLink>()
  readonly #partitions = new Set<string>()
  readonly #stalled = new Set<EndpointId>()
  /** Dials to addresses that do not answer now: each is tried again whenever that may have changed. */
  readonly #dials = new Set<() => void>()
  #plannedCut: number | null = null

  constructor(options: MemoryNetworkOptions) {
    this.#linkHost = {
      ...options,
      latencyMs: options.latencyMs ?? 0,
      isStalled: (id) => this.#stalled.has(id),
      takePlannedCut: () => {
        const cut = this.#plannedCut
        this.#plannedCut = null
        return cut
      },
    }
    this.#endpointHost = {
      clock: options.clock,
      connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      dial: (from, to, signal) => this.#dial(from, to, signal),
      connectionsOf: ({ id }) => this.#sidesOf(id).map(([side]) => side),
      // A restarted device may have the same address by now.
      remove: (gone) => {
        if (this.#endpoints.get(gone.socket) === gone) this.#endpoints.delete(gone.socket)
      },
    }
  }

  /**
   * A new endpoint. Its address is `mem:<id>`, a form that only this adapter knows, unless one is given: `10.0.0.1:4433`
   * can go into a link. The same id may come back after `close` or `crash`.
   */
  transport(id: EndpointId, options: { readonly address?: string } = {}): Transport {
    const socket = options.address ?? `mem:${id}`
    if (this.#endpoints.has(socket)) throw new TransportError('bind-failed', `${socket} is in use.`)
    const endpoint = new MemoryEndpoint(id, socket, this.#endpointHost)
    this.#endpoints.set(socket, endpoint)
    this.#retryDials()
    return endpoint
  }

  /** Nothing passes between the two. Connections die after 30 s of it; dials wait. */
  partition(a: EndpointId, b: EndpointId): void {
    this.#partitions.add(pairKey(a, b))
    for (const link of this.#links) if (link.joins(a, b)) link.partition()
  }

  /** What was held back goes through. */
  heal(a: EndpointId, b: EndpointId): void {
    this.#partitions.delete(pairKey(a, b))
    for (const link of [...this.#links]) if (link.joins(a, b)) link.heal()
    this.#retryDials()
  }

  /** Kills the live connections of the two as a network death that both sides notice at once. */
  cut(a: EndpointId, b: EndpointId): void {
    for (const link of [...this.#links]) if (link.joins(a, b)) link.die('cut')
  }

  /**
   * The addresses under the live connections of the two are gone: nothing passes on those any more, and the two notice after
   * 30 s. New connections are not concerned.
   */
  strand(a: EndpointId, b: EndpointId): void {
    for (const link of this.#links) if (link.joins(a, b)) link.strand()
  }

  /** Connections between the two that at least one side still takes for alive. */
  connections(a: EndpointId, b: EndpointId): number {
    return [...this.#links].filter((link) => link.joins(a, b)).length
  }

  /** The next stream that anybody opens takes its connection down when more than `bytes` have passed on it, both ways together. */
  cutAfterBytes(bytes: number): void {
    this.#plannedCut = bytes
  }

  /** The device accepts and acknowledges and reads nothing, as one whose event loop is blocked. */
  stall(id: EndpointId): void {
    this.#stalled.add(id)
  }

  resume(id: EndpointId): void {
    this.#stalled.delete(id)
    for (const [side] of this.#sidesOf(id)) side.resume()
  }

  /** The device is gone without a word, as a killed process: others notice after 30 s. */
  crash(id: EndpointId): void {
    for (const endpoint of [...this.#endpoints.values()]) if (endpoint.id === id) endpoint.vanish()
    for (const [side, link] of this.#sidesOf(id)) link.crash(side)
  }

  #sidesOf(id: EndpointId): [MemoryConnection, MemoryLink][] {
    return [...this.#links].flatMap((link) => {
      const side = link.sideOf(id)
      return side ? [[side, link] as [MemoryConnection, MemoryLink]] : []
    })
  }

  #retryDials(): void {
    for (const dial of [...this.#dials]) dial()
  }

  #dial(from: EndpointId, to: PeerAddress, signal: AbortSignal): Promise<Connection> {
    if (to.id === from) return rejected('This is the address of this device itself.')
    if (to.direct.length === 0) return rejected('There is no address of this device.')
    return new Promise((resolve, reject) => {
      const attempt = (): void => {
        const answering = to.direct.flatMap((address) => this.#endpoints.get(address) ?? [])
        const right = answering.find(({ id }) => id === to.id)
        const heard = (right ?? answering[0])?.id
        if (heard === undefined || this.#partitions.has(pairKey(from, heard))) return
        this.#dials.delete(attempt)
        this.#afterRoundTrip(() => {
          if (signal.aborted) return
          // L2: whoever answers at the address cannot prove to be another.
          if (!right) return reject(new TransportError('unreachable', 'Another device answers at this address.'))
          if (!right.isOpen) return reject(new TransportError('unreachable', 'The device refused the connection.'))
          resolve(this.#join(from, right))
        })
      }
      signal.addEventListener('abort', () => this.#dials.delete(attempt), { once: true })
      this.#dials.add(attempt)
      attempt()
    })
  }

  #join(from: EndpointId, to: MemoryEndpoint): Connection {
    const link: MemoryLink = new MemoryLink(this.#linkHost, from, to.id, () => this.#links.delete(link))
    this.#links.add(link)
    if (this.#partitions.has(pairKey(from, to.id))) link.partition()
    to.arrive(link.acceptor)
    return link.dialer
  }

  /** At least a turn of the microtask queue: nothing connects inside the caller's stack. */
  #afterRoundTrip(then: () => void): void {
    const latency = 2 * this.#linkHost.latencyMs
    if (latency > 0) this.#linkHost.clock.after(latency, then)
    else queueMicrotask(then)
  }
}

function pairKey(a: EndpointId, b: EndpointId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}

function rejected(message: string): Promise<never> {
  return Promise.reject(new TransportError('unreachable', message))
}
