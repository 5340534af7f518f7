import { isViewIdentity } from '../history/view-identity.ts'
import type { Oid } from '../objects/oid.ts'
import type { Clock } from '../ports/clock.ts'
import { ProtocolError } from '../ports/errors.ts'
import { MirrorError } from '../ports/mirror-error.ts'
import type { RefName, Refs } from '../ports/ref-store.ts'
import { isEndpointId } from '../ports/transport.ts'
import type { EndpointId } from '../ports/transport.ts'
import type { GitService } from '../protocol/git/service-request.ts'
import { fetchFromPeer } from './fetch-from-peer.ts'
import type { UnusableRef } from './fetch-from-peer.ts'
import type { ExchangeOptions, GitConversation, GitPeer, TransferPhase } from './git-peer.ts'
import type { Repository } from './repository.ts'

export const MAIN: RefName = 'refs/heads/main'
export const DEVICES = 'refs/devices/'
/** What of a mirror is ours. */
export const MIRRORED = [MAIN, DEVICES]

/** Git itself speaks up every 5 s while it works, but a disk may have to wake up. */
const SILENCE_MS = 60_000
/** The largest vault that comes back in one pack: a person's own mirror is believed more than a stranger. */
export const MAX_PACK_BYTES = 256 * 1024 ** 3

export interface MirrorOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** @throws MirrorError, TransportError */
  readonly connect: (service: GitService, signal: AbortSignal) => Promise<GitConversation>
  /** Bytes of packs in this phase, so far. */
  readonly onProgress: (phase: TransferPhase, bytes: number) => void
}

/** What the mirror's refs name, all of it whole and known here by now; none of our refs has moved for it. */
export interface MirrorRefs {
  readonly devices: ReadonlyMap<EndpointId, Oid>
  /** Null: the mirror is empty, or has other branches only. */
  readonly main: Oid | null
}

export function mirrorPeer({ connect }: MirrorOptions): GitPeer {
  return { connect }
}

export function exchangeOptions({ clock, signal, onProgress }: MirrorOptions): ExchangeOptions {
  return { clock, signal, idleMs: SILENCE_MS, onProgress: (phase, { bytes }) => onProgress(phase, bytes) }
}

/** Runs an exchange with a mirror. @throws MirrorError `refused` with what its git said */
export async function withMirror<T>({ signal }: MirrorOptions, exchange: () => Promise<T>): Promise<T> {
  try {
    return await exchange()
  } catch (error) {
    if (signal.aborted || !(error instanceof ProtocolError)) throw error
    throw new MirrorError('refused', error.message, {}, { cause: error })
  }
}

/**
 * Looks at a mirror and brings here what its refs name and we lack, as objects that no ref of ours names.
 * @throws as {@link expectRelated}, unless `any` says that another vault's is welcome; MirrorError `refused`, `damaged`; TransportError;
 * the signal's reason
 */
export async function readMirror(
  repository: Repository,
  options: MirrorOptions,
  { any }: { readonly any: boolean },
): Promise<MirrorRefs> {
  const { refs, unusable } = await withMirror(options, () =>
    fetchFromPeer(repository, mirrorPeer(options), {
      ...exchangeOptions(options),
      prefixes: MIRRORED,
      maxPackBytes: MAX_PACK_BYTES,
      wants: (listed) => {
        if (!any) expectRelated(repository, listed)
        return [...new Set(listed.values())]
      },
    }),
  )
  for (const [name, ref] of unusable) throw damaged(name, ref)
  const devices = [...refs].flatMap(([name, oid]): [EndpointId, Oid][] => {
    const id = name.slice(DEVICES.length)
    return name.startsWith(DEVICES) && isEndpointId(id) ? [[id, oid]] : []
  })
  return { devices: new Map(devices), main: refs.get(MAIN) ?? null }
}

export function damaged(name: RefName, { reason, message }: Pick<UnusableRef, 'reason' | 'message'>): MirrorError {
  const words =
    reason === 'incomplete'
      ? `the mirror lacks a part of what ${name} names`
      : `the mirror holds what no vault can: ${message}`
  return new MirrorError('damaged', words, { ref: name })
}

/**
 * That a mirror is not another vault's: it is empty, or knows one of our devices, or something of ours.
 * @throws MirrorError `unrelated`
 */
export function expectRelated(repository: Repository, listed: Refs): void {
  const { graph } = repository
  const isRelated = ([name, oid]: [RefName, Oid]): boolean =>
    graph.has(oid) || (name.startsWith(DEVICES) && repository.heads().has(name.slice(DEVICES.length) as EndpointId))
  if (listed.size > 0 && ![...listed].some(isRelated))
    throw new MirrorError('unrelated', 'the mirror holds the history of another vault')
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
