import type { Socket } from 'node:dgram'
import multicastDns, { type MulticastDns, type Packet } from 'multicast-dns'
import type { Clock } from '../../ports/clock.ts'
import type { LanFound, LanSelf } from '../../ports/discovery.ts'
import { isOnNetwork, type LanNetwork } from './lan-network.ts'
import { announcement, asksForUs, foundIn, mayConcernUs, QUERY } from './lan-packet.ts'
import { limitedSocket } from './limited-socket.ts'

/** Where multicast DNS is spoken; what comes from another port is no answer (RFC 6762 section 6). */
const MDNS_PORT = 5353

/** Between two announcements, asked for or not (RFC 6762 section 6). */
const ANNOUNCE_PAUSE_MS = 1000

export interface LanSpeakerOptions {
  readonly network: LanNetwork
  readonly self: LanSelf
  readonly clock: Clock
  readonly onFound: (found: LanFound) => void
  readonly onWarning: (message: string) => void
}

/** Multicast DNS on one network: announces us, answers, asks, hears others. */
export class LanSpeaker {
  /** Its addresses may change while it is open. */
  network: LanNetwork
  readonly #o: LanSpeakerOptions
  readonly #socket: Socket
  readonly #mdns: MulticastDns
  #cancelAnnounce: (() => void) | null = null
  #announcedAt = -Infinity
  /** What was said last, to be taken back. */
  #announced: { token: string; direct: readonly string[] } | null = null
  #closed = false

  /** Resolves when it hears. @throws the system's error when the port cannot be had. */
  static async open(options: LanSpeakerOptions): Promise<LanSpeaker> {
    const speaker = new LanSpeaker(options)
    try {
      await speaker.#ready()
    } catch (error) {
      await speaker.close()
      throw error
    }
    speaker.announce()
    speaker.announce() // and once more in a second: the first may be lost (RFC 6762 section 8.3)
    return speaker
  }

  private constructor(options: LanSpeakerOptions) {
    this.#o = options
    this.network = options.network
    const { clock } = options
    // A socket bound to 0.0.0.0 hears what any interface joined: what is not of this network is another one's.
    this.#socket = limitedSocket(
      (bytes, from) => from.port === MDNS_PORT && isOnNetwork(this.network, from.address) && mayConcernUs(bytes),
      () => clock.now(),
    )
    this.#mdns = multicastDns({
      socket: this.#socket,
      interface: this.network.address,
      bind: '0.0.0.0',
      port: MDNS_PORT,
    })
    this.#mdns.on('query', (packet: Packet) => {
      if (asksForUs(packet)) this.announce()
    })
    this.#mdns.on('response', (packet: Packet) => {
      for (const found of foundIn(packet, (address) => isOnNetwork(this.network, address))) options.onFound(found)
    })
  }

  async #ready(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      let isReady = false
      this.#mdns.on('ready', () => {
        isReady = true
        resolve()
      })
      this.#mdns.on('error', (error: Error) => {
        if (isReady) this.#o.onWarning(`The local network at ${this.network.address}: ${error.message}`)
        else reject(error)
      })
    })
    // The library does so only when it could join the group; else the default route would hear of this network.
    this.#socket.setMulticastInterface(this.network.address)
  }

  query(): void {
    if (!this.#closed) this.#mdns.query(QUERY)
  }

  /** Now, or as soon as a second has passed since the last time. */
  announce(): void {
    if (this.#closed || this.#cancelAnnounce) return
    const { clock, self } = this.#o
    const wait = this.#announcedAt + ANNOUNCE_PAUSE_MS - clock.now()
    if (wait > 0 && wait <= ANNOUNCE_PAUSE_MS) {
      this.#cancelAnnounce = clock.after(wait, () => {
        this.#cancelAnnounce = null
        this.announce()
      })
      return
    }
    this.#announcedAt = clock.now()
    this.#announced = { token: self.token(), direct: this.network.direct }
    this.#mdns.respond(announcement(this.#announced.token, this.#announced.direct, true))
  }

  /** Says goodbye when there is still somebody to say it to. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#cancelAnnounce?.()
    const last = this.#announced
    if (last)
      await new Promise<void>((done) => this.#mdns.respond(announcement(last.token, last.direct, false), () => done()))
    await new Promise<void>((done) => this.#mdns.destroy(done))
  }
}
