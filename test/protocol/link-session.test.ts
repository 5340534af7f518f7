import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Oid } from '../../src/objects/oid.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import {
  isCurrent,
  newLink,
  updateLink,
  type LinkEffect,
  type LinkEvent,
  type LinkState,
} from '../../src/protocol/link-session.ts'
import { MAX_REFS, type LinkMessage, type SendableMessage } from '../../src/protocol/messages.ts'
import type { LocalShare, ShareRights } from '../../src/protocol/subscription-state.ts'
import { aHello, anId, anOid, someReceived } from '../support/sample-messages.ts'

const T0 = 1_000_000
const ME = anId(1)
const PEER = anId(2)
/** One of the person's own devices. What others may: subscriptions.test.ts. */
const OWN: ShareRights = { reveal: () => true, write: () => true }

/** A session and all that it asked for since the last look. */
class Session {
  state: LinkState
  now = T0
  #effects: LinkEffect[] = []

  constructor(
    phase: 'greeting' | 'greeted' | 'open' = 'greeting',
    local: ReadonlyMap<string, LocalShare> = new Map([['vault', share({ [ME]: 1 })]]),
  ) {
    this.state = newLink(PEER, aHello(1), T0)
    this.do({ kind: 'start' })
    if (phase !== 'greeting') this.hears({ kind: 'hello', hello: aHello(2) })
    if (phase === 'open') this.do({ kind: 'admit', local, now: this.now })
    this.#effects = []
  }

  do(event: LinkEvent): LinkEffect[] {
    const [state, effects] = updateLink(this.state, event, OWN)
    this.state = state
    this.#effects.push(...effects)
    return [...effects]
  }

  hears(message: LinkMessage): LinkEffect[] {
    return this.do({ kind: 'message', message, now: this.now })
  }

  /** Lets time pass, a tick each second, and gives what came of it with the second in which it came. */
  waits(seconds: number): [number, LinkEffect][] {
    const out: [number, LinkEffect][] = []
    for (let s = 0; s < seconds; s++) {
      this.now += 1000
      for (const effect of this.do({ kind: 'tick', now: this.now })) out.push([(this.now - T0) / 1000, effect])
    }
    return out
  }

  changesTo(state: LocalShare, name = 'vault'): LinkEffect[] {
    return this.do({ kind: 'local', share: name, state })
  }
}

function heads(of: Readonly<Record<string, number>>): Map<EndpointId, Oid> {
  return new Map(Object.entries(of).map(([id, n]) => [id as EndpointId, anOid(n)]))
}

function share(of: Readonly<Record<string, number>>, applied: number | null = null): LocalShare {
  return { heads: heads(of), applied: applied === null ? null : anOid(applied) }
}

const directory = (
  of: Readonly<Record<string, number>>,
  applied: number | null = null,
  name = 'vault',
): SendableMessage => ({ kind: 'directory', share: name, ...share(of, applied) })
const update = (of: Readonly<Record<string, number>>, name = 'vault'): SendableMessage => ({
  kind: 'update',
  share: name,
  heads: heads(of),
  pack: new Uint8Array(1),
})
const kinds = (effects: readonly LinkEffect[]) =>
  effects.map((effect) => (effect.kind === 'send' ? `send ${effect.message.kind}` : effect.kind))
const closes = (effects: readonly LinkEffect[]) => effects.find((effect) => effect.kind === 'close')

