import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CROSSING_MS, keepsNewer } from '../../src/peers/duplicate-link.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import { someId } from '../support/sample-messages.ts'

const boot = (n: number) => new Uint8Array(16).fill(n)
const other = (side: 'dialer' | 'acceptor'): 'dialer' | 'acceptor' => (side === 'dialer' ? 'acceptor' : 'dialer')

/** Of two links of one run, the one that `self` keeps: 'first' or 'second', whichever of them it met first. */
function kept(
  self: EndpointId,
  remote: EndpointId,
  sides: { first: 'dialer' | 'acceptor'; second: 'dialer' | 'acceptor' },
  metFirst: 'first' | 'second',
): string {
  const metSecond = metFirst === 'first' ? 'second' : 'first'
  const link = (which: 'first' | 'second') => ({ remoteBootId: boot(1), side: sides[which], ageMs: CROSSING_MS - 1 })
  return keepsNewer(self, remote, link(metFirst), link(metSecond)) ? metSecond : metFirst
}

describe('keepsNewer', () => {
  const order = fc.constantFrom('first' as const, 'second' as const)
  const side = fc.constantFrom('dialer' as const, 'acceptor' as const)

  it('[L3] lets both devices keep the same of two crossed links, in whichever order each met them', () => {
    fc.assert(
      fc.property(someId, someId, side, order, order, (a, b, first, orderOfA, orderOfB) => {
        fc.pre(a !== b)
        const sidesOfA = { first, second: other(first) }
        const sidesOfB = { first: other(first), second: first }
        const atA = kept(a, b, sidesOfA, orderOfA)
        expect(kept(b, a, sidesOfB, orderOfB)).toBe(atA)
        // … and it is the one that the higher id dialled.
        const higherDialled = (a > b ? sidesOfA : sidesOfB).first === 'dialer' ? 'first' : 'second'
        expect(atA).toBe(higherDialled)
      }),
    )
  })

  it('[L3] prefers a link of a new run at once, whoever dialled it', () => {
    fc.assert(
      fc.property(someId, someId, side, side, (a, b, older, newer) => {
        const [first, second] = [boot(1), boot(2)]
        expect(
          keepsNewer(a, b, { remoteBootId: first, side: older, ageMs: 0 }, { remoteBootId: second, side: newer }),
        ).toBe(true)
      }),
    )
  })

  it('[L3] prefers the newer of two links that the same device dialled', () => {
    fc.assert(
      fc.property(someId, someId, side, (a, b, same) => {
        const link = { remoteBootId: boot(1), side: same }
        expect(keepsNewer(a, b, { ...link, ageMs: 0 }, link)).toBe(true)
      }),
    )
  })

  it('[L3] prefers the newer one when the older is too old to have crossed it: who dialled has given that up', () => {
    fc.assert(
      fc.property(someId, someId, side, side, fc.nat(), (a, b, older, newer, more) => {
        const remoteBootId = boot(1)
        expect(
          keepsNewer(a, b, { remoteBootId, side: older, ageMs: CROSSING_MS + more }, { remoteBootId, side: newer }),
        ).toBe(true)
      }),
    )
  })
})
