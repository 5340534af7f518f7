import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Oid } from '../../src/objects/oid.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import type { SendableMessage } from '../../src/protocol/messages.ts'
import { isShareCurrent } from '../../src/protocol/share-current.ts'
import { newSubscriptions, type LocalShare, type SubscriptionState } from '../../src/protocol/subscription-state.ts'
import {
  newsFor,
  updateSubscriptions,
  type ShareMessage,
  type SubscriptionEffect,
  type SubscriptionEvent,
} from '../../src/protocol/subscriptions.ts'
import { anId, anOid, someMessage } from '../support/sample-messages.ts'

const ME = anId(1)
const PEER = anId(2)
type Grants = Record<string, 'read' | 'write'>

const heads = (of: Readonly<Record<string, number>>): Map<EndpointId, Oid> =>
  new Map(Object.entries(of).map(([id, n]) => [id as EndpointId, anOid(n)]))
const share = (of: Readonly<Record<string, number>>, applied: number | null = null): LocalShare => ({
  heads: heads(of),
  applied: applied === null ? null : anOid(applied),
})
const subscribe = (...shares: string[]): ShareMessage => ({ kind: 'subscribe', shares })
const directory = (
  name: string,
  of: Readonly<Record<string, number>>,
  applied: number | null = null,
): ShareMessage => ({
  kind: 'directory',
  share: name,
  ...share(of, applied),
})

/** Our side of a link, and what it was asked to say. */
class Side {
  state: SubscriptionState = newSubscriptions(PEER)

  constructor(
    public grants: Grants,
    readonly local: Readonly<Record<string, LocalShare>> = { folder: share({ [ME]: 1 }, 1) },
    wanted: readonly string[] = [],
  ) {
    this.opening = this.do({ kind: 'open', local: new Map(Object.entries(local)), wanted: new Set(wanted) })
  }

  readonly opening: readonly SubscriptionEffect[]

  readonly rights = {
    reveal: (name: string) => Object.hasOwn(this.grants, name),
    write: (name: string) => this.grants[name] === 'write',
  }

  do(event: SubscriptionEvent): readonly SubscriptionEffect[] {
    const [state, effects] = updateSubscriptions(this.state, event, this.rights)
    this.state = state
    return effects
  }

  hears(message: ShareMessage): readonly SubscriptionEffect[] {
    return this.do({ kind: 'heard', message })
  }

  changes(name: string, state: LocalShare): readonly SubscriptionEffect[] {
    return this.do({ kind: 'local', share: name, state })
  }

  grant(grants: Grants): readonly SubscriptionEffect[] {
    this.grants = grants
    return this.do({ kind: 'rights' })
  }

  wants(name: string): boolean {
    return this.state.remote.get(name)?.peerWantsUpdates ?? false
  }
}

const sent = (effects: readonly SubscriptionEffect[]): SendableMessage[] =>
  effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []))
const kinds = (effects: readonly SubscriptionEffect[]) => sent(effects).map(({ kind }) => kind)

describe('[S3] [B3] a local change, in four rows', () => {
  it.each([
    [false, false, false, 'nothing'],
    [false, false, true, 'nothing'],
    [false, true, false, 'nothing'],
    [false, true, true, 'nothing'],
    [true, true, false, 'update'],
    [true, true, true, 'update'],
    [true, false, false, 'announce'],
    [true, false, true, 'nothing'],
  ] as const)('revealable %s, subscribed %s, aware %s: %s', (canReveal, peerWantsUpdates, isAware, decision) => {
    expect(newsFor({ canReveal, peerWantsUpdates, isAware })).toBe(decision)
  })

  it('is decided by the grant of that moment (S1, B1)', () => {
    const side = new Side({ folder: 'write' })
    side.hears(subscribe('folder'))
    expect(side.changes('folder', share({ [ME]: 2 })).map(({ kind }) => kind)).toContain('update')
    side.grants = {} // nobody has told the machine
    expect(side.changes('folder', share({ [ME]: 3 }, 3))).toEqual([])
  })
})

