import { describe, expect, it } from 'vitest'
import { addressesOf, FailedAttempts } from '../../src/peers/pairing-attempts.ts'
import type { PathInfo } from '../../src/ports/transport.ts'
import { anId } from '../support/sample-messages.ts'

const NOW = 1_000_000
const MINUTE = 60_000

/** Fails whenever it may, looking every second; the times of its failures. */
function failuresOf(attempts: FailedAttempts, address: string, durationMs: number): number[] {
  const times: number[] = []
  for (let at = 0; at <= durationMs; at += 1_000) {
    if (!attempts.mayTry([address], NOW + at)) continue
    attempts.count([address], NOW + at)
    times.push(at / 1_000)
  }
  return times
}

describe('FailedAttempts', () => {
  it('[P2] three in a minute, then a wait that doubles to a quarter of an hour', () => {
    expect(failuresOf(new FailedAttempts(), 'x', 65 * MINUTE)).toEqual([0, 1, 2, 62, 182, 422, 902, 1802, 2702, 3602])
  })

  it('[P2] fewer in a minute make nobody wait', () => {
    const attempts = new FailedAttempts()
    for (let at = 0; at < 100; at++) {
      attempts.count(['x'], NOW + at * 31_000)
      expect(attempts.mayTry(['x'], NOW + at * 31_000)).toBe(true)
    }
  })

  it('[P2] one address does not make another one wait; two of one device count both', () => {
    const attempts = new FailedAttempts()
    for (let n = 0; n < 3; n++) attempts.count([`device ${n}`, 'ip 1'], NOW)
    expect(attempts.mayTry(['device 9'], NOW)).toBe(true)
    expect(attempts.mayTry(['device 0', 'ip 2'], NOW)).toBe(true)
    expect(attempts.mayTry(['device 9', 'ip 1'], NOW)).toBe(false)
    expect(attempts.mayTry(['device 9', 'ip 1'], NOW + MINUTE)).toBe(true)
  })

  it('[P2] forgives who kept quiet for a quarter of an hour after its wait', () => {
    const attempts = new FailedAttempts()
    for (let n = 0; n < 3; n++) attempts.count(['x'], NOW)
    attempts.count(['x'], NOW + MINUTE)
    const later = NOW + 3 * MINUTE + 15 * MINUTE
    attempts.count(['x'], later)
    expect(attempts.mayTry(['x'], later)).toBe(true)
  })

  it('[P2] remembers some hundred addresses, those that failed last', () => {
    const attempts = new FailedAttempts()
    for (let n = 0; n < 10_000; n++) for (let times = 0; times < 3; times++) attempts.count([`a${n}`], NOW + n)
    expect(attempts.size).toBeLessThanOrEqual(300)
    expect([attempts.mayTry(['a9999'], NOW + 10_000), attempts.mayTry(['a9900'], NOW + 10_000)]).toEqual([false, false])
    attempts.count(['late'], NOW + 60 * MINUTE)
    expect(attempts.size).toBe(1)
  })
})

describe('addressesOf', () => {
  const path = (kind: PathInfo['kind'], address: string): PathInfo => ({ kind, address })

  it('[P2] is always the endpoint id, and the hosts of direct paths without their ports', () => {
    const paths = [
      path('direct', '203.0.113.7:4433'),
      path('local', '192.168.1.9:1'),
      path('direct', '203.0.113.7:9'),
      path('relay', '198.51.100.1:443'),
      path('relay', 'https://relay.example'),
      path('local', 'mem:x'),
    ]
    expect(addressesOf(anId(1), paths)).toEqual([anId(1), 'ip 203.0.113.7', 'ip 192.168.1.9'])
    expect(addressesOf(anId(1), [])).toEqual([anId(1)])
  })

  it('[P2] takes the half of an IPv6 address that nobody chooses freely', () => {
    const [one, other, third] = ['[2001:db8:1:2::1]:5', '[2001:db8:1:2:aaaa::9]:6', '[2001:db8:1:3::1]:5'].map(
      (address) => addressesOf(anId(1), [path('direct', address)])[1],
    )
    expect(one).toBe(other)
    expect(one).not.toBe(third)
  })
})
