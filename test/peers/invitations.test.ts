import { describe, expect, it } from 'vitest'
import { Invitations } from '../../src/peers/invitations.ts'
import { INVITATION_MS, SECRET_BYTES } from '../../src/peers/pairing-link.ts'
import { anId } from '../support/sample-messages.ts'

const NOW = 1_000_000
const secret = (n: number) => new Uint8Array(SECRET_BYTES).fill(n)

function oneInvitation(): Invitations {
  const invitations = new Invitations()
  invitations.add(secret(1), 'vault', NOW + INVITATION_MS)
  return invitations
}

describe('Invitations', () => {
  it('[P1] hold a secret of 128 bits for ten minutes', () => {
    expect([SECRET_BYTES * 8, INVITATION_MS]).toEqual([128, 600_000])
    const invitations = oneInvitation()
    expect(invitations.openFor(anId(1), NOW + INVITATION_MS - 1)).toEqual([secret(1)])
    expect(invitations.openFor(anId(1), NOW + INVITATION_MS)).toEqual([])
    expect(invitations.find(secret(1))).toBeUndefined()
  })

  it('[P1] are used once; only the device that used one may repeat its last step', () => {
    const invitations = oneInvitation()
    invitations.markUsed(secret(1), anId(1))
    expect(invitations.openFor(anId(1), NOW)).toEqual([secret(1)])
    expect(invitations.openFor(anId(2), NOW)).toEqual([])
    expect(invitations.find(secret(1))?.usedBy).toBe(anId(1))
  })

  it('are gone when cancelled, and only that one', () => {
    const invitations = oneInvitation()
    invitations.add(secret(2), 'vault', NOW + INVITATION_MS)
    invitations.cancel(secret(1))
    expect(invitations.openFor(anId(1), NOW)).toEqual([secret(2)])
  })

  it('[P2] answer nobody after ten failures, until a minute has passed; the secret survives', () => {
    const invitations = oneInvitation()
    for (let i = 0; i < 9; i++) invitations.countFailure(NOW + i * 1000)
    expect(invitations.openFor(anId(9), NOW + 9_000)).toHaveLength(1)
    invitations.countFailure(NOW + 9_000)
    expect(invitations.openFor(anId(9), NOW + 9_001)).toEqual([])
    expect(invitations.openFor(anId(9), NOW + 59_999)).toEqual([])
    expect(invitations.openFor(anId(9), NOW + 60_000)).toHaveLength(1)
  })

  it('[P2] are ten at most: the oldest goes, and one that was used before it', () => {
    const invitations = new Invitations()
    const add = (n: number) => invitations.add(secret(n), 'vault', NOW + INVITATION_MS)?.secret[0]
    expect(Array.from({ length: 12 }, (_, n) => add(n))).toEqual([...Array<undefined>(10).fill(undefined), 0, 1])
    invitations.markUsed(secret(5), anId(2))
    expect([add(12), add(13)]).toEqual([5, 2])
    expect(invitations.openFor(anId(1), NOW).map(([first]) => first)).toEqual([3, 4, 6, 7, 8, 9, 10, 11, 12, 13])
  })

  it('[P1] are as before when the device that used one refused in the last step', () => {
    const invitations = oneInvitation()
    invitations.markUsed(secret(1), anId(1))
    invitations.markUnused(secret(1))
    expect(invitations.openFor(anId(2), NOW)).toEqual([secret(1)])
  })
})
