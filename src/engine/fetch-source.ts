import { concatBytes } from '../objects/bytes.ts'
import type { Oid } from '../objects/oid.ts'
import { decodePackHeader } from '../objects/pack.ts'
import type { PackEntryKind } from '../objects/pack.ts'
import { packBatches } from '../objects/pack-batches.ts'
import { ProtocolError, TransportError } from '../ports/errors.ts'
import type { ByteStream } from '../ports/transport.ts'
import { decodeFetchReply, encodeFetchRequest } from '../protocol/fetch-messages.ts'
import { encodeFrame, FrameReader } from '../protocol/frames.ts'
import type { FetchCommand } from '../protocol/git/fetch-command.ts'
import { NO_FILTER } from '../protocol/git/object-filter.ts'
import type { ShareName } from '../protocol/messages.ts'
import { GIT_AGENT } from './app.ts'
import { GitBulkSession } from './git-bulk-session.ts'
import { openWithin } from './open-within.ts'
import type { Attempt, TransferTracker } from './recovery.ts'
import type { Repository } from './repository.ts'

const HISTORY_BATCH_OBJECTS = 20_000
/** No batch is larger (T1, T8). */
export const MAX_BATCH = 8 * 1024 * 1024
const MAX_HISTORY = 8 * 1024 * 1024 * 1024
/** Batches asked for on one stream: the other side takes 4,096 commands. */
const BATCHES_A_STREAM = 4_000
/** Oids in one question for sizes. To ask them over a slow line and look them up on a slow phone must not last a silence (T5). */
const SIZES_AT_ONCE = 4_000

const HISTORY_KINDS: ReadonlySet<PackEntryKind> = new Set(['commit', 'tree', 'ref-delta'])

export interface FetchSourceOptions extends Attempt {
  readonly openStream: () => Promise<ByteStream>
  /** Counts what comes over this peer's wire. */
  readonly tracker: TransferTracker
}

/** One peer during one try of a transfer: what it is asked, over git's protocol, and, for large blobs, from a byte on. */
export class FetchSource {
  readonly tracker: TransferTracker
  readonly signal: AbortSignal
  readonly #repository: Repository
  readonly #share: ShareName
  readonly #historyBatch: number
  readonly #options: FetchSourceOptions
  #session: Promise<GitBulkSession> | null = null
  /** Batches asked for on this session. */
  #asked = 0
  /** The sessions of the batches that did not come yet, in the order asked for. */
  #owed: GitBulkSession[] = []
  /** Those on which nothing more is asked: closed once their last batch came. */
  readonly #spent = new Set<GitBulkSession>()

  /** `historyBatch`: bytes. */
  constructor(repository: Repository, share: ShareName, historyBatch: number, options: FetchSourceOptions) {
    this.#historyBatch = historyBatch
    this.#repository = repository
    this.#share = share
    this.#options = options
    this.tracker = options.tracker
    this.signal = options.signal
  }

  #open(): Promise<GitBulkSession> {
    const { openStream, signal, idle } = this.#options
    return (this.#session ??= GitBulkSession.open(openStream, `/${this.#share}`, { agent: GIT_AGENT, signal, idle }))
  }

