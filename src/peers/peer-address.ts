/**
 * A peer's address as text for links and QR codes: base64url, without padding, of
 *
 *     1   version, now 1
 *     32  endpoint id
 *     1   length of the relay URL, 0 for none; then the URL in ASCII
 *     1   number of direct addresses, at most 16; then for each
 *           1  family, 4 or 6;  4 or 16  address;  2  port, big-endian
 *     4   CRC-32 of all before, big-endian
 *
 * The checksum is there for pastes that lost or changed a letter; it proves nothing (P1).
 */
import { readUint32, writeUint32 } from '../objects/bytes.ts'
import { crc32 } from '../objects/crc32.ts'
import { TransportError } from '../ports/errors.ts'
import { isEndpointId, type EndpointId, type PeerAddress } from '../ports/transport.ts'
import { formatSocketAddress, parseSocketAddress, type SocketAddress } from './socket-address.ts'

const VERSION = 1
export const MAX_DIRECT_ADDRESSES = 16
export const MAX_RELAY_LENGTH = 200
/** Version, id, relay, 16 IPv6 addresses, checksum: 543 bytes. */
const MAX_BYTES = 1 + 32 + 1 + MAX_RELAY_LENGTH + 1 + MAX_DIRECT_ADDRESSES * 19 + 4
const MIN_BYTES = 1 + 32 + 1 + 1 + 4
/** Base64 of the longest form, and as much again for line breaks of a mail program. */
const MAX_TEXT = 2 * Math.ceil((MAX_BYTES * 4) / 3)

/**
 * Of more than 16 direct addresses the first are kept: the newest knowledge.
 * @throws TransportError `bad-ticket` when the id, an address or the relay is not well-formed.
 */
export function encodePeerAddress(address: PeerAddress): string {
  if (!isEndpointId(address.id)) throw badTicket('The endpoint id is not 64 hex digits.')
  const relay = address.relay ?? ''
  if (relay !== '' && !isRelayUrl(relay))
    throw badTicket(`The relay is not an http(s) URL of at most ${MAX_RELAY_LENGTH} letters.`)
  const bytes: number[] = [VERSION]
  for (let i = 0; i < 64; i += 2) bytes.push(parseInt(address.id.slice(i, i + 2), 16))
  bytes.push(relay.length)
  for (let i = 0; i < relay.length; i++) bytes.push(relay.charCodeAt(i))
  const direct = [...new Set(address.direct)].slice(0, MAX_DIRECT_ADDRESSES)
  bytes.push(direct.length)
  for (const text of direct) {
    const socket = parseSocketAddress(text)
    if (!socket) throw badTicket(`Not an address of the form ip:port: ${JSON.stringify(text.slice(0, 60))}.`)
    bytes.push(socket.ip.length === 4 ? 4 : 6, ...socket.ip, socket.port >> 8, socket.port & 0xff)
  }
  const whole = new Uint8Array(bytes.length + 4)
  whole.set(bytes)
  writeUint32(whole, bytes.length, crc32(whole.subarray(0, bytes.length)))
  return toBase64Url(whole)
}

/**
 * The inverse; white space around and inside is ignored. Addresses come out in canonical form.
 * @throws TransportError `bad-ticket`, with a sentence that says what is wrong.
 */
export function decodePeerAddress(text: string): PeerAddress {
  if (text.length > MAX_TEXT) throw badTicket('This is too long to be a device address.')
  const bytes = fromBase64Url(text.replace(/\s+/g, ''))
  if (!bytes) throw badTicket('This is not a device address: it holds letters that none has.')
  if (bytes.length < MIN_BYTES || bytes.length > MAX_BYTES) throw badTicket('This device address is incomplete.')
  const end = bytes.length - 4
  if (readUint32(bytes, end) !== crc32(bytes.subarray(0, end))) {
    throw badTicket('This device address was damaged on the way: a letter is missing or different.')
  }
  if (bytes[0] !== VERSION) throw badTicket('This device address was made by another version of the app.')
  const id = Array.from(bytes.subarray(1, 33), (byte) => byte.toString(16).padStart(2, '0')).join('') as EndpointId
  const reader = new FieldReader(bytes.subarray(0, end), 33)
  const relay = String.fromCharCode(...reader.take(reader.byte()))
  if (relay !== '' && !isRelayUrl(relay)) throw malformed()
  const count = reader.byte()
  if (count > MAX_DIRECT_ADDRESSES) throw malformed()
  const direct = Array.from({ length: count }, () => formatSocketAddress(readSocketAddress(reader)))
  if (!reader.done) throw malformed()
  return relay === '' ? { id, direct } : { id, direct, relay }
}

function readSocketAddress(reader: FieldReader): SocketAddress {
  const family = reader.byte()
  if (family !== 4 && family !== 6) throw malformed()
  const ip = reader.take(family === 4 ? 4 : 16)
  const port = (reader.byte() << 8) | reader.byte()
  if (port === 0) throw malformed()
  return { ip, port }
}

/** Reads fields one after the other, and never past the end. */
class FieldReader {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  byte(): number {
    return this.take(1)[0]!
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw malformed()
    return this.#bytes.slice(this.#at, (this.#at += length))
  }
}

/** Printable ASCII, so that its length in letters is its length in bytes. */
function isRelayUrl(text: string): boolean {
  if (text.length > MAX_RELAY_LENGTH || !/^https?:\/\/[\x21-\x7e]+$/.test(text)) return false
  try {
    return new URL(text).hostname !== ''
  } catch {
    return false
  }
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

function fromBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
}

function malformed(): TransportError {
  return badTicket('This device address is not well-formed.')
}

function badTicket(message: string): TransportError {
  return new TransportError('bad-ticket', message)
}
