import type { Oid } from '../objects/oid.ts'
import type { Clock } from '../ports/clock.ts'
import { BATCH_SIZES, FetchQueue, planWork } from './fetch-queue.ts'
import type { BatchSizes, FetchWork } from './fetch-queue.ts'
import type { FetchSource } from './fetch-source.ts'
import type { TransferTracker } from './recovery.ts'

/** Batches that a peer is asked for at a time: while one is verified and stored, the next is on its way. */
const AHEAD = 2
/** So long a peer waits for another one's history before it sends its own. */
const HISTORY_PATIENCE_MS = 3_000

/** The transfers of one share that are under way, so that a peer which offers the same can help rather than send all of it again (T7). */
export class JointFetches {
  readonly #running = new Set<JointFetch>()

  constructor(
    private readonly clock: Clock,
    readonly sizes: BatchSizes = BATCH_SIZES,
  ) {}

  /** One whose heads all are among these; rather one whose files are being brought. */
  find(heads: ReadonlySet<Oid>, except: ReadonlySet<JointFetch>): JointFetch | undefined {
    const running = [...this.#running].filter((run) => !except.has(run) && isSubset(run.wanted, heads))
    return running.find((run) => run.bringsFiles) ?? running[0]
  }

  /** Nothing is wanted: nobody can help with it. */
  begin(wanted: ReadonlySet<Oid>): JointFetch {
    const run = new JointFetch(wanted, this.clock, this.sizes, () => this.#running.delete(run))
    if (wanted.size > 0) this.#running.add(run)
    return run
  }
}

/**
 * One transfer: the peer that began it brings the history, and then all that offer the same heads share its blobs (T7). It lives as
 * long as somebody works on it: who began may fail, and the others go on.
 */
export class JointFetch {
  #queue: FetchQueue<FetchSource> | null = null
  #sizes: ReadonlyMap<Oid, number> = new Map()
  /** Tells how far all of it is: that of who began, or, when that one is gone, of somebody who still works. */
  #tracker: TransferTracker | null = null
  #left = { files: 0, bytes: 0 }
  #workers = 1
  #ended = false
  readonly #onEnd: () => void
  /** Resolved, and made anew, whenever something changes that somebody may wait for. */
  #changed = promiseWithResolvers()

  constructor(
    readonly wanted: ReadonlySet<Oid>,
    private readonly clock: Clock,
    private readonly batches: BatchSizes,
    onEnd: () => void,
  ) {
    this.#onEnd = onEnd
  }

  /** Whether its history is here. */
  get bringsFiles(): boolean {
    return this.#queue !== null
  }

  /** Who began it brings the blobs of these sizes, with whoever helps. @throws what its own peer's part fails with */
  async blobs(source: FetchSource, sizes: ReadonlyMap<Oid, number>): Promise<void> {
    this.#sizes = sizes
    this.#left = { files: sizes.size, bytes: sum(sizes.values()) }
    this.#queue = new FetchQueue(planWork(sizes, this.batches))
    this.#endWhenOver(this.#queue) // the peer may have none of them
    this.#tell(source.tracker)
    this.#wake()
    await this.#work(source, this.#queue)
  }

  /** Who began it does nothing more. */
  leave(tracker: TransferTracker): void {
    this.#leave(tracker)
  }

  /**
   * Helps until there is nothing left to do, or nobody does it; false: the history takes too long to wait for.
   * @throws what this peer's part fails with
   */
  async help(source: FetchSource): Promise<boolean> {
    const patience = this.clock.now() + HISTORY_PATIENCE_MS
    while (!this.#queue && !this.#ended) {
      const left = patience - this.clock.now()
      if (left <= 0) return false
      await this.#wait(left, source.signal)
    }
    if (!this.#queue || this.#ended) return true
    this.#workers++
    source.tracker.helps = true
    try {
      await this.#work(source, this.#queue)
    } finally {
      this.#leave(source.tracker)
      source.tracker.helps = false
    }
    return true
  }

  async #work(source: FetchSource, queue: FetchQueue<FetchSource>): Promise<void> {
    const owed: FetchWork[] = []
    let claimed: FetchWork | null = null
    try {
      for (;;) {
        source.signal.throwIfAborted()
        let next = queue.take(source, this.clock.now(), owed.length > 0)
        while (next.kind === 'work' && next.work.kind === 'batch') {
          owed.push(next.work)
          await source.ask(next.work.oids)
          if (owed.length === AHEAD) break
          next = queue.take(source, this.clock.now(), true)
        }
        if (next.kind === 'work' && next.work.kind === 'large') {
          owed.push(next.work)
          claimed = next.work
          queue.claim(claimed)
          await this.#bringLarge(source, next.work)
        } else if (owed.length > 0) {
          const pack = await this.#batchOf(source, owed[0]!, queue)
          if (!pack) return source.abort() // all of it is here from others: what this one still sends is of no use
          if (queue.claim(owed[0]!)) {
            claimed = owed[0]!
            await this.#store(source, pack, claimed)
          } else {
            queue.giveBack(source, owed[0]!, false) // should it fail with who was faster, this one can be asked again
          }
        } else if (next.kind === 'over') return
        else {
          await this.#wait(next.kind === 'wait' ? next.ms : null, source.signal)
          continue
        }
        const done = owed.shift()!
        if (claimed === done) queue.stored(done)
        claimed = null
        this.#endWhenOver(queue)
        this.#wake()
      }
    } catch (error) {
      for (const work of owed) queue.giveBack(source, work, work === claimed)
      this.#wake()
      throw error
    }
  }

  /** Null when everything was brought by others meanwhile. */
  async #batchOf(source: FetchSource, work: FetchWork, queue: FetchQueue<FetchSource>): Promise<Uint8Array | null> {
    let pack: Uint8Array | null = null
    const oids = work.kind === 'batch' ? work.oids : []
    const coming = source.batch(oids).then((bytes) => (pack = bytes))
    coming.catch(() => undefined)
    while (!pack && !queue.isOver) await Promise.race([coming, this.#changed.promise])
    return pack
  }

  async #store(source: FetchSource, pack: Uint8Array, work: FetchWork): Promise<void> {
    const oids = work.kind === 'batch' ? work.oids : []
    await source.store(pack, oids)
    this.#arrived(source, oids.length, sum(oids.map((oid) => this.#sizes.get(oid) ?? 0)))
  }

  #arrived(source: FetchSource, files: number, bytes: number): void {
    const tracker = this.#tracker ?? this.#tell(source.tracker)
    this.#left = { files: this.#left.files - files, bytes: Math.max(0, this.#left.bytes - bytes) }
    if (files > 0) tracker.received(0, files)
    tracker.arrived(files, bytes)
  }

  #tell(tracker: TransferTracker): TransferTracker {
    tracker.helps = false
    tracker.planned(this.#left.files, this.#left.bytes)
    return (this.#tracker = tracker)
  }

  async #bringLarge(source: FetchSource, { oid, size }: Extract<FetchWork, { kind: 'large' }>): Promise<void> {
    await source.large(oid, size, (bytes) => this.#arrived(source, 0, bytes))
    this.#arrived(source, 1, 0)
  }

  async #wait(ms: number | null, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { promise } = this.#changed
    await new Promise<void>((resolve) => {
      const cancel = ms === null ? () => undefined : this.clock.after(ms, done)
      function done(): void {
        cancel()
        signal.removeEventListener('abort', done)
        resolve()
      }
      signal.addEventListener('abort', done, { once: true })
      void promise.then(done)
    })
    signal.throwIfAborted()
  }

  #leave(tracker: TransferTracker): void {
    if (this.#tracker === tracker) this.#tracker = null
    this.#workers--
    if (this.#queue?.isOver || this.#workers === 0) this.#end()
    this.#wake()
  }

  /** The heads can move now: nobody needs to wait for who began. */
  #endWhenOver(queue: FetchQueue<FetchSource>): void {
    if (queue.isOver) this.#end()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#onEnd()
  }

  #wake(): void {
    const { resolve } = this.#changed
    this.#changed = promiseWithResolvers()
    resolve()
  }
}

function isSubset(oids: ReadonlySet<Oid>, of: ReadonlySet<Oid>): boolean {
  return [...oids].every((oid) => of.has(oid))
}

function sum(numbers: Iterable<number>): number {
  let all = 0
  for (const each of numbers) all += each
  return all
}

function promiseWithResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
