import { systemClock } from '../../src/adapters/node/system-clock.ts'
import type { MessagePortLike } from '../../src/adapters/port/message-port-like.ts'
import { webIdentity } from '../../src/adapters/port/port-identity.ts'
import { PortTransport } from '../../src/adapters/port/port-transport.ts'
import { webRandom } from '../../src/adapters/web/web-random.ts'

/** The transports of one page or process, by name, in real time. Runs in browsers too. */
export class PortSide {
  readonly #dial: (address: string) => Promise<MessagePortLike>
  readonly #transports = new Map<string, PortTransport>()
  readonly #ports: MessagePortLike[] = []

  /** `dial` opens a port to a name, here or elsewhere. */
  constructor(dial: (address: string) => Promise<MessagePortLike>) {
    this.#dial = dial
  }

  async open(name: string, seed = webRandom.bytes(32)): Promise<PortTransport> {
    const transport = new PortTransport({
      identity: await webIdentity(seed),
      clock: systemClock,
      random: webRandom,
      direct: [name],
      open: async (address) => {
        // Nobody answers there, ever.
        if (address === 'port:silent') return new Promise(() => undefined)
        const port = await this.#dial(address)
        this.#ports.push(port)
        return port
      },
    })
    this.#transports.set(name, transport)
    return transport
  }

  /** Somebody opened a port to that name. */
  take(name: string, port: MessagePortLike): void {
    this.#ports.push(port)
    this.#transports.get(name)!.take(port, name)
  }

  /** Ends every port without a word. */
  cut(): void {
    for (const port of this.#ports) port.close()
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#transports.values()].map((transport) => transport.close()))
    this.#transports.clear()
    this.#ports.length = 0
  }
}
