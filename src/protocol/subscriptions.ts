import type { Oid } from '../objects/oid.ts'
import { MAX_REFS, type DeviceHeads, type LinkMessage, type SendableMessage, type ShareName } from './messages.ts'
import type { Owed } from './send-queue.ts'
import {
  accessOf,
  isOrdinary,
  NO_SHARE,
  peerShare,
  withoutOffer,
  withPeerShare,
  type LocalShare,
  type ShareRights,
  type SubscriptionState,
} from './subscription-state.ts'

/**
 * What two devices tell each other of their shares on one link, as a pure state machine:
 * `updateSubscriptions(state, event, rights) -> [state, effects]`, one handler per message.
 *
 * 1. Whether the peer may see or change a share is asked of `rights` at each decision and stored nowhere (S1). A share that it may
 *    not see is treated exactly like one that does not exist here (S5).
 * 2. The peer's wish for updates is set by its list of subscriptions alone, kept while a share is unavailable, and cleared by a list
 *    without it, or by taking the share back (S2, S4, S5).
 * 3. What the peer is believed to have is what it said last, plus what we sent since. Nothing is sent that it is known to have, so
 *    there is no echo (L8, S3).
 * 4. What was said of our shares (`told`) is remembered to say each thing once; it decides nothing about what may be said.
 */

export type ShareMessage = Extract<
  LinkMessage,
  { kind: 'directory' | 'subscribe' | 'update' | 'applied' | 'share-offer' | 'share-revoked' | 'sync-response' }
>

export type SubscriptionEvent =
  /** The link may speak of shares. `wanted`: what the peer had subscribed to on a link that this one takes the place of (S2). */
  | {
      readonly kind: 'open'
      readonly local: ReadonlyMap<ShareName, LocalShare>
      readonly wanted: ReadonlySet<ShareName>
    }
  | { readonly kind: 'heard'; readonly message: ShareMessage }
  | { readonly kind: 'local'; readonly share: ShareName; readonly state: LocalShare }
  /** The share is no more on this device. */
  | { readonly kind: 'gone'; readonly share: ShareName }
  /** Grants have changed: says what is new, and takes back what is gone. */
  | { readonly kind: 'rights' }
  /** L8: everything once more. */
  | { readonly kind: 'snapshot' }
  /** The queue dropped something and has room again (L7): this makes up for it. */
  | { readonly kind: 'repair'; readonly owed: Owed }

export type SubscriptionEffect =
  | { readonly kind: 'send'; readonly message: SendableMessage }
  /** The peer has these heads; `pack` may hold what they need. */
  | { readonly kind: 'offer'; readonly share: ShareName; readonly heads: DeviceHeads; readonly pack: Uint8Array }
  /** Send an update that brings the peer from `known` to `heads`. */
  | {
      readonly kind: 'update'
      readonly share: ShareName
      readonly heads: DeviceHeads
      readonly known: DeviceHeads
      readonly view: Oid | null | undefined
    }
  | { readonly kind: 'peer-changed' }
  /** S5: whatever runs or waits for this share on this link ends now. */
  | { readonly kind: 'withdraw'; readonly share: ShareName }
  /** The peer lets us have a share, or changed what we may do with it. */
  | { readonly kind: 'offered'; readonly share: ShareName; readonly title: string; readonly write: boolean }
  /** The peer took a share back. */
  | { readonly kind: 'taken-back'; readonly share: ShareName }
  /** The peer broke a limit: the link ends. */
  | { readonly kind: 'broken'; readonly reason: string }

type Step = readonly [SubscriptionState, readonly SubscriptionEffect[]]

/** Shares of one peer that we may be told of (T8). */
const MAX_OFFERS = 100
const NOTHING = new Uint8Array(0)
const CHANGED: SubscriptionEffect = { kind: 'peer-changed' }

export function updateSubscriptions(state: SubscriptionState, event: SubscriptionEvent, rights: ShareRights): Step {
  switch (event.kind) {
    case 'open':
      return onOpen(state, event.local, event.wanted, rights)
    case 'heard':
      return onMessage(state, event.message, rights)
    case 'local':
      return onLocal(state, event.share, event.state, rights)
    case 'gone':
      return onGone(state, event.share, rights)
    case 'rights':
      return onRights(state, rights)
    case 'snapshot':
      return [state, spokenOf(state, rights).map(([name, share]) => directory(name, share))]
    case 'repair':
      return [state, repair(state, event.owed, rights)]
  }
}

