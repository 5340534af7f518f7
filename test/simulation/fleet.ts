import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { MemoryDisk } from '../../src/adapters/memory/memory-disk.ts'
import { createMemoryIndexDisk, MemoryIndexStore } from '../../src/adapters/memory/memory-index-store.ts'
import { createMemoryObjectDisk, MemoryObjectStore } from '../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore, type MemoryRefDisk } from '../../src/adapters/memory/memory-ref-store.ts'
import { MemoryNetwork } from '../../src/adapters/memory/memory-transport.ts'
import { MemoryVaultFiles } from '../../src/adapters/memory/memory-vault-files.ts'
import { Device } from '../../src/engine/device.ts'
import { encodePeerAddress } from '../../src/peers/peer-address.ts'
import type { DataStore, PeerRecord } from '../../src/ports/data-store.ts'
import type { LogRecord } from '../../src/ports/logger.ts'
import type { Random } from '../../src/ports/random.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import { ProcessClock } from '../support/process-clock.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const SHARE = 'vault'

/** One device of a fleet: what outlives a restart (disk, repository, index, records), and the engine that runs on it, or none. */
export class SimDevice {
  readonly id: EndpointId
  readonly disk: MemoryDisk
  readonly objects = createMemoryObjectDisk()
  readonly refs: MemoryRefDisk = new Map()
  readonly index = createMemoryIndexDisk()
  readonly log: LogRecord[] = []
  records: readonly PeerRecord[] = []
  engine: Device | null = null
  /** Turned when the process dies: its stores then fail for ever, as a dead process writes nothing. */
  #life: { dead: boolean; clock: ProcessClock }

  constructor(
    readonly fleet: Fleet,
    readonly number: number,
    options: { caseFolding: boolean; coarseTimes: boolean },
  ) {
    this.id = (number + 1).toString(16).padStart(2, '0').repeat(32) as EndpointId
    this.#life = { dead: false, clock: new ProcessClock(fleet.clock) }
    const random = seededRandom(fleet.seed * 1000 + number)
    this.disk = new MemoryDisk({
      clock: fleet.clock,
      caseFolding: options.caseFolding,
      mtimeGranularityMs: options.coarseTimes ? 2000 : 1,
      random: () => random.fraction(),
    })
  }

  get address(): string {
    return `10.0.0.${this.number + 1}:4433`
  }

  async start(): Promise<void> {
    if (this.engine) return
    const life = (this.#life = { dead: false, clock: new ProcessClock(this.fleet.clock) })
    const { network } = this.fleet
    const { clock } = life
    const faults = () => {
      if (life.dead) return new Promise<void>(() => undefined)
      return undefined
    }
    const data: DataStore = {
      loadPeers: async () => this.records,
      savePeers: async (peers) => {
        if (!life.dead) this.records = peers
      },
    }
    const engine = await Device.open({
      transport: network.transport(this.id, { address: this.address }),
      data,
      codec: nodeCodec,
      clock,
      random: this.fleet.random,
      logger: {
        log: (level, event, message, more) =>
          void this.log.push({ at: clock.now(), level, event, message, ...(more ? { data: more } : {}) }),
      },
      name: `device ${this.number}`,
      appVersion: 'sim',
      maxPeers: 16,
      shares: [
        {
          name: SHARE,
          objects: new MemoryObjectStore(nodeCodec, this.objects, faults),
          refs: new MemoryRefStore(this.refs, faults),
          index: new MemoryIndexStore(this.index, faults),
          files: new MemoryVaultFiles({ disk: this.disk, codec: nodeCodec }),
        },
      ],
      confirm: () => Promise.resolve(true),
    })
    this.engine = engine
    engine.on((event) => {
      // A person who is asked says yes: what the fleet must agree on is the outcome.
      if (event.kind === 'share' && event.event.kind === 'consent') void engine.shares.get(SHARE)?.answerConsent(true)
    })
    await engine.start({ watch: true })
  }

  /** Dies without a word, in the middle of whatever it does. */
  crash(): void {
    if (!this.engine) return
    this.#life.dead = true
    this.#life.clock.die()
    this.disk.powerCut()
    this.fleet.network.crash(this.id)
    this.engine = null
  }

  /** The state folder is gone; the key, the list of peers and the vault are still there. */
  loseState(): void {
    this.objects.objects.clear()
    this.objects.partials.clear()
    this.refs.clear()
    this.index.entries.clear()
    this.index.base = null
  }

  async stop(): Promise<void> {
    const engine = this.engine
    this.engine = null
    await engine?.stop()
  }

  get leftoverTimers(): number {
    return this.#life.clock.pending
  }

  files(): Map<string, string> {
    const files = new Map<string, string>()
    for (const [path, content] of this.disk.files())
      if (!path.includes('.tandem-')) files.set(path, new TextDecoder().decode(content))
    return files
  }

  get share() {
    return this.engine!.shares.get(SHARE)!
  }
}

/** A mesh or chain of whole devices on one virtual clock and one seed. */
export class Fleet {
  readonly clock = new VirtualClock()
  readonly random: Random
  readonly network: MemoryNetwork
  readonly devices: SimDevice[]

  constructor(
    readonly seed: number,
    count: number,
    shape: 'mesh' | 'chain' | 'star',
    options: { caseFolding: boolean; coarseTimes: boolean; latencyMs: number },
  ) {
    this.random = seededRandom(seed)
    this.network = new MemoryNetwork({ clock: this.clock, random: this.random, latencyMs: options.latencyMs })
    this.devices = Array.from({ length: count }, (_, i) => new SimDevice(this, i, options))
    for (const a of this.devices)
      a.records = this.devices.filter((b) => a !== b && linked(shape, a.number, b.number)).map((b) => recordOf(b))
  }

  /** Runs a promise to its end on the virtual clock. */
  async complete<T>(work: Promise<T>, limitMs = 120_000): Promise<T> {
    let done = false
    const settled = work.finally(() => (done = true))
    settled.catch(() => undefined)
    const until = this.clock.now() + limitMs
    while (!done && this.clock.now() < until) await this.clock.advance(20)
    if (!done) throw new Error(`not done after ${limitMs} ms of virtual time`)
    return settled
  }
}

function linked(shape: 'mesh' | 'chain' | 'star', a: number, b: number): boolean {
  if (shape === 'mesh') return true
  return shape === 'chain' ? Math.abs(a - b) === 1 : a === 0 || b === 0
}

function recordOf(device: SimDevice): PeerRecord {
  const ticket = encodePeerAddress({ id: device.id, direct: [device.address] })
  return { nodeId: device.id, name: `device ${device.number}`, ticket, addedAt: 0, lastSyncAt: null, autoConnect: true }
}
