import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keepsNewer } from '../../src/peers/duplicate-link.ts'
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
  const link = (which: 'first' | 'second') => ({ remoteBootId: boot(1), side: sides[which] })
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
        expect(keepsNewer(a, b, { remoteBootId: boot(1), side: older }, { remoteBootId: boot(2), side: newer })).toBe(
          true,
        )
      }),
    )
  })

  it('[L3] prefers the newer of two links that the same device dialled', () => {
    fc.assert(
      fc.property(someId, someId, side, (a, b, same) => {
        expect(keepsNewer(a, b, { remoteBootId: boot(1), side: same }, { remoteBootId: boot(1), side: same })).toBe(
          true,
        )
      }),
    )
  })
})
