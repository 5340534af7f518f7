import { createSocket } from 'node:dgram'
import { randomBytes } from 'node:crypto'
import { generateSecretKey, endpointIdOf } from '../../src/adapters/iroh/iroh-keys.ts'
import {
  openIrohTransport,
  type IrohTransport,
  type IrohTransportOptions,
} from '../../src/adapters/iroh/iroh-transport.ts'
import { systemClock } from '../../src/adapters/node/system-clock.ts'
import type { PeerAddress } from '../../src/ports/transport.ts'

export const TEST_ALPN = 'tandem/test/1'

export function aSecretKey(): Uint8Array {
  return generateSecretKey({ bytes: (length) => new Uint8Array(randomBytes(length)), fraction: () => 0.5 })
}

/** Real endpoints on loopback, without relays; `dispose` closes them. */
export class IrohEndpoints {
  readonly #cleanUps: (() => Promise<unknown>)[] = []

  async open(options: Partial<IrohTransportOptions> = {}): Promise<IrohTransport> {
    const transport = await openIrohTransport({
      secretKey: aSecretKey(),
      alpn: TEST_ALPN,
      bind: { ipv4: '127.0.0.1:0' },
      relay: 'off',
      clock: systemClock,
      ...options,
    })
    this.#cleanUps.push(() => transport.close())
    return transport
  }

  /** A socket that takes packets and never answers, under the id of nobody. */
  async silentAddress(): Promise<PeerAddress> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    this.#cleanUps.push(() => new Promise<void>((resolve) => socket.close(() => resolve())))
    return { id: endpointIdOf(aSecretKey()), direct: [`127.0.0.1:${socket.address().port}`] }
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#cleanUps.splice(0).map((cleanUp) => cleanUp()))
  }
}