describe('hello', () => {
  it('[L5] is the first that is said, and said once', () => {
    let state = newLink(PEER, aHello(1), T0)
    let effects: readonly LinkEffect[]
    ;[state, effects] = updateLink(state, { kind: 'start' }, OWN)
    expect(effects).toEqual([{ kind: 'send', message: { kind: 'hello', hello: aHello(1) } }])
    ;[, effects] = updateLink(state, { kind: 'start' }, OWN)
    expect(effects).toEqual([])
  })

  it('[P4] goes to a device that dialled us together with the admission, not before', () => {
    const session = new Session()
    session.state = newLink(PEER, aHello(1), T0)
    expect(kinds(session.hears({ kind: 'hello', hello: aHello(2) }))).toEqual(['greeted'])
    expect(kinds(session.do({ kind: 'admit', local: new Map(), now: T0 }))).toEqual([
      'send hello',
      'opened',
      'send subscribe',
    ])
  })

  it('[L2] that names another device than the authenticated one ends the link', () => {
    expect(closes(new Session().hears({ kind: 'hello', hello: aHello(2, { endpointId: anId(3) }) }))).toMatchObject({
      code: 4004,
    })
  })

  it.each([
    [0, 'update Tandem on device 2'],
    [99, 'update Tandem on device 2'],
    [200, 'update Tandem on device 1'],
    [4_294_967_295, 'update Tandem on device 1'],
  ])('[L5] of protocol %i ends the link and says which side to update', (protocol, advice) => {
    const close = closes(new Session().hears({ kind: 'hello', hello: aHello(2, { protocol }) }))
    expect(close).toMatchObject({ code: 4002 })
    expect(close).toHaveProperty('reason', expect.stringContaining(advice))
  })

  it.each([100, 101, 199])('[L5] of protocol %i, the same major version, is welcome', (protocol) => {
    expect(kinds(new Session().hears({ kind: 'hello', hello: aHello(2, { protocol }) }))).toEqual(['greeted'])
  })

  it.each(['greeted', 'open'] as const)('[L5] a second time, when %s, ends the link', (phase) => {
    expect(closes(new Session(phase).hears({ kind: 'hello', hello: aHello(2) }))).toMatchObject({ code: 4004 })
  })

  it('[L5] that does not come within 10 s ends the link, although other signs of life come', () => {
    const session = new Session()
    expect(session.waits(9)).toEqual([])
    session.hears({ kind: 'unknown' })
    expect(session.waits(1)).toMatchObject([[10, { kind: 'close', code: 4004 }]])
  })
})

const all: readonly SendableMessage[] = [
  { kind: 'pair-proof', mac: new Uint8Array(32) },
  { kind: 'pair-confirm', accepted: true },
  { kind: 'pair-done' },
  { kind: 'pair-listing', files: [], last: true },
  { kind: 'pair-more' },
  { kind: 'pair-agree', accepted: true },
  directory({ [PEER]: 2 }),
  { kind: 'subscribe', shares: ['vault'] },
  update({ [PEER]: 2 }),
  { kind: 'applied', share: 'vault', view: anOid(2) },
  { kind: 'ping', at: 1 },
  { kind: 'pong', at: 1 },
]

describe('messages out of their time', () => {
  it.each(all)('[L5] a $kind before the hello ends the link', (message) => {
    expect(new Session().hears(message)).toMatchObject([{ kind: 'close', code: 4004 }])
  })

  it.each(all.filter(({ kind }) => ['directory', 'subscribe', 'update', 'applied'].includes(kind)))(
    '[P4] a $kind before the admission ends the link',
    (message) => {
      const session = new Session('greeted')
      expect(session.hears(message)).toMatchObject([{ kind: 'close', code: 4003 }])
      expect(session.state.remote.size).toBe(0)
    },
  )

  it('of pairing are handed on after the hello', () => {
    for (const message of all.filter(({ kind }) => kind.startsWith('pair-')))
      expect(new Session('greeted').hears(message)).toEqual([{ kind: 'pairing', message }])
  })

  it.each(['greeting', 'greeted', 'open'] as const)('that nobody knows are ignored when %s', (phase) => {
    const session = new Session(phase)
    expect([session.hears({ kind: 'unknown' }), session.state.phase]).toEqual([[], phase])
  })

  it.each(['greeting', 'greeted', 'open'] as const)('a goodbye is heard when %s, with its reason', (phase) => {
    expect(new Session(phase).hears({ kind: 'bye', reason: 'removed' })).toEqual([{ kind: 'bye', reason: 'removed' }])
  })

  it('after the end do nothing, whatever they are', () => {
    fc.assert(
      fc.property(someReceived, (message) => {
        const session = new Session('open')
        session.do({ kind: 'leave', reason: 'shutdown' })
        const before = session.state
        expect(session.hears(message)).toEqual([])
        expect(session.do({ kind: 'tick', now: T0 + 1e9 })).toEqual([])
        expect(session.do({ kind: 'admit', local: new Map(), now: T0 })).toEqual([])
        expect(session.changesTo(share({ [ME]: 9 }))).toEqual([])
        expect(session.state).toBe(before)
      }),
    )
  })
})

