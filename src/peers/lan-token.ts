/**
 * The name under which a device announces itself on a local network: 26 letters, base32 (RFC 4648, lower case, no padding) of
 *
 *     HMAC-SHA-256(key = "tandem lan 1 " || endpoint id (32 bytes),  message = bucket (8 bytes, big-endian)), its first 16 bytes
 *
 * where a bucket is ten minutes. Endpoint ids are known to paired devices only, so they alone recognise the name; to
 * others it is noise that tells neither who announces nor that two names of different times are of one device.
 * It proves nothing: whoever heard a name can repeat it. The connection proves the id (L2).
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { EndpointId } from '../ports/transport.ts'

/** How long a name lives. Clocks that differ by less find each other: the buckets before and after are recognised too. */
export const LAN_TOKEN_MS = 10 * 60_000

const LABEL = new TextEncoder().encode('tandem lan 1 ')
const TOKEN_BYTES = 16
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** The name of a device at a time (ms since 1970). */
export function lanToken(id: EndpointId, now: number): string {
  return tokenOf(id, bucketOf(now))
}

/** Whose name a name is, for the devices that are looked for. */
export class LanTokenIndex {
  #bucket = -1
  #ids: readonly EndpointId[] = []
  readonly #tokens = new Map<string, EndpointId>()

  /** undefined for the name of anybody else than `ids`. Names are computed once per bucket and list. */
  find(token: string, ids: readonly EndpointId[], now: number): EndpointId | undefined {
    const bucket = bucketOf(now)
    if (bucket !== this.#bucket || !sameIds(ids, this.#ids)) {
      this.#tokens.clear()
      for (const id of ids) for (const near of [bucket - 1, bucket, bucket + 1]) this.#tokens.set(tokenOf(id, near), id)
      this.#bucket = bucket
      this.#ids = [...ids]
    }
    return this.#tokens.get(token)
  }
}

function bucketOf(now: number): number {
  return Math.floor(now / LAN_TOKEN_MS)
}

function tokenOf(id: EndpointId, bucket: number): string {
  const key = new Uint8Array(LABEL.length + 32)
  key.set(LABEL)
  for (let i = 0; i < 32; i++) key[LABEL.length + i] = parseInt(id.slice(2 * i, 2 * i + 2), 16)
  const message = new Uint8Array(8)
  new DataView(message.buffer).setBigInt64(0, BigInt(bucket))
  return encodeBase32(hmac(sha256, key, message).subarray(0, TOKEN_BYTES))
}

function encodeBase32(bytes: Uint8Array): string {
  let text = ''
  let [value, bits] = [0, 0]
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(value >> (bits - 5)) & 31]!
  }
  return bits ? text + ALPHABET[(value << (5 - bits)) & 31]! : text
}

function sameIds(left: readonly EndpointId[], right: readonly EndpointId[]): boolean {
  return left.length === right.length && left.every((id, i) => id === right[i])
}
