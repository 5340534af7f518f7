import { MemoryDisk, type MemoryDiskOptions } from '../../src/adapters/memory/memory-disk.ts'
import {
  createMemoryIndexDisk,
  MemoryIndexStore,
  type MemoryIndexDisk,
} from '../../src/adapters/memory/memory-index-store.ts'
import {
  createMemoryObjectDisk,
  MemoryObjectStore,
  type MemoryObjectDisk,
} from '../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore, type MemoryRefDisk } from '../../src/adapters/memory/memory-ref-store.ts'
import type { MemoryNetwork } from '../../src/adapters/memory/memory-transport.ts'
import { MemoryVaultFiles, type MemoryVaultOptions } from '../../src/adapters/memory/memory-vault-files.ts'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { Device } from '../../src/engine/device.ts'
import type { BatchSizes } from '../../src/engine/fetch-queue.ts'
import type { ShareParts } from '../../src/engine/share-parts.ts'
import type { Share } from '../../src/engine/share.ts'
import type { Commit } from '../../src/objects/commit.ts'
import { decodeCommit } from '../../src/objects/commit.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { decodeTree } from '../../src/objects/tree.ts'
import { encodePeerAddress } from '../../src/peers/peer-address.ts'
import type { PeerRecord } from '../../src/ports/data-store.ts'
import type { LogRecord } from '../../src/ports/logger.ts'
import type { RefName } from '../../src/ports/ref-store.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import { ProcessClock } from './process-clock.ts'
import { seededRandom } from './seeded-random.ts'
import type { VirtualClock } from './virtual-clock.ts'

export const VAULT = 'vault'

export interface TestDeviceOptions {
  readonly name?: string
  readonly disk?: Omit<MemoryDiskOptions, 'clock'>
  readonly files?: Omit<MemoryVaultOptions, 'disk' | 'codec'>
  /** Other stores and files than those in memory. Called at each start. */
  readonly parts?: (clock: ProcessClock) => Promise<ShareParts>
  readonly batches?: BatchSizes
}

/** One whole device on a shared clock and network: what outlives a restart, and the engine that runs on it, or none. */
export class TestDevice {
  readonly id: EndpointId
  readonly name: string
  readonly address: string
  readonly disk: MemoryDisk
  objects: MemoryObjectDisk = createMemoryObjectDisk()
  refs: MemoryRefDisk = new Map()
  index: MemoryIndexDisk = createMemoryIndexDisk()
  readonly log: LogRecord[] = []
  records: readonly PeerRecord[] = []
  engine: Device | null = null
  /** For the next start. */
  files: Omit<MemoryVaultOptions, 'disk' | 'codec'>
  /** Called before (and after: `<operation>:done`) each operation of the memory stores while this device lives. May call `crash`. */
  onOperation: (operation: string) => void = () => undefined
  readonly #parts: TestDeviceOptions['parts']
  readonly #batches: BatchSizes | undefined
  #life: { dead: boolean; readonly clock: ProcessClock }

  constructor(
    readonly network: MemoryNetwork,
    readonly clock: VirtualClock,
    readonly number: number,
    options: TestDeviceOptions = {},
  ) {
    this.id = (number + 1).toString(16).padStart(2, '0').repeat(32) as EndpointId
    this.name = options.name ?? 'ABCDEFGH'[number]!
    this.address = `10.0.0.${number + 1}:4433`
    this.disk = new MemoryDisk({ clock, ...options.disk })
    this.files = options.files ?? {}
    this.#parts = options.parts
    this.#batches = options.batches
    this.#life = { dead: false, clock: new ProcessClock(clock) }
  }

  get record(): PeerRecord {
    const ticket = encodePeerAddress({ id: this.id, direct: [this.address] })
    return { nodeId: this.id, name: this.name, ticket, addedAt: 0, lastSyncAt: null, autoConnect: true }
  }

