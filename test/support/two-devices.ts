import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { MemoryDisk } from '../../src/adapters/memory/memory-disk.ts'
import { createMemoryIndexDisk, MemoryIndexStore } from '../../src/adapters/memory/memory-index-store.ts'
import { createMemoryObjectDisk, MemoryObjectStore } from '../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore, type MemoryRefDisk } from '../../src/adapters/memory/memory-ref-store.ts'
import { MemoryNetwork, type MemoryNetworkOptions } from '../../src/adapters/memory/memory-transport.ts'
import { MemoryVaultFiles } from '../../src/adapters/memory/memory-vault-files.ts'
import { Device, type PeerReport } from '../../src/engine/device.ts'
import type { PairingQuestion } from '../../src/engine/pairing-session.ts'
import { settingsOptions } from '../../src/engine/settings-options.ts'
import { DEFAULT_SETTINGS, type Settings } from '../../src/engine/settings.ts'
import { encodePeerAddress } from '../../src/peers/peer-address.ts'
import type { LinkPhase } from '../../src/peers/peer-states.ts'
import type { PeerRecord } from '../../src/ports/data-store.ts'
import type { LogRecord } from '../../src/ports/logger.ts'
import type { EndpointId, Transport } from '../../src/ports/transport.ts'
import type { QueueOptions } from '../../src/protocol/send-queue.ts'
import { MemoryFolders } from './memory-folders.ts'
import { ProcessClock } from './process-clock.ts'
import { anId } from './sample-messages.ts'
import { seededRandom } from './seeded-random.ts'
import { VirtualClock } from './virtual-clock.ts'

/** Devices on one network and one virtual clock. */
export class TestNetwork {
  readonly clock = new VirtualClock()
  readonly random
  readonly network: MemoryNetwork
  readonly devices: TestDevice[] = []
  /** The clock's time when this began, ms. */
  readonly startedAt = this.clock.now()

  constructor(options: { seed?: number } & Partial<Omit<MemoryNetworkOptions, 'clock' | 'random'>> = {}) {
    this.random = seededRandom(options.seed ?? 1)
    this.network = new MemoryNetwork({ clock: this.clock, random: this.random, ...options })
  }

  /** `number` makes its id: a higher number is a higher id. */
  device(number: number, options: DeviceChoices = {}): TestDevice {
    const device = new TestDevice(this, number, options)
    this.devices.push(device)
    return device
  }

  /** Two devices that know each other, not started. */
  pair(first: DeviceChoices = {}, second: DeviceChoices = {}): [TestDevice, TestDevice] {
    const [a, b] = [this.device(1, first), this.device(2, second)]
    a.records = [recordOf(b)]
    b.records = [recordOf(a)]
    return [a, b]
  }

  /** Runs a promise to its end on the virtual clock. */
  async complete<T>(work: Promise<T>, limitMs = 60_000): Promise<T> {
    let done = false
    const settled = work.finally(() => (done = true))
    settled.catch(() => undefined)
    const until = this.clock.now() + limitMs
    while (!done && this.clock.now() < until) await this.clock.advance(10)
    if (!done) throw new Error(`not done after ${limitMs} ms of virtual time`)
    return settled
  }

  /** Lets time pass until something is so. */
  async until(isSo: () => boolean, what: string, limitMs = 60_000): Promise<void> {
    const end = this.clock.now() + limitMs
    while (!isSo()) {
      if (this.clock.now() >= end)
        throw new Error(
          `${what}: not so after ${limitMs} ms of virtual time\n${this.devices.map((d) => d.describe()).join('\n')}`,
        )
      await this.clock.advance(10)
    }
  }

  /** Ends everything; gives the number of timers that are left (L9). */
  async stop(): Promise<number> {
    for (const device of this.devices) if (device.engine) await this.complete(device.stop())
    await this.clock.settle()
    return this.devices.reduce((sum, device) => sum + device.timers, 0)
  }
}

export interface DeviceChoices {
  readonly name?: string
  readonly maxPeers?: number
  readonly settings?: Partial<Settings>
  readonly queue?: QueueOptions
  readonly confirm?: (question: PairingQuestion, signal: AbortSignal) => Promise<boolean>
}

export class TestDevice {
  readonly id: EndpointId
  readonly address: string
  readonly disk: MemoryDisk
  readonly objects = createMemoryObjectDisk()
  readonly refs: MemoryRefDisk = new Map()
  readonly index = createMemoryIndexDisk()
  readonly folders = new MemoryFolders()
  readonly log: LogRecord[] = []
  readonly questions: PairingQuestion[] = []
  /** The person who answers them; says yes unless chosen otherwise. */
  confirm: (question: PairingQuestion, signal: AbortSignal) => Promise<boolean>
  /** Every change of a link's phase: `<peer's number> <phase>`. */
  readonly transitions: [EndpointId, LinkPhase][] = []
  /** When it dialled somebody, ms since the network began. */
  readonly dials: number[] = []
  records: readonly PeerRecord[] = []
  engine: Device | null = null
  #life: { dead: boolean; clock: ProcessClock } | null = null

