import { describe, expect, it } from 'vitest'
import { DatagramLimit } from '../../../src/adapters/lan/limited-socket.ts'

const taken = (limit: DatagramLimit, count: number, source: (n: number) => string, now: number) =>
  Array.from({ length: count }, (_, n) => limit.take(source(n), now)).filter(Boolean).length

describe('the limit of datagrams', () => {
  it('lets one flooding device have ten a second, and everybody else through', () => {
    const limit = new DatagramLimit()
    expect(taken(limit, 1000, () => '10.0.0.66', 5000)).toBe(10)
    expect(limit.take('10.0.0.2', 5999)).toBe(true)
    expect(taken(limit, 1000, () => '10.0.0.66', 6000)).toBe(10)
  })

  it('takes a hundred a second of however many sources', () => {
    expect(taken(new DatagramLimit(), 100_000, (n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, 0)).toBe(100)
  })

  it('starts afresh when the clock was set back', () => {
    const limit = new DatagramLimit()
    taken(limit, 1000, () => '10.0.0.66', 1e12)
    expect(limit.take('10.0.0.66', 5)).toBe(true)
  })
})
