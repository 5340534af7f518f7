import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { oidToBytes, type Oid } from '../objects/oid.ts'
import { ProtocolError } from '../ports/errors.ts'
import { cleanText, decodeOid, type ShareName } from './messages.ts'
import { FetchReplySchema, FetchRequestSchema } from './peerlink_pb.ts'

/** One large blob, from byte `offset` of its content on. All else is asked for in git's protocol. */
export interface FetchRequest {
  readonly share: ShareName
  readonly oid: Oid
  readonly offset: number
}

export type FetchReply =
  /** `size - offset` raw bytes of the blob follow. */
  | { readonly kind: 'large'; readonly oid: Oid; readonly size: number; readonly offset: number }
  | { readonly kind: 'refusal'; readonly code: string; readonly message: string }

function safeNumber(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ProtocolError('limit', `the ${what} is out of range`)
  return Number(value)
}

function parse<T>(decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    throw new ProtocolError(
      'bad-message',
      'the other device sent something that is not a Tandem fetch message',
      {},
      { cause },
    )
  }
}

export function encodeFetchRequest({ share, oid, offset }: FetchRequest): Uint8Array {
  const value = { share, oid: oidToBytes(oid), offset: BigInt(offset) }
  return toBinary(FetchRequestSchema, create(FetchRequestSchema, value))
}

/** @throws ProtocolError */
export function decodeFetchRequest(bytes: Uint8Array): FetchRequest {
  const { share, oid, offset } = parse(() => fromBinary(FetchRequestSchema, bytes))
  return { share, oid: decodeOid(oid), offset: safeNumber(offset, 'offset') }
}

export function encodeFetchReply(reply: FetchReply): Uint8Array {
  if (reply.kind === 'refusal') return pack({ case: 'refusal', value: { code: reply.code, message: reply.message } })
  const { oid, size, offset } = reply
  return pack({ case: 'large', value: { oid: oidToBytes(oid), size: BigInt(size), offset: BigInt(offset) } })
}

function pack(body: NonNullable<Parameters<typeof create<typeof FetchReplySchema>>[1]>['body']): Uint8Array {
  return toBinary(FetchReplySchema, create(FetchReplySchema, { body }))
}

/** @throws ProtocolError */
export function decodeFetchReply(bytes: Uint8Array): FetchReply {
  const { body } = parse(() => fromBinary(FetchReplySchema, bytes))
  switch (body.case) {
    case 'large': {
      const { oid, size, offset } = body.value
      return {
        kind: 'large',
        oid: decodeOid(oid),
        size: safeNumber(size, 'size'),
        offset: safeNumber(offset, 'offset'),
      }
    }
    case 'refusal':
      return { kind: 'refusal', code: cleanText(body.value.code, 100), message: cleanText(body.value.message, 500) }
    case undefined:
      throw new ProtocolError('bad-message', 'a fetch reply of an unknown kind')
  }
}
