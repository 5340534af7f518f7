import type { Oid } from '../objects/oid.ts'
import type { EndpointId } from '../ports/transport.ts'
import type { DeviceHeads, ShareName, SyncAnswer } from './messages.ts'

/** What our side of a share looks like now. */
export interface LocalShare {
  readonly heads: DeviceHeads
  /** The view that our disk shows in full; null: none, or files of it are missing. */
  readonly applied: Oid | null
  /** For people, in an offer. */
  readonly title?: string
}

/** What we know of the peer's side of a share. */
export interface PeerShare {
  readonly heads: DeviceHeads
  /** undefined: it has not said. */
  readonly applied: Oid | null | undefined
  readonly peerWantsUpdates: boolean
  /** It was told of our present heads although it does not want updates (S3). */
  readonly announced: boolean
  /** Something moved here that it was not told of. */
  readonly untold: boolean
  /** Its answer to our subscription. */
  readonly answer: SyncAnswer | null
  /** It took the share back: it will hear nothing of it until it offers it again. */
  readonly withdrawn: boolean
  /** Its own head that was refused last, because it may not write. */
  readonly refused: Oid | null
}

/** A share that the peer lets us have. */
export interface ShareOffer {
  readonly title: string
  readonly write: boolean
}

export interface SubscriptionState {
  readonly remoteId: EndpointId
  readonly local: ReadonlyMap<ShareName, LocalShare>
  readonly remote: ReadonlyMap<ShareName, PeerShare>
  /** What we said last that the peer may do with our shares. */
  readonly told: ReadonlyMap<ShareName, 'read' | 'write'>
  /** The subscriptions that we sent last; null: none yet. */
  readonly asked: ReadonlySet<ShareName> | null
  /** The peer has sent its subscriptions. */
  readonly heardList: boolean
  readonly offers: ReadonlyMap<ShareName, ShareOffer>
}

/** What the peer may do, computed anew at each question (see peers/grants.ts). */
export interface ShareRights {
  reveal(share: ShareName): boolean
  write(share: ShareName): boolean
}

const VAULT: ShareName = 'vault'

export const NO_SHARE: PeerShare = {
  heads: new Map(),
  applied: undefined,
  peerWantsUpdates: false,
  announced: false,
  untold: false,
  answer: null,
  withdrawn: false,
  refused: null,
}

export function newSubscriptions(remoteId: EndpointId): SubscriptionState {
  return {
    remoteId,
    local: new Map(),
    remote: new Map(),
    told: new Map(),
    asked: null,
    heardList: false,
    offers: new Map(),
  }
}

export function peerShare(state: SubscriptionState, share: ShareName): PeerShare {
  return state.remote.get(share) ?? NO_SHARE
}

export function withPeerShare(
  state: SubscriptionState,
  name: ShareName,
  change: Partial<PeerShare>,
): SubscriptionState {
  return { ...state, remote: new Map(state.remote).set(name, { ...peerShare(state, name), ...change }) }
}

export function withoutOffer(state: SubscriptionState, share: ShareName): SubscriptionState {
  if (!state.offers.has(share)) return state
  const offers = new Map(state.offers)
  offers.delete(share)
  return { ...state, offers }
}

export function accessOf(rights: ShareRights, share: ShareName): 'read' | 'write' {
  return rights.write(share) ? 'write' : 'read'
}

/** Own devices have the whole vault: that needs no words. */
export function isOrdinary(share: ShareName, access: 'read' | 'write'): boolean {
  return share === VAULT && access === 'write'
}
