import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  newPairing,
  updatePairing,
  type PairingEffect,
  type PairingEvent,
  type PairingState,
} from '../../src/peers/pairing.ts'
import type { VaultListing } from '../../src/history/compare-vaults.ts'
import { MAX_LISTED_FILES } from '../../src/peers/pairing-listing.ts'
import type { PairingRole, PairingTranscript } from '../../src/peers/pairing-proof.ts'
import { aListing, anId, manyFiles } from '../support/sample-messages.ts'

const transcript: PairingTranscript = {
  inviter: anId(1),
  joiner: anId(2),
  inviterNonce: new Uint8Array(32).fill(1),
  joinerNonce: new Uint8Array(32).fill(2),
}
const secret = new Uint8Array(16).fill(9)
const wrong = new Uint8Array(16).fill(8)
/** Each takes several chunks. */
const someVault = manyFiles(4_000, 'a')
const otherVault = [...aListing({ '0.md': 1 }), ...manyFiles(1_200, 'a'), ...manyFiles(1_500, 'b')]

/** One side of a pairing: what it did, what it has still to do, and what is on its way to it. */
class Side {
  state: PairingState
  readonly log: PairingEffect[] = []
  readonly inbox: PairingEvent[] = []
  /** A person who was asked, a store that was begun. */
  readonly chores: PairingEvent[] = []
  other!: Side

  constructor(
    readonly role: PairingRole,
    own: Uint8Array | null,
    readonly open: readonly Uint8Array[],
    readonly vault: VaultListing,
    readonly answer = true,
    readonly agree = true,
  ) {
    this.state = newPairing(role, transcript, own)
  }

  do(event: PairingEvent): void {
    const [state, effects] = updatePairing(this.state, event)
    this.state = state
    for (const effect of effects) {
      this.log.push(effect)
      if (effect.kind === 'send-proof')
        this.other.inbox.push({ kind: 'proof', mac: effect.mac, secrets: this.other.open })
      if (effect.kind === 'send-confirm') this.other.inbox.push({ kind: 'their-answer', accepted: effect.accepted })
      if (effect.kind === 'send-done') this.other.inbox.push({ kind: 'their-done' })
      if (effect.kind === 'ask') this.chores.push({ kind: 'answer', accepted: this.answer })
      if (effect.kind === 'list') this.chores.push({ kind: 'listed', listing: this.vault })
      if (effect.kind === 'send-listing')
        this.other.inbox.push({ kind: 'their-listing', files: effect.files, last: effect.last })
      if (effect.kind === 'send-more') this.other.inbox.push({ kind: 'their-more' })
      if (effect.kind === 'ask-vaults') this.chores.push({ kind: 'agree', accepted: this.agree })
      if (effect.kind === 'send-agree') this.other.inbox.push({ kind: 'their-agree', accepted: effect.accepted })
      if (effect.kind === 'store') this.chores.push({ kind: 'stored' })
    }
  }

  did(kind: PairingEffect['kind']): number {
    return this.log.filter((effect) => effect.kind === kind).length
  }

  /** Has the other device on its list. */
  get keeps(): boolean {
    return this.did('send-done') > this.did('forget')
  }

  get failure(): string | undefined {
    const failed = this.log.find((effect) => effect.kind === 'failed')
    return failed?.kind === 'failed' ? failed.code : undefined
  }
}

interface Pair {
  readonly inviter: Side
  readonly joiner: Side
}

function twoSides(
  options: {
    joinerSecret?: Uint8Array
    open?: readonly Uint8Array[]
    inviterSays?: boolean
    joinerSays?: boolean
    inviterAgrees?: boolean
    joinerAgrees?: boolean
    inviterVault?: VaultListing
    joinerVault?: VaultListing
  } = {},
): Pair {
  const { inviterSays, joinerSays, inviterAgrees, joinerAgrees } = options
  const [here, there] = [options.inviterVault ?? someVault, options.joinerVault ?? otherVault]
  const inviter = new Side('inviter', null, options.open ?? [wrong, secret], here, inviterSays, inviterAgrees)
  const joiner = new Side('joiner', options.joinerSecret ?? secret, [], there, joinerSays, joinerAgrees)
  inviter.other = joiner
  joiner.other = inviter
  inviter.do({ kind: 'start' })
  joiner.do({ kind: 'start' })
  return { inviter, joiner }
}