describe('heartbeat', () => {
  it('[L6] pings every 5 s, is unhealthy after 15 s of silence and closed after 30 s', () => {
    const timeline = new Session('open').waits(40)
    expect(timeline.map(([second, effect]) => `${second} ${kinds([effect])[0]}`)).toEqual([
      '5 send ping',
      '10 send ping',
      '15 peer-changed',
      '15 send ping',
      '20 send ping',
      '25 send ping',
      '30 close',
    ])
    expect(closes(timeline.map(([, effect]) => effect))).toMatchObject({ code: 4005 })
  })

  it('[L6] begins with the hello: also a link that waits for a person is watched', () => {
    expect(kinds(new Session('greeted').waits(30).map(([, effect]) => effect))).toEqual(
      expect.arrayContaining(['send ping', 'peer-changed', 'close']),
    )
  })

  it.each([
    ...all.filter(({ kind }) => !kind.startsWith('pair')),
    { kind: 'unknown' } as const,
    { kind: 'refusal', code: '', message: '', share: '' } as const,
  ])('[L6] takes a $kind as life: healthy again, and it says so', (message) => {
    const session = new Session('open')
    session.waits(20)
    expect(session.state.health).toBe('unhealthy')
    expect(kinds(session.hears(message)).filter((kind) => kind === 'peer-changed').length).toBe(1)
    expect(session.state.health).toBe('healthy')
    expect(session.waits(14).filter(([, effect]) => effect.kind !== 'send')).toEqual([])
  })

  it('answers each ping with its own time, and measures the way there and back', () => {
    const session = new Session('open')
    expect(session.hears({ kind: 'ping', at: 42 })).toEqual([{ kind: 'send', message: { kind: 'pong', at: 42 } }])
    session.now += 25
    session.hears({ kind: 'pong', at: T0 })
    expect(session.state.roundTripMs).toBe(25)
    session.hears({ kind: 'pong', at: T0 + 9999 })
    expect(session.state.roundTripMs).toBe(0) // never negative
  })

  it('[L8] repeats the whole directory every 60 s', () => {
    const session = new Session('open')
    const sent: number[] = []
    for (let minute = 0; minute < 3; minute++) {
      for (let i = 0; i < 6; i++) {
        for (const [second, effect] of session.waits(10)) if (kinds([effect])[0] === 'send directory') sent.push(second)
        session.hears({ kind: 'pong', at: session.now })
      }
    }
    expect(sent).toEqual([60, 120, 180])
  })
})

describe('a probe', () => {
  const probe = (session: Session) => session.do({ kind: 'probe', now: session.now })

  it('[L4] asks at once and closes the link when nothing comes within 3 s', () => {
    const session = new Session('open')
    expect(kinds(probe(session))).toEqual(['send ping'])
    expect(session.waits(4)).toMatchObject([[3, { kind: 'close', code: 4005, reason: 'no answer within 3 s' }]])
  })

  it.each([
    ['its pong', { kind: 'pong', at: T0 }],
    ['any other message', { kind: 'ping', at: 7 }],
    ['something that we do not understand', { kind: 'unknown' }],
  ] as const)('[L6] is answered by %s, and that is the end of it', (_what, message) => {
    const session = new Session('open')
    probe(session)
    session.waits(2)
    session.hears(message)
    expect(session.state.probedAt).toBeNull()
    expect(session.waits(14).filter(([, effect]) => effect.kind === 'close')).toEqual([])
  })

  it('[L4] is answered by whatever else came on the link', () => {
    const session = new Session('open')
    probe(session)
    session.waits(2)
    expect(session.do({ kind: 'answered' })).toEqual([])
    expect(session.waits(10).filter(([, effect]) => effect.kind === 'close')).toEqual([])
  })

  it('[L4] that waits for its answer is given no more time by another, and says nothing twice', () => {
    const session = new Session('open')
    probe(session)
    for (let second = 1; second <= 2; second++) {
      session.waits(1)
      expect(probe(session)).toEqual([])
    }
    expect(closes(session.waits(1).map(([, effect]) => effect))).toMatchObject({ code: 4005 })
  })

  it('[L4] takes the place of the next ping', () => {
    const session = new Session('open')
    session.waits(4)
    probe(session)
    session.hears({ kind: 'pong', at: 1 })
    const pings = session.waits(5).filter(([, e]) => e.kind === 'send' && e.message.kind === 'ping')
    expect(pings.map(([second]) => second)).toEqual([9])
  })

  it('[P4] says nothing to a device that has dialled us and not greeted yet', () => {
    const session = new Session()
    session.state = newLink(PEER, aHello(1), T0)
    expect(probe(session)).toEqual([])
    session.hears({ kind: 'hello', hello: aHello(2) })
    expect(session.state.probedAt).toBeNull()
  })

  it('after the end does nothing', () => {
    const session = new Session('open')
    session.do({ kind: 'leave', reason: 'shutdown' })
    expect(probe(session)).toEqual([])
  })
})

