import { CorruptObjectError, MissingObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import { isRefName } from '../ports/ref-store.ts'
import type { RefName, Refs, RefStore } from '../ports/ref-store.ts'
import type { GitRef } from '../protocol/git/git-refs.ts'
import { commitHaves } from './commit-haves.ts'
import { checkConnectivity, isConnected } from './connectivity.ts'
import { fetchFromGit } from './git-client.ts'
import { GIT_AGENT } from './app.ts'
import { exchangeWith } from './git-peer.ts'
import type { ExchangeOptions, GitPeer } from './git-peer.ts'
import type { GitRepository } from './visible-history.ts'

/** What is synchronised: a git repository whose refs can be listed; a `Repository` is one. */
export interface SyncRepository extends GitRepository {
  readonly refs: Pick<RefStore, 'list'>
}

export interface PeerFetchOptions extends ExchangeOptions {
  /** Of the peer's refs those whose names begin so. */
  readonly prefixes: readonly string[]
  /**
   * Which commits of the refs listed to bring here; all that are not here unless given. What it throws ends the exchange before
   * anything was fetched. Asked again at each try.
   */
  readonly wants?: (refs: Refs) => readonly Oid[] | Promise<readonly Oid[]>
  /** What the other side says to people meanwhile: any characters, half lines too. */
  readonly onWords?: (text: string) => void
  /** Bytes of pack after which the fetch is given up (T8). */
  readonly maxPackBytes?: number
}

/** Why a ref of a peer is of no use: it lacks a part of the history, or the ref names what is no commit, or none for a vault. */
export interface UnusableRef {
  readonly oid: Oid
  readonly reason: 'incomplete' | 'unfit'
  readonly message: string
}

export interface PeerRefs {
  /** Each names a commit that is here, whole (T2), and in the graph. */
  readonly refs: Refs
  readonly unusable: ReadonlyMap<RefName, UnusableRef>
  /** Objects that came. */
  readonly received: number
}

/**
 * Looks at a peer's refs and brings here, in one conversation, what they name and we lack: objects that no ref of ours names yet. When
 * nothing is new that is one round trip with our own servers.
 *
 * What a cut leaves is nothing of the pack: the next try asks for it anew.
 * @throws ProtocolError, TransportError, CorruptObjectError for a pack that is not sound; StoreError; the signal's reason
 */
export async function fetchFromPeer(
  repository: SyncRepository,
  peer: GitPeer,
  options: PeerFetchOptions,
): Promise<PeerRefs> {
  const found = await exchangeWith(
    peer,
    'git-upload-pack',
    options,
    async ({ stream, path, readsOn, signal, onBytes }) => {
      let listed: NamedCommits = NONE
      const { received } = await fetchFromGit(stream, {
        agent: GIT_AGENT,
        ...(path === undefined ? {} : { path }),
        ...(options.maxPackBytes === undefined ? {} : { maxPackBytes: options.maxPackBytes }),
        ...(options.onWords ? { onProgress: options.onWords } : {}),
        listsAtOnce: readsOn ?? false,
        signal,
        objects: repository.objects,
        refPrefixes: options.prefixes,
        wants: async (refs) => {
          listed = namedCommits(refs, options.prefixes)
          const wants = options.wants ? await options.wants(listed.refs) : [...new Set(listed.refs.values())]
          return missingOf(repository, wants)
        },
        haves: commitHaves(repository.graph, await ownTips(repository)),
        onBytes,
      })
      return { ...listed, received: received.length }
    },
  )
  const refs = new Map<RefName, Oid>()
  const unusable = new Map(found.unusable)
  const known = new Map<Oid, Omit<UnusableRef, 'oid'> | null>()
  for (const [name, oid] of found.refs) {
    if (!known.has(oid)) known.set(oid, await faultOf(repository, oid))
    const fault = known.get(oid)!
    if (fault) unusable.set(name, { oid, ...fault })
    else refs.set(name, oid)
  }
  return { refs, unusable, received: found.received }
}

interface NamedCommits {
  readonly refs: Refs
  readonly unusable: ReadonlyMap<RefName, UnusableRef>
}

const NONE: NamedCommits = { refs: new Map(), unusable: new Map() }

/** Servers may list more than they were asked for, and names that nobody may have. */
function namedCommits(listed: readonly GitRef[], prefixes: readonly string[]): NamedCommits {
  const refs = new Map<RefName, Oid>()
  const unusable = new Map<RefName, UnusableRef>()
  for (const { name, oid, peeled } of listed) {
    if (oid === null || !isRefName(name) || !prefixes.some((prefix) => name.startsWith(prefix))) continue
    if (peeled) unusable.set(name, { oid, reason: 'unfit', message: `${name} names a tag, not a commit` })
    else refs.set(name, oid)
  }
  return { refs, unusable }
}

async function missingOf(repository: SyncRepository, wants: readonly Oid[]): Promise<Oid[]> {
  const missing: Oid[] = []
  for (const oid of wants) if ((await faultOf(repository, oid))?.reason === 'incomplete') missing.push(oid)
  return missing
}

/** Null: the commit and all behind it is here, and in the graph by now. */
async function faultOf(repository: SyncRepository, oid: Oid): Promise<Omit<UnusableRef, 'oid'> | null> {
  const incomplete = { reason: 'incomplete', message: `a part of what ${oid} needs is missing` } as const
  if (repository.graph.has(oid)) return null
  try {
    if (!isConnected(await checkConnectivity(repository.objects, repository.graph, [oid]))) return incomplete
  } catch (error) {
    if (error instanceof MissingObjectError) return incomplete
    if (!(error instanceof CorruptObjectError)) throw error
    return { reason: 'unfit', message: error.message }
  }
  return (await repository.recall(oid)) ? null : incomplete
}

/** The commits that our refs name: everything they reach is here. */
async function ownTips(repository: SyncRepository): Promise<Oid[]> {
  const tips: Oid[] = []
  for (const oid of new Set((await repository.refs.list()).values()))
    if (await isCommit(repository, oid)) tips.push(oid)
  return tips
}

/** Then it is in the graph. */
export async function isCommit(repository: GitRepository, oid: Oid): Promise<boolean> {
  if (repository.graph.has(oid)) return true
  return (await repository.objects.info(oid))?.type === 'commit' && repository.recall(oid)
}