function onMessage(state: SubscriptionState, message: ShareMessage, rights: ShareRights): Step {
  if (message.kind === 'subscribe') return onSubscribe(state, message.shares, rights)
  if (message.kind === 'share-offer') return onOffer(state, message, rights)
  // What is said of shares that we don't have is not remembered: a list of them has no end (T8). One that the peer may not see is
  // none that we have (S5).
  if (!state.local.has(message.share) || !rights.reveal(message.share))
    return message.kind === 'share-revoked' ? [withoutOffer(state, message.share), [CHANGED]] : [state, []]
  switch (message.kind) {
    case 'directory':
      return onDirectory(state, message, rights)
    case 'update':
      return onUpdate(state, message, rights)
    case 'applied':
      return onApplied(state, message)
    case 'share-revoked':
      return onTakenBack(state, message.share)
    case 'sync-response':
      return [withPeerShare(state, message.share, { answer: message.answer }), [CHANGED]]
  }
}

// ---- one handler per message

function onDirectory(
  state: SubscriptionState,
  { share, heads, applied }: Extract<ShareMessage, { kind: 'directory' }>,
  rights: ShareRights,
): Step {
  const next = withPeerShare(state, share, { heads, applied, announced: false })
  return took(next, share, heads, NOTHING, rights)
}

function onUpdate(
  state: SubscriptionState,
  { share, heads, pack }: Extract<ShareMessage, { kind: 'update' }>,
  rights: ShareRights,
): Step {
  const all = new Map([...peerShare(state, share).heads, ...heads])
  if (all.size > MAX_REFS) return [state, [{ kind: 'broken', reason: `more than ${MAX_REFS} devices in one share` }]]
  return took(withPeerShare(state, share, { heads: all }), share, heads, pack, rights)
}

/** The peer has something. Of one that may not write nothing is taken, and it is told so, once per head of its own (S5). */
function took(
  state: SubscriptionState,
  share: ShareName,
  heads: DeviceHeads,
  pack: Uint8Array,
  rights: ShareRights,
): Step {
  if (rights.write(share)) return [state, [{ kind: 'offer', share, heads, pack }, CHANGED]]
  const own = heads.get(state.remoteId)
  const isNews = own !== undefined && own !== state.local.get(share)!.heads.get(state.remoteId)
  if (!isNews || own === peerShare(state, share).refused) return [state, [CHANGED]]
  return [withPeerShare(state, share, { refused: own }), [send(refusal(share)), CHANGED]]
}

function onApplied(state: SubscriptionState, { share, view }: Extract<ShareMessage, { kind: 'applied' }>): Step {
  return [withPeerShare(state, share, { applied: view }), [CHANGED]]
}

/** S2: the full list; an empty one clears. What is not here, or not for this peer, is remembered and called unavailable (S4). */
function onSubscribe(state: SubscriptionState, shares: readonly ShareName[], rights: ShareRights): Step {
  const wanted = new Set(shares)
  const kept = [...state.remote.keys()].filter((name) => state.local.has(name))
  const remote = new Map(
    [...kept, ...wanted].map((name) => [name, { ...peerShare(state, name), peerWantsUpdates: wanted.has(name) }]),
  )
  const fresh = [...wanted].filter((name) => !peerShare(state, name).peerWantsUpdates)
  let next: SubscriptionState = { ...state, remote, heardList: true }
  const effects: SubscriptionEffect[] = []
  for (const name of fresh) {
    const share = rights.reveal(name) ? state.local.get(name) : undefined
    const peer = peerShare(next, name)
    const answer = !share ? 'unavailable' : sameHeads(share.heads, peer.heads) ? 'up-to-date' : 'update'
    effects.push(send({ kind: 'sync-response', share: name, answer }))
    // With its first list it has our opening directory, too. What it was told of a share that it did not have then, it forgot.
    if (!share || answer !== 'update' || (!state.heardList && !peer.untold)) continue
    effects.push(directory(name, share))
    next = withPeerShare(next, name, { untold: false })
  }
  return asking(next, [...effects, CHANGED], rights) // the reciprocal request
}

