import type { Oid } from '../objects/oid.ts'
import type { EndpointId } from '../ports/transport.ts'
import { CLOSE, type CloseCode } from './close-codes.ts'
import {
  isPairingMessage,
  MAX_REFS,
  PROTOCOL_VERSION,
  type ByeReason,
  type DeviceHeads,
  type Hello,
  type LinkMessage,
  type PairingMessage,
  type SendableMessage,
  type ShareName,
} from './messages.ts'
import type { Owed } from './send-queue.ts'

/**
 * The conversation on one link, as a pure state machine: `updateLink(state, event) -> [state, effects]`.
 *
 * 1. Each side greets first; nothing but a hello is accepted before one came (L5). Who was dialled greets when it knows that it
 *    talks to one of its own, or to somebody who follows a pairing link (P4): it costs no time, for the dialler spoke first.
 * 2. After a hello the owner of the link decides whether the other device is known: `admit` opens the link, pairing may come first.
 * 3. An open link begins with our subscriptions and our directory; what the peer is believed to have is what it said last, plus
 *    what we sent since. Nothing is sent that the peer is known to have, so there is no echo (L8, S3).
 * 4. Messages are hints: losing any of them costs time only, because directories are compared anew every minute.
 * 5. A probe asks whether the link still carries anything: whatever comes is an answer, and none in time closes it (L4).
 */

export interface LinkTimes {
  readonly pingEveryMs: number
  readonly unhealthyAfterMs: number
  readonly closeAfterMs: number
  readonly helloWithinMs: number
  readonly directoryEveryMs: number
  /** How long an answer to a probe may take. */
  readonly probeMs: number
}

export const LINK_TIMES: LinkTimes = {
  pingEveryMs: 5_000,
  unhealthyAfterMs: 15_000,
  closeAfterMs: 30_000,
  helloWithinMs: 10_000,
  directoryEveryMs: 60_000,
  probeMs: 3_000,
}

/** What our side of a share looks like now. */
export interface LocalShare {
  readonly heads: DeviceHeads
  /** The view that our disk shows in full; null: none, or files of it are missing. */
  readonly applied: Oid | null
}

/** What we know of the peer's side of a share. */
export interface PeerShare {
  readonly heads: DeviceHeads
  /** undefined: it has not said. */
  readonly applied: Oid | null | undefined
  readonly peerWantsUpdates: boolean
  /** It was told of our present heads although it does not want updates (S3). */
  readonly announced: boolean
}

export interface LinkState {
  readonly phase: 'greeting' | 'greeted' | 'open' | 'closed'
  readonly remoteId: EndpointId
  readonly self: Hello
  readonly times: LinkTimes
  readonly saidHello: boolean
  readonly hello: Hello | null
  readonly startedAt: number
  readonly heardAt: number
  readonly pingedAt: number
  readonly directoryAt: number
  readonly health: 'healthy' | 'unhealthy'
  /** Since when a probe waits for any sign of life; null: none does. */
  readonly probedAt: number | null
  readonly roundTripMs: number | null
  readonly local: ReadonlyMap<ShareName, LocalShare>
  readonly remote: ReadonlyMap<ShareName, PeerShare>
}

export type LinkEvent =
  /** Greet. Only the first counts; an admission greets by itself. */
  | { readonly kind: 'start' }
  | { readonly kind: 'message'; readonly message: LinkMessage; readonly now: number }
  | { readonly kind: 'tick'; readonly now: number }
  /** The other device is one of ours (known, or just paired). */
  | { readonly kind: 'admit'; readonly local: ReadonlyMap<ShareName, LocalShare>; readonly now: number }
  | { readonly kind: 'local'; readonly share: ShareName; readonly state: LocalShare }
  /** Does the link still carry anything? Something may have changed under it. */
  | { readonly kind: 'probe'; readonly now: number }
  /** It does: something came on it, if no message. */
  | { readonly kind: 'answered' }
  /** The queue dropped something and has room again (L7): this makes up for it. */
  | { readonly kind: 'repair'; readonly owed: Owed }
  | { readonly kind: 'leave'; readonly reason: ByeReason }

export type LinkEffect =
  | { readonly kind: 'send'; readonly message: SendableMessage }
  | { readonly kind: 'greeted'; readonly hello: Hello }
  | { readonly kind: 'pairing'; readonly message: PairingMessage }
  | { readonly kind: 'opened' }
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
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'close'; readonly code: CloseCode; readonly reason: string }
  /** The peer said goodbye; it closes, or we do after a moment. */
  | { readonly kind: 'bye'; readonly reason: ByeReason }

const NO_SHARE: PeerShare = { heads: new Map(), applied: undefined, peerWantsUpdates: false, announced: false }

export function newLink(remoteId: EndpointId, self: Hello, now: number, times: LinkTimes = LINK_TIMES): LinkState {
  return {
    phase: 'greeting',
    remoteId,
    self,
    times,
    saidHello: false,
    hello: null,
    startedAt: now,
    heardAt: now,
    pingedAt: now,
    directoryAt: now,
    health: 'healthy',
    probedAt: null,
    roundTripMs: null,
    local: new Map(),
    remote: new Map(),
  }
}

