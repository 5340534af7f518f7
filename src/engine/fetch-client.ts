import type { Oid } from '../objects/oid.ts'
import { ProtocolError } from '../ports/errors.ts'
import type { EndpointId } from '../ports/transport.ts'
import type { DeviceHeads } from '../protocol/messages.ts'
import type { Connectivity } from './connectivity.ts'
import { FetchSource } from './fetch-source.ts'
import type { FetchSourceOptions } from './fetch-source.ts'
import type { JointFetch, JointFetches } from './joint-fetch.ts'
import { LARGE_BLOB } from '../ports/object-store.ts'
import type { TransferState } from './recovery.ts'
import type { ReceiveResult, Repository } from './repository.ts'
import type { TransferProgress } from './transfer-progress.ts'
import { newestWholeCommits } from './whole-commits.ts'

/** Of what is received. All of its objects and bytes, the history too, beside the files. */
export interface FetchProgress extends TransferProgress {
  readonly objectsDone: number
  readonly objectsTotal: number
  /** On the wire, since this fetch began. */
  readonly bytesReceived: number
}

export function fetchProgress(state: TransferState): FetchProgress {
  const { objects, expectedObjects, bytes, files, expectedFiles, content, expectedContent } = state
  return {
    objectsDone: objects,
    objectsTotal: Math.max(expectedObjects ?? 0, objects),
    filesDone: Math.min(files, expectedFiles),
    filesTotal: expectedFiles,
    bytesDone: Math.min(content, expectedContent),
    bytesTotal: expectedContent,
    bytesReceived: bytes,
  }
}

export interface FetchOptions extends FetchSourceOptions {
  /** The transfers of this share, from whichever peer. */
  readonly joint: JointFetches
  /** Whether a device's head may move by what this peer says, asked when it moves (S1). Default: all may. */
  readonly mayMove?: (device: EndpointId) => boolean
}

type Received = Extract<ReceiveResult, { result: 'received' }>

/** Of ours, in one request: commits whose histories are here. */
const MAX_HAVES = 1_000
const MAX_COMMITS = 1_000
const MAX_TREES = 10_000
const MAX_LOST = 40_000

/**
 * Brings the histories of `heads` here and moves the heads. Each round asks the store what is still missing, so a fetch that was
 * cut goes on where it stopped, from this peer or another. Order: commits and trees, then blobs, small before large (T1). While another
 * peer brings the same heads, this one helps it (T7). What this device's own store has lost is asked for before all that.
 *
 * @throws TransportError; ProtocolError `refused` when the peer does not have what it offered; CorruptObjectError.
 */
export async function fetchHeads(
  repository: Repository,
  share: string,
  heads: DeviceHeads,
  options: FetchOptions,
): Promise<Received> {
  const source = new FetchSource(repository, share, options.joint.sizes.bytes, options)
  try {
    await fetchLost(repository, source)
    const received = await helpOrLead(repository, source, heads, options)
    void source.close() // nothing more depends on it
    return received
  } catch (error) {
    source.abort()
    throw error
  }
}

async function helpOrLead(
  repository: Repository,
  source: FetchSource,
  heads: DeviceHeads,
  { joint, mayMove }: FetchOptions,
): Promise<Received> {
  const helper = new Helper(source, joint, new Set(heads.values()))
  for (;;) {
    source.signal.throwIfAborted()
    const wanted = new Set(repository.wanted(heads).values())
    const running = wanted.size ? helper.find() : undefined
    if (!running) return lead(repository, source, heads, joint.begin(wanted), helper, mayMove)
    await helper.help(running)
  }
}

/** Helps with what other peers began (T7). */
class Helper {
  /** Their history takes long. Once it is here, this peer can help with the files. */
  readonly #slow = new Set<JointFetch>()
  /** Their peer said of the files what is not so; or ours does, which then shows when it is asked for its own. */
  readonly #wrong = new Set<JointFetch>()

  constructor(
    private readonly source: FetchSource,
    private readonly joint: JointFetches,
    private readonly offered: ReadonlySet<Oid>,
  ) {}