describe('[S2] [S4] the wish for updates', () => {
  it('[B2] [B4] [B6] is false at first, and no directory, update or offer sets it', () => {
    const side = new Side({ folder: 'write' })
    expect(side.wants('folder')).toBe(false)
    side.hears(directory('folder', { [PEER]: 4 }, 4))
    side.hears({ kind: 'update', share: 'folder', heads: heads({ [PEER]: 5 }), pack: new Uint8Array() })
    side.hears({ kind: 'applied', share: 'folder', view: anOid(5) })
    side.hears({ kind: 'share-offer', share: 'folder', title: 'Folder', write: true })
    expect(side.wants('folder')).toBe(false)
  })

  it('[B5] of a share that is unavailable is kept, and what is granted later arrives', () => {
    const side = new Side({})
    expect(sent(side.hears(subscribe('folder')))).toEqual([
      { kind: 'sync-response', share: 'folder', answer: 'unavailable' },
    ])
    expect(side.wants('folder')).toBe(true)
    expect(kinds(side.grant({ folder: 'write' }))).toEqual(['share-offer', 'directory', 'subscribe'])
    expect(side.changes('folder', share({ [ME]: 2 })).map(({ kind }) => kind)).toContain('update')
  })

  it('[B5] of a share that is not here yet is kept, and what is made later arrives', () => {
    const side = new Side({ later: 'write' })
    side.hears(subscribe('later'))
    expect(kinds(side.changes('later', share({ [ME]: 7 })))).toEqual(['share-offer', 'directory', 'subscribe'])
    expect(side.changes('later', share({ [ME]: 8 })).map(({ kind }) => kind)).toContain('update')
  })

  it('is cleared by an empty list', () => {
    const side = new Side({ folder: 'write' })
    side.hears(subscribe('folder'))
    side.hears(subscribe())
    expect(side.wants('folder')).toBe(false)
  })

  it('survives when one link takes the place of another', () => {
    const side = new Side({ folder: 'write' }, { folder: share({ [ME]: 1 }) }, ['folder'])
    expect(side.changes('folder', share({ [ME]: 2 })).map(({ kind }) => kind)).toContain('update')
  })
})

describe('[S2] the sync-request', () => {
  it('goes out after each hello with the full list, followed by a snapshot (L8)', () => {
    const side = new Side(
      { folder: 'write', other: 'write' },
      { folder: share({ [ME]: 1 }), other: share({ [ME]: 2 }) },
    )
    expect(kinds(side.opening)).toEqual(['subscribe', 'share-offer', 'directory', 'share-offer', 'directory'])
    expect(sent(side.opening)[0]).toEqual({ kind: 'subscribe', shares: ['folder', 'other'] })
  })

  it('[B7] goes to a peer that may see a share, as soon as there is the share', () => {
    const side = new Side({ folder: 'write' }, {})
    expect(sent(side.opening)).toEqual([{ kind: 'subscribe', shares: [] }])
    expect(sent(side.changes('folder', share({ [ME]: 1 }))).at(-1)).toEqual({ kind: 'subscribe', shares: ['folder'] })
  })

  it('is answered once per wish: unavailable, up to date, or an update', () => {
    const side = new Side(
      { folder: 'write', other: 'write' },
      { folder: share({ [ME]: 1 }), other: share({ [ME]: 2 }) },
    )
    side.hears(directory('folder', { [ME]: 1 }))
    expect(sent(side.hears(subscribe('folder', 'other', 'gone')))).toEqual([
      { kind: 'sync-response', share: 'folder', answer: 'up-to-date' },
      { kind: 'sync-response', share: 'other', answer: 'update' },
      { kind: 'sync-response', share: 'gone', answer: 'unavailable' },
    ])
    expect(sent(side.hears(subscribe('folder', 'other', 'gone')))).toEqual([])
  })

  it('[S3] brings what the peer was not told while it did not want to know', () => {
    const side = new Side({ folder: 'write' })
    side.changes('folder', share({ [ME]: 2 })) // announced
    expect(side.changes('folder', share({ [ME]: 3 }))).toEqual([])
    expect(sent(side.hears(subscribe('folder')))).toEqual([
      { kind: 'sync-response', share: 'folder', answer: 'update' },
      { kind: 'directory', share: 'folder', ...share({ [ME]: 3 }) },
    ])
  })

  it('[B5] brings a share to a peer that has just made room for it: what it was told before, it forgot', () => {
    const side = new Side({ folder: 'write' })
    side.hears(subscribe())
    side.hears(directory('folder', {}))
    expect(sent(side.hears(subscribe('folder')))).toEqual([
      { kind: 'sync-response', share: 'folder', answer: 'update' },
      { kind: 'directory', share: 'folder', ...share({ [ME]: 1 }, 1) },
    ])
  })

  it('is returned exactly once, by whoever has not asked yet', () => {
    const side = new Side({}) // opened before it was granted
    side.grants = { folder: 'write' } // nobody has told the machine
    expect(kinds(side.hears(subscribe('folder')))).toEqual(['sync-response', 'subscribe'])
    expect(sent(side.hears(subscribe('folder')))).toEqual([])
    expect(sent(side.hears(subscribe('folder', 'other')))).toEqual([
      { kind: 'sync-response', share: 'other', answer: 'unavailable' },
    ])
  })

  it('is not sent for a share that the peer may only read: nothing of its is taken', () => {
    expect(sent(new Side({ folder: 'read' }).opening)[0]).toEqual({ kind: 'subscribe', shares: [] })
  })
})

