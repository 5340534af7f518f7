import type { Connection as NativeConnection, Endpoint, Incoming } from '@number0/iroh'
import { MAX_DIRECT_ADDRESSES } from '../../peers/peer-address.ts'
import { parseSocketAddress } from '../../peers/socket-address.ts'
import type { Clock } from '../../ports/clock.ts'
import { TransportError } from '../../ports/errors.ts'
import type { Connection, EndpointId, PeerAddress, Transport } from '../../ports/transport.ts'
import { AcceptQueue } from '../memory/accept-queue.ts'
import { boundedDial } from '../memory/bounded-dial.ts'
import { detectByteForm, type ByteForm } from './iroh-bytes.ts'
import { IrohConnection } from './iroh-connection.ts'
import { bindEndpoint, type EndpointOptions } from './iroh-endpoint.ts'
import { connectError, irohMessage } from './iroh-errors.ts'
import { isLoopbackSocket, reachableAddresses } from './local-addresses.ts'
import { loadIroh, type Iroh } from './native-binding.ts'

/** The binding gives up after about as long, but cannot be told to. */
const CONNECT_TIMEOUT_MS = 30_000
/** Connections that nobody took yet; and, as many again, handshakes under way. */
const MAX_WAITING = 64
/** Closes what does not fit into the queue. */
export const BUSY_CODE = 4008
/** Between two tries when the binding refuses to hand over the next arrival. */
const ACCEPT_PAUSE_MS = 1000
/** Between two looks at whether there is a relay. The binding's own `online()` never ends where there is none. */
const RELAY_LOOK_MS = 50

export interface IrohTransportOptions extends EndpointOptions {
  readonly clock: Clock
  /** Default: the binding installed for this platform. */
  readonly iroh?: Iroh
}

export interface IrohTransport extends Transport {
  /** The sockets as bound, `ip:port`: to ask for the same ports at the next start. */
  boundSockets(): readonly string[]
  /**
   * Waits until `address()` names a relay: at most so many ms, and not at all where relays are off or the address is known anyway.
   * Whether it does. @throws the signal's reason.
   */
  awaitRelay(withinMs: number, signal?: AbortSignal): Promise<boolean>
  /** Closes every connection without waiting, for a process about to exit: peers know at once, not after 35 s. */
  closeConnections(code: number, reason: string): void
}

/** A garbage-collected endpoint kills its connections: every open one is held here. */
const open = new Set<IrohTransport>()

/** @throws TransportError `no-native`, `bind-failed`. */
export async function openIrohTransport(options: IrohTransportOptions): Promise<IrohTransport> {
  const iroh = options.iroh ?? loadIroh()
  const form = detectByteForm(iroh)
  const endpoint = await bindEndpoint(iroh, form, options)
  const transport = new NativeTransport(iroh, form, endpoint, options)
  open.add(transport)
  return transport
}

class NativeTransport implements IrohTransport {
  readonly id: EndpointId
  readonly #iroh: Iroh
  readonly #form: ByteForm
  /** Null once closed: the binding frees the ports only when its closed endpoint is garbage-collected. */
  #endpoint: Endpoint | null
  #lastAddress: PeerAddress
  #lastSockets: readonly string[]
  readonly #alpn: Uint8Array
  readonly #clock: Clock
  readonly #warn: (message: string) => void
  /** The relay that it will be, if there is just one: the binding names it only once it is connected there. */
  readonly #ownRelay: string | null
  readonly #hasRelays: boolean
  readonly #connections = new Set<IrohConnection>()
  readonly #arrivals = new AcceptQueue<Connection>(MAX_WAITING)
  /** Native dials and handshakes under way, ours and those of others; none rejects. */
  readonly #dials = new Set<Promise<unknown>>()
  readonly #handshakes = new Set<Promise<unknown>>()
  readonly #accepting: Promise<void>
  #closing: Promise<void> | null = null

  constructor(iroh: Iroh, form: ByteForm, endpoint: Endpoint, options: IrohTransportOptions) {
    this.#iroh = iroh
    this.#form = form
    this.#endpoint = endpoint
    this.#alpn = new TextEncoder().encode(options.alpn)
    this.#clock = options.clock
    this.#warn = options.onWarning ?? (() => {})
    const { relay } = options
    this.#hasRelays = relay === 'default' || (relay !== 'off' && relay.length > 0)
    this.#ownRelay = typeof relay !== 'string' && relay.length === 1 ? new URL(relay[0]!).href : null
    this.id = endpoint.id().toString() as EndpointId
    this.#lastSockets = endpoint.boundSockets()
    this.#lastAddress = this.#addressOf(endpoint)
    this.#accepting = this.#acceptAll(endpoint)
  }

