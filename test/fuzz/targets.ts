import fc from 'fast-check'
import { newPairing, updatePairing, type PairingEvent } from '../../src/peers/pairing.ts'
import { decodePairingLink, encodePairingLink } from '../../src/peers/pairing-link.ts'
import { decodePeerAddress, encodePeerAddress } from '../../src/peers/peer-address.ts'
import { pairingProof, type PairingTranscript } from '../../src/peers/pairing-proof.ts'
import { PairingError, ProtocolError, TransportError } from '../../src/ports/errors.ts'
import type { PeerAddress } from '../../src/ports/transport.ts'
import {
  decodeFetchReply,
  decodeFetchRequest,
  encodeFetchReply,
  encodeFetchRequest,
} from '../../src/protocol/fetch-messages.ts'
import { FrameReader, MAX_FRAME } from '../../src/protocol/frames.ts'
import { newLink, updateLink, type LinkEvent, type LinkState } from '../../src/protocol/link-session.ts'
import { decodeMessage, encodeMessage, MAX_REFS } from '../../src/protocol/messages.ts'
import { aHello, anId, anOid, damaged, someId, someMessage, someOid, someReceived } from '../support/sample-messages.ts'

/** One thing that must hold for whatever comes. `run` throws when it does not. */
export interface FuzzTarget {
  readonly name: string
  readonly property: fc.IAsyncProperty<[unknown]>
}

function target<T>(name: string, input: fc.Arbitrary<T>, run: (input: T) => void | Promise<void>): FuzzTarget {
  return { name, property: fc.asyncProperty(input, async (value) => run(value)) }
}

/** The result, or undefined after an error of the one kind that is allowed. */
function unless<T>(allowed: new (...args: never[]) => Error, run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof allowed && 'code' in error && typeof error.code === 'string' && error.message) return undefined
    throw error
  }
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`broken promise: ${what}`)
}

const noise = fc.uint8Array({ maxLength: 400 })
const size = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const requests = fc.record({ share: fc.string({ maxLength: 9 }), oid: someOid, offset: size })
const replies = fc.oneof(fc.record({ kind: fc.constant('large' as const), oid: someOid, size, offset: size }))
const addresses: fc.Arbitrary<PeerAddress> = fc.record({
  id: someId,
  direct: fc.array(
    fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 65535 })).map(([ip, port]) => `${ip}:${port}`),
    { maxLength: 16 },
  ),
})
const letters = fc.array(fc.nat({ max: 127 }), { maxLength: 6 })
/** A text with some letters changed. */
const misspelt = (texts: fc.Arbitrary<string>) =>
  fc
    .tuple(texts, letters, fc.nat())
    .map(([text, codes, at]) =>
      codes.reduce(
        (t, code, i) =>
          t.slice(0, (at * (i + 1)) % (t.length + 1)) +
          String.fromCharCode(code) +
          t.slice(((at * (i + 1)) % (t.length + 1)) + (code % 3)),
        text,
      ),
    )

const ME = anId(1)
const PEER = anId(2)
const local = fc.dictionary(fc.constantFrom(ME, PEER, anId(3)), fc.nat({ max: 4 })).map((heads) => ({
  heads: new Map(Object.entries(heads).map(([id, n]) => [id as typeof ME, anOid(n)])),
  applied: null,
}))
const linkEvents: fc.Arbitrary<LinkEvent> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(someReceived, fc.nat({ max: 9_000 }))
      .map(([message, now]): LinkEvent => ({ kind: 'message', message, now })),
  },
  {
    weight: 3,
    arbitrary: fc.constant<LinkEvent>({ kind: 'message', message: { kind: 'hello', hello: aHello(2) }, now: 1 }),
  },
  { weight: 2, arbitrary: fc.nat({ max: 40_000 }).map((now): LinkEvent => ({ kind: 'tick', now })) },
  { weight: 2, arbitrary: local.map((state): LinkEvent => ({ kind: 'local', share: 'vault', state })) },
  {
    weight: 2,
    arbitrary: local.map((state): LinkEvent => ({ kind: 'admit', local: new Map([['vault', state]]), now: 1 })),
  },
  fc.constant<LinkEvent>({ kind: 'start' }),
  fc.constant<LinkEvent>({ kind: 'rights' }),
  fc.constant<LinkEvent>({ kind: 'probe', now: 0 }),
  fc.constantFrom<LinkEvent>(
    { kind: 'repair', owed: { kind: 'subscribe' } },
    { kind: 'repair', owed: { kind: 'directory', share: 'vault' } },
  ),
  fc.constantFrom<LinkEvent>({ kind: 'leave', reason: 'shutdown' }),
)
const RIGHTS = { reveal: () => true, write: () => true }
const PHASES: readonly LinkState['phase'][] = ['greeting', 'greeted', 'open', 'closed']