describe('[L8] no echo', () => {
  it('of what the peer itself has told us, also when it comes back as our own state', () => {
    const side = new Side({ folder: 'write' })
    side.hears(subscribe('folder'))
    side.hears({ kind: 'update', share: 'folder', heads: heads({ [PEER]: 7 }), pack: new Uint8Array() })
    expect(side.changes('folder', share({ [ME]: 1, [PEER]: 7 }, 1)).filter(({ kind }) => kind === 'update')).toEqual([])
  })
})

describe('[S5] a share that is taken back', () => {
  it('ends what runs, says so, and clears the wish; then nothing is said of it any more', () => {
    const side = new Side({ folder: 'write' })
    side.hears(subscribe('folder'))
    const effects = side.grant({})
    expect(effects.slice(0, 2)).toEqual([
      { kind: 'withdraw', share: 'folder' },
      { kind: 'send', message: { kind: 'share-revoked', share: 'folder' } },
    ])
    expect(sent(effects).at(-1)).toEqual({ kind: 'subscribe', shares: [] })
    expect(side.wants('folder')).toBe(false)
    const later = [
      side.changes('folder', share({ [ME]: 2 }, 2)),
      side.do({ kind: 'snapshot' }),
      side.do({ kind: 'repair', owed: { kind: 'directory', share: 'folder' } }),
      side.grant({}),
    ]
    expect(later.flat()).toEqual([])
  })

  it('is told once more when it is given again', () => {
    const side = new Side({ folder: 'write' })
    side.grant({})
    expect(kinds(side.grant({ folder: 'read' }))).toEqual(['share-offer', 'directory'])
  })

  it('that a right became smaller is told, and nothing else', () => {
    const side = new Side({ folder: 'write' })
    expect(sent(side.grant({ folder: 'read' }))).toEqual([
      { kind: 'share-offer', share: 'folder', title: 'folder', write: false },
      { kind: 'subscribe', shares: [] },
    ])
  })

  it('by the peer ends ours as well, until it is offered again; then both begin anew', () => {
    const side = new Side({ folder: 'write' })
    side.hears(subscribe('folder'))
    expect(side.hears({ kind: 'share-revoked', share: 'folder' }).map(({ kind }) => kind)).toEqual([
      'withdraw',
      'taken-back',
      'peer-changed',
    ])
    expect(sent(side.changes('folder', share({ [ME]: 2 }, 2)))).toEqual([])
    expect(sent(side.do({ kind: 'snapshot' }))).toEqual([])
    expect(sent(side.hears({ kind: 'share-offer', share: 'folder', title: 'F', write: true }))).toEqual([
      { kind: 'directory', share: 'folder', ...share({ [ME]: 2 }, 2) },
      { kind: 'subscribe', shares: ['folder'] },
    ])
  })
})

describe('[S5] a share that is no more here', () => {
  it('ends what runs and is told as taken back to who knew of it, once; the list of wishes goes without it', () => {
    const side = new Side({ folder: 'write' })
    side.hears(subscribe('folder'))
    const effects = side.do({ kind: 'gone', share: 'folder' })
    expect(effects[0]).toEqual({ kind: 'withdraw', share: 'folder' })
    expect(sent(effects)).toEqual([
      { kind: 'share-revoked', share: 'folder' },
      { kind: 'subscribe', shares: [] },
    ])
    expect(side.do({ kind: 'gone', share: 'folder' })).toEqual([])
    expect(sent(side.do({ kind: 'snapshot' }))).toEqual([])
    expect(sent(side.hears(directory('folder', { [PEER]: 7 })))).toEqual([])
  })

  it('[S4] is still wanted: when it comes back, it arrives', () => {
    const side = new Side({ folder: 'write' })
    side.hears(subscribe('folder'))
    side.do({ kind: 'gone', share: 'folder' })
    expect(side.wants('folder')).toBe(true)
    expect(kinds(side.changes('folder', share({ [ME]: 3 }, 3)))).toEqual(['share-offer', 'directory', 'subscribe'])
  })

  it('is no word to who may not see it, or was told before', () => {
    const side = new Side({})
    expect(sent(side.do({ kind: 'gone', share: 'folder' }))).toEqual([])
    const other = new Side({ folder: 'write' })
    other.grant({})
    expect(other.do({ kind: 'gone', share: 'folder' })).toEqual([{ kind: 'peer-changed' }])
  })
})

