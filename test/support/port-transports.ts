import type { MessagePortLike } from '../../src/adapters/port/message-port-like.ts'
import { nativePort } from '../../src/adapters/port/native-port.ts'
import type { PortTransport } from '../../src/adapters/port/port-transport.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import type { TransportHarness } from '../contracts/transport.contract.ts'
import { PortSide } from './port-side.ts'

/** How two ports come about, one for each side. */
export type Join = (accept: (port: MessagePortLike) => void) => Promise<MessagePortLike>

/** Transports of this process that reach each other over ports of one kind. */
export class PortTransports implements TransportHarness {
  readonly #side: PortSide
  #count = 0

  constructor(join: Join) {
    this.#side = new PortSide((address) => join((port) => this.#side.take(address, port)))
  }

  open(seed?: Uint8Array<ArrayBuffer>, name = `port:${++this.#count}`): Promise<PortTransport> {
    return this.#side.open(name, seed)
  }

  silentAddress() {
    return Promise.resolve({ id: '9'.repeat(64) as EndpointId, direct: ['port:silent'] })
  }

  cut(): void {
    this.#side.cut()
  }

  dispose(): Promise<void> {
    return this.#side.dispose()
  }
}

export const joinByMessageChannel: Join = (accept) => {
  const { port1, port2 } = new MessageChannel()
  accept(nativePort(port2))
  return Promise.resolve(nativePort(port1))
}
