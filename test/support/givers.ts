import { MemoryObjectStore } from '../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../src/adapters/memory/memory-ref-store.ts'
import { MemoryNetwork } from '../../src/adapters/memory/memory-transport.ts'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { fetchHeads } from '../../src/engine/fetch-client.ts'
import type { BatchSizes } from '../../src/engine/fetch-queue.ts'
import { serveFetch } from '../../src/engine/fetch-server.ts'
import { serveGitStream } from '../../src/engine/git-server.ts'
import { isGitStream } from '../../src/engine/git-traffic.ts'
import { JointFetches } from '../../src/engine/joint-fetch.ts'
import { peekStream } from '../../src/engine/peeked-stream.ts'
import { IdleTimeout, TransferTracker } from '../../src/engine/recovery.ts'
import { Repository } from '../../src/engine/repository.ts'
import { visibleRefs } from '../../src/engine/vault-git.ts'
import type { Oid } from '../../src/objects/oid.ts'
import type { ByteStream, Connection } from '../../src/ports/transport.ts'
import { answerBulk, type GitAnswers } from './git-answers.ts'
import { anId } from './sample-messages.ts'
import { VirtualClock } from './virtual-clock.ts'

/** How long a fetch waits for a peer that says nothing. */
const SILENCE_MS = 30_000

/** One device that takes, and others that all hold the same: a scene for transfers without links, on a virtual clock. */
export class Givers {
  readonly clock = new VirtualClock()
  readonly network: MemoryNetwork
  readonly joint: JointFetches
  readonly taker: Repository
  /** How often each object was stored. */
  readonly stored = new Map<Oid, number>()

  private constructor(
    readonly source: Repository,
    objects: MemoryObjectStore,
    taker: (objects: MemoryObjectStore) => Repository,
    batches: BatchSizes,
    bytesPerMs: number,
  ) {
    this.network = new MemoryNetwork({ clock: this.clock, latencyMs: 5, bytesPerMs })
    this.joint = new JointFetches(this.clock, batches)
    const write = objects.writePack.bind(objects)
    objects.writePack = async (pack) => {
      const oids = await write(pack)
      for (const oid of oids) this.stored.set(oid, (this.stored.get(oid) ?? 0) + 1)
      return oids
    }
    this.taker = taker(objects)
  }

  static async of(source: Repository, batches: BatchSizes, bytesPerMs = 1_000): Promise<Givers> {
    const objects = new MemoryObjectStore(nodeCodec)
    const taker = await Repository.open(objects, new MemoryRefStore(), nodeCodec, anId(99))
    return new Givers(source, objects, () => taker, batches, bytesPerMs)
  }

  /** A new giver, and the taker's connection to it. `answers`: it speaks by hand. */
  async giver(number: number, answers?: GitAnswers): Promise<Giver> {
    const giving = this.network.transport(anId(number))
    const taking = this.network.transport(anId(100 + number))
    const accepted = giving.accept()
    const connection = await this.complete(taking.connect(giving.address()))
    const theirs = (await this.complete(accepted))!
    const giver = new Giver(this, connection, theirs)
    void (answers ? answerBulk(theirs, answers) : giver.serve()).catch(() => undefined)
    return giver
  }

  /** Runs a promise to its end on the virtual clock. */
  async complete<T>(work: Promise<T>, limitMs = 600_000): Promise<T> {
    let done = false
    const settled = work.finally(() => (done = true))
    settled.catch(() => undefined)
    for (const until = this.clock.now() + limitMs; !done && this.clock.now() < until;) await this.clock.advance(10)
    if (!done) throw new Error(`not done after ${limitMs} ms of virtual time`)
    return settled
  }
}

export class Giver {
  /** Objects of packs that it sent. */
  readonly sent: Oid[] = []
  /** Bytes of its packs and files that the taker got. */
  readonly tracker: TransferTracker
  readonly #givers: Givers

  constructor(
    givers: Givers,
    readonly connection: Connection,
    readonly theirs: Connection,
  ) {
    this.#givers = givers
    this.tracker = new TransferTracker(givers.clock.now())
  }

  get bytes(): number {
    return this.tracker.state.bytes
  }

  async serve(): Promise<void> {
    for (let opened = await this.theirs.acceptStream(); opened; opened = await this.theirs.acceptStream())
      void this.#serve(opened).catch(() => undefined)
  }

  async #serve(opened: ByteStream): Promise<void> {
    const { source } = this.#givers
    const { first, stream } = await peekStream(opened)
    const onSent = (oids: Iterable<Oid>): void => void this.sent.push(...oids)
    const upload = {
      repository: source,
      visible: () => visibleRefs(source),
      agent: 'tandem/giver',
      anyObject: true,
      onSent,
    }
    if (first !== null && isGitStream(first)) await serveGitStream(stream, () => ({ upload }))
    else
      await serveFetch(
        stream,
        () => ({ repository: source, mayHave: () => Promise.resolve(true) }),
        () => undefined,
      )
  }

  /** One try of the taker to fetch what the source has from this one. */
  async fetch(signal = new AbortController().signal): Promise<void> {
    const { clock, taker, source, joint } = this.#givers
    const idle = new IdleTimeout(clock, SILENCE_MS)
    const ended = AbortSignal.any([signal, idle.signal])
    const fetching = fetchHeads(taker, 'vault', source.heads(), {
      openStream: () => this.connection.openStream(),
      signal: ended,
      idle,
      tracker: this.tracker,
      joint,
    })
    await fetching.catch((error: unknown) => {
      throw ended.aborted ? ended.reason : error
    })
  }
}
