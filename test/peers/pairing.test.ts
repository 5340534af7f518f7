import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  newPairing,
  updatePairing,
  type PairingEffect,
  type PairingEvent,
  type PairingState,
} from '../../src/peers/pairing.ts'
import type { PairingRole, PairingTranscript } from '../../src/peers/pairing-proof.ts'
import { anId } from '../support/sample-messages.ts'

const transcript: PairingTranscript = {
  inviter: anId(1),
  joiner: anId(2),
  inviterNonce: new Uint8Array(32).fill(1),
  joinerNonce: new Uint8Array(32).fill(2),
}
const secret = new Uint8Array(16).fill(9)
const wrong = new Uint8Array(16).fill(8)

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
    readonly answer = true,
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
      if (effect.kind === 'store') this.chores.push({ kind: 'stored' })
    }
  }

  did(kind: PairingEffect['kind']): number {
    return this.log.filter((effect) => effect.kind === kind).length
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
  } = {},
): Pair {
  const inviter = new Side('inviter', null, options.open ?? [wrong, secret], options.inviterSays)
  const joiner = new Side('joiner', options.joinerSecret ?? secret, [], options.joinerSays)
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
      fc.property(fc.infiniteStream(fc.nat()), fc.boolean(), fc.boolean(), (picks, inviterSays, joinerSays) => {
        const pair = twoSides({ inviterSays, joinerSays })
        run(pair, (choices) => picks.next().value! % choices)
        for (const side of both(pair)) {
          expect([side.did('store'), side.did('paired'), side.failure]).toEqual(
            inviterSays && joinerSays ? [1, 1, undefined] : [0, 0, 'declined'],
          )
        }
      }),
    )
  })

  it('[P3] leaves either both stored or an understandable failure when the link is lost at any moment', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), fc.nat({ max: 20 }), (picks, lostAfter) => {
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
          expect(side.did('paired') + (side.failure ? 1 : 0)).toBe(1)
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
      ),
      fc.constantFrom<PairingEvent>(
        { kind: 'answer', accepted: false },
        { kind: 'their-answer', accepted: false },
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
        fc.array(events, { maxLength: 14 }),
        (role, list) => {
          let state = newPairing(role, transcript, role === 'joiner' ? secret : null)
          const done: string[] = []
          let said = { we: false, they: false, proof: false }
          for (const event of list) {
            if (event.kind === 'answer') said = { ...said, we: said.we || event.accepted }
            if (event.kind === 'their-answer') said = { ...said, they: said.they || event.accepted }
            const [next, effects] = updatePairing(state, event)
            if (state.ended) expect([next, effects]).toEqual([state, []])
            state = next
            for (const effect of effects) {
              if (effect.kind === 'ask') expect(event.kind).toBe('proof')
              if (effect.kind === 'store' || effect.kind === 'paired')
                expect([state.proven, said.we, said.they]).toEqual([true, true, true])
              done.push(effect.kind)
            }
          }
          for (const once of ['ask', 'store', 'paired', 'failed', 'send-done'])
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

function proofOf(role: PairingRole): Uint8Array {
  let mac = new Uint8Array()
  const other = newPairing(role, transcript, secret)
  const event: PairingEvent =
    role === 'joiner' ? { kind: 'start' } : { kind: 'proof', mac: proofOf('joiner'), secrets: [secret] }
  for (const effect of updatePairing(other, event)[1]) if (effect.kind === 'send-proof') mac = effect.mac as typeof mac
  return mac
}
