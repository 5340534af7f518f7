import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32 } from '../../src/objects/crc32.ts'
import { decodePeerAddress, encodePeerAddress, MAX_DIRECT_ADDRESSES } from '../../src/peers/peer-address.ts'
import { formatSocketAddress, parseSocketAddress } from '../../src/peers/socket-address.ts'
import { TransportError } from '../../src/ports/errors.ts'
import type { EndpointId, PeerAddress } from '../../src/ports/transport.ts'

const hexDigit = fc.constantFrom(...'0123456789abcdef')
const anId = fc.string({ unit: hexDigit, minLength: 64, maxLength: 64 }) as fc.Arbitrary<EndpointId>
const aPort = fc.integer({ min: 1, max: 65535 })
const aSocket = fc
  .tuple(fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), anIpv6()), aPort)
  .map(([ip, port]) => formatSocketAddress({ ip, port }))
const aRelay = fc.constantFrom('https://relay.example.org/', 'http://10.0.0.1:3340', 'https://[2001:db8::1]:443/x?y=1')
const anAddress: fc.Arbitrary<PeerAddress> = fc.record(
  { id: anId, direct: fc.uniqueArray(aSocket, { maxLength: MAX_DIRECT_ADDRESSES }), relay: aRelay },
  { requiredKeys: ['id', 'direct'] },
)

/** Many zero groups, so that every way to shorten is met. */
function anIpv6(): fc.Arbitrary<Uint8Array> {
  const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff }))
  return fc
    .array(group, { minLength: 8, maxLength: 8 })
    .map((groups) => Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 0xff])))
}

const id = 'ab'.repeat(32) as EndpointId
const codeOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (error instanceof TransportError) return error.code
    throw error
  }
  return 'no error'
}

/** The text form of bytes, with a checksum that fits: to reach the checks behind it. */
function textOf(bytes: readonly number[]): string {
  const sum = crc32(Uint8Array.from(bytes))
  return Buffer.from([...bytes, sum >>> 24, (sum >>> 16) & 255, (sum >>> 8) & 255, sum & 255]).toString('base64url')
}

describe('a peer address as text', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(anAddress, (address) => void expect(decodePeerAddress(encodePeerAddress(address))).toEqual(address)),
    )
  })

  it('is short and holds only letters that a link may hold', () => {
    const text = encodePeerAddress({
      id,
      direct: ['192.168.1.7:4433', '[2001:db8::1]:4433'],
      relay: 'https://relay.example.org/',
    })
    expect(text).toMatch(/^[A-Za-z0-9_-]+$/)
    expect(text.length).toBeLessThan(130)
  })

  it('tells a damaged paste: one letter changed, lost or doubled', () => {
    fc.assert(
      fc.property(anAddress, fc.nat(), fc.constantFrom(...'abcXYZ019-_'), fc.nat(2), (address, place, letter, kind) => {
        const text = encodePeerAddress(address)
        const at = place % text.length
        const other = [letter, '', text[at]! + text[at]!][kind]!
        const damaged = text.slice(0, at) + other + text.slice(at + 1)
        // The last letter carries up to four bits that mean nothing.
        fc.pre(damaged !== text && !(kind === 0 && at === text.length - 1))
        expect(codeOf(() => decodePeerAddress(damaged))).toBe('bad-ticket')
      }),
    )
  })

  it('answers anything else with bad-ticket', () => {
    fc.assert(fc.property(fc.string(), (text) => void expect(codeOf(() => decodePeerAddress(text))).toBe('bad-ticket')))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), (bytes) => {
        expect(codeOf(() => decodePeerAddress(Buffer.from(bytes).toString('base64url')))).toBe('bad-ticket')
      }),
    )
  })

  it('does not mind white space and line breaks of a mail program', () => {
    const address = { id, direct: ['10.1.2.3:9'] }
    const text = encodePeerAddress(address)
    expect(decodePeerAddress(`  ${text.slice(0, 20)}\r\n ${text.slice(20)}\n`)).toEqual(address)
  })

  it('keeps the first 16 direct addresses, each once', () => {
    const direct = Array.from({ length: 20 }, (_, i) => `10.0.0.1:${i + 1}`)
    expect(decodePeerAddress(encodePeerAddress({ id, direct: [direct[0]!, ...direct] })).direct).toEqual(
      direct.slice(0, 16),
    )
  })

  it.each([
    ['no port', { id, direct: ['10.0.0.1'] }],
    ['a host name', { id, direct: ['example.org:80'] }],
    ['port 0', { id, direct: ['10.0.0.1:0'] }],
    ['a port too large', { id, direct: ['10.0.0.1:65536'] }],
    ['an octal number', { id, direct: ['010.0.0.1:80'] }],
    ['IPv6 without brackets', { id, direct: ['::1:80'] }],
    ['a zone', { id, direct: ['[fe80::1%eth0]:80'] }],
    ['nine groups', { id, direct: ['[1:2:3:4:5:6:7:8:9]:80'] }],
    ['two gaps', { id, direct: ['[1::2::3]:80'] }],
    ['an address of the memory adapter', { id, direct: [`mem:${id}`] }],
    ['a relay that is no URL', { id, direct: [], relay: 'relay' }],
    ['a relay of another scheme', { id, direct: [], relay: 'ftp://relay.example.org' }],
    ['a relay too long', { id, direct: [], relay: `https://${'a'.repeat(200)}.org` }],
    ['a short id', { id: 'abcd' as EndpointId, direct: [] }],
  ])('refuses to encode %s', (_, address) => {
    expect(codeOf(() => encodePeerAddress(address))).toBe('bad-ticket')
  })

  it.each([
    ['another version', [2, ...new Array<number>(32).fill(1), 0, 0]],
    ['a relay longer than the text', [1, ...new Array<number>(32).fill(1), 200, 0]],
    ['a relay that is no URL', [1, ...new Array<number>(32).fill(1), 1, 65, 0]],
    [
      '17 addresses',
      [1, ...new Array<number>(32).fill(1), 0, 17, ...Array.from({ length: 17 }, () => [4, 1, 1, 1, 1, 0, 1]).flat()],
    ],
    ['an address cut short', [1, ...new Array<number>(32).fill(1), 0, 1, 4, 1, 1]],
    ['an unknown family', [1, ...new Array<number>(32).fill(1), 0, 1, 5, 1, 1, 1, 1, 0, 1]],
    ['port 0', [1, ...new Array<number>(32).fill(1), 0, 1, 4, 1, 1, 1, 1, 0, 0]],
    ['bytes left over', [1, ...new Array<number>(32).fill(1), 0, 0, 9]],
  ])('refuses %s, also with a right checksum', (_, bytes) => {
    expect(codeOf(() => decodePeerAddress(textOf(bytes)))).toBe('bad-ticket')
  })
})

describe('a socket address', () => {
  it.each([
    ['[2001:0DB8:0:0:0:0:0:1]:80', '[2001:db8::1]:80'],
    ['[::]:1', '[::]:1'],
    ['[1::]:1', '[1::]:1'],
    ['[1:0:0:2:0:0:0:3]:1', '[1:0:0:2::3]:1'],
    ['[1:0:2:3:4:5:6:7]:1', '[1:0:2:3:4:5:6:7]:1'],
    ['[::ffff:1.2.3.4]:1', '[::ffff:102:304]:1'],
    ['1.2.3.4:080', '1.2.3.4:80'],
  ])('%s is written %s', (text, canonical) => {
    expect(formatSocketAddress(parseSocketAddress(text)!)).toBe(canonical)
  })
})
