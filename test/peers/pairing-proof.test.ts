import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes, pairingProof, shortCode, type PairingTranscript } from '../../src/peers/pairing-proof.ts'
import { anId, someId } from '../support/sample-messages.ts'

const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const transcripts: fc.Arbitrary<PairingTranscript> = fc.record({
  inviter: someId,
  joiner: someId,
  inviterNonce: fixed(32),
  joinerNonce: fixed(32),
})

/** The same as docs say it, by Node's own HMAC. */
function hmacOf(secret: Uint8Array, label: string, t: PairingTranscript): Buffer {
  return createHmac('sha256', secret)
    .update(label)
    .update(t.inviter)
    .update(t.joiner)
    .update(t.inviterNonce)
    .update(t.joinerNonce)
    .digest()
}

describe('pairing proofs', () => {
  it('[P2] are HMAC-SHA-256 over role, both ids and both nonces', () => {
    fc.assert(
      fc.property(
        fixed(16),
        transcripts,
        fc.constantFrom('inviter' as const, 'joiner' as const),
        (secret, transcript, role) => {
          expect(Buffer.from(pairingProof(secret, role, transcript))).toEqual(
            hmacOf(secret, `tandem pairing 1 ${role} `, transcript),
          )
        },
      ),
    )
  })

  it('[P3] give a short code of six digits, from the same transcript and secret', () => {
    fc.assert(
      fc.property(fixed(16), transcripts, (secret, transcript) => {
        const digits = String(
          hmacOf(secret, 'tandem pairing 1 short code ', transcript).readUInt32BE(0) % 1_000_000,
        ).padStart(6, '0')
        expect(shortCode(secret, transcript)).toBe(`${digits.slice(0, 3)} ${digits.slice(3)}`)
      }),
    )
  })

  it('stay what they are: devices of other versions make the same', () => {
    const transcript = {
      inviter: anId(1),
      joiner: anId(2),
      inviterNonce: new Uint8Array(32).fill(3),
      joinerNonce: new Uint8Array(32).fill(4),
    }
    const secret = new Uint8Array(16).fill(5)
    expect(Buffer.from(pairingProof(secret, 'joiner', transcript)).toString('hex')).toBe(
      '76306301725bbd06ab6da815676ac2418a1bfcfb9f1713e8a54863ba5229b626',
    )
    expect(Buffer.from(pairingProof(secret, 'inviter', transcript)).toString('hex')).toBe(
      '537a92876e0ac0d01cddfa55d6e54d14797bbceff7f1fec37aeda1847b57b0ab',
    )
    expect(shortCode(secret, transcript)).toBe('987 496')
  })

  it('[P2] differ when anything differs: a proof of one handshake, role or secret is worth nothing in another', () => {
    fc.assert(
      fc.property(fixed(16), fixed(16), transcripts, transcripts, (secret, otherSecret, t, o) => {
        fc.pre(!equalBytes(secret, otherSecret) && t.inviter !== o.inviter && t.joiner !== o.joiner)
        const variants = [
          pairingProof(secret, 'joiner', t),
          pairingProof(secret, 'inviter', t),
          pairingProof(otherSecret, 'joiner', t),
          ...(['inviter', 'joiner'] as const).map((key) => pairingProof(secret, 'joiner', { ...t, [key]: o[key] })),
          pairingProof(secret, 'joiner', { ...t, inviterNonce: t.inviterNonce.map((b) => b ^ 1) }),
          pairingProof(secret, 'joiner', { ...t, joinerNonce: t.joinerNonce.map((b) => b ^ 1) }),
        ]
        expect(new Set(variants.map((mac) => mac.join())).size).toBe(variants.length)
      }),
      { numRuns: 30 },
    )
  })
})

describe('equalBytes', () => {
  it('is true for equal bytes only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (a, b) => {
        expect(equalBytes(a, b)).toBe(a.join() === b.join())
        expect(equalBytes(a, a.slice())).toBe(true)
      }),
    )
  })
})