  /** Something to help with. `own`: what this peer leads; it helps others with files alone then. */
  find(own?: JointFetch): JointFetch | undefined {
    if (!own) return this.joint.find(this.offered, new Set([...this.#slow, ...this.#wrong]))
    const run = this.joint.find(this.offered, new Set([own, ...this.#wrong]))
    return run?.bringsFiles ? run : undefined
  }

  async help(run: JointFetch): Promise<void> {
    try {
      if (!(await run.help(this.source))) this.#slow.add(run)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.source.signal.throwIfAborted()
      this.source.abort()
      this.#wrong.add(run)
    }
  }
}

async function lead(
  repository: Repository,
  source: FetchSource,
  heads: DeviceHeads,
  run: JointFetch,
  helper: Helper,
  mayMove: FetchOptions['mayMove'],
): Promise<Received> {
  try {
    const history = new HistoryFetch(repository, source)
    for (;;) {
      source.signal.throwIfAborted()
      const received = await repository.receive(heads, mayMove)
      if (received.result === 'received') return received
      const { missing } = received
      const absent = [...missing.missingCommits, ...missing.missingTrees, ...missing.missingBlobs]
      if (missing.missingCommits.length || missing.missingTrees.length) await history.bring(missing, run.wanted)
      else {
        const other = helper.find(run)
        if (other) {
          await helper.help(other)
          continue
        }
        const sizes = await source.sizes(missing.missingBlobs)
        if (helper.find(run)) continue // It began meanwhile. Nothing is awaited between this look and our own beginning.
        await run.blobs(source, sizes)
      }
      // By what is here now, not by what the peer says that it sent: that could go on for ever.
      if ((await repository.objects.missing(absent)).length < absent.length) history.progressed()
      else if (!history.hasAnotherWay) {
        throw new ProtocolError('refused', 'the other device announced something that it does not have', {
          missing: absent.slice(0, 5),
        })
      }
    }
  } finally {
    run.leave(source.tracker)
  }
}

/**
 * Brings commits and trees; the commits come first. With those here, the walk knows after a cut whose trees came already, and says so,
 * and the others come as deltas of these. What then still is missing is asked for by its oid.
 */
class HistoryFetch {
  readonly #repository: Repository
  readonly #source: FetchSource
  #byOid = false
  /** Nothing came of asking for heads; trees can still be asked for one by one. */
  hasAnotherWay = false

  constructor(repository: Repository, source: FetchSource) {
    this.#repository = repository
    this.#source = source
  }

  progressed(): void {
    this.hasAnotherWay = false
  }

  async bring(missing: Connectivity, heads: ReadonlySet<Oid>): Promise<void> {
    this.hasAnotherWay = false
    const { missingCommits, missingTrees, fresh } = missing
    const { objects, graph } = this.#repository
    const known = [...new Set(this.#repository.heads().values())]
    if (missingCommits.length) {
      const wants = missingCommits.slice(0, MAX_COMMITS)
      const haves = known.slice(0, MAX_HAVES)
      return this.#source.history({ wants, haves, filter: { kind: 'no-blobs' }, thinPack: true })
    }
    const isFresh = new Set(fresh.map(({ oid }) => oid))
    const whole = this.#byOid ? [] : await newestWholeCommits(objects, graph, fresh)
    const wants = [...heads].filter((oid) => isFresh.has(oid) && !whole.includes(oid))
    if (this.#byOid || !wants.length) {
      const trees = missingTrees.slice(0, MAX_TREES)
      return this.#source.history({ wants: trees, haves: [], filter: { kind: 'no-blobs' }, thinPack: false })
    }
    this.#byOid = true
    this.hasAnotherWay = true
    const haves = [...whole, ...known].slice(0, MAX_HAVES)
    return this.#source.history({ wants, haves, filter: { kind: 'no-blobs' }, thinPack: true })
  }
}

async function fetchLost(repository: Repository, source: FetchSource): Promise<void> {
  const lost = await repository.lost()
  if (!lost.length) return
  const sizes = await source.sizes(lost.slice(0, MAX_LOST))
  const wants = [...sizes].flatMap(([oid, size]) => (size > LARGE_BLOB ? [] : [oid]))
  // Of whatever type; each alone, without what is below it.
  if (wants.length) await source.history({ wants, haves: [], filter: { kind: 'no-trees' }, thinPack: false }, true)
  for (const [oid, size] of sizes) if (size > LARGE_BLOB) await source.large(oid, size, () => undefined)
  if ((await repository.lost()).length < lost.length) repository.found()
}