/** Carries everything out, in the order that `choose` picks among what could happen next. */
function run({ inviter, joiner }: Pair, choose: (choices: number) => number = () => 0): void {
  for (;;) {
    const next = [inviter, joiner].flatMap((side) =>
      [side.inbox, side.chores].filter((list) => list.length).map((list) => ({ side, list })),
    )
    if (!next.length) return
    const { side, list } = next[choose(next.length)]!
    side.do(list.shift()!)
  }
}

const both = (pair: Pair) => [pair.inviter, pair.joiner]

describe('pairing', () => {
  it('[P2] [P3] ends with both stored, once each, after both people saw the same code', () => {
    const pair = twoSides()
    run(pair)
    for (const side of both(pair)) {
      expect([side.did('ask'), side.did('store'), side.did('paired'), side.failure]).toEqual([1, 1, 1, undefined])
      expect(side.log.find((e) => e.kind === 'ask')).toEqual(pair.inviter.log.find((e) => e.kind === 'ask'))
    }
  })

  it('[P3] ends the same way in every order of messages, answers and stores', () => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.nat()),
        fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
        (picks, says) => {
          const [inviterSays, joinerSays, inviterAgrees, joinerAgrees] = says
          const pair = twoSides({ inviterSays, joinerSays, inviterAgrees, joinerAgrees })
          run(pair, (choices) => picks.next().value! % choices)
          for (const side of both(pair)) {
            expect([side.did('store'), side.did('paired'), side.failure]).toEqual(
              says.every(Boolean) ? [1, 1, undefined] : [0, 0, 'declined'],
            )
            if (!inviterSays || !joinerSays) expect([side.did('list'), side.did('send-listing')]).toEqual([0, 0])
          }
        },
      ),
    )
  })

  it('[P3] leaves either both stored or an understandable failure when the link is lost at any moment', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), fc.nat({ max: 40 }), (picks, lostAfter) => {
        const pair = twoSides()
        let steps = 0
        const lost = new Error('the link is lost')
        try {
          run(pair, (choices) => {
            if (steps++ === lostAfter) throw lost
            return picks.next().value! % choices
          })
        } catch (error) {
          if (error !== lost) throw error
          for (const side of both(pair)) {
            side.inbox.length = 0
            side.do({ kind: 'cancel' })
            for (const chore of side.chores.splice(0)) side.do(chore)
          }
        }
        for (const side of both(pair)) {
          // Who was in the last step is not undone by losing the link: it does not know whether the other one finished.
          expect(side.did('paired') + (side.failure ? 1 : 0)).toBe(side.did('store') && !side.did('paired') ? 0 : 1)
          // Nothing is stored before both people said yes.
          if (side.did('store'))
            expect(both(pair).every((s) => s.log.some((e) => e.kind === 'send-confirm' && e.accepted))).toBe(true)
          if (side.did('paired')) expect(side.other.did('store')).toBe(1)
        }
      }),
    )
  })

  it('keeps its promises whatever it is told, in whatever order', () => {
    const events: fc.Arbitrary<PairingEvent> = fc.oneof(
      fc.constantFrom<PairingEvent>(
        { kind: 'start' },
        { kind: 'answer', accepted: true },
        { kind: 'their-answer', accepted: true },
        { kind: 'stored' },
        { kind: 'their-done' },
        { kind: 'overdue' },
        { kind: 'listed', listing: aListing({ 'a.md': 1 }) },
        { kind: 'listed', listing: [] },
        { kind: 'their-listing', files: aListing({ 'a.md': 2 }), last: true },
        { kind: 'their-listing', files: aListing({ '0.md': 2 }), last: false },
        { kind: 'their-more' },
        { kind: 'agree', accepted: true },
        { kind: 'their-agree', accepted: true },
      ),
      fc.constantFrom<PairingEvent>(
        { kind: 'answer', accepted: false },
        { kind: 'their-answer', accepted: false },
        { kind: 'agree', accepted: false },
        { kind: 'their-agree', accepted: false },
        { kind: 'cancel' },
      ),
      fc.constantFrom<'inviter' | 'joiner' | 'noise'>('inviter', 'joiner', 'noise').map((which): PairingEvent => {
        const mac = which === 'noise' ? new Uint8Array(32) : proofOf(which)
        return { kind: 'proof', mac, secrets: [secret] }
      }),
    )
    fc.assert(
      fc.property(
        fc.constantFrom('inviter' as const, 'joiner' as const),
        // What ends it is rare, and the usual course is likely, so that the last steps are reached, too.
        fc
          .tuple(fc.nat({ max: usual.length }), fc.array(events, { maxLength: 14 }))
          .map(([n, list]) => [...usual.slice(0, n), ...list]),
        (role, list) => {
          let state = newPairing(role, transcript, role === 'joiner' ? secret : null)
          const done: string[] = []
          let said = { we: false, they: false, weAgree: false, theyAgree: false }
          for (const given of list) {
            const event = given.kind === 'proof' && given.mac.length === 0 ? theirProof(role) : given
            if (event.kind === 'answer') said = { ...said, we: said.we || event.accepted }
            if (event.kind === 'their-answer') said = { ...said, they: said.they || event.accepted }
            if (event.kind === 'their-agree') said = { ...said, theyAgree: said.theyAgree || event.accepted }
            const [next, effects] = updatePairing(state, event)
            if (state.ended) expect([next, effects]).toEqual([state, []])
            state = next
            for (const effect of effects) {
              if (effect.kind === 'ask') expect(event.kind).toBe('proof')
              if (['list', 'send-listing', 'ask-vaults', 'store', 'paired'].includes(effect.kind))
                expect([state.proven, said.we, said.they]).toEqual([true, true, true])
              if (effect.kind === 'send-agree') said = { ...said, weAgree: effect.accepted }
              if (effect.kind === 'store') expect([said.weAgree, said.theyAgree]).toEqual([true, true])
              if (effect.kind === 'forget') expect(done).toContain('store')
              done.push(effect.kind)
            }
          }
          for (const once of ['ask', 'list', 'ask-vaults', 'store', 'forget', 'paired', 'failed', 'send-done'])
            expect(done.filter((kind) => kind === once).length, once).toBeLessThanOrEqual(1)
          expect(done.includes('paired') && done.includes('failed')).toBe(false)
          expect(state.ended).toBe(done.includes('paired') || done.includes('failed'))
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('[P2] refuses a wrong, expired or used secret, and asks nobody', () => {
    for (const pair of [twoSides({ joinerSecret: new Uint8Array(16) }), twoSides({ open: [] })]) {
      run(pair)
      expect([pair.inviter.failure, pair.inviter.did('ask'), pair.inviter.did('send-proof')]).toEqual([
        'mismatch',
        0,
        0,
      ])
      expect([pair.joiner.did('ask'), pair.joiner.did('store')]).toEqual([0, 0])
    }
  })

  it('[P2] takes no proof back that it sent itself', () => {
    const pair = twoSides()
    const own = pair.joiner.log[0]!
    if (own.kind !== 'send-proof') throw new Error('no proof')
    pair.joiner.do({ kind: 'proof', mac: own.mac, secrets: [] })
    expect(pair.joiner.failure).toBe('mismatch')
  })

  it.each([
    [
      'a second proof',
      [
        { kind: 'proof', mac: proofOf('joiner'), secrets: [secret] },
        { kind: 'proof', mac: proofOf('joiner'), secrets: [secret] },
      ],
    ],
    ['a confirmation before the proof', [{ kind: 'their-answer', accepted: true }]],
    ['an end before the proof', [{ kind: 'their-done' }]],
    [
      'an end before the confirmations',
      [
        { kind: 'proof', mac: proofOf('joiner'), secrets: [secret] },
        { kind: 'their-answer', accepted: true },
        { kind: 'their-done' },
      ],
    ],
  ] as [string, PairingEvent[]][])('[P2] ends at %s', (_what, events) => {
    const side = twoSides().inviter
    for (const event of events) side.do(event)
    expect([side.failure, side.did('store')]).toEqual(['mismatch', 0])
  })

  it('tells the other side when it is cancelled after the proof, and nothing to a stranger before', () => {
    const before = twoSides().inviter
    before.do({ kind: 'cancel' })
    expect(before.log.map((e) => e.kind)).toEqual(['failed'])
    const pair = twoSides()
    pair.inviter.do(pair.inviter.inbox.shift()!)
    pair.inviter.do({ kind: 'cancel' })
    run(pair)
    expect([pair.inviter.failure, pair.joiner.failure]).toEqual(['declined', 'declined'])
  })
})

/** The course of a pairing without trouble, for either role; the empty proof stands for the right one. */
const usual: readonly PairingEvent[] = [
  { kind: 'start' },
  { kind: 'proof', mac: new Uint8Array(0), secrets: [secret] },
  { kind: 'answer', accepted: true },
  { kind: 'their-answer', accepted: true },
  { kind: 'listed', listing: aListing({ 'a.md': 1 }) },
  { kind: 'their-listing', files: aListing({ 'a.md': 2 }), last: true },
  { kind: 'agree', accepted: true },
  { kind: 'their-agree', accepted: true },
  { kind: 'stored' },
  { kind: 'their-done' },
]

function theirProof(role: PairingRole): PairingEvent {
  return { kind: 'proof', mac: proofOf(role === 'inviter' ? 'joiner' : 'inviter'), secrets: [secret] }
}

/** A side, and everything that `usual` does to it before the event at `until`. */
function sideBefore(until: number, role: PairingRole = 'inviter'): Side {
  const side = role === 'inviter' ? twoSides().inviter : twoSides().joiner
  for (const event of usual.slice(1, until)) side.do(event.kind === 'proof' ? theirProof(role) : event)
  return side
}
const [PROVED, CONFIRMED, LISTED, COMPARED, STORING, DONE] = [2, 4, 5, 6, 8, 9] as const

describe('the comparison of the vaults', () => {
  it('[E9] is the same for both, with here and there swapped, and asked once each', () => {
    const pair = twoSides()
    run(pair)
    const [mine, theirs] = both(pair).map(({ log }) => log.find((e) => e.kind === 'ask-vaults')!.comparison)
    expect(mine).toMatchObject({ same: 1_200, different: [] })
    expect([mine!.onlyHere.length, mine!.onlyThere.length]).toEqual([2_800, 1_501])
    expect(theirs).toEqual({ ...mine, onlyHere: mine!.onlyThere, onlyThere: mine!.onlyHere })
    expect(both(pair).map((side) => [side.did('ask-vaults'), side.did('list'), side.did('paired')])).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ])
    expect(pair.inviter.did('send-listing')).toBeGreaterThan(2)
    expect(pair.inviter.did('send-listing')).toBe(pair.joiner.did('send-more') + 1)
  })

  it.each([
    ['the inviting', { inviterVault: [] }],
    ['the joining', { joinerVault: [] }],
    ['either', { inviterVault: [], joinerVault: [] }],
  ])('[E9] asks nobody when %s vault holds nothing', (_which, vaults) => {
    const pair = twoSides(vaults)
    run(pair)
    expect(both(pair).map((side) => [side.did('ask-vaults'), side.did('paired'), side.failure])).toEqual([
      [0, 1, undefined],
      [0, 1, undefined],
    ])
  })

  it('[P3] sends the next chunk only when the last was taken, and none before both confirmed', () => {
    const pair = twoSides()
    const side = pair.inviter
    side.do(theirProof('inviter'))
    side.do({ kind: 'answer', accepted: true })
    side.do({ kind: 'listed', listing: someVault })
    expect([side.did('list'), side.did('send-listing')]).toEqual([0, 0])
    side.do({ kind: 'their-answer', accepted: true })
    side.do({ kind: 'listed', listing: someVault })
    expect([side.did('list'), side.did('send-listing')]).toEqual([1, 1])
    side.do({ kind: 'their-more' })
    expect(side.did('send-listing')).toBe(2)
  })

  it.each<[string, number, PairingEvent[]]>([
    ['a listing before the confirmations', PROVED, [{ kind: 'their-listing', files: [], last: true }]],
    ['a request for more before there was something', CONFIRMED, [{ kind: 'their-more' }]],
    ['a request for more after the end', LISTED, [{ kind: 'their-more' }]],
    ['an agreement before it has our listing', CONFIRMED, [{ kind: 'their-agree', accepted: true }]],
    ['a file after the end', COMPARED, [{ kind: 'their-listing', files: aListing({ 'z.md': 1 }), last: true }]],
    [
      'a file that comes twice',
      LISTED,
      [
        { kind: 'their-listing', files: aListing({ 'a.md': 1 }), last: false },
        { kind: 'their-listing', files: aListing({ 'a.md': 1 }), last: true },
      ],
    ],
    ['files out of order', LISTED, [{ kind: 'their-listing', files: [...manyFiles(2, 'b')].reverse(), last: true }]],
    ['too large a chunk', LISTED, [{ kind: 'their-listing', files: someVault, last: true }]],
    ['an empty chunk that is not the last', LISTED, [{ kind: 'their-listing', files: [], last: false }]],
    ['an end before both agreed', COMPARED, [{ kind: 'their-done' }]],
  ])('[E9] [T8] ends at %s', (_what, after, events) => {
    const side = sideBefore(after)
    for (const event of events) side.do(event)
    expect([side.failure, side.did('ask-vaults') + side.did('store')]).toEqual(['mismatch', after === COMPARED ? 1 : 0])
  })

  it('[T8] ends before it takes more files than can be compared', () => {
    const side = sideBefore(LISTED)
    let sent = 0
    for (; !side.failure && sent < 2 * MAX_LISTED_FILES; sent += 1_000)
      side.do({ kind: 'their-listing', files: manyFiles(1_000, `${String(sent).padStart(8, '0')} `), last: false })
    expect([side.failure, sent]).toEqual(['mismatch', MAX_LISTED_FILES + 1_000])
    const tiny = sideBefore(LISTED)
    for (sent = 0; !tiny.failure; sent++)
      tiny.do({ kind: 'their-listing', files: aListing({ [`${10_000 + sent}`]: 1 }), last: false })
    expect(sent).toBeLessThan(2_000)
  })

  it('[T8] does not begin with a vault that is too large, and tells the other side', () => {
    const side = sideBefore(CONFIRMED)
    side.do({ kind: 'listed', listing: manyFiles(MAX_LISTED_FILES + 1, '') })
    expect([side.failure, side.did('send-listing'), side.log.at(-2)]).toEqual([
      'declined',
      0,
      { kind: 'send-confirm', accepted: false },
    ])
  })

  it.each(['inviter', 'joiner'] as const)('[E9] a no, or a cancel, leaves nothing at any step (%s)', (role) => {
    for (let step = 1; step < STORING; step++)
      for (const event of [
        { kind: 'cancel' },
        { kind: 'answer', accepted: false },
        { kind: 'agree', accepted: false },
        { kind: 'their-answer', accepted: false },
        { kind: 'their-agree', accepted: false },
      ] as const) {
        const side = sideBefore(step, role)
        side.do(event)
        for (const late of usual.slice(step)) if (side.failure) side.do(late)
        expect([side.did('store'), side.did('paired')], `${event.kind} at ${step}`).toEqual([0, 0])
      }
  })

  it('[E9] a cancel after both agreed is too late; a refusal of the other one undoes the last step', () => {
    for (const step of [STORING, DONE]) {
      const side = sideBefore(step, 'joiner')
      side.do({ kind: 'cancel' })
      expect(side.failure).toBeUndefined()
      side.do({ kind: 'their-answer', accepted: false })
      expect([side.failure, side.did('forget'), side.did('paired')]).toEqual(['declined', 1, 0])
    }
  })

  it('[E9] a cancel at any moment, on either side, with messages under way, leaves both stored or neither', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), fc.nat({ max: 40 }), fc.boolean(), (picks, after, byInviter) => {
        const pair = twoSides()
        let steps = 0
        run(pair, (choices) => {
          if (steps++ === after) (byInviter ? pair.inviter : pair.joiner).do({ kind: 'cancel' })
          return picks.next().value! % choices
        })
        expect(pair.inviter.keeps).toBe(pair.joiner.keeps)
        // Before the proof no message tells of a cancel; the link ends, and nothing is stored.
        for (const side of both(pair)) if (!side.did('paired') && !side.failure) expect(side.did('store')).toBe(0)
      }),
    )
  })

  it('[P2] who does not prove in time that it knows the link is refused; later it does not matter', () => {
    for (const [role, code] of [
      ['inviter', 'mismatch'],
      ['joiner', 'timeout'],
    ] as const) {
      const side = sideBefore(1, role)
      side.do({ kind: 'overdue' })
      expect(side.failure).toBe(code)
      const proved = sideBefore(PROVED, role)
      proved.do({ kind: 'overdue' })
      expect(proved.failure).toBeUndefined()
    }
  })
})

function proofOf(role: PairingRole): Uint8Array {
  let mac = new Uint8Array()
  const other = newPairing(role, transcript, secret)
  const event: PairingEvent =
    role === 'joiner' ? { kind: 'start' } : { kind: 'proof', mac: proofOf('joiner'), secrets: [secret] }
  for (const effect of updatePairing(other, event)[1]) if (effect.kind === 'send-proof') mac = effect.mac as typeof mac
  return mac
}
