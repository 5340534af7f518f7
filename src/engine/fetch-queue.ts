import type { Oid } from '../objects/oid.ts'
import { LARGE_BLOB } from '../ports/object-store.ts'

/** What one peer is asked for at a time. */
export type FetchWork =
  /** Blobs that come in one pack. `size`: of their contents, bytes. */
  | { readonly kind: 'batch'; readonly oids: readonly Oid[]; readonly size: number }
  /** A blob that goes on at a byte (E7). */
  | { readonly kind: 'large'; readonly oid: Oid; readonly size: number }

export type NextWork =
  | { readonly kind: 'work'; readonly work: FetchWork }
  /** Everything is under way; there may be work in `ms`, or (null) when something of it changes. */
  | { readonly kind: 'wait'; readonly ms: number | null }
  | { readonly kind: 'over' }

export interface BatchSizes {
  /** Contents of one batch of blobs, and bytes of pack in one of history. A single object may be larger. */
  readonly bytes: number
  /** Blobs above so many bytes go on at a byte after a cut. */
  readonly largeFrom: number
}

/** A cut costs little, each batch is a pack of its own, and peers that share the work end at about the same time (T1, T7). */
export const BATCH_SIZES: BatchSizes = { bytes: 2 * 1024 * 1024, largeFrom: LARGE_BLOB }
const BATCH_OBJECTS = 2_000
/** What is out with a peer for so long is asked of an idle one too. */
export const ASK_AGAIN_MS = 2_000
const MOST_ASKED = 2

interface Item<Taker> {
  readonly work: FetchWork
  /** Who was asked, and when. */
  readonly takers: Map<Taker, number>
  state: 'open' | 'claimed' | 'stored'
}

/**
 * Blobs that are missing, divided among the peers that have them (T7): each takes the next batch when it has brought one. What a peer
 * did not bring is for the others again. Towards the end an idle one is asked for what a slow one owes; whose answer comes first is
 * stored, the other dropped. A large blob has one taker at a time.
 */
export class FetchQueue<Taker> {
  readonly #items: readonly Item<Taker>[]
  readonly #byWork: ReadonlyMap<FetchWork, Item<Taker>>
  #left: number

  constructor(work: readonly FetchWork[]) {
    this.#items = work.map((each) => ({ work: each, takers: new Map<Taker, number>(), state: 'open' }))
    this.#byWork = new Map(this.#items.map((item) => [item.work, item]))
    this.#left = work.length
  }

  get isOver(): boolean {
    return this.#left === 0
  }

  /** Takes what `taker` shall bring next. `batchesOnly`: it still owes a batch, so a large blob would wait behind that. */
  take(taker: Taker, now: number, batchesOnly: boolean): NextWork {
    if (this.isOver) return { kind: 'over' }
    const mayTake = ({ work, state, takers }: Item<Taker>): boolean =>
      state === 'open' && !takers.has(taker) && !(batchesOnly && work.kind === 'large')
    const waiting = this.#items.find((item) => mayTake(item) && item.takers.size === 0)
    if (waiting) return this.#give(waiting, taker, now)
    let ms: number | null = null
    for (const item of this.#items) {
      if (!mayTake(item) || item.work.kind === 'large' || item.takers.size >= MOST_ASKED) continue
      const due = Math.max(...item.takers.values()) + ASK_AGAIN_MS
      if (due <= now) return this.#give(item, taker, now)
      ms = Math.min(ms ?? Infinity, due - now)
    }
    return { kind: 'wait', ms }
  }

  #give(item: Item<Taker>, taker: Taker, now: number): NextWork {
    item.takers.set(taker, now)
    return { kind: 'work', work: item.work }
  }

  /** Whether what a taker brought is to be stored: false when another one was faster. */
  claim(work: FetchWork): boolean {
    const item = this.#itemOf(work)
    if (item.state !== 'open') return false
    item.state = 'claimed'
    return true
  }

  /** What was claimed is in the store. */
  stored(work: FetchWork): void {
    this.#itemOf(work).state = 'stored'
    this.#left--
  }

  /** The taker does not bring it, or what it brought was dropped or could not be stored. Whoever is free may be asked, it too. */
  giveBack(taker: Taker, work: FetchWork, claimed: boolean): void {
    const item = this.#itemOf(work)
    item.takers.delete(taker)
    if (claimed && item.state === 'claimed') item.state = 'open'
  }

  #itemOf(work: FetchWork): Item<Taker> {
    return this.#byWork.get(work)!
  }
}

/** Notes before attachments (T1); those of about a size in the order given, which is much that of the packs over there. */
export function planWork(sizes: ReadonlyMap<Oid, number>, { bytes, largeFrom }: BatchSizes = BATCH_SIZES): FetchWork[] {
  const bySize = [...sizes].sort(([, a], [, b]) => sizeClass(a) - sizeClass(b))
  const batches: { kind: 'batch'; oids: Oid[]; size: number }[] = []
  for (const [oid, size] of bySize) {
    if (size > largeFrom) continue
    let batch = batches.at(-1)
    if (!batch || batch.size + size > bytes || batch.oids.length === BATCH_OBJECTS) {
      batch = { kind: 'batch', oids: [], size: 0 }
      batches.push(batch)
    }
    batch.oids.push(oid)
    batch.size += size
  }
  const large = bySize.filter(([, size]) => size > largeFrom).sort(([, a], [, b]) => a - b)
  return [...batches, ...large.map(([oid, size]): FetchWork => ({ kind: 'large', oid, size }))]
}

/** Powers of two, from 32 KiB on: whatever is smaller is a note. */
const sizeClass = (size: number): number => Math.max(15, Math.ceil(Math.log2(size)))