function greeting(state: LinkState): readonly LinkEffect[] {
  return state.saidHello ? [] : [{ kind: 'send', message: { kind: 'hello', hello: state.self } }]
}

type Step = readonly [LinkState, readonly LinkEffect[]]

export function updateLink(state: LinkState, event: LinkEvent): Step {
  if (state.phase === 'closed') return [state, []]
  switch (event.kind) {
    case 'start':
      return [{ ...state, saidHello: true }, greeting(state)]
    case 'message':
      return onMessage(
        { ...state, heardAt: event.now, health: 'healthy', probedAt: null },
        event.message,
        event.now,
        state.health === 'unhealthy',
      )
    case 'tick':
      return onTick(state, event.now)
    case 'admit':
      return onAdmit(state, event.local, event.now)
    case 'local':
      return onLocal(state, event.share, event.state)
    case 'probe':
      return onProbe(state, event.now)
    case 'answered':
      return [{ ...state, probedAt: null }, []]
    case 'repair':
      return [state, repair(state, event.owed)]
    case 'leave':
      return [{ ...state, phase: 'closed' }, [{ kind: 'send', message: { kind: 'bye', reason: event.reason } }]]
  }
}

/** One that waits already is not given more time. A device that has not greeted says nothing, and is listened to all the same. */
function onProbe(state: LinkState, now: number): Step {
  if (state.probedAt !== null) return [state, []]
  const ping: LinkEffect = { kind: 'send', message: { kind: 'ping', at: now } }
  return [{ ...state, probedAt: now, pingedAt: now }, state.saidHello ? [ping] : []]
}

function repair(state: LinkState, owed: Owed): readonly LinkEffect[] {
  if (state.phase !== 'open') return []
  if (owed.kind === 'subscribe') return [subscription(state.local)]
  const share = state.local.get(owed.share)
  return share ? [directory(owed.share, share)] : []
}

function subscription(local: LinkState['local']): LinkEffect {
  return { kind: 'send', message: { kind: 'subscribe', shares: [...local.keys()] } }
}

function directory(share: ShareName, { heads, applied }: LocalShare): LinkEffect {
  return { kind: 'send', message: { kind: 'directory', share, heads, applied } }
}

function close(state: LinkState, code: CloseCode, reason: string): Step {
  return [{ ...state, phase: 'closed' }, [{ kind: 'close', code, reason }]]
}

function onMessage(state: LinkState, message: LinkMessage, now: number, recovered: boolean): Step {
  const changed: LinkEffect[] = recovered ? [{ kind: 'peer-changed' }] : []
  if (message.kind === 'hello') return onHello(state, message.hello)
  if (message.kind === 'bye') return [state, [{ kind: 'bye', reason: message.reason }]]
  if (message.kind === 'unknown') return [state, changed]
  if (message.kind === 'refusal')
    return [state, [...changed, { kind: 'refused', code: message.code, message: message.message }]]
  if (state.phase === 'greeting') return close(state, CLOSE.protocol, `a ${message.kind} came before the hello`)
  if (message.kind === 'ping') return [state, [...changed, { kind: 'send', message: { kind: 'pong', at: message.at } }]]
  if (message.kind === 'pong')
    return [
      { ...state, roundTripMs: Math.max(0, now - message.at) },
      state.roundTripMs === null ? [{ kind: 'peer-changed' }] : changed,
    ]
  if (isPairingMessage(message)) return [state, [...changed, { kind: 'pairing', message }]]
  // What is left speaks of the vault: only an admitted device may say it. One that we have not admitted yet, but that has
  // already admitted us, may be a moment ahead of us during pairing; the engine admits both before either speaks.
  if (state.phase !== 'open') return close(state, CLOSE.unauthorised, 'this device is not paired here')
  // What is said of shares that we don't have is not remembered: a list of them has no end (T8).
  if (message.kind !== 'subscribe' && !state.local.has(message.share)) return [state, changed]
  switch (message.kind) {
    case 'directory': {
      const share = {
        ...peerShare(state, message.share),
        heads: message.heads,
        applied: message.applied,
        announced: false,
      }
      return [
        withPeerShare(state, message.share, share),
        [offer(message.share, message.heads, NOTHING), { kind: 'peer-changed' }],
      ]
    }
    case 'update': {
      const known = peerShare(state, message.share)
      const share = { ...known, heads: new Map([...known.heads, ...message.heads]) }
      if (share.heads.size > MAX_REFS) return close(state, CLOSE.protocol, `more than ${MAX_REFS} devices in one share`)
      return [
        withPeerShare(state, message.share, share),
        [offer(message.share, message.heads, message.pack), { kind: 'peer-changed' }],
      ]
    }
    case 'applied': {
      const share = { ...peerShare(state, message.share), applied: message.view }
      return [withPeerShare(state, message.share, share), [{ kind: 'peer-changed' }]]
    }
    case 'subscribe': {
      const wanted = new Set(message.shares) // S2: the full list
      const names = [...state.remote.keys()].filter((name) => state.local.has(name))
      const remote = new Map(
        [...names, ...wanted].map((name) => [name, { ...peerShare(state, name), peerWantsUpdates: wanted.has(name) }]),
      )
      return [{ ...state, remote }, changed]
    }
  }
}

