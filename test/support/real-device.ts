import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MemoryNetwork } from '../../src/adapters/memory/memory-transport.ts'
import { openBareRepository } from '../../src/adapters/node/bare-repository.ts'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { NodeIndexStore } from '../../src/adapters/node/node-index-store.ts'
import { NodeObjectStore } from '../../src/adapters/node/node-object-store.ts'
import { NodeRefStore } from '../../src/adapters/node/node-ref-store.ts'
import { openNodeVault } from '../../src/adapters/node/node-vault-files.ts'
import { systemClock } from '../../src/adapters/node/system-clock.ts'
import { Device } from '../../src/engine/device.ts'
import type { Share } from '../../src/engine/share.ts'
import { encodePeerAddress } from '../../src/peers/peer-address.ts'
import type { PeerRecord } from '../../src/ports/data-store.ts'
import type { ObjectStore } from '../../src/ports/object-store.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import { seededRandom } from './seeded-random.ts'
import { VAULT } from './test-device.ts'

/** A whole device on a real vault folder and a real repository, in real time, on a network in memory. Its vault is looked at when asked. */
export class RealDevice {
  readonly id: EndpointId
  readonly name: string
  readonly vault: string
  readonly repository: string
  engine: Device | null = null
  /** Told how much of a large blob has arrived. */
  onReceived: (bytes: number) => void = () => undefined
  readonly #folder: string
  readonly #network: MemoryNetwork
  #peers: readonly PeerRecord[] = []

  constructor(network: MemoryNetwork, number: number) {
    this.#network = network
    this.id = (number + 1).toString(16).padStart(2, '0').repeat(32) as EndpointId
    this.name = 'ABCDEFGH'[number]!
    this.#folder = mkdtempSync(join(tmpdir(), `device-${this.name}-`))
    this.vault = join(this.#folder, 'vault')
    this.repository = join(this.#folder, 'repository.git')
    mkdirSync(this.vault)
  }

  get #address(): string {
    return `10.0.0.${parseInt(this.id.slice(0, 2), 16)}:4433`
  }

  pairWith(other: RealDevice): void {
    this.#peers = [
      {
        nodeId: other.id,
        name: other.name,
        ticket: encodePeerAddress({ id: other.id, direct: [other.#address] }),
        addedAt: 0,
        lastSyncAt: null,
        autoConnect: true,
      },
    ]
  }

  async start(): Promise<void> {
    await openBareRepository(this.repository)
    this.engine = await Device.open({
      transport: this.#network.transport(this.id, { address: this.#address }),
      data: { loadPeers: () => Promise.resolve(this.#peers), savePeers: async (peers) => void (this.#peers = peers) },
      codec: nodeCodec,
      clock: systemClock,
      random: seededRandom(1),
      logger: { log: () => undefined },
      name: this.name,
      appVersion: 'test',
      maxPeers: 4,
      shares: [
        {
          name: VAULT,
          objects: this.#watched(await NodeObjectStore.open(this.repository)),
          refs: new NodeRefStore(this.repository),
          index: new NodeIndexStore(join(this.#folder, 'index')),
          files: await openNodeVault({ root: this.vault, codec: nodeCodec, clock: systemClock }),
        },
      ],
      confirm: () => Promise.resolve(true),
    })
    await this.engine.start({ watch: false })
  }

  get share(): Share {
    return this.engine!.shares.get(VAULT)!
  }

  /** Looks at every file, and commits what a person changed. */
  async look(): Promise<void> {
    this.share.tree.markAllDirty()
    await this.share.settle()
  }

  async stop(): Promise<void> {
    const { engine } = this
    this.engine = null
    await engine?.stop()
  }

  async dispose(): Promise<void> {
    await this.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #watched(store: ObjectStore): ObjectStore {
    const receiveLarge = store.receiveLarge.bind(store)
    store.receiveLarge = async (oid, size) => {
      const reception = await receiveLarge(oid, size)
      const write = reception.write.bind(reception)
      reception.write = async (chunk) => {
        await write(chunk)
        this.onReceived(reception.received)
      }
      return reception
    }
    return store
  }
}