function onOffer(
  state: SubscriptionState,
  { share, title, write }: Extract<ShareMessage, { kind: 'share-offer' }>,
  rights: ShareRights,
): Step {
  if (!state.offers.has(share) && state.offers.size >= MAX_OFFERS) return [state, []]
  const next = { ...state, offers: new Map(state.offers).set(share, { title, write }) }
  const effects: SubscriptionEffect[] = [{ kind: 'offered', share, title, write }, CHANGED]
  const local = state.local.get(share)
  if (!local || !peerShare(state, share).withdrawn) return [next, effects]
  // It had taken the share back, and forgot what we wanted: we begin anew.
  const again = withPeerShare({ ...next, asked: null }, share, { withdrawn: false })
  if (rights.reveal(share)) effects.push(directory(share, local))
  return asking(again, effects, rights)
}

/** S5: nothing of it comes any more, and none of ours goes there. */
function onTakenBack(state: SubscriptionState, share: ShareName): Step {
  const remote = new Map(state.remote).set(share, { ...NO_SHARE, answer: 'unavailable', withdrawn: true })
  const next = { ...withoutOffer(state, share), remote }
  return [next, [{ kind: 'withdraw', share }, { kind: 'taken-back', share }, CHANGED]]
}

// ---- what happens here

function onOpen(
  before: SubscriptionState,
  local: SubscriptionState['local'],
  wanted: ReadonlySet<ShareName>,
  rights: ShareRights,
): Step {
  const remote = new Map([...wanted].map((name) => [name, { ...NO_SHARE, peerWantsUpdates: true }]))
  const [state, list] = asking({ ...before, local, remote, asked: null }, [], rights)
  const told = new Map<ShareName, 'read' | 'write'>()
  const effects = [...list]
  for (const [name, share] of spokenOf(state, rights)) {
    const access = accessOf(rights, name)
    told.set(name, access)
    if (!isOrdinary(name, access)) effects.push(offer(name, share, access))
    effects.push(directory(name, share))
  }
  return [{ ...state, told }, effects]
}

/** What became visible is offered and told; what is gone is taken back. Decided by the rights of now alone. */
function onRights(state: SubscriptionState, rights: ShareRights): Step {
  let next = state
  const effects: SubscriptionEffect[] = []
  for (const [name, share] of state.local) {
    const before = state.told.get(name)
    if (!rights.reveal(name)) {
      if (!before) continue
      const [told, remote] = [new Map(next.told), new Map(next.remote)]
      told.delete(name)
      remote.delete(name)
      next = { ...next, told, remote }
      effects.push({ kind: 'withdraw', share: name }, send({ kind: 'share-revoked', share: name }), CHANGED)
      continue
    }
    const access = accessOf(rights, name)
    if (before === access) continue
    next = { ...next, told: new Map(next.told).set(name, access) }
    effects.push(offer(name, share, access))
    if (before) continue
    effects.push(directory(name, share))
    next = withPeerShare(next, name, { announced: true, untold: false })
  }
  return asking(next, effects, rights)
}

/** Who knew of it is told as if it had been taken back; the wish for it stays, as for any share that is not here (S4). */
function onGone(state: SubscriptionState, name: ShareName, rights: ShareRights): Step {
  if (!state.local.has(name)) return [state, []]
  const [local, told, remote] = [new Map(state.local), new Map(state.told), new Map(state.remote)]
  const { peerWantsUpdates } = peerShare(state, name)
  local.delete(name)
  remote.delete(name)
  if (peerWantsUpdates) remote.set(name, { ...NO_SHARE, peerWantsUpdates })
  // What was taken back before is ended already, and the word of that may still be waiting to go.
  const effects: SubscriptionEffect[] = told.delete(name)
    ? [{ kind: 'withdraw', share: name }, send({ kind: 'share-revoked', share: name }), CHANGED]
    : [CHANGED]
  return asking({ ...state, local, told, remote }, effects, rights)
}

