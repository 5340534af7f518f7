import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LAN_TOKEN_MS, LanTokenIndex, lanToken } from '../../src/peers/lan-token.ts'
import type { EndpointId } from '../../src/ports/transport.ts'

const anna = '0123456789abcdef'.repeat(4) as EndpointId
const ben = 'fedcba9876543210'.repeat(4) as EndpointId
const noon = Date.UTC(2026, 0, 15, 12)
const ids = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => Buffer.from(b).toString('hex') as EndpointId)
const times = fc.integer({ min: 0, max: 8.64e15 })

describe('the name of a device on a local network', () => {
  it('is the base32 of an HMAC-SHA-256 over the ten minutes it is', () => {
    const key = Buffer.concat([Buffer.from('tandem lan 1 '), Buffer.from(anna, 'hex')])
    const bucket = Buffer.alloc(8)
    bucket.writeBigUInt64BE(BigInt(noon / LAN_TOKEN_MS))
    const bits = [...createHmac('sha256', key).update(bucket).digest().subarray(0, 16)]
      .map((byte) => byte.toString(2).padStart(8, '0'))
      .join('')
      .padEnd(130, '0')
    const letters = bits.match(/.{5}/g)!.map((five) => 'abcdefghijklmnopqrstuvwxyz234567'[parseInt(five, 2)])
    expect(lanToken(anna, noon)).toBe(letters.join(''))
  })

  it('is a label that DNS takes, and the same within ten minutes', () => {
    fc.assert(
      fc.property(ids, times, fc.integer({ min: 0, max: LAN_TOKEN_MS - 1 }), (id, time, later) => {
        const start = time - (time % LAN_TOKEN_MS)
        expect(lanToken(id, start)).toMatch(/^[a-z2-7]{26}$/)
        expect(lanToken(id, start + later)).toBe(lanToken(id, start))
      }),
    )
  })

  it('is another one every ten minutes, and another one for every device', () => {
    const names = Array.from({ length: 144 }, (_, n) => lanToken(anna, noon + n * LAN_TOKEN_MS))
    expect(new Set([...names, lanToken(ben, noon)]).size).toBe(145)
  })

  it('does not hold the endpoint id', () => {
    fc.assert(
      fc.property(ids, times, (id, time) => {
        const token = lanToken(id, time)
        for (let i = 0; i + 12 <= id.length; i++) expect(token).not.toContain(id.slice(i, i + 12))
      }),
    )
  })
})

describe('recognising a name', () => {
  it('works for a paired device whose clock is less than ten minutes off, either way', () => {
    fc.assert(
      fc.property(ids, times, fc.integer({ min: -LAN_TOKEN_MS, max: LAN_TOKEN_MS }), (id, time, off) => {
        fc.pre(time + off >= 0)
        expect(new LanTokenIndex().find(lanToken(id, time + off), [ben, id], time)).toBe(id)
      }),
    )
  })

  it('fails for a clock that is twenty minutes off', () => {
    expect(new LanTokenIndex().find(lanToken(anna, noon + 2 * LAN_TOKEN_MS), [anna], noon)).toBeUndefined()
  })

  it('fails for whoever does not know the id', () => {
    expect(new LanTokenIndex().find(lanToken(anna, noon), [ben], noon)).toBeUndefined()
  })

  it('follows the time and the list of devices', () => {
    const index = new LanTokenIndex()
    expect(index.find(lanToken(anna, noon), [], noon)).toBeUndefined()
    expect(index.find(lanToken(anna, noon), [anna], noon)).toBe(anna)
    expect(index.find(lanToken(anna, noon), [anna], noon + 3 * LAN_TOKEN_MS)).toBeUndefined()
    expect(index.find(lanToken(anna, noon + 3 * LAN_TOKEN_MS), [anna], noon + 3 * LAN_TOKEN_MS)).toBe(anna)
    expect(index.find(lanToken(anna, noon), [ben], noon)).toBeUndefined()
  })
})