  /** Fetches commits and trees, and stores them batch by batch as they come. `anyType`: also what else was asked for by its oid. */
  async history(command: FetchCommand, anyType = false): Promise<void> {
    const session = await this.#open()
    session.ask(command)
    const batches = packBatches(this.#counted(session.pack()), this.#repository.codec, {
      bytes: this.#historyBatch,
      objects: HISTORY_BATCH_OBJECTS,
      onEntry: (kind) => {
        if (!(anyType || HISTORY_KINDS.has(kind))) throw new ProtocolError('refused', UNASKED, { kind })
      },
      maxBytes: MAX_HISTORY,
      breathe: () => this.#repository.breathe(),
    })
    for await (const { pack, objects } of batches) {
      await this.#repository.objects.writePack(pack)
      this.tracker.received(0, objects)
    }
  }

  /** The sizes of those that the peer has. */
  async sizes(oids: readonly Oid[]): Promise<ReadonlyMap<Oid, number>> {
    const session = await this.#open()
    const sizes = new Map<Oid, number>()
    for (let at = 0; at < oids.length; at += SIZES_AT_ONCE)
      for (const [oid, size] of await session.sizes(oids.slice(at, at + SIZES_AT_ONCE))) sizes.set(oid, size)
    return sizes
  }

  /** Asks for blobs; `batch` gives them, in the order in which they were asked for. */
  async ask(oids: readonly Oid[]): Promise<void> {
    if (this.#asked === BATCHES_A_STREAM) {
      this.#spent.add(await this.#open())
      this.#session = null
      this.#asked = 0
      this.#closeSpent()
    }
    const session = await this.#open()
    this.#asked++
    this.#owed.push(session)
    session.ask({ wants: oids, haves: [], filter: NO_FILTER, thinPack: false })
  }

  /** The pack of those that were asked for first. @throws ProtocolError `limit`, `refused` when it holds more than was asked for */
  async batch(oids: readonly Oid[]): Promise<Uint8Array> {
    const session = this.#owed[0]
    if (!session) throw new Error('no batch was asked for')
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of this.#counted(session.pack())) {
      size += chunk.length
      if (size > MAX_BATCH) throw new ProtocolError('limit', `a batch of more than ${MAX_BATCH} bytes`)
      chunks.push(chunk)
    }
    if (this.#owed[0] === session) this.#owed.shift() // else it was given up meanwhile
    this.#closeSpent()
    const pack = concatBytes(chunks)
    if (decodePackHeader(pack) > oids.length) throw new ProtocolError('refused', UNASKED)
    return pack
  }

  /** Not waited for: the other side may take its time to say goodbye. */
  #closeSpent(): void {
    for (const session of this.#spent)
      if (!this.#owed.includes(session) && this.#spent.delete(session)) void session.close()
  }

  /** Stores a batch. @throws CorruptObjectError; ProtocolError `refused` when it is not what was asked for */
  async store(pack: Uint8Array, oids: readonly Oid[]): Promise<void> {
    const stored = new Set(await this.#repository.objects.writePack(pack))
    const asked = new Set(oids)
    for (const oid of stored) if (!asked.has(oid)) throw new ProtocolError('refused', UNASKED, { oid })
    if (stored.size < asked.size) throw new ProtocolError('refused', 'the other device left out what it was asked for')
  }

  /** Brings a large blob from the byte up to which it is here. `arrived`: bytes that are here, those of an earlier try too. */
  async large(oid: Oid, size: number, arrived: (bytes: number) => void): Promise<void> {
    const reception = await this.#repository.objects.receiveLarge(oid, size)
    let finished = false
    try {
      arrived(reception.received)
      if (reception.received < size) {
        await this.#readLarge(oid, size, reception.received, async (chunk) => {
          await reception.write(chunk)
          arrived(chunk.length)
        })
      }
      finished = true
      await reception.finish()
    } finally {
      if (!finished) await reception.pause() // T2: what arrived stays
    }
  }

  async #readLarge(oid: Oid, size: number, offset: number, write: (chunk: Uint8Array) => Promise<void>): Promise<void> {
    const { signal, idle, openStream } = this.#options
    const stream = await openWithin(openStream, signal, idle)
    const onAbort = () => stream.abort()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      signal.throwIfAborted()
      idle.touch()
      await stream.write(encodeFrame(encodeFetchRequest({ share: this.#share, oid, offset })))
      stream.finish().catch(() => undefined)
      const frames = new FrameReader({
        read: async (max) => {
          const chunk = await stream.read(max)
          idle.touch()
          return chunk
        },
      })
      const frame = await frames.frame()
      if (!frame) throw new TransportError('disconnected', 'the transfer ended before it was complete') // T2
      const reply = decodeFetchReply(frame)
      if (reply.kind === 'refusal')
        throw new ProtocolError('refused', `the other device refused: ${reply.message}`, { code: reply.code })
      if (reply.oid !== oid || reply.size !== size || reply.offset !== offset)
        throw new ProtocolError('refused', 'the other device did not send the large file that it announced', { oid })
      for await (const chunk of this.#counted(frames.raw(size - offset))) await write(chunk)
      while ((await stream.read()) !== null); // to the end, so that the stream's slot is free again
    } catch (error) {
      stream.abort()
      throw error
    } finally {
      idle.rest()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Ends the conversation well; `abort` in the middle of it. */
  async close(): Promise<void> {
    const session = await this.#session?.catch(() => null)
    this.#forget()
    await session?.close()
  }

  abort(): void {
    for (const session of this.#spent) session.abort()
    this.#spent.clear()
    void this.#session?.then(
      (session) => session.abort(),
      () => undefined,
    )
    this.#forget()
  }

  #forget(): void {
    this.#session = null
    this.#asked = 0
    this.#owed = []
  }

  async *#counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.tracker.received(chunk.length)
      yield chunk
    }
  }
}

const UNASKED = 'the other device sent something that was not asked for'
