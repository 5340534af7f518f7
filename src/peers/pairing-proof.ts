import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { EndpointId } from '../ports/transport.ts'

/** The two sides of a pairing: who showed the link, and who followed it. */
export type PairingRole = 'inviter' | 'joiner'

/** What both sides know of one handshake. Nonces are the 32 bytes of each hello. */
export interface PairingTranscript {
  readonly inviter: EndpointId
  readonly joiner: EndpointId
  readonly inviterNonce: Uint8Array
  readonly joinerNonce: Uint8Array
}

const utf8 = (text: string) => new TextEncoder().encode(text)

// Every part has a fixed length behind its label, so no two transcripts give the same bytes.
function transcriptBytes(label: string, t: PairingTranscript): Uint8Array {
  const parts = [utf8(label), utf8(t.inviter), utf8(t.joiner), t.inviterNonce, t.joinerNonce]
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** P2: HMAC-SHA-256 over role, both endpoint ids and both nonces; 32 bytes. */
export function pairingProof(secret: Uint8Array, role: PairingRole, transcript: PairingTranscript): Uint8Array {
  return hmac(sha256, secret, transcriptBytes(`tandem pairing 1 ${role} `, transcript))
}

/** P3: six digits that both screens show, `"482 913"`. Depends on the secret, so that a stranger on the path cannot know it. */
export function shortCode(secret: Uint8Array, transcript: PairingTranscript): string {
  const mac = hmac(sha256, secret, transcriptBytes('tandem pairing 1 short code ', transcript))
  const digits = String(new DataView(mac.buffer, mac.byteOffset).getUint32(0) % 1_000_000).padStart(6, '0')
  return `${digits.slice(0, 3)} ${digits.slice(3)}`
}

/** Compares without telling by its duration where two values differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}
