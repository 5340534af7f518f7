/**
 * The messages on a port: one frame each, at most 64 KiB with its header; integers big-endian.
 *
 *     type  name      rest of the message
 *     1     hello     1 version, now 1;  1 role: 0 dialled, 1 accepted;  32 endpoint id;  32 nonce
 *     2     proof     64 signature (see port-identity.ts)
 *     3     open      4 stream: odd of the dialler, even of the other, each two more than the one before
 *     4     data      4 stream;  1 or more bytes
 *     5     credit    4 stream;  4 cost of what the reader took
 *     6     finish    4 stream: no more data
 *     7     finished  4 stream: all of it has arrived
 *     8     reset     4 stream: the writer gave up
 *     9     stop      4 stream: the reader gave up; answered by reset, unless a finish is on its way
 *     10    release   4 stream: both halves are over here, to whoever opened it
 *     11    received  nothing: one data frame has arrived (T6)
 *     12    ping      nothing
 *     13    pong      nothing
 *     14    close     4 code;  0 to 200 bytes of UTF-8
 */
import { decodeUtf8, readUint32, writeUint32 } from '../../objects/bytes.ts'
import type { EndpointId } from '../../ports/transport.ts'

/** Bytes of a message. Data channels carry no more for certain. */
export const MAX_MESSAGE = 64 * 1024
const HEADER = 5
/** Bytes of data in one frame. */
export const MAX_PAYLOAD = MAX_MESSAGE - HEADER
/** Bytes of a close reason (UTF-8). */
const MAX_REASON = 200
export const NONCE_BYTES = 32

export type Role = 'dialer' | 'acceptor'

const STREAM_TYPES = {
  3: 'open',
  6: 'finish',
  7: 'finished',
  8: 'reset',
  9: 'stop',
  10: 'release',
} as const
const BARE_TYPES = { 11: 'received', 12: 'ping', 13: 'pong' } as const

type StreamType = (typeof STREAM_TYPES)[keyof typeof STREAM_TYPES]
type BareType = (typeof BARE_TYPES)[keyof typeof BARE_TYPES]

export type HelloFrame = {
  readonly type: 'hello'
  readonly version: number
  readonly role: Role
  readonly id: EndpointId
  readonly nonce: Uint8Array
}

type StreamWord = { [Type in StreamType]: { readonly type: Type; readonly stream: number } }[StreamType]

export type StreamFrame =
  | StreamWord
  | { readonly type: 'data'; readonly stream: number; readonly payload: Uint8Array }
  | { readonly type: 'credit'; readonly stream: number; readonly cost: number }

export type Frame =
  | HelloFrame
  | { readonly type: 'proof'; readonly signature: Uint8Array }
  | StreamFrame
  | { readonly type: BareType }
  | { readonly type: 'close'; readonly code: number; readonly reason: string }

const NUMBERS = new Map<string, number>([
  ...[...Object.entries(STREAM_TYPES), ...Object.entries(BARE_TYPES)].map(([n, type]) => [type, Number(n)] as const),
  ['hello', 1],
  ['proof', 2],
  ['data', 4],
  ['credit', 5],
  ['close', 14],
])

/** A message in a buffer of its own. */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(lengthOf(frame))
  message[0] = NUMBERS.get(frame.type)!
  switch (frame.type) {
    case 'hello':
      message[1] = frame.version
      message[2] = frame.role === 'dialer' ? 0 : 1
      message.set(idBytes(frame.id), 3)
      message.set(frame.nonce, 35)
      break
    case 'proof':
      message.set(frame.signature, 1)
      break
    case 'data':
      writeUint32(message, 1, frame.stream)
      message.set(frame.payload, HEADER)
      break
    case 'credit':
      writeUint32(message, 1, frame.stream)
      writeUint32(message, HEADER, frame.cost)
      break
    case 'close':
      writeUint32(message, 1, frame.code)
      message.set(new TextEncoder().encode(frame.reason), HEADER)
      break
    case 'open':
    case 'finish':
    case 'finished':
    case 'reset':
    case 'stop':
    case 'release':
      writeUint32(message, 1, frame.stream)
      break
    case 'received':
    case 'ping':
    case 'pong':
  }
  return message
}

/** Null when the message is no frame. Payloads are views into it. */
export function decodeFrame(message: Uint8Array): Frame | null {
  const { length } = message
  const number = message[0]
  if (number === undefined || length > MAX_MESSAGE) return null
  const bare = BARE_TYPES[number as keyof typeof BARE_TYPES] as BareType | undefined
  if (bare) return length === 1 ? { type: bare } : null
  if (number === 1) return length === 67 ? decodeHello(message) : null
  if (number === 2) return length === 65 ? { type: 'proof', signature: message.subarray(1) } : null
  if (length < HEADER) return null
  const stream = readUint32(message, 1)
  if (number === 4) return length > HEADER ? { type: 'data', stream, payload: message.subarray(HEADER) } : null
  if (number === 5) return length === 9 ? { type: 'credit', stream, cost: readUint32(message, HEADER) } : null
  if (number === 14) return decodeClose(message, stream)
  const type = STREAM_TYPES[number as keyof typeof STREAM_TYPES] as StreamType | undefined
  return type && length === HEADER ? { type, stream } : null
}

/** At most 200 bytes of it, without half a letter at the end. */
export function shortReason(reason: string): string {
  const bytes = new TextEncoder().encode(reason)
  let end = Math.min(bytes.length, MAX_REASON)
  // In the middle of a letter the next byte is 10xxxxxx.
  while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--
  return new TextDecoder().decode(bytes.subarray(0, end))
}

export function idBytes(id: EndpointId): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 32 }, (_, i) => parseInt(id.slice(2 * i, 2 * i + 2), 16))
}

export function idOf(bytes: Uint8Array): EndpointId {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') as EndpointId
}

function decodeHello(message: Uint8Array): HelloFrame | null {
  const [, version, role] = message
  if (role! > 1) return null
  const [id, nonce] = [idOf(message.subarray(3, 35)), message.subarray(35)]
  return { type: 'hello', version: version!, role: role === 0 ? 'dialer' : 'acceptor', id, nonce }
}

function decodeClose(message: Uint8Array, code: number): Frame | null {
  if (message.length > HEADER + MAX_REASON) return null
  const reason = decodeUtf8(message, HEADER)
  return reason === undefined ? null : { type: 'close', code, reason }
}

function lengthOf(frame: Frame): number {
  switch (frame.type) {
    case 'hello':
      return 67
    case 'proof':
      return 65
    case 'data':
      return HEADER + frame.payload.length
    case 'credit':
      return 9
    case 'close':
      return HEADER + new TextEncoder().encode(frame.reason).length
    case 'received':
    case 'ping':
    case 'pong':
      return 1
    case 'open':
    case 'finish':
    case 'finished':
    case 'reset':
    case 'stop':
    case 'release':
      return HEADER
  }
}