describe('[S5] a peer that may only read', () => {
  it('is told why its own head is not taken, once for each, and no offer of it is looked at', () => {
    const side = new Side({ folder: 'read' })
    const effects = side.hears(directory('folder', { [ME]: 1, [PEER]: 9 }, 9))
    expect(sent(effects)).toMatchObject([{ kind: 'refusal', code: 'read-only', share: 'folder' }])
    expect(effects.some(({ kind }) => kind === 'offer')).toBe(false)
    expect(sent(side.hears(directory('folder', { [ME]: 1, [PEER]: 9 }, 9)))).toEqual([])
    expect(sent(side.hears(directory('folder', { [ME]: 1, [PEER]: 10 }, 10)))).toHaveLength(1)
  })

  it('is not called to account for heads that it has from us', () => {
    const side = new Side({ folder: 'read' }, { folder: share({ [ME]: 1, [PEER]: 3 }) })
    expect(sent(side.hears(directory('folder', { [ME]: 1, [PEER]: 3 })))).toEqual([])
  })

  it('[L8] is current when it shows our heads, whatever it has of its own; not before it said so', () => {
    const side = new Side({ folder: 'read' }, { folder: share({ [ME]: 1 }, 1) })
    const current = () => isShareCurrent(side.state, ME, 'folder', side.rights)
    side.hears(subscribe('folder'))
    side.hears(directory('folder', { [ME]: 1, [PEER]: 9 }, 77))
    expect(current()).toBe(true)
    side.changes('folder', share({ [ME]: 2 }, 2))
    expect(current()).toBe(false)
    side.hears({ kind: 'applied', share: 'folder', view: anOid(78) })
    expect(current()).toBe(true)
  })

  it('[L8] and on its side: it is current when all heads of the other are on its disk', () => {
    const reader = new Side({ folder: 'write' }, { folder: share({ [PEER]: 1, [ME]: 9 }, 77) })
    const current = () => isShareCurrent(reader.state, ME, 'folder', reader.rights)
    reader.hears({ kind: 'share-offer', share: 'folder', title: 'F', write: false })
    expect(current()).toBe(false) // it has not said what it has
    reader.hears(subscribe())
    reader.hears(directory('folder', { [PEER]: 1 }, 1))
    expect(current()).toBe(true)
    reader.hears(directory('folder', { [PEER]: 2 }, 2))
    expect(current()).toBe(false)
  })
})

describe('[L8] a device that only pairs just now', () => {
  it('has nothing of the vault: an own device without a word of it is not in step', () => {
    const side = new Side({ vault: 'write' }, { vault: share({ [ME]: 1 }, 1) })
    side.hears(subscribe())
    expect(isShareCurrent(side.state, ME, 'vault', side.rights)).toBe(false)
    side.hears(directory('vault', { [ME]: 1 }, 1))
    expect(isShareCurrent(side.state, ME, 'vault', side.rights)).toBe(true)
  })

  it('is not waited for with a folder that it was offered and did not take', () => {
    const side = new Side({ folder: 'write' })
    side.hears(subscribe())
    expect(isShareCurrent(side.state, ME, 'folder', side.rights)).toBe(true)
  })
})

describe('[S5] a hidden share', () => {
  const events: fc.Arbitrary<ShareMessage> = someMessage.filter(
    (message): message is Extract<typeof message, ShareMessage> =>
      ['directory', 'subscribe', 'update', 'applied', 'share-offer', 'share-revoked', 'sync-response'].includes(
        message.kind,
      ),
  )

  it('answers, whatever is said and in whatever order, exactly like one that does not exist', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 30 }), fc.nat({ max: 5 }), (messages, change) => {
        const visible = { work: share({ [ME]: 1 }) }
        const hiding = new Side(
          { work: 'write' },
          { ...visible, vault: share({ [ME]: 4 }, 4), other: share({ [ME]: 5 }) },
        )
        const without = new Side({ work: 'write' }, visible)
        expect(sent(hiding.opening)).toEqual(sent(without.opening))
        for (const [n, message] of messages.entries()) {
          expect(sent(hiding.hears(message))).toEqual(sent(without.hears(message)))
          if (n % 5 !== change) continue
          expect(sent(hiding.changes('vault', share({ [ME]: 100 + n }, n)))).toEqual([])
          expect(sent(hiding.do({ kind: 'snapshot' }))).toEqual(sent(without.do({ kind: 'snapshot' })))
        }
        for (const message of sent([...hiding.do({ kind: 'snapshot' })]))
          expect('share' in message && message.share).toBe('work')
      }),
    )
  })

  it('[T8] makes us remember no more than a share that does not exist', () => {
    const side = new Side({}, { vault: share({ [ME]: 1 }) })
    side.hears(directory('vault', { [PEER]: 2 }))
    side.hears({ kind: 'applied', share: 'vault', view: anOid(2) })
    expect([...side.state.remote.keys()]).toEqual([])
    for (let n = 0; n < 500; n++) side.hears({ kind: 'share-offer', share: `s${n}`, title: 't', write: true })
    expect(side.state.offers.size).toBe(100)
  })
})