describe('a repair after a full queue', () => {
  const local = new Map([
    ['vault', share({ [ME]: 1 }, 1)],
    ['work', share({ [ME]: 2 })],
  ])

  it('[L7] tells what the share looks like now, not then', () => {
    const session = new Session('open', local)
    session.changesTo(share({ [ME]: 3 }, 3))
    expect(session.do({ kind: 'repair', owed: { kind: 'directory', share: 'vault' } })).toEqual([
      { kind: 'send', message: directory({ [ME]: 3 }, 3) },
    ])
  })

  it('[L7] [S2] of the subscriptions sends the full list', () => {
    expect(new Session('open', local).do({ kind: 'repair', owed: { kind: 'subscribe' } })).toEqual([
      { kind: 'send', message: { kind: 'subscribe', shares: ['vault', 'work'] } },
    ])
  })

  it('of a share that is gone, or on a link that is not open, is nothing', () => {
    expect(new Session('open', local).do({ kind: 'repair', owed: { kind: 'directory', share: 'gone' } })).toEqual([])
    expect(new Session('greeted').do({ kind: 'repair', owed: { kind: 'subscribe' } })).toEqual([])
  })
})

describe('admission', () => {
  it('[L8] [S2] begins with the subscriptions and the directory of every share', () => {
    const session = new Session('greeted')
    const local = new Map([
      ['vault', share({ [ME]: 1 }, 1)],
      ['work', share({})],
    ])
    expect(session.do({ kind: 'admit', local, now: T0 })).toEqual([
      { kind: 'opened' },
      { kind: 'send', message: { kind: 'subscribe', shares: ['vault', 'work'] } },
      { kind: 'send', message: directory({ [ME]: 1 }, 1) },
      { kind: 'send', message: { kind: 'share-offer', share: 'work', title: 'work', write: true } },
      { kind: 'send', message: directory({}, null, 'work') },
    ])
  })

  it('happens after the hello, and once', () => {
    for (const phase of ['greeting', 'open'] as const) {
      const session = new Session(phase)
      expect([session.do({ kind: 'admit', local: new Map(), now: T0 }), session.state.phase]).toEqual([[], phase])
    }
  })
})

describe('subscriptions', () => {
  it('[S2] [S4] start with nothing wanted; a directory sets none', () => {
    const session = new Session('open')
    session.hears(directory({ [PEER]: 2 }))
    expect(session.state.remote.get('vault')?.peerWantsUpdates).toBe(false)
  })

  it('[S2] are the full list each time; an empty list clears', () => {
    const session = new Session('open')
    const wants = () => session.state.remote.get('vault')?.peerWantsUpdates ?? false
    session.hears({ kind: 'subscribe', shares: ['vault'] })
    expect(wants()).toBe(true)
    session.hears({ kind: 'subscribe', shares: ['work'] })
    expect(wants()).toBe(false)
    session.hears({ kind: 'subscribe', shares: ['vault', 'work'] })
    session.hears({ kind: 'subscribe', shares: [] })
    expect(wants()).toBe(false)
  })

  it('[S2] do not outlive the session', () => {
    const session = new Session('open')
    session.hears({ kind: 'subscribe', shares: ['vault'] })
    expect(new Session('open').state.remote.size).toBe(0)
  })
})