  /** Resolves when the first look at the vault is over; needs the clock to move. */
  async start(): Promise<void> {
    if (this.engine) return
    const life = (this.#life = { dead: false, clock: new ProcessClock(this.clock) })
    const parts = (await this.#parts?.(life.clock)) ?? this.#memoryParts(life)
    const engine = await Device.open({
      transport: this.network.transport(this.id, { address: this.address }),
      data: {
        loadPeers: () => Promise.resolve(this.records),
        savePeers: async (peers) => {
          if (!life.dead) this.records = peers
        },
      },
      codec: nodeCodec,
      clock: life.clock,
      random: seededRandom(this.number + 1),
      logger: {
        log: (level, event, message, data) =>
          void this.log.push({ at: this.clock.now(), level, event, message, ...(data ? { data } : {}) }),
      },
      name: this.name,
      appVersion: 'test',
      maxPeers: 16,
      shares: [parts],
      ...(this.#batches ? { batches: this.#batches } : {}),
      confirm: () => Promise.resolve(true),
    })
    if (life.dead) return void (await new Promise(() => undefined))
    this.engine = engine
    await engine.start({ watch: true })
  }

  #memoryParts(life: { readonly dead: boolean }): ShareParts {
    const faults = (operation: string): void | Promise<void> => {
      if (!life.dead) this.onOperation(operation)
      // A dead process writes nothing more, and hears of nothing.
      if (life.dead) return new Promise(() => undefined)
    }
    return {
      name: VAULT,
      objects: new MemoryObjectStore(nodeCodec, this.objects, faults),
      refs: new MemoryRefStore(this.refs, faults),
      index: new MemoryIndexStore(this.index, faults),
      files: new MemoryVaultFiles({ disk: this.disk, codec: nodeCodec, ...this.files }),
    }
  }

  /** Dies without a word, in the middle of whatever it does, the start included. */
  crash(): void {
    this.#life.dead = true
    this.#life.clock.die()
    this.disk.powerCut()
    this.network.crash(this.id)
    this.engine = null
  }

  async stop(): Promise<void> {
    const { engine } = this
    this.engine = null
    await engine?.stop()
  }

  get share(): Share {
    if (!this.engine) throw new Error(`${this.name} is not running`)
    return this.engine.shares.get(VAULT)!
  }

  /** The commit that this device's ref names; null before its first edit. */
  get head(): Oid | null {
    return this.refs.get(`refs/devices/${this.id}`) ?? null
  }

  /** Every file of the vault as text, by path. */
  vault(): Record<string, string> {
    const files: Record<string, string> = {}
    for (const [path, content] of [...this.disk.files()].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!/(^|\/)\.tandem-/.test(path)) files[path] = new TextDecoder().decode(content)
    }
    return files
  }

  read(path: string): string | undefined {
    return this.vault()[path]
  }

  write(files: Readonly<Record<string, string | Uint8Array>>): void {
    for (const [path, content] of Object.entries(files)) this.disk.userWrite(path, content)
  }

  commit(oid: Oid): Commit {
    return decodeCommit(this.objects.objects.get(oid)!.content)
  }

  /** The commits of this device's ref that its own hand wrote, newest first. */
  ownCommits(): Commit[] {
    const seen = new Set<Oid>()
    const own: Commit[] = []
    const queue = this.head ? [this.head] : []
    for (let oid = queue.shift(); oid; oid = queue.shift()) {
      if (seen.has(oid)) continue
      seen.add(oid)
      const commit = this.commit(oid)
      if (commit.author.name === this.name) own.push(commit)
      queue.push(...commit.parents)
    }
    return own
  }

  /** The contents of every file of every version that a ref reaches. @throws Error when something that a ref needs is missing (T2). */
  history(): Set<string> {
    const seen = new Set<Oid>()
    const texts = new Set<string>()
    const queue: { oid: Oid; of: RefName | Oid }[] = [...this.refs].map(([of, oid]) => ({ oid, of }))
    for (let at = queue.pop(); at; at = queue.pop()) {
      if (seen.has(at.oid)) continue
      seen.add(at.oid)
      const { oid, of } = at
      const object = this.objects.objects.get(oid)
      if (!object) throw new Error(`[T2] ${this.name} lacks ${oid}, which ${of} names`)
      if (object.type === 'commit') {
        const { tree, parents } = decodeCommit(object.content)
        for (const next of [tree, ...parents]) queue.push({ oid: next, of: oid })
      } else if (object.type === 'tree')
        for (const entry of decodeTree(object.content)) queue.push({ oid: entry.oid, of: oid })
      else texts.add(new TextDecoder().decode(object.content))
    }
    return texts
  }

  describe(): string {
    if (!this.engine) return `${this.name}: down`
    const { tree, lastError } = this.share
    const peers = this.engine
      .peerReports()
      .map((p) => `${p.name} ${p.status}${p.current ? ' current' : ''} ${p.state.lastError?.message ?? ''}`)
    const refs = [...this.refs].map(([name, oid]) => `${name.replace('refs/', '').slice(0, 12)}=${oid.slice(0, 7)}`)
    const files = Object.entries(this.vault())
      .slice(0, 12)
      .map(([path, text]) => `    ${path}: ${JSON.stringify(text.slice(0, 120))}`)
    return [
      `${this.name}: shows ${tree.applied?.slice(0, 7)} dirty ${tree.isDirty} consent ${tree.consent?.direction} error ${String(lastError)} refs ${refs.join(' ')}`,
      `    issues ${JSON.stringify(tree.issues)} peers ${peers.join('; ')}`,
      ...files,
      ...this.log.slice(-4).map((r) => `    log ${r.message} ${JSON.stringify(r.data)}`),
    ].join('\n')
  }
}