/** S3: the four rows. */
export function newsFor(peer: {
  readonly canReveal: boolean
  readonly peerWantsUpdates: boolean
  readonly isAware: boolean
}): 'nothing' | 'update' | 'announce' {
  if (!peer.canReveal) return 'nothing'
  if (peer.peerWantsUpdates) return 'update'
  return peer.isAware ? 'nothing' : 'announce'
}

function onLocal(state: SubscriptionState, name: ShareName, now: LocalShare, rights: ShareRights): Step {
  const before = state.local.get(name)
  let next: SubscriptionState = { ...state, local: new Map(state.local).set(name, now) }
  if (!before) return onRights(next, rights) // a share that is new here
  const peer = peerShare(state, name)
  const canReveal = rights.reveal(name) && !peer.withdrawn
  const news = new Map([...now.heads].filter(([device, oid]) => peer.heads.get(device) !== oid))
  const moved = [...news].some(([device, oid]) => before.heads.get(device) !== oid)
  const effects: SubscriptionEffect[] = []
  if (moved)
    switch (newsFor({ canReveal, peerWantsUpdates: peer.peerWantsUpdates, isAware: peer.announced })) {
      case 'update':
        effects.push({ kind: 'update', share: name, heads: news, known: peer.heads, view: peer.applied })
        next = withPeerShare(next, name, {
          heads: new Map([...peer.heads, ...news]),
          // A reader's view may have changes of its own in it, so only its next word tells that it shows ours (L8).
          ...(rights.write(name) ? {} : { applied: undefined }),
        })
        break
      case 'announce':
        effects.push(directory(name, now))
        next = withPeerShare(next, name, { announced: true, untold: false })
        break
      case 'nothing':
        if (canReveal) next = withPeerShare(next, name, { untold: true })
    }
  if (canReveal && before.applied !== now.applied)
    effects.push(send({ kind: 'applied', share: name, view: now.applied }))
  return [next, effects]
}

function repair(state: SubscriptionState, owed: Owed, rights: ShareRights): readonly SubscriptionEffect[] {
  if (owed.kind === 'subscribe') return [subscription(wantedOf(state, rights))]
  const found = spokenOf(state, rights).find(([name]) => name === owed.share)
  if (!found) return []
  const [name, share] = found
  const access = accessOf(rights, name)
  return [...(isOrdinary(name, access) ? [] : [offer(name, share, access)]), directory(name, share)]
}

// ---- what is said

/** Sends our subscriptions when they are others than the peer knows: once, also when its own list is what tells us (B7). */
function asking(state: SubscriptionState, effects: readonly SubscriptionEffect[], rights: ShareRights): Step {
  const wanted = wantedOf(state, rights)
  const { asked } = state
  if (asked && asked.size === wanted.length && wanted.every((name) => asked.has(name))) return [state, effects]
  return [{ ...state, asked: new Set(wanted) }, [...effects, subscription(wanted)]]
}

/** Updates are wanted of whom we take them from; that we have a share is told to nobody else. */
function wantedOf(state: SubscriptionState, rights: ShareRights): ShareName[] {
  return [...state.local.keys()].filter((name) => rights.reveal(name) && rights.write(name))
}

/** The shares that the peer may hear of, and wants to. */
function spokenOf(state: SubscriptionState, rights: ShareRights): [ShareName, LocalShare][] {
  return [...state.local].filter(([name]) => rights.reveal(name) && !peerShare(state, name).withdrawn)
}

function send(message: SendableMessage): SubscriptionEffect {
  return { kind: 'send', message }
}

function subscription(shares: readonly ShareName[]): SubscriptionEffect {
  return send({ kind: 'subscribe', shares })
}

function directory(share: ShareName, { heads, applied }: LocalShare): SubscriptionEffect {
  return send({ kind: 'directory', share, heads, applied })
}

function offer(share: ShareName, { title }: LocalShare, access: 'read' | 'write'): SubscriptionEffect {
  return send({ kind: 'share-offer', share, title: title ?? share, write: access === 'write' })
}

function refusal(share: ShareName): SendableMessage {
  return {
    kind: 'refusal',
    code: 'read-only',
    share,
    message: 'this device may read the share, not change it: what you changed stays with you',
  }
}

function sameHeads(left: DeviceHeads, right: DeviceHeads): boolean {
  return left.size === right.size && [...left].every(([device, oid]) => right.get(device) === oid)
}
