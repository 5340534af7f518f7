import { isViewIdentity } from '../history/view-identity.ts'
import { CorruptObjectError, MissingObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import type { Clock } from '../ports/clock.ts'
import { ProtocolError } from '../ports/errors.ts'
import { MirrorError } from '../ports/mirror-error.ts'
import type { RefName } from '../ports/ref-store.ts'
import { isEndpointId } from '../ports/transport.ts'
import type { ByteStream, EndpointId } from '../ports/transport.ts'
import type { GitRef } from '../protocol/git/git-refs.ts'
import type { GitService } from '../protocol/git/service-request.ts'
import { checkConnectivity, isConnected } from './connectivity.ts'
import { commitHaves } from './commit-haves.ts'
import { fetchFromGit } from './git-client.ts'
import { GIT_AGENT } from './app.ts'
import { withIdleLimit } from './idle-limit.ts'
import type { Repository } from './repository.ts'

export const MAIN: RefName = 'refs/heads/main'
export const DEVICES = 'refs/devices/'

/** Git itself speaks up every 5 s while it works. */
const SILENCE_MS = 60_000
/** The largest vault that comes back in one pack: a person's own mirror is believed more than a stranger. */
const MAX_PACK_BYTES = 256 * 1024 ** 3

/** A conversation with the git of a mirror. */
export interface MirrorStream {
  readonly stream: ByteStream
  /** Sent as the service request; absent when the program at the other end was started for us. */
  readonly path?: string
  /** Resolves to what the program said to people before it ended, for errors. */
  words(): Promise<string>
}

export type MirrorPhase = 'fetch' | 'push'

export interface MirrorOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** @throws MirrorError, TransportError */
  readonly connect: (service: GitService) => Promise<MirrorStream>
  /** Bytes of packs in this phase, so far. */
  readonly onProgress: (phase: MirrorPhase, bytes: number) => void
}

/** What the mirror's refs name, all of it whole and known here by now; none of our refs has moved for it. */
export interface MirrorRefs {
  readonly devices: ReadonlyMap<EndpointId, Oid>
  /** Null: the mirror is empty, or has other branches only. */
  readonly main: Oid | null
}

/**
 * Looks at a mirror and brings here what its refs name and we lack, as objects that no ref of ours names. Of a mirror that knows none
 * of our devices, and nothing of ours, nothing is brought, unless `any` says so: it is another vault's.
 * @throws MirrorError `unrelated`, `refused`, `damaged`; TransportError; the signal's reason
 */
export async function readMirror(
  repository: Repository,
  options: MirrorOptions,
  { any }: { readonly any: boolean },
): Promise<MirrorRefs> {
  const { graph, objects } = repository
  const isRelated = ({ name, oid }: NamedCommit): boolean =>
    graph.has(oid) || (name.startsWith(DEVICES) && repository.heads().has(name.slice(DEVICES.length) as EndpointId))
  const found = await converse('git-upload-pack', options, async ({ stream, path }) => {
    const { refs } = await fetchFromGit(stream, {
      agent: GIT_AGENT,
      ...(path === undefined ? {} : { path }),
      signal: options.signal,
      objects,
      refPrefixes: [MAIN, DEVICES],
      wants: async (listed) => {
        const named = ours(listed)
        if (!any && named.length > 0 && !named.some(isRelated))
          throw new MirrorError('unrelated', 'the mirror holds the history of another vault')
        const tips = [...new Set(named.map(({ oid }) => oid))]
        const known = await Promise.all(tips.map((oid) => isWhole(repository, oid)))
        return tips.filter((_, i) => !known[i])
      },
      haves: commitHaves(graph, [...repository.heads().values()]),
      maxPackBytes: MAX_PACK_BYTES,
      onBytes: counting('fetch', options),
    })
    return ours(refs)
  })
  for (const { name, oid } of found) {
    if (await isWhole(repository, oid)) continue
    throw new MirrorError('damaged', `the mirror lacks a part of what ${name} names`, { ref: name, oid })
  }
  const devices = found.flatMap(({ name, oid }): [EndpointId, Oid][] => {
    const id = name.slice(DEVICES.length)
    return name.startsWith(DEVICES) && isEndpointId(id) ? [[id, oid]] : []
  })
  return { devices: new Map(devices), main: found.find(({ name }) => name === MAIN)?.oid ?? null }
}

interface NamedCommit {
  readonly name: string
  readonly oid: Oid
}

function ours(refs: readonly GitRef[]): NamedCommit[] {
  return refs.flatMap(({ name, oid }) => (oid && (name === MAIN || name.startsWith(DEVICES)) ? [{ name, oid }] : []))
}

/** Whether the commit and all behind it is here; then it is in the graph. */
async function isWhole(repository: Repository, oid: Oid): Promise<boolean> {
  if (repository.graph.has(oid)) return true
  try {
    if (!isConnected(await checkConnectivity(repository.objects, repository.graph, [oid]))) return false
  } catch (error) {
    if (error instanceof MissingObjectError) return false
    if (!(error instanceof CorruptObjectError)) throw error
    throw new MirrorError('damaged', `the mirror holds what no vault can: ${error.message}`, { oid }, { cause: error })
  }
  return repository.recall(oid)
}

/**
 * Whether a `main` that does not continue into `view` is nothing but an older view of what `known` reaches: then it can be replaced,
 * and nothing is lost by it. Views are merges that every device computes by itself (V3), so one need not be behind the next.
 */
export async function isViewOf(repository: Repository, main: Oid, known: readonly Oid[]): Promise<boolean> {
  const { graph } = repository
  const { committer, parents } = await repository.readCommit(main)
  return (
    isViewIdentity(committer) &&
    parents.length > 1 &&
    parents.every((parent) => known.some((tip) => graph.isAncestor(parent, tip)))
  )
}

export function counting(phase: MirrorPhase, { onProgress }: MirrorOptions): (count: number) => void {
  let bytes = 0
  return (count) => onProgress(phase, (bytes += count))
}

/** One service of the mirror's git. @throws MirrorError `refused` with what it said */
export async function converse<T>(
  service: GitService,
  options: MirrorOptions,
  talk: (mirror: MirrorStream) => Promise<T>,
): Promise<T> {
  const mirror = await options.connect(service)
  const stream = withIdleLimit(mirror.stream, options.clock, SILENCE_MS)
  try {
    return await talk({ ...mirror, stream })
  } catch (error) {
    stream.abort()
    if (options.signal.aborted || error instanceof MirrorError) throw error
    const words = await mirror.words()
    if (error instanceof ProtocolError || words !== '')
      throw new MirrorError('refused', words || (error as Error).message, {}, { cause: error })
    throw error
  }
}
