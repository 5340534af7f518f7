import { TransportError } from '../../ports/errors.ts'
import type { Connection, EndpointId, PeerAddress, Transport } from '../../ports/transport.ts'

/**
 * The transport of a device without a network: paused by its person, or lacking the network component. Nobody calls, nobody
 * can be called; the vault and its history work as ever.
 */
export class OfflineTransport implements Transport {
  readonly id: EndpointId
  readonly #why: string
  #end!: () => void
  readonly #ended = new Promise<void>((resolve) => (this.#end = resolve))

  /** `why`: a sentence, for whoever tries to connect all the same. */
  constructor(id: EndpointId, why: string) {
    this.id = id
    this.#why = why
  }

  address(): PeerAddress {
    return { id: this.id, direct: [] }
  }

  connect(): Promise<Connection> {
    return Promise.reject(new TransportError('unreachable', this.#why))
  }

  async accept(): Promise<null> {
    await this.#ended
    return null
  }

  async close(): Promise<void> {
    this.#end()
  }
}
