import { networkInterfaces } from 'node:os'
import type { Clock } from '../../ports/clock.ts'
import type { Discovery, LanFound, LanSelf } from '../../ports/discovery.ts'
import { planLanNetworks, type Interfaces, type LanNetwork } from './lan-network.ts'
import { LanSpeaker } from './lan-speaker.ts'

/** Between two looks at the machine's interfaces; no system tells Node when they change. */
const POLL_MS = 3000

export interface LanDiscoveryOptions {
  readonly clock: Clock
  readonly onWarning?: (message: string) => void
  readonly interfaces?: () => Interfaces
}

/** Finds devices by multicast DNS over IPv4, with one socket per network that we can be reached on. */
export class LanDiscovery implements Discovery {
  readonly #clock: Clock
  readonly #warn: (message: string) => void
  readonly #interfaces: () => Interfaces
  readonly #speakers = new Map<string, LanSpeaker>()
  /** Networks that could not be spoken on, so that each is warned of once. */
  readonly #failed = new Set<string>()
  readonly #onFound = new Set<(found: LanFound) => void>()
  readonly #onChange = new Set<() => void>()
  #self: LanSelf | null = null
  #cancelPoll: (() => void) | null = null
  #refreshing: Promise<void> = Promise.resolve()
  #closed = false

  constructor({ clock, onWarning = () => undefined, interfaces = networkInterfaces }: LanDiscoveryOptions) {
    this.#clock = clock
    this.#warn = onWarning
    this.#interfaces = interfaces
  }

  async start(self: LanSelf): Promise<void> {
    this.#self = self
    this.#refreshing = this.#refresh(self).then(() => undefined)
    await this.#refreshing
    this.#pollLater()
  }

  query(): void {
    for (const speaker of this.#speakers.values()) speaker.query()
  }

  onFound(listener: (found: LanFound) => void): () => void {
    this.#onFound.add(listener)
    return () => this.#onFound.delete(listener)
  }

  onNetworkChange(listener: () => void): () => void {
    this.#onChange.add(listener)
    return () => this.#onChange.delete(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelPoll?.()
    await this.#refreshing
    const speakers = [...this.#speakers.values()]
    this.#speakers.clear()
    await Promise.all(speakers.map((speaker) => speaker.close()))
  }

  #pollLater(): void {
    if (this.#closed) return
    this.#cancelPoll = this.#clock.after(POLL_MS, () => {
      this.#refreshing = this.#refresh(this.#self!).then((changed) => {
        this.#pollLater()
        if (changed && !this.#closed) for (const listener of [...this.#onChange]) listener()
      })
    })
  }

  /** Brings the speakers in line with the machine's networks. Never rejects. Whether anything is different now. */
  async #refresh(self: LanSelf): Promise<boolean> {
    const networks = new Map(
      planLanNetworks(self.direct(), this.#interfaces()).map((network) => [network.key, network]),
    )
    let changed = false
    for (const [key, speaker] of this.#speakers) {
      if (networks.has(key)) continue
      this.#speakers.delete(key)
      await speaker.close()
      changed = true
    }
    for (const key of this.#failed) if (!networks.has(key)) this.#failed.delete(key)
    for (const network of networks.values()) changed = (await this.#attend(network, self)) || changed
    return changed
  }

  async #attend(network: LanNetwork, self: LanSelf): Promise<boolean> {
    const speaker = this.#speakers.get(network.key)
    if (speaker) {
      const isSame = speaker.network.direct.join() === network.direct.join()
      speaker.network = network
      if (!isSame) speaker.announce()
      return !isSame
    }
    if (this.#closed) return false
    try {
      const { key } = network
      this.#speakers.set(
        key,
        await LanSpeaker.open({
          network,
          self,
          clock: this.#clock,
          onFound: (found) => this.#tell(found),
          onWarning: this.#warn,
        }),
      )
      this.#failed.delete(key)
      return true
    } catch (error) {
      if (!this.#failed.has(network.key))
        this.#warn(
          `Devices on the local network at ${network.address} cannot be looked for: ${(error as Error).message}`,
        )
      this.#failed.add(network.key)
      return false
    }
  }

  #tell(found: LanFound): void {
    for (const listener of [...this.#onFound]) listener(found)
  }
}