const NOTHING = new Uint8Array(0)

function offer(share: ShareName, heads: DeviceHeads, pack: Uint8Array): LinkEffect {
  return { kind: 'offer', share, heads, pack }
}

function peerShare(state: LinkState, share: ShareName): PeerShare {
  return state.remote.get(share) ?? NO_SHARE
}

function withPeerShare(state: LinkState, name: ShareName, share: PeerShare): LinkState {
  return { ...state, remote: new Map(state.remote).set(name, share) }
}

function onHello(state: LinkState, hello: Hello): Step {
  if (state.phase !== 'greeting') return close(state, CLOSE.protocol, 'a second hello')
  if (hello.endpointId !== state.remoteId)
    return close(state, CLOSE.protocol, 'the hello names another device than the one that is connected') // L2
  const theirs = Math.floor(hello.protocol / 100)
  const ours = Math.floor(PROTOCOL_VERSION / 100)
  if (theirs !== ours) {
    const older = theirs < ours ? hello.deviceName : state.self.deviceName
    return close(
      state,
      CLOSE.version,
      `Tandem protocol ${hello.protocol} and ${PROTOCOL_VERSION} do not fit: update Tandem on ${older}`,
    )
  }
  return [{ ...state, phase: 'greeted', hello }, [{ kind: 'greeted', hello }]]
}

function onAdmit(state: LinkState, local: ReadonlyMap<ShareName, LocalShare>, now: number): Step {
  if (state.phase !== 'greeted') return [state, []]
  const effects: LinkEffect[] = [
    ...greeting(state),
    { kind: 'opened' },
    subscription(local),
    ...[...local].map(([share, s]) => directory(share, s)),
  ]
  return [{ ...state, phase: 'open', saidHello: true, local, directoryAt: now, pingedAt: now }, effects]
}

function onLocal(state: LinkState, name: ShareName, now: LocalShare): Step {
  const before = state.local.get(name)
  let next: LinkState = { ...state, local: new Map(state.local).set(name, now) }
  if (state.phase !== 'open') return [next, []]
  const effects: LinkEffect[] = []
  const peer = peerShare(state, name)
  const news = new Map([...now.heads].filter(([device, oid]) => peer.heads.get(device) !== oid))
  const moved = [...news].some(([device, oid]) => before?.heads.get(device) !== oid)
  if (moved && peer.peerWantsUpdates) {
    effects.push({ kind: 'update', share: name, heads: news, known: peer.heads, view: peer.applied })
    next = withPeerShare(next, name, { ...peer, heads: new Map([...peer.heads, ...news]) })
  } else if (moved && !peer.announced) {
    effects.push(directory(name, now))
    next = withPeerShare(next, name, { ...peer, announced: true })
  }
  if (before?.applied !== now.applied)
    effects.push({ kind: 'send', message: { kind: 'applied', share: name, view: now.applied } })
  return [next, effects]
}

function onTick(state: LinkState, now: number): Step {
  const { times } = state
  if (state.phase === 'greeting' && now - state.startedAt >= times.helloWithinMs) {
    return close(state, CLOSE.protocol, `no hello within ${times.helloWithinMs / 1000} s`)
  }
  if (state.probedAt !== null && now - state.probedAt >= times.probeMs)
    return close(state, CLOSE.silent, `no answer within ${times.probeMs / 1000} s`)
  const silence = now - state.heardAt
  if (silence >= times.closeAfterMs)
    return close(state, CLOSE.silent, `nothing heard for ${Math.round(silence / 1000)} s`)
  const effects: LinkEffect[] = []
  let next = state
  if (silence >= times.unhealthyAfterMs && state.health === 'healthy') {
    next = { ...next, health: 'unhealthy' }
    effects.push({ kind: 'peer-changed' })
  }
  if (state.phase !== 'greeting' && now - state.pingedAt >= times.pingEveryMs) {
    next = { ...next, pingedAt: now }
    effects.push({ kind: 'send', message: { kind: 'ping', at: now } })
  }
  if (state.phase === 'open' && now - state.directoryAt >= times.directoryEveryMs) {
    next = { ...next, directoryAt: now }
    for (const [share, s] of state.local) effects.push(directory(share, s)) // L8
  }
  return [next, effects]
}

/** Whether the peer's vault shows the same view as ours, by its own word (L8). */
export function isCurrent(state: LinkState, share: ShareName): boolean {
  const local = state.local.get(share)
  const remote = state.remote.get(share)
  if (state.phase !== 'open' || !local || !remote || remote.applied !== local.applied) return false
  return local.applied !== null || (local.heads.size === 0 && remote.heads.size === 0)
}
