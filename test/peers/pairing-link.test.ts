import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePairingLink, encodePairingLink, type PairingOffer } from '../../src/peers/pairing-link.ts'
import { PairingError } from '../../src/ports/errors.ts'
import { anId, someId } from '../support/sample-messages.ts'

const offer: PairingOffer = {
  address: { id: anId(7), direct: ['192.168.1.5:4433', '[2001:db8::1]:1'], relay: 'https://relay.example.org/' },
  secret: Uint8Array.from({ length: 16 }, (_, i) => i * 16 + 1),
  share: 'vault',
  name: 'Ada’s laptop & more',
}
const link = encodePairingLink(offer)

function codeOf(text: string): string {
  try {
    decodePairingLink(text)
  } catch (error) {
    if (!(error instanceof PairingError)) throw error
    expect(error.message.length).toBeGreaterThan(20)
    return error.code
  }
  return 'none'
}

describe('pairing links', () => {
  it('[P1] open the plugin, and come back as they were made', () => {
    expect(link).toMatch(/^obsidian:\/\/tandem-sync\?ticket=[\w-]+&secret=[0-9a-f]{32}&share=vault&name=Ada/)
    expect(link).not.toMatch(/[\s+]/)
    expect(decodePairingLink(`\n  ${link}\t`)).toEqual(offer)
    expect(decodePairingLink(link.replace('?', '/?'))).toEqual(offer)
  })

  it('[P1] come back with the longest names and addresses that there are', () => {
    const text = (limit: number) =>
      fc.string({ unit: fc.constantFrom('a', ' ', '&', '%', 'ä', '日', '😀'), maxLength: limit })
    fc.assert(
      fc.property(
        someId,
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        text(100),
        text(30),
        fc.nat({ max: 16 }),
        fc.boolean(),
        (id, secret, share, name, count, relay) => {
          const direct = Array.from(
            { length: count },
            (_, i) => `[2001:db8:1111:2222:3333:4444:5555:${i + 1000}]:65535`,
          )
          const made: PairingOffer = {
            address: { id, direct, ...(relay ? { relay: `https://${'r'.repeat(180)}.org/` } : {}) },
            secret,
            share,
            name,
          }
          const back = decodePairingLink(encodePairingLink(made))
          expect(back).toEqual(made)
        },
      ),
      { numRuns: 200 },
    )
    const direct = Array.from({ length: 16 }, (_, i) => `[2001:db8:1111:2222:3333:4444:5555:${i + 1000}]:65535`)
    const longest: PairingOffer = {
      address: { id: anId(1), direct, relay: `https://${'r'.repeat(188)}.org` },
      secret: offer.secret,
      share: '日'.repeat(200),
      name: '語'.repeat(60),
    }
    expect(decodePairingLink(encodePairingLink(longest))).toEqual(longest)
  })

  it('are refused when a letter of the address is missing or another, or one of the secret is missing', () => {
    const secretAt = link.indexOf('secret=') + 'secret='.length
    for (let at = 0; at < secretAt + 32; at++) {
      const without = link.slice(0, at) + link.slice(at + 1)
      expect(codeOf(without), without).toBe('bad-link')
      const changed = link.slice(0, at) + (link[at] === 'x' ? 'y' : 'x') + link.slice(at + 1)
      // The last letter of an address has bits that mean nothing.
      if (codeOf(changed) === 'none') expect(decodePairingLink(changed), changed).toEqual(offer)
    }
  })

  it('are refused when cut anywhere before the end of the secret', () => {
    for (let length = 0; length < link.indexOf('&share'); length++)
      expect(codeOf(link.slice(0, length))).toBe('bad-link')
  })

  it.each([
    ['', 'nothing'],
    ['https://example.org/?ticket=a&secret=b', 'a web page'],
    ['obsidian://open?vault=x', 'another Obsidian link'],
    [link.replace('tandem-sync', 'tandem-sync2'), 'another plugin'],
    [link.replace('obsidian:', 'javascript:'), 'another scheme'],
    [link.replace(/secret=../, 'secret='), 'a short secret'],
    [link.replace(/secret=/, 'secret=00'), 'a long secret'],
    [link.replace(/secret=.{32}/, `secret=${'g'.repeat(32)}`), 'a secret that is not hex'],
    [link.replace(/ticket=[\w-]+/, 'ticket='), 'no address'],
    [`${link}&x=${'y'.repeat(100_000)}`, 'a link of 100 kB'],
  ])('%# are refused with a sentence', (text) => {
    expect(codeOf(text)).toBe('bad-link')
  })

  it('throw nothing but PairingError for any text', () => {
    fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => void codeOf(`obsidian://tandem-sync?${text}`)))
    fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => void codeOf(text)))
  })

  it('show no control characters of the other device', () => {
    const decoded = decodePairingLink(
      `${link.slice(0, link.indexOf('&share'))}&share=v%1B%5B2Jx&name=A%00%1Bda%E2%80%AE`,
    )
    expect([decoded.share, decoded.name]).toEqual(['v[2Jx', 'Ada'])
  })
})