describe('a local change', () => {
  it('[S3] goes to a subscriber as an update from what it has', () => {
    const session = new Session('open')
    session.hears({ kind: 'subscribe', shares: ['vault'] })
    session.hears(directory({ [ME]: 1, [PEER]: 5 }, 5))
    expect(session.changesTo(share({ [ME]: 2, [PEER]: 5 }))).toEqual([
      {
        kind: 'update',
        share: 'vault',
        heads: heads({ [ME]: 2 }),
        known: heads({ [ME]: 1, [PEER]: 5 }),
        view: anOid(5),
      },
    ])
  })

  it('[S3] is announced once to a peer that did not subscribe, and then known not to be wanted', () => {
    const session = new Session('open')
    expect(kinds(session.changesTo(share({ [ME]: 2 })))).toEqual(['send directory'])
    expect(session.changesTo(share({ [ME]: 3 }))).toEqual([])
  })

  it('[S3] is sent once: what was sent counts as known', () => {
    const session = new Session('open')
    session.hears({ kind: 'subscribe', shares: ['vault'] })
    expect(kinds(session.changesTo(share({ [ME]: 2 })))).toEqual(['update'])
    expect(session.changesTo(share({ [ME]: 2 }))).toEqual([])
  })

  it('[L8] that came from the peer is not echoed to it', () => {
    const session = new Session('open')
    session.hears({ kind: 'subscribe', shares: ['vault'] })
    session.hears(directory({ [ME]: 1 }))
    session.hears(update({ [PEER]: 7 }))
    expect(session.changesTo(share({ [ME]: 1, [PEER]: 7 }))).toEqual([])
  })

  it('[V2] of a third device is forwarded', () => {
    const session = new Session('open')
    session.hears({ kind: 'subscribe', shares: ['vault'] })
    expect(session.changesTo(share({ [ME]: 1, [anId(3)]: 9 }))).toMatchObject([
      { kind: 'update', heads: heads({ [ME]: 1, [anId(3)]: 9 }) },
    ])
  })

  it('[L8] of the view alone is told as applied', () => {
    const session = new Session('open')
    expect(session.changesTo(share({ [ME]: 1 }, 4))).toEqual([
      { kind: 'send', message: { kind: 'applied', share: 'vault', view: anOid(4) } },
    ])
    expect(session.changesTo(share({ [ME]: 1 }, 4))).toEqual([])
  })

  it.each(['greeting', 'greeted'] as const)('[P4] is not told when %s', (phase) => {
    expect(new Session(phase).changesTo(share({ [ME]: 2 }, 2))).toEqual([])
  })
})

describe('isCurrent', () => {
  const session = (view: number | null, applied?: number | null): boolean => {
    const s = new Session('open', new Map([['vault', share(view === null ? {} : { [ME]: 1 }, view)]]))
    if (applied !== undefined)
      s.hears(applied === null ? directory({}) : { kind: 'applied', share: 'vault', view: anOid(applied) })
    return isCurrent(s.state, 'vault', OWN)
  }

  it('[L8] is true only after the peer said that it shows the same view', () => {
    expect([session(1), session(1, 2), session(1, 1), session(1, null)]).toEqual([false, false, true, false])
  })

  it('[L8] is true of two empty shares, and of no share that one of them lacks', () => {
    expect([session(null), session(null, null), session(null, 1)]).toEqual([false, true, false])
    const open = new Session('open')
    open.hears({ kind: 'applied', share: 'other', view: anOid(1) })
    expect(isCurrent(open.state, 'other', OWN)).toBe(false)
  })

  it('[L8] ends with our next change, until the peer applied that too', () => {
    const open = new Session('open', new Map([['vault', share({ [ME]: 1 }, 1)]]))
    open.hears({ kind: 'applied', share: 'vault', view: anOid(1) })
    open.changesTo(share({ [ME]: 2 }, 2))
    expect(isCurrent(open.state, 'vault', OWN)).toBe(false)
    open.hears({ kind: 'applied', share: 'vault', view: anOid(2) })
    expect(isCurrent(open.state, 'vault', OWN)).toBe(true)
  })
})

