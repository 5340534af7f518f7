import type { Clock } from '../../ports/clock.ts'
import { TransportError } from '../../ports/errors.ts'
import type { Random } from '../../ports/random.ts'
import type { Connection, EndpointId, PeerAddress, Transport } from '../../ports/transport.ts'
import { AcceptQueue } from '../memory/accept-queue.ts'
import { boundedDial } from '../memory/bounded-dial.ts'
import type { MessagePortLike, PortOpener } from './message-port-like.ts'
import { PortConnection } from './port-connection.ts'
import { greet, welcome } from './port-handshake.ts'
import type { PortIdentity } from './port-identity.ts'
import { PortInbox } from './port-inbox.ts'
import type { Role } from './port-frames.ts'

const CONNECT_TIMEOUT_MS = 30_000
/** For the other side of a port that was taken to prove who it is. */
const WELCOME_TIMEOUT_MS = 10_000
/** Connections that nobody took yet; and, as many again, handshakes under way. */
const MAX_WAITING = 64
/** Addresses that are tried at a time. */
const MAX_ADDRESSES = 16
/** Closes what does not fit into the queue. */
const BUSY_CODE = 4008
/** How long `close` waits for what was said last to leave. */
const CLOSE_WAIT_MS = 1000

export interface PortTransportOptions {
  readonly identity: PortIdentity
  readonly clock: Clock
  /** Fit for secrets: it makes the nonces of the handshake. */
  readonly random: Random
  readonly open: PortOpener
  /** Where others reach us, in words that their openers understand. */
  readonly direct?: readonly string[]
}

/** Connections over ports: it opens them to the addresses that it dials, and takes those that others opened to us. */
export class PortTransport implements Transport {
  readonly id: EndpointId
  readonly #options: PortTransportOptions
  readonly #connections = new Set<PortConnection>()
  readonly #arrivals = new AcceptQueue<Connection>(MAX_WAITING)
  readonly #dials = new Set<AbortController>()
  readonly #welcomes = new Set<PortInbox>()
  #closing: Promise<void> | null = null

  constructor(options: PortTransportOptions) {
    this.#options = options
    this.id = options.identity.id
  }

  address(): PeerAddress {
    return { id: this.id, direct: this.#options.direct ?? [] }
  }

  connect(to: PeerAddress, signal?: AbortSignal): Promise<Connection> {
    if (this.#closing) return Promise.reject(closedError())
    const dial = new AbortController()
    const start = (): Promise<Connection> =>
      new Promise((resolve, reject) => {
        dial.signal.addEventListener('abort', () => reject(closedError()), { once: true })
        this.#dial(to, dial.signal).then(
          (connection) => (dial.signal.aborted ? connection.close(0, '') : resolve(connection)),
          reject,
        )
      })
    this.#dials.add(dial)
    return boundedDial(start, {
      clock: this.#options.clock,
      timeoutMs: CONNECT_TIMEOUT_MS,
      signal,
      onAbandoned: () => dial.abort(),
      onLate: (connection) => connection.close(0, ''),
    }).finally(() => this.#dials.delete(dial))
  }

  accept(): Promise<Connection | null> {
    return this.#arrivals.next()
  }

  /**
   * A port that somebody opened to us: ours from now on, and `accept` gives the connection once the other side has proven who it
   * is. To be called in the turn in which the port came up.
   */
  take(port: MessagePortLike, address = 'port'): void {
    const inbox = new PortInbox(port)
    if (this.#closing || this.#welcomes.size >= MAX_WAITING) return port.close()
    this.#welcomes.add(inbox)
    const cancel = this.#options.clock.after(WELCOME_TIMEOUT_MS, () => port.close())
    welcome({ ...this.#options, inbox })
      .finally(() => {
        cancel()
        this.#welcomes.delete(inbox)
      })
      .then((remoteId) => {
        const connection = this.#hold(inbox, 'acceptor', remoteId, address)
        if (this.#closing) connection.close(0, '')
        else if (!this.#arrivals.push(connection)) connection.close(BUSY_CODE, 'busy')
      })
      // Whoever it was did not prove to be anybody: nothing to tell them, and nobody to tell of.
      .catch(() => port.close())
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shutDown())
  }

  async #shutDown(): Promise<void> {
    this.#arrivals.close()
    for (const dial of this.#dials) dial.abort()
    for (const { port } of this.#welcomes) port.close()
    const gone = [...this.#connections, ...this.#welcomes].map((each) => each.gone)
    for (const connection of this.#connections) connection.close(0, '')
    let cancel = (): void => undefined
    const patience = new Promise<void>((resolve) => (cancel = this.#options.clock.after(CLOSE_WAIT_MS, resolve)))
    await Promise.race([Promise.all(gone), patience])
    cancel()
  }

  /** The first of the addresses at which the right device answers; the others are given up then. */
  async #dial(to: PeerAddress, given: AbortSignal): Promise<Connection> {
    if (to.id === this.id) throw new TransportError('unreachable', 'This is the address of this device itself.')
    const addresses = [...new Set(to.direct)].slice(0, MAX_ADDRESSES)
    if (addresses.length === 0) throw new TransportError('unreachable', 'There is no address of this device.')
    const attempts = new AbortController()
    const abort = (): void => attempts.abort()
    given.addEventListener('abort', abort, { once: true })
    const attempt = async (address: string): Promise<PortConnection> => {
      const inbox = await this.#reach(address, to.id, attempts.signal)
      // In the same turn, so that never two of them win.
      attempts.abort()
      return this.#hold(inbox, 'dialer', to.id, address)
    }
    try {
      return await Promise.any(addresses.map(attempt))
    } catch (error) {
      const { errors } = error as AggregateError
      throw (
        errors.find(isUnreachable) ??
        new TransportError('unreachable', 'The device does not answer.', {}, { cause: errors[0] })
      )
    } finally {
      given.removeEventListener('abort', abort)
    }
  }

  /** A port on which that device has proven who it is. */
  async #reach(address: string, id: EndpointId, signal: AbortSignal): Promise<PortInbox> {
    const port = await this.#options.open(address, signal)
    const inbox = new PortInbox(port)
    const close = (): void => port.close()
    signal.addEventListener('abort', close, { once: true })
    try {
      signal.throwIfAborted()
      await greet({ ...this.#options, inbox }, id)
      signal.throwIfAborted()
      return inbox
    } catch (error) {
      port.close()
      throw error
    } finally {
      signal.removeEventListener('abort', close)
    }
  }

  #hold(inbox: PortInbox, side: Role, remoteId: EndpointId, address: string): PortConnection {
    const { clock } = this.#options
    const connection = new PortConnection({ clock, inbox, side, remoteId, address })
    this.#connections.add(connection)
    void connection.closed.then(() => this.#connections.delete(connection))
    return connection
  }
}

function isUnreachable(error: unknown): error is TransportError {
  return error instanceof TransportError && error.code === 'unreachable'
}

function closedError(): TransportError {
  return new TransportError('closed', 'The network endpoint is closed.')
}