  boundSockets(): readonly string[] {
    return (this.#lastSockets = this.#endpoint?.boundSockets() ?? this.#lastSockets)
  }

  /** Once closed: what it was when last asked. */
  address(): PeerAddress {
    return (this.#lastAddress = this.#endpoint ? this.#addressOf(this.#endpoint) : this.#lastAddress)
  }

  #addressOf(endpoint: Endpoint): PeerAddress {
    const bound = endpoint.boundSockets()
    const known = endpoint.addr()
    // What the binding found out, as the public address behind a router, comes after what we see ourselves.
    const found = known.directAddresses().filter((text) => parseSocketAddress(text) && !isLoopbackSocket(text))
    const direct = [...new Set([...reachableAddresses(bound), ...found])].slice(0, MAX_DIRECT_ADDRESSES)
    const relay = known.relayUrl() ?? this.#ownRelay
    return relay === null ? { id: this.id, direct } : { id: this.id, direct, relay }
  }

  async awaitRelay(withinMs: number, signal?: AbortSignal): Promise<boolean> {
    const giveUpAt = this.#clock.now() + withinMs
    for (;;) {
      if (this.address().relay !== undefined) return true
      const left = giveUpAt - this.#clock.now()
      if (!this.#hasRelays || this.#closing || left <= 0) return false
      await this.#clock.sleep(Math.min(RELAY_LOOK_MS, left), signal)
    }
  }

  connect(to: PeerAddress, signal?: AbortSignal): Promise<Connection> {
    const endpoint = this.#endpoint
    if (this.#closing || !endpoint) return Promise.reject(closedError())
    return boundedDial(() => hold(this.#dials, this.#dial(endpoint, to)), {
      clock: this.#clock,
      timeoutMs: CONNECT_TIMEOUT_MS,
      signal,
      onLate: (connection) => connection.close(0, ''),
    })
  }

  accept(): Promise<Connection | null> {
    return this.#arrivals.next()
  }

  closeConnections(code: number, reason: string): void {
    for (const connection of this.#connections) connection.close(code, reason)
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shutDown())
  }

  async #shutDown(): Promise<void> {
    this.#arrivals.close()
    this.closeConnections(0, '')
    const ends = [...this.#connections].map(({ closed }) => closed)
    await this.#endpoint?.close()
    // Ends because the endpoint did. A native promise left over would keep the process alive, or crash a worker.
    await Promise.all([this.#accepting, ...this.#dials, ...this.#handshakes, ...ends])
    this.#endpoint = null
    open.delete(this)
  }

  async #dial(endpoint: Endpoint, to: PeerAddress): Promise<IrohConnection> {
    if (to.id === this.id) throw new TransportError('unreachable', 'This is the address of this device itself.')
    let native: NativeConnection
    try {
      const direct = to.direct.filter((text) => parseSocketAddress(text))
      const address = new this.#iroh.EndpointAddr(this.#iroh.EndpointId.fromString(to.id), to.relay ?? null, direct)
      native = await endpoint.connect(address, this.#form.toNative(this.#alpn))
    } catch (error) {
      // What the binding says of a dial whose endpoint goes away is one of several things.
      throw this.#closing ? closedError() : connectError(error)
    }
    const connection = this.#hold(native)
    if (connection.remoteId !== to.id) {
      // L2. The binding proves it by TLS; this would be a defect of it.
      connection.close(0, '')
      throw new TransportError('unreachable', 'Another device answers at this address.')
    }
    return connection
  }

  /** Runs until the endpoint is closed; what is wrong with one arrival never ends it. */
  async #acceptAll(endpoint: Endpoint): Promise<void> {
    for (;;) {
      let incoming: Incoming | null
      try {
        incoming = await endpoint.acceptNext()
      } catch (error) {
        if (this.#closing || endpoint.isClosed()) return
        this.#warn(`The next incoming connection could not be taken: ${irohMessage(error)}`)
        await this.#clock.sleep(ACCEPT_PAUSE_MS)
        continue
      }
      if (incoming === null) return
      if (this.#closing || this.#handshakes.size >= MAX_WAITING) incoming.refuse().catch(() => {})
      else void hold(this.#handshakes, this.#welcome(incoming))
    }
  }

  async #welcome(incoming: Incoming): Promise<void> {
    try {
      const accepting = await incoming.accept()
      const connection = this.#hold(await accepting.connect())
      if (this.#closing) connection.close(0, '')
      else if (!this.#arrivals.push(connection)) connection.close(BUSY_CODE, 'busy')
    } catch (error) {
      if (!this.#closing) this.#warn(`An incoming connection failed: ${irohMessage(error)}`)
    }
  }

  #hold(native: NativeConnection): IrohConnection {
    const connection = new IrohConnection(native, this.#form)
    this.#connections.add(connection)
    void connection.closed.then(() => this.#connections.delete(connection))
    return connection
  }
}

/** Keeps the task in the set until it is settled. */
function hold<T>(tasks: Set<Promise<unknown>>, task: Promise<T>): Promise<T> {
  const settled = task.then(
    () => {},
    () => {},
  )
  tasks.add(settled)
  void settled.then(() => tasks.delete(settled))
  return task
}

function closedError(): TransportError {
  return new TransportError('closed', 'The network endpoint is closed.')
}
