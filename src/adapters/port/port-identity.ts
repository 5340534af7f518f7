/**
 * Who is at the other end of a port (L2). A port proves nothing, so both sides sign, with the Ed25519 key that is their endpoint id:
 *
 *     "tandem port proof 1" and a zero byte
 *     1   role of the signer: 0 dialled, 1 accepted
 *     32  endpoint id of the dialler;   32  of the acceptor
 *     32  nonce of the dialler;         32  of the acceptor
 *     the channel binding, as long as it is: at the end, so that no length is needed
 *
 * The role keeps a proof from being sent back as one's own, the nonces from being used again, the ids from being used towards
 * somebody else. This tells who was there at the start; it does not encrypt. Whoever can change what passes on the port can do so
 * afterwards, unless the channel itself is safe and bound into the proof, as that of WebRTC is. A WebSocket should be `wss:` or
 * stay in the machine; a MessagePort is as safe as the pages that hold it.
 */
import { asciiBytes, concatBytes } from '../../objects/bytes.ts'
import type { EndpointId } from '../../ports/transport.ts'
import { idBytes, idOf, type Role } from './port-frames.ts'

export interface PortIdentity {
  readonly id: EndpointId
  sign(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
  /** False for anything that is no signature of that id. */
  verify(id: EndpointId, bytes: Uint8Array<ArrayBuffer>, signature: Uint8Array): Promise<boolean>
}

export interface Transcript {
  readonly dialer: EndpointId
  readonly acceptor: EndpointId
  readonly dialerNonce: Uint8Array
  readonly acceptorNonce: Uint8Array
  readonly binding: Uint8Array
}

const DOMAIN = asciiBytes('tandem port proof 1\0')
/** PKCS #8 around a bare Ed25519 seed (RFC 8410, section 7): everything before the seed is always the same. */
const PKCS8_HEAD = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]

export function proofText(signer: Role, transcript: Transcript): Uint8Array<ArrayBuffer> {
  const { dialer, acceptor, dialerNonce, acceptorNonce, binding } = transcript
  const role = Uint8Array.of(signer === 'dialer' ? 0 : 1)
  return new Uint8Array(
    concatBytes([DOMAIN, role, idBytes(dialer), idBytes(acceptor), dialerNonce, acceptorNonce, binding]),
  )
}

/**
 * The identity of a 32-byte seed (RFC 8032, "private key"), by WebCrypto: Node from version 18 on, Chromium from 137 on.
 * Rejects where that does not know Ed25519.
 */
export async function webIdentity(seed: Uint8Array): Promise<PortIdentity> {
  const { subtle } = globalThis.crypto
  const pkcs8 = Uint8Array.of(...PKCS8_HEAD, ...seed)
  const exportable = await subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign'])
  const { x } = await subtle.exportKey('jwk', exportable)
  const raw = atob(x!.replaceAll('-', '+').replaceAll('_', '/'))
  const key = await subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign'])
  return {
    id: idOf(Uint8Array.from(raw, (char) => char.charCodeAt(0))),
    sign: async (bytes) => new Uint8Array(await subtle.sign('Ed25519', key, bytes)),
    async verify(id, bytes, signature) {
      try {
        const theirs = await subtle.importKey('raw', idBytes(id), 'Ed25519', false, ['verify'])
        return await subtle.verify('Ed25519', theirs, new Uint8Array(signature), bytes)
      } catch {
        // Not every 32 bytes are a key.
        return false
      }
    },
  }
}