describe('a hostile peer', () => {
  it('[T8] makes us remember nothing of shares that we do not have', () => {
    const session = new Session('open')
    for (let i = 0; i < 500; i++) {
      session.hears(directory({ [PEER]: 1 }, null, `share ${i}`))
      session.hears(update({ [PEER]: 1 }, `other ${i}`))
      session.hears({ kind: 'applied', share: `third ${i}`, view: anOid(1) })
    }
    expect(session.state.remote.size).toBe(0)
  })

  it('[T8] makes us remember one list of subscriptions, not all that it ever sent', () => {
    const session = new Session('open')
    for (let i = 0; i < 50; i++)
      session.hears({ kind: 'subscribe', shares: Array.from({ length: 100 }, (_, j) => `share ${i} ${j}`) })
    expect(session.state.remote.size).toBeLessThanOrEqual(101)
  })

  it('[T8] cannot make the list of its heads longer than a directory, update by update', () => {
    const session = new Session('open')
    const many = (from: number) =>
      new Map(
        Array.from({ length: 6_000 }, (_, i) => [(from + i).toString(16).padStart(64, '0') as EndpointId, anOid(1)]),
      )
    const send = (from: number) =>
      session.hears({ kind: 'update', share: 'vault', heads: many(from), pack: new Uint8Array() })
    expect(kinds(send(0))).toEqual(['offer', 'peer-changed'])
    expect(closes(send(6_000))).toMatchObject({ code: 4004 })
    expect(session.state.remote.get('vault')?.heads.size).toBeLessThanOrEqual(MAX_REFS)
  })

  it('never leads the session out of its phases, and never makes it speak of the vault before it is admitted', () => {
    const events: fc.Arbitrary<LinkEvent> = fc.oneof(
      {
        weight: 6,
        arbitrary: fc
          .tuple(someReceived, fc.nat({ max: 5_000 }))
          .map(([message, now]): LinkEvent => ({ kind: 'message', message, now })),
      },
      {
        weight: 2,
        arbitrary: fc.constant<LinkEvent>({ kind: 'message', message: { kind: 'hello', hello: aHello(2) }, now: 0 }),
      },
      { weight: 2, arbitrary: fc.nat({ max: 40_000 }).map((now): LinkEvent => ({ kind: 'tick', now })) },
      fc.constant<LinkEvent>({ kind: 'start' }),
      fc.constant<LinkEvent>({ kind: 'probe', now: 0 }),
      fc.constantFrom<LinkEvent>(
        { kind: 'repair', owed: { kind: 'subscribe' } },
        { kind: 'repair', owed: { kind: 'directory', share: 'vault' } },
      ),
      fc.constant<LinkEvent>({ kind: 'admit', local: new Map([['vault', share({ [ME]: 1 }, 1)]]), now: 0 }),
      fc.nat({ max: 5 }).map((n): LinkEvent => ({ kind: 'local', share: 'vault', state: share({ [ME]: n }, n) })),
    )
    const order = ['greeting', 'greeted', 'open', 'closed']
    fc.assert(
      fc.property(fc.array(events, { maxLength: 40 }), (list) => {
        let state = newLink(PEER, aHello(1), T0)
        let now = T0
        for (const event of list) {
          if ('now' in event) now += event.now
          const [next, effects] = updateLink(state, 'now' in event ? { ...event, now } : event, OWN)
          expect(order.indexOf(next.phase)).toBeGreaterThanOrEqual(order.indexOf(state.phase))
          if (next.phase !== 'open') {
            const spoken = kinds(effects).filter(
              (kind) =>
                ![
                  'send hello',
                  'send ping',
                  'send pong',
                  'greeted',
                  'pairing',
                  'peer-changed',
                  'refused',
                  'bye',
                  'close',
                ].includes(kind),
            )
            expect(spoken).toEqual([])
          }
          expect(closes(effects) !== undefined).toBe(next.phase === 'closed' && state.phase !== 'closed')
          state = next
        }
      }),
      { numRuns: 500 },
    )
  })
})