function runLink(events: readonly LinkEvent[]): void {
  let state = newLink(PEER, aHello(1), 1_000)
  let now = 1_000
  let hellos = 0
  for (const event of events) {
    if ('now' in event) now += event.now
    const [next, effects] = updateLink(state, 'now' in event ? { ...event, now } : event, RIGHTS)
    must(PHASES.indexOf(next.phase) >= PHASES.indexOf(state.phase), `${state.phase} never becomes ${next.phase}`)
    must(state.phase !== 'closed' || effects.length === 0, 'a closed link says nothing')
    must(next.remote.size <= 4, 'only shares that are here, or subscribed to, are remembered')
    for (const share of next.remote.values()) must(share.heads.size <= MAX_REFS, 'heads are bounded')
    for (const effect of effects) {
      if (effect.kind === 'send') {
        encodeMessage(effect.message)
        if (effect.message.kind === 'hello') hellos++
        must(
          next.phase === 'open' || ['hello', 'ping', 'pong', 'bye'].includes(effect.message.kind),
          `no ${effect.message.kind} before the admission`,
        )
      }
      if (effect.kind === 'update')
        for (const [device, oid] of effect.heads)
          must(effect.known.get(device) !== oid, 'no update tells what the peer has')
      if (effect.kind === 'offer' || effect.kind === 'update')
        must(
          next.phase === 'open' && next.local.has(effect.share),
          'data moves on open links only, for shares that are here',
        )
    }
    state = next
  }
  must(hellos <= 1, 'one hello')
}

const transcript: PairingTranscript = {
  inviter: ME,
  joiner: PEER,
  inviterNonce: new Uint8Array(32).fill(1),
  joinerNonce: new Uint8Array(32).fill(2),
}
const secret = new Uint8Array(16).fill(9)
const pairingEvents: fc.Arbitrary<PairingEvent> = fc.oneof(
  fc.constant<PairingEvent>({ kind: 'start' }),
  fc.boolean().map((accepted): PairingEvent => ({ kind: 'answer', accepted })),
  fc.boolean().map((accepted): PairingEvent => ({ kind: 'their-answer', accepted })),
  fc.constantFrom<PairingEvent>({ kind: 'stored' }, { kind: 'their-done' }, { kind: 'cancel' }),
  fc
    .tuple(fc.constantFrom('inviter' as const, 'joiner' as const, null), fc.boolean(), noise)
    .map(([role, open, bytes]): PairingEvent => ({
      kind: 'proof',
      mac: role ? pairingProof(secret, role, transcript) : bytes,
      secrets: open ? [secret] : [],
    })),
)

function runPairing({ role, events }: { role: 'inviter' | 'joiner'; events: readonly PairingEvent[] }): void {
  let state = newPairing(role, transcript, role === 'joiner' ? secret : null)
  const done: string[] = []
  let [weSaidYes, theySaidYes] = [false, false]
  for (const event of events) {
    weSaidYes ||= event.kind === 'answer' && event.accepted
    theySaidYes ||= event.kind === 'their-answer' && event.accepted
    const [next, effects] = updatePairing(state, event)
    must(!state.ended || effects.length === 0, 'a pairing that ended does nothing')
    for (const effect of effects) {
      if (effect.kind === 'store')
        must(next.proven && weSaidYes && theySaidYes, 'stored only after the proof and two yeses')
      if (effect.kind === 'failed') must(effect.message.length > 5, 'a failure has words')
      done.push(effect.kind)
    }
    state = next
  }
  for (const once of ['ask', 'store', 'paired', 'failed'])
    must(done.filter((kind) => kind === once).length <= 1, `${once} happens once`)
  must(!(done.includes('paired') && done.includes('failed')), 'paired or failed')
}

async function readFrames(bytes: Uint8Array): Promise<void> {
  let at = 0
  const frames = new FrameReader({
    read: async () => (at < bytes.length ? bytes.subarray(at, (at += 1 + (bytes[at]! % 7))) : null),
  })
  try {
    for (let frame = await frames.frame(); frame; frame = await frames.frame())
      must(frame.length <= MAX_FRAME, 'frames are bounded')
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
  }
}

export const targets: readonly FuzzTarget[] = [
  target('decodeMessage, noise', noise, (bytes) => void unless(ProtocolError, () => decodeMessage(bytes))),
  target('decodeMessage, damaged', damaged(someMessage.map(encodeMessage)), (bytes) => {
    const message = unless(ProtocolError, () => decodeMessage(bytes))
    if (message && message.kind !== 'unknown') encodeMessage(message)
  }),
  target('decodeFetchRequest', fc.oneof(noise, damaged(requests.map(encodeFetchRequest))), (bytes) => {
    const request = unless(ProtocolError, () => decodeFetchRequest(bytes))
    if (request) encodeFetchRequest(request)
  }),
  target('decodeFetchReply', fc.oneof(noise, damaged(replies.map(encodeFetchReply))), (bytes) => {
    const reply = unless(ProtocolError, () => decodeFetchReply(bytes))
    if (reply) encodeFetchReply(reply)
  }),
  target(
    'FrameReader',
    fc.oneof(
      noise,
      fc.array(fc.constantFrom(0, 0, 0, 1, 2, 3), { maxLength: 200 }).map((list) => Uint8Array.from(list)),
    ),
    readFrames,
  ),
  target('updateLink', fc.array(linkEvents, { maxLength: 60 }), runLink),
  target(
    'updatePairing',
    fc.record({
      role: fc.constantFrom('inviter' as const, 'joiner' as const),
      events: fc.array(pairingEvents, { maxLength: 16 }),
    }),
    runPairing,
  ),
  target('decodePeerAddress', fc.oneof(fc.string(), misspelt(addresses.map(encodePeerAddress))), (text) => {
    const address = unless(TransportError, () => decodePeerAddress(text))
    if (address) encodePeerAddress(address)
  }),
  target(
    'decodePairingLink',
    fc.oneof(
      fc.string(),
      misspelt(addresses.map((address) => encodePairingLink({ address, secret, share: 'vault', name: 'Ada & Bob' }))),
    ),
    (text) => {
      const offer = unless(PairingError, () => decodePairingLink(text))
      if (offer) encodePairingLink(offer)
    },
  ),
]
