import type { EndpointId } from '../ports/transport.ts'
import { CLOSE, type CloseCode } from './close-codes.ts'
import {
  isPairingMessage,
  PROTOCOL_VERSION,
  type ByeReason,
  type Hello,
  type LinkMessage,
  type PairingMessage,
  type ShareName,
} from './messages.ts'
import type { Owed } from './send-queue.ts'
import { isShareCurrent } from './share-current.ts'
import { newSubscriptions, type LocalShare, type ShareRights, type SubscriptionState } from './subscription-state.ts'
import {
  updateSubscriptions,
  type ShareMessage,
  type SubscriptionEffect,
  type SubscriptionEvent,
} from './subscriptions.ts'

/**
 * The conversation on one link, as a pure state machine: `updateLink(state, event, rights) -> [state, effects]`.
 *
 * 1. Each side greets first; nothing but a hello is accepted before one came (L5). Who was dialled greets when it knows that it
 *    talks to one of its own, or to somebody who follows a pairing link (P4): it costs no time, for the dialler spoke first.
 * 2. After a hello the owner of the link decides whether the other device is known: `admit` opens the link, pairing may come first.
 * 3. What is said of shares on an open link is a machine of its own: subscriptions.ts. It begins with our subscriptions and our
 *    directory of what the peer may see.
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

export interface LinkState extends SubscriptionState {
  readonly phase: 'greeting' | 'greeted' | 'open' | 'closed'
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
}

export type LinkEvent =
  /** Greet. Only the first counts; an admission greets by itself. */
  | { readonly kind: 'start' }
  | { readonly kind: 'message'; readonly message: LinkMessage; readonly now: number }
  | { readonly kind: 'tick'; readonly now: number }
  /** The other device is one of ours (known, or just paired). `wanted`: see the event `open` of subscriptions.ts. */
  | {
      readonly kind: 'admit'
      readonly local: ReadonlyMap<ShareName, LocalShare>
      readonly wanted?: ReadonlySet<ShareName>
      readonly now: number
    }
  | { readonly kind: 'local'; readonly share: ShareName; readonly state: LocalShare }
  /** A share is no more on this device. */
  | { readonly kind: 'gone'; readonly share: ShareName }
  /** What the peer may do has changed. */
  | { readonly kind: 'rights' }
  /** Does the link still carry anything? Something may have changed under it. */
  | { readonly kind: 'probe'; readonly now: number }
  /** It does: something came on it, if no message. */
  | { readonly kind: 'answered' }
  /** The queue dropped something and has room again (L7): this makes up for it. */
  | { readonly kind: 'repair'; readonly owed: Owed }
  | { readonly kind: 'leave'; readonly reason: ByeReason }

export type LinkEffect =
  | Exclude<SubscriptionEffect, { kind: 'broken' }>
  | { readonly kind: 'greeted'; readonly hello: Hello }
  | { readonly kind: 'pairing'; readonly message: PairingMessage }
  | { readonly kind: 'opened' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'close'; readonly code: CloseCode; readonly reason: string }
  /** The peer said goodbye; it closes, or we do after a moment. */
  | { readonly kind: 'bye'; readonly reason: ByeReason }

export function newLink(remoteId: EndpointId, self: Hello, now: number, times: LinkTimes = LINK_TIMES): LinkState {
  return {
    ...newSubscriptions(remoteId),
    phase: 'greeting',
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
  }
}

function greeting(state: LinkState): readonly LinkEffect[] {
  return state.saidHello ? [] : [{ kind: 'send', message: { kind: 'hello', hello: state.self } }]
}

type Step = readonly [LinkState, readonly LinkEffect[]]

/** What the peer may do is asked of `rights` at each decision about a share (S1). */
export function updateLink(state: LinkState, event: LinkEvent, rights: ShareRights): Step {
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
        rights,
      )
    case 'tick':
      return onTick(state, event.now, rights)
    case 'admit':
      return onAdmit(state, event, rights)
    case 'local':
      if (state.phase === 'open') return subscribed(state, event, rights)
      return [{ ...state, local: new Map(state.local).set(event.share, event.state) }, []]
    case 'gone':
      return onGone(state, event, rights)
    case 'rights':
      return state.phase === 'open' ? subscribed(state, event, rights) : [state, []]
    case 'probe':
      return onProbe(state, event.now)
    case 'answered':
      return [{ ...state, probedAt: null }, []]
    case 'repair':
      return state.phase === 'open' ? subscribed(state, event, rights) : [state, []]
    case 'leave':
      return [{ ...state, phase: 'closed' }, [{ kind: 'send', message: { kind: 'bye', reason: event.reason } }]]
  }
}

function onGone(state: LinkState, event: Extract<LinkEvent, { kind: 'gone' }>, rights: ShareRights): Step {
  if (state.phase === 'open') return subscribed(state, event, rights)
  const local = new Map(state.local)
  local.delete(event.share)
  return [{ ...state, local }, []]
}

/** One that waits already is not given more time. A device that has not greeted says nothing, and is listened to all the same. */
function onProbe(state: LinkState, now: number): Step {
  if (state.probedAt !== null) return [state, []]
  const ping: LinkEffect = { kind: 'send', message: { kind: 'ping', at: now } }
  return [{ ...state, probedAt: now, pingedAt: now }, state.saidHello ? [ping] : []]
}

/** Hands an event on to the machine of the shares. */
function subscribed(state: LinkState, event: SubscriptionEvent, rights: ShareRights): Step {
  const [shares, effects] = updateSubscriptions(state, event, rights)
  const next: LinkState = { ...state, ...shares }
  const broken = effects.find((effect) => effect.kind === 'broken')
  if (broken) return close(state, CLOSE.protocol, broken.reason)
  return [next, effects.filter((effect) => effect.kind !== 'broken')]
}

function close(state: LinkState, code: CloseCode, reason: string): Step {
  return [{ ...state, phase: 'closed' }, [{ kind: 'close', code, reason }]]
}

function onMessage(state: LinkState, message: LinkMessage, now: number, recovered: boolean, rights: ShareRights): Step {
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
  const [next, effects] = subscribed(state, { kind: 'heard', message: message satisfies ShareMessage }, rights)
  const toldAlready = effects.some((effect) => effect.kind === 'peer-changed')
  return [next, toldAlready ? effects : [...changed, ...effects]]
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

function onAdmit(
  state: LinkState,
  { local, wanted = new Set(), now }: Extract<LinkEvent, { kind: 'admit' }>,
  rights: ShareRights,
): Step {
  if (state.phase !== 'greeted') return [state, []]
  const open: LinkState = { ...state, phase: 'open', saidHello: true, directoryAt: now, pingedAt: now }
  const [next, effects] = subscribed(open, { kind: 'open', local, wanted }, rights)
  return [next, [...greeting(state), { kind: 'opened' }, ...effects]]
}

function onTick(state: LinkState, now: number, rights: ShareRights): Step {
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
    const [told, snapshot] = subscribed({ ...next, directoryAt: now }, { kind: 'snapshot' }, rights) // L8
    next = told
    effects.push(...snapshot)
  }
  return [next, effects]
}

/** Whether both sides of an open link have the same of a share, by the peer's own word (L8). */
export function isCurrent(state: LinkState, share: ShareName, rights: ShareRights): boolean {
  return state.phase === 'open' && isShareCurrent(state, state.self.endpointId, share, rights)
}
