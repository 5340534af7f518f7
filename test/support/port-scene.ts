import { decodeFrame, encodeFrame, type Frame } from '../../src/adapters/port/port-frames.ts'
import { greet } from '../../src/adapters/port/port-handshake.ts'
import { webIdentity, type PortIdentity } from '../../src/adapters/port/port-identity.ts'
import { PortInbox } from '../../src/adapters/port/port-inbox.ts'
import { PortTransport } from '../../src/adapters/port/port-transport.ts'
import type { Connection } from '../../src/ports/transport.ts'
import { portPair, type MemoryPort } from './port-pair.ts'
import { seededRandom } from './seeded-random.ts'
import { VirtualClock } from './virtual-clock.ts'

export const anIdentity = (n: number): Promise<PortIdentity> => webIdentity(new Uint8Array(32).fill(n))

/** Transports over ports in memory, on a virtual clock. Nothing is timed but by it. */
export class PortScene {
  readonly clock = new VirtualClock()
  readonly transports: PortTransport[] = []
  /** Ports that were opened, the dialler's end first. */
  readonly ports: [MemoryPort, MemoryPort][] = []

  /** It answers at `port:n`, where n counts from 1, and at `also:n`. */
  async open(): Promise<PortTransport> {
    const n = this.transports.length + 1
    const transport = new PortTransport({
      identity: await anIdentity(n),
      clock: this.clock,
      random: seededRandom(n),
      direct: [`port:${n}`],
      open: (address) => {
        const to = this.transports[Number(address.split(':')[1]) - 1]
        if (!to) return new Promise(() => undefined)
        const pair = portPair()
        this.ports.push(pair)
        to.take(pair[1], address)
        return Promise.resolve(pair[0])
      },
    })
    this.transports.push(transport)
    return transport
  }

  async connected() {
    const [a, b] = [await this.open(), await this.open()]
    const [dialer, acceptor] = await Promise.all([a.connect(b.address()), b.accept()])
    return { a, b, dialer, acceptor: acceptor! }
  }

  /** A connection to somebody who proved to be somebody, and then says whatever the test says. */
  async raw(): Promise<{ raw: RawPeer; connection: Connection; transport: PortTransport }> {
    const transport = await this.open()
    const [near, far] = portPair()
    transport.take(far)
    const inbox = new PortInbox(near)
    const greeting = { inbox, identity: await anIdentity(200), random: seededRandom(200) }
    await greet(greeting, transport.id)
    return { raw: new RawPeer(near, inbox), connection: (await transport.accept())!, transport }
  }
}

export class RawPeer {
  readonly port: MemoryPort
  readonly heard: Frame[] = []

  constructor(port: MemoryPort, inbox: PortInbox) {
    this.port = port
    inbox.attach((message) => void this.heard.push(decodeFrame(message)!))
  }

  say(...frames: readonly Frame[]): void {
    for (const frame of frames) this.port.post(encodeFrame(frame))
  }

  count(type: Frame['type']): number {
    return this.heard.filter((frame) => frame.type === type).length
  }
}