  constructor(
    readonly net: TestNetwork,
    readonly number: number,
    readonly choices: DeviceChoices,
  ) {
    this.id = anId(number)
    this.confirm = choices.confirm ?? (() => Promise.resolve(true))
    this.address = `10.0.0.${number}:4433`
    this.disk = new MemoryDisk({ clock: net.clock })
  }

  async start(): Promise<this> {
    const { net, choices } = this
    const life = (this.#life = { dead: false, clock: new ProcessClock(net.clock) })
    const faults = () => (life.dead ? new Promise<void>(() => undefined) : undefined)
    const transport = net.network.transport(this.id, { address: this.address })
    const watched: Transport = {
      id: transport.id,
      address: () => transport.address(),
      accept: () => transport.accept(),
      close: () => transport.close(),
      connect: (to, signal) => {
        this.dials.push(net.clock.now() - net.startedAt)
        return transport.connect(to, signal)
      },
    }
    const files = new MemoryVaultFiles({ disk: this.disk, codec: nodeCodec })
    this.engine = await Device.open({
      transport: watched,
      data: {
        loadPeers: async () => this.records,
        savePeers: async (peers) => {
          if (!life.dead) this.records = peers
        },
      },
      codec: nodeCodec,
      clock: life.clock,
      random: net.random,
      logger: {
        log: (level, event, message, data) =>
          void this.log.push({ at: net.clock.now(), level, event, message, ...(data ? { data } : {}) }),
      },
      name: choices.name ?? `device ${this.number}`,
      appVersion: 'test',
      maxPeers: choices.maxPeers ?? 16,
      ...(choices.settings ? settingsOptions({ ...DEFAULT_SETTINGS, ...choices.settings }) : {}),
      ...(choices.queue ? { queue: choices.queue } : {}),
      shares: [
        {
          name: 'vault',
          objects: new MemoryObjectStore(nodeCodec, this.objects, faults),
          refs: new MemoryRefStore(this.refs, faults),
          index: new MemoryIndexStore(this.index, faults),
          files,
        },
      ],
      folders: this.folders.host(files, life),
      confirm: (question, signal) => {
        this.questions.push(question)
        return this.confirm(question, signal)
      },
    })
    this.engine.peers.onPeerStateChange(({ before, state }) => {
      if (before.link !== state.link) this.transitions.push([state.id, state.link])
    })
    await this.engine.start({ watch: true })
    return this
  }

  async stop(): Promise<void> {
    const engine = this.engine
    this.engine = null
    await engine?.stop()
  }

  /** Dies without a word. */
  crash(): void {
    this.#life!.dead = true
    this.#life!.clock.die()
    this.net.network.crash(this.id)
    this.engine = null
  }

  /** Timers of its last run that are still set. */
  get timers(): number {
    return this.#life?.clock.pending ?? 0
  }

  get peers() {
    return this.engine!.peers
  }

  get share() {
    return this.engine!.shares.get('vault')!
  }

  peer(other: { readonly id: EndpointId }): PeerReport | undefined {
    return this.engine!.peerReports().find(({ id }) => id === other.id)
  }

  isConnectedTo(other: { readonly id: EndpointId }): boolean {
    return this.engine!.peers.states.isAvailable(other.id)
  }

  /** How often the link to a device came up. */
  connects(other: { readonly id: EndpointId }): number {
    return this.transitions.filter(([id, link]) => id === other.id && link === 'connected').length
  }

  write(path: string, text: string): void {
    this.disk.userWrite(path, text)
  }

  text(path: string): string | undefined {
    const content = this.disk.files().get(path)
    return content && new TextDecoder().decode(content)
  }

  describe(): string {
    if (!this.engine) return `device ${this.number}: down`
    const peers = this.engine
      .peerReports()
      .map((p) => `${p.name} ${p.status}${p.current ? ' current' : ''} ${p.state.lastError?.message ?? ''}`)
    return `device ${this.number}: files [${[...this.disk.files().keys()].join()}] peers [${peers.join('; ')}] log ${this.log
      .slice(-5)
      .map((r) => r.message)
      .join('; ')}`
  }
}

export function recordOf(
  device: { readonly id: EndpointId; readonly address: string },
  change: Partial<PeerRecord> = {},
): PeerRecord {
  const ticket = encodePeerAddress({ id: device.id, direct: [device.address] })
  return { nodeId: device.id, name: 'somebody', ticket, addedAt: 0, lastSyncAt: null, autoConnect: true, ...change }
}
