import { CorruptObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import type { Clock } from '../ports/clock.ts'
import { StoreError, TandemError, TransportError } from '../ports/errors.ts'
import type { Logger } from '../ports/logger.ts'
import type { ByteStream, EndpointId } from '../ports/transport.ts'
import type { Rights } from '../peers/grants.ts'
import { CLOSE } from '../protocol/close-codes.ts'
import { MAX_REFS, type DeviceHeads, type ShareName } from '../protocol/messages.ts'
import { fetchHeads, fetchProgress, type FetchProgress } from './fetch-client.ts'
import type { BatchSizes } from './fetch-queue.ts'
import { serveFetch } from './fetch-server.ts'
import { GitTraffic, isGitStream } from './git-traffic.ts'
import { JointFetches } from './joint-fetch.ts'
import type { Link, PendingUpdate } from './link.ts'
import { Mutex } from './mutex.ts'
import { listObjects } from './object-list.ts'
import { buildUpdatePack } from './pack-builder.ts'
import { peekStream } from './peeked-stream.ts'
import { isRetryableError, TransferTracker, withRecovery, type Attempt } from './recovery.ts'
import type { Share } from './share.ts'
import { SendProgress, type TransferProgress } from './transfer-progress.ts'
import { visibleRefs } from './vault-git.ts'
import { VisibleHistory } from './visible-history.ts'

/** T5: a transfer that broke on a link that lives is tried again so often, after 1 s, 2 s, 4 s. */
const RETRIES = 3
/** Before the first of them; and while another peer is sending the same large file. */
const RETRY_MS = 1_000
/** T5: bytes that flow have no deadline; silence has. */
const SILENCE_MS = 30_000

export interface TrafficListener {
  /** S1: what the peer of a link may do, at this moment. */
  rights(link: Link): Rights
  /** Whether what this device changed may be in the share: false for a paired one that may not write. */
  mayChange(device: EndpointId, share: ShareName): boolean
  syncing(link: Link, active: boolean): void
  progress(link: Link, progress: FetchProgress): void
  /** Null: nothing is being sent any more. */
  sending?(link: Link, progress: TransferProgress | null): void
  fault(link: Link, error: unknown): void
}

/** Moves the shares' histories over links: takes what peers offer, answers what they fetch, packs what they subscribed to. */
export class ShareTraffic {
  readonly #shares: ReadonlyMap<ShareName, Share>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #listener: TrafficListener
  readonly #offers = new WeakMap<Link, OfferQueue>()
  readonly #batches: BatchSizes | undefined
  readonly #git: GitTraffic
  readonly #joint = new WeakMap<Share, JointFetches>()
  readonly #sending = new WeakMap<Link, SendProgress>()
  /** Answers that are being sent. */
  readonly #serving = new Set<{ readonly link: Link; readonly share: ShareName; readonly stream: ByteStream }>()

  constructor(
    shares: ReadonlyMap<ShareName, Share>,
    clock: Clock,
    logger: Logger,
    listener: TrafficListener,
    batches?: BatchSizes,
  ) {
    this.#shares = shares
    this.#clock = clock
    this.#logger = logger
    this.#listener = listener
    this.#batches = batches
    this.#git = new GitTraffic(shares, clock, logger, {
      rights: (link) => listener.rights(link),
      sending: (link) => this.#sendingTo(link),
    })
  }

  /** A peer has these heads, and perhaps sent what they need. Offers of one link are taken one after another. */
  offer(link: Link, share: ShareName, heads: DeviceHeads, pack: Uint8Array): void {
    const here = this.#shares.get(share)
    if (!here || !this.#listener.rights(link).write(share)) return
    let queue = this.#offers.get(link)
    if (!queue) this.#offers.set(link, (queue = new OfferQueue()))
    queue.add(share, heads, pack, () => this.#take(link, here, queue))
  }

  /** Ends what runs on a link that is gone; or (S5) what runs on it for one share, in both directions, at once. */
  abandon(link: Link, share?: ShareName): void {
    this.#git.abandon(link, share)
    if (share === undefined) {
      this.#offers.get(link)?.abort.abort(new TransportError('disconnected', 'the connection was lost'))
      return
    }
    this.#offers.get(link)?.forget(share)
    for (const one of this.#serving) if (one.link === link && one.share === share) one.stream.abort()
  }

  async #take(link: Link, share: Share, queue: OfferQueue): Promise<void> {
    const { heads, packs } = queue.take(share.name)
    const { repository } = share
    if (!this.#listener.rights(link).write(share.name)) return
    if (!repository.wanted(heads).size && !(await repository.lost()).length) return
    this.#listener.syncing(link, true)
    const tracker = this.#track(link)
    const { signal, end } = queue.begin(share.name)
    try {
      for (const pack of packs) await this.#storePack(share, pack)
      await withRecovery((attempt) => this.#fetch(link, share, heads, attempt, tracker), {
        clock: this.#clock,
        signal,
        retries: RETRIES,
        delayMs: RETRY_MS,
        idleMs: SILENCE_MS,
        tracker,
        isRetryable: (error) => isRetryableError(error) && link.isOpen,
        isWaiting: (error) => error instanceof StoreError && error.code === 'busy', // when it is here we go on; when that other transfer breaks, too
      })
      const bytes = packs.reduce((sum, pack) => sum + pack.length, tracker.state.bytes)
      const ms = this.#clock.now() - tracker.state.startedAt
      this.#logger.log('info', 'transfer.done', `received ${bytes} bytes in ${ms} ms`, {
        peer: link.remoteId,
        share: share.name,
        bytes,
        ms,
      })
    } catch (error) {
      // What ends with its link is told as the end of the link.
      const isOver = signal.aborted || (error instanceof TransportError && !link.isOpen)
      if (!isOver) this.#fault(link, error)
    } finally {
      end()
      this.#listener.syncing(link, false)
    }
  }

  /** A pack whose bases are not here yet is of no use now: the fetch that follows brings everything. */
  async #storePack(share: Share, pack: Uint8Array): Promise<void> {
    try {
      await share.repository.objects.writePack(pack)
    } catch (error) {
      if (!(error instanceof CorruptObjectError) || error.code !== 'missing-base') throw error
    }
  }

  /** Counts what a transfer brings, for the link's traffic and for whoever watches. */
  #track(link: Link): TransferTracker {
    let counted = 0
    const tracker = new TransferTracker(this.#clock.now(), (state) => {
      link.traffic.bytesReceived += state.bytes - counted
      counted = state.bytes
      if (!tracker.helps) this.#listener.progress(link, fetchProgress(state))
    })
    return tracker
  }

  async #fetch(
    link: Link,
    share: Share,
    heads: DeviceHeads,
    attempt: Attempt,
    tracker: TransferTracker,
  ): Promise<void> {
    const { repository, name } = share
    const openStream = () => link.openStream()
    const rights = this.#listener.rights(link)
    const mayMove = (device: EndpointId) => rights.write(name) && this.#listener.mayChange(device, name)
    const allowed = new Map([...heads].filter(([device]) => mayMove(device)))
    const joint = this.#jointOf(share)
    const { refused } = await fetchHeads(repository, name, allowed, { ...attempt, openStream, tracker, mayMove, joint })
    for (const { device, kept } of refused) {
      this.#logger.log(
        'warn',
        'ref.refused',
        `a move of device ${device.slice(0, 10)}'s history that is not forward was refused`,
        { device, kept, peer: link.remoteId },
      )
      link.send({
        kind: 'refusal',
        code: 'not-forward',
        share: name,
        message: `the head of ${device} here is ${kept}, which yours does not continue`,
      })
    }
  }

  #jointOf(share: Share): JointFetches {
    const known = this.#joint.get(share) ?? new JointFetches(this.#clock, this.#batches)
    this.#joint.set(share, known)
    return known
  }

  #fault(link: Link, error: unknown): void {
    this.#listener.fault(link, error)
    this.#logger.log('warn', 'transfer.failed', error instanceof Error ? error.message : String(error), {
      peer: link.remoteId,
      ...(error instanceof TandemError ? { code: error.code } : {}),
    })
    if (error instanceof CorruptObjectError) link.close(CLOSE.protocol, `damaged data: ${error.message}`.slice(0, 180))
  }

  /** The thin pack of an update; the link asks once more, right before it goes, whether it may. */
  async buildUpdate(link: Link, { share, heads, known, view }: PendingUpdate): Promise<Uint8Array> {
    const here = this.#shares.get(share)
    if (!here || !this.#listener.rights(link).reveal(share)) return new Uint8Array(0)
    const { repository } = here
    const haves = [...known.values(), ...(view ? [view] : [])]
    try {
      return await buildUpdatePack(repository, listObjects(repository, [...heads.values()], haves, { blobs: true }))
    } catch (error) {
      if (!repository.noteLoss(error)) throw error
      void here.settle() // perhaps a file here still has it
      return new Uint8Array(0) // refs alone: the peer fetches what can be read
    }
  }

  /** Answers one stream that a peer opened: git's protocol, or the request for a large file. */
  async serve(link: Link, opened: ByteStream): Promise<void> {
    const { first, stream } = await peekStream(opened)
    return first !== null && isGitStream(first) ? this.#git.serve(link, stream) : this.#serveFetch(link, stream)
  }

  async #serveFetch(link: Link, stream: ByteStream): Promise<void> {
    let asked: Share | undefined
    const serving = { link, share: '', stream }
    const open = (name: ShareName) => {
      if (!this.#listener.rights(link).reveal(name)) return undefined
      asked = this.#shares.get(name)
      serving.share = name
      this.#serving.add(serving)
      if (!asked) return undefined
      const { repository } = asked
      const reaches = async (oid: Oid) =>
        (await VisibleHistory.open(repository, await visibleRefs(repository))).reaches(oid)
      const mayHave = async (oid: Oid) => this.#listener.rights(link).write(name) || (await reaches(oid))
      return { repository, mayHave }
    }
    try {
      await serveFetch(stream, open, (bytes) => (link.traffic.bytesSent += bytes), this.#sendingTo(link))
    } catch (error) {
      if (asked?.repository.noteLoss(error)) void asked.settle() // perhaps a file here still has it
      throw error
    } finally {
      this.#serving.delete(serving)
    }
  }

  #sendingTo(link: Link): SendProgress {
    const known = this.#sending.get(link)
    if (known) return known
    const made = new SendProgress((progress) => this.#listener.sending?.(link, progress))
    this.#sending.set(link, made)
    return made
  }
}

/** What one link offered and was not looked at yet, newest heads only. */
class OfferQueue {
  readonly abort = new AbortController()
  readonly #running = new Mutex()
  /** The one that is being taken. */
  #now: { readonly share: ShareName; readonly abort: AbortController } | null = null
  readonly #waiting = new Map<ShareName, { heads: Map<EndpointId, Oid>; packs: Uint8Array[] }>()

  add(share: ShareName, heads: DeviceHeads, pack: Uint8Array, take: () => Promise<void>): void {
    const waiting = this.#waiting.get(share)
    if (waiting) {
      if (waiting.heads.size + heads.size > 2 * MAX_REFS) waiting.heads.clear() // T8: the next directory names them again
      for (const [device, oid] of heads) waiting.heads.set(device, oid)
      if (pack.length) waiting.packs.push(pack)
      if (waiting.packs.length > 32) waiting.packs.shift() // bounded: what is dropped is fetched
      return
    }
    this.#waiting.set(share, { heads: new Map(heads), packs: pack.length ? [pack] : [] })
    void this.#running.run(take)
  }

  /** The signal ends what is done for a share: with its link, or when the share is taken back. */
  begin(share: ShareName): { signal: AbortSignal; end(): void } {
    const abort = new AbortController()
    const withLink = () => abort.abort(this.abort.signal.reason)
    this.abort.signal.addEventListener('abort', withLink, { once: true })
    if (this.abort.signal.aborted) withLink()
    this.#now = { share, abort }
    const end = () => {
      this.abort.signal.removeEventListener('abort', withLink)
      this.#now = null
    }
    return { signal: abort.signal, end }
  }

  /** S5 */
  forget(share: ShareName): void {
    this.#waiting.delete(share)
    if (this.#now?.share === share) this.#now.abort.abort(new TransportError('aborted', 'the share was taken back'))
  }

  take(share: ShareName): { heads: DeviceHeads; packs: readonly Uint8Array[] } {
    const waiting = this.#waiting.get(share)
    this.#waiting.delete(share)
    return { heads: waiting?.heads ?? new Map(), packs: waiting?.packs ?? [] }
  }
}
