import { createRequire } from 'node:module'
import fc from 'fast-check'
import type { Packet } from 'multicast-dns'
import { describe, expect, it } from 'vitest'
import { announcement, asksForUs, foundIn, mayConcernUs, QUERY } from '../../../src/adapters/lan/lan-packet.ts'

const dns = createRequire(createRequire(import.meta.url).resolve('multicast-dns'))('dns-packet') as {
  encode(packet: object): Uint8Array
  decode(bytes: Uint8Array): Packet
}
const token = 'abcdefghijklmnopqrstuvwxyz'
const direct = ['10.0.0.7:4433', '[fd00::7]:4434']
const overTheWire = (packet: Packet, type: 'query' | 'response') => dns.decode(dns.encode({ type, ...packet }))
const anywhere = () => true

describe('an announcement', () => {
  it('comes out on the other side as it went in', () => {
    expect(foundIn(overTheWire(announcement(token, direct, true), 'response'), anywhere)).toEqual([{ token, direct }])
  })

  it('is believed only as far as its addresses are near', () => {
    const packet = overTheWire(announcement(token, direct, true), 'response')
    expect(foundIn(packet, (socket) => socket.startsWith('10.'))).toEqual([{ token, direct: [direct[0]] }])
    expect(foundIn(packet, () => false)).toEqual([])
  })

  it('that is taken back finds nobody', () => {
    expect(foundIn(overTheWire(announcement(token, direct, false), 'response'), anywhere)).toEqual([])
  })

  it('of eight IPv6 addresses fits into one Ethernet frame, and more are not told', () => {
    const many = Array.from({ length: 20 }, (_, n) => `[2001:db8:1111:2222:3333:4444:5555:66${10 + n}]:65535`)
    const bytes = dns.encode({ type: 'response', ...announcement(token, many, true) })
    expect(mayConcernUs(bytes)).toBe(true)
    expect(foundIn(dns.decode(bytes), anywhere)).toEqual([{ token, direct: many.slice(0, 8) }])
  })

  it.each([
    ['a name', 'router.example:80'],
    ['no port', '10.0.0.7'],
    ['port 0', '10.0.0.7:0'],
    ['a control character', '10.0.0.7:80\n'],
    ['nothing', ''],
  ])('with %s for an address finds nobody', (_, address) => {
    expect(foundIn(overTheWire(announcement(token, [address], true), 'response'), anywhere)).toEqual([])
  })

  it.each(['UPPER', 'with-dash', 'a.b', '', 'ü'])('of %j, which is no name of ours, finds nobody', (name) => {
    const packet = { answers: [{ name: `${name}._tandem._udp.local`, type: 'TXT', ttl: 1, data: ['a=10.0.0.7:1'] }] }
    expect(foundIn(packet, anywhere)).toEqual([])
  })
})

describe('a question', () => {
  it('for our service is answered, for another one it is not', () => {
    expect(asksForUs(overTheWire(QUERY, 'query'))).toBe(true)
    expect(asksForUs({ questions: [{ name: '_printer._tcp.local', type: 'PTR' }] })).toBe(false)
    expect(asksForUs({ questions: [{ name: '_tandem._udp.local', type: 'A' }] })).toBe(false)
    expect(asksForUs({})).toBe(false)
  })
})

describe('datagrams that are looked into', () => {
  it('are ours', () => {
    expect(mayConcernUs(dns.encode({ type: 'query', ...QUERY }))).toBe(true)
    expect(mayConcernUs(dns.encode({ type: 'response', ...announcement(token, direct, true) }))).toBe(true)
  })

  it('are not those of other services', () => {
    expect(mayConcernUs(dns.encode({ type: 'query', questions: [{ name: '_ipp._tcp.local', type: 'PTR' }] }))).toBe(
      false,
    )
  })

  it('are not larger than a frame, and do not claim more records than we ever send', () => {
    const ours = dns.encode({ type: 'response', ...announcement(token, direct, true) })
    const large = new Uint8Array(1473)
    large.set(ours)
    expect(mayConcernUs(large)).toBe(false)
    for (const at of [4, 6, 8, 10]) {
      const greedy = Uint8Array.from(ours)
      greedy[at] = 0xff
      expect(mayConcernUs(greedy)).toBe(false)
    }
  })

  it('never make reading fail in another way than the decoder of the library does', () => {
    const ours = [
      dns.encode({ type: 'response', ...announcement(token, direct, true) }),
      dns.encode({ type: 'query', ...QUERY }),
    ]
    const mutated = fc
      .tuple(fc.constantFrom(...ours), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 12 }), fc.nat(400))
      .map(([bytes, changes, cut]) => {
        const copy = Uint8Array.from(bytes)
        for (const [at, value] of changes) copy[at % copy.length] = value
        return cut % 3 === 0 ? copy.subarray(0, cut) : copy
      })
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 2000 })), (bytes) => {
        if (!mayConcernUs(bytes)) return
        let packet: Packet
        try {
          packet = dns.decode(Buffer.from(bytes))
        } catch {
          return // the library turns this into a warning
        }
        asksForUs(packet)
        for (const found of foundIn(packet, anywhere)) {
          expect(found.token).toMatch(/^[a-z0-9]{1,63}$/)
          expect(found.direct.length).toBeLessThanOrEqual(8)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
