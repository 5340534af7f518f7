import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { oidToBytes, type Oid } from '../objects/oid.ts'
import { ProtocolError } from '../ports/errors.ts'
import { cleanText, decodeOid, type ShareName } from './messages.ts'
import { FetchReplySchema, FetchRequestSchema } from './peerlink_pb.ts'

/** Oids in one request or reply: 40,000 of 20 bytes and their tags stay below a frame's 1 MiB (T8). */
export const MAX_FETCH_OIDS = 40_000
/** No piece's pack is larger, inflated or not (T1). */
export const MAX_PIECE = 8 * 1024 * 1024

export type FetchRequest = { readonly share: ShareName } & (
  | {
      readonly kind: 'history'
      readonly commits: readonly Oid[]
      readonly trees: readonly Oid[]
      readonly haves: readonly Oid[]
    }
  | { readonly kind: 'objects'; readonly oids: readonly Oid[] }
  | { readonly kind: 'large'; readonly oid: Oid; readonly offset: number }
)

export type FetchReply =
  | { readonly kind: 'plan'; readonly objects: number; readonly bytes: number }
  /** `size` raw bytes of a pack follow. */
  | { readonly kind: 'piece'; readonly size: number; readonly objects: number }
  /** `size - offset` raw bytes of the blob follow. */
  | { readonly kind: 'large'; readonly oid: Oid; readonly size: number; readonly offset: number }
  | {
      readonly kind: 'done'
      readonly large: readonly { readonly oid: Oid; readonly size: number }[]
      readonly absent: readonly Oid[]
    }
  | { readonly kind: 'refusal'; readonly code: string; readonly message: string }

function decodeOids(list: readonly Uint8Array[]): Oid[] {
  if (list.length > MAX_FETCH_OIDS)
    throw new ProtocolError('limit', `${list.length} object ids in one message; the limit is ${MAX_FETCH_OIDS}`)
  return list.map(decodeOid)
}

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

export function encodeFetchRequest(request: FetchRequest): Uint8Array {
  const { share } = request
  switch (request.kind) {
    case 'history': {
      const value = {
        commits: request.commits.map(oidToBytes),
        trees: request.trees.map(oidToBytes),
        haves: request.haves.map(oidToBytes),
      }
      return toBinary(FetchRequestSchema, create(FetchRequestSchema, { share, what: { case: 'history', value } }))
    }
    case 'objects':
      return toBinary(
        FetchRequestSchema,
        create(FetchRequestSchema, { share, what: { case: 'objects', value: { oids: request.oids.map(oidToBytes) } } }),
      )
    case 'large': {
      const value = { oid: oidToBytes(request.oid), offset: BigInt(request.offset) }
      return toBinary(FetchRequestSchema, create(FetchRequestSchema, { share, what: { case: 'large', value } }))
    }
  }
}

/** @throws ProtocolError */
export function decodeFetchRequest(bytes: Uint8Array): FetchRequest {
  const { share, what } = parse(() => fromBinary(FetchRequestSchema, bytes))
  switch (what.case) {
    case 'history':
      return {
        share,
        kind: 'history',
        commits: decodeOids(what.value.commits),
        trees: decodeOids(what.value.trees),
        haves: decodeOids(what.value.haves),
      }
    case 'objects':
      return { share, kind: 'objects', oids: decodeOids(what.value.oids) }
    case 'large':
      return { share, kind: 'large', oid: decodeOid(what.value.oid), offset: safeNumber(what.value.offset, 'offset') }
    case undefined:
      throw new ProtocolError('bad-message', 'a fetch that asks for nothing')
  }
}

export function encodeFetchReply(reply: FetchReply): Uint8Array {
  switch (reply.kind) {
    case 'plan':
      return pack({ case: 'plan', value: { objects: reply.objects, bytes: BigInt(reply.bytes) } })
    case 'piece':
      return pack({ case: 'piece', value: { size: reply.size, objects: reply.objects } })
    case 'large':
      return pack({
        case: 'large',
        value: { oid: oidToBytes(reply.oid), size: BigInt(reply.size), offset: BigInt(reply.offset) },
      })
    case 'done': {
      const large = reply.large.map(({ oid, size }) => ({ oid: oidToBytes(oid), size: BigInt(size) }))
      return pack({ case: 'done', value: { large, absent: reply.absent.map(oidToBytes) } })
    }
    case 'refusal':
      return pack({ case: 'refusal', value: { code: reply.code, message: reply.message } })
  }
}

function pack(body: NonNullable<Parameters<typeof create<typeof FetchReplySchema>>[1]>['body']): Uint8Array {
  return toBinary(FetchReplySchema, create(FetchReplySchema, { body }))
}

/** @throws ProtocolError */
export function decodeFetchReply(bytes: Uint8Array): FetchReply {
  const { body } = parse(() => fromBinary(FetchReplySchema, bytes))
  switch (body.case) {
    case 'plan':
      return { kind: 'plan', objects: body.value.objects, bytes: safeNumber(body.value.bytes, 'size') }
    case 'piece':
      if (body.value.size > MAX_PIECE)
        throw new ProtocolError('limit', `a piece of ${body.value.size} bytes; the limit is ${MAX_PIECE}`)
      return { kind: 'piece', size: body.value.size, objects: body.value.objects }
    case 'large': {
      const { oid, size, offset } = body.value
      return {
        kind: 'large',
        oid: decodeOid(oid),
        size: safeNumber(size, 'size'),
        offset: safeNumber(offset, 'offset'),
      }
    }
    case 'done': {
      const large = body.value.large
        .slice(0, MAX_FETCH_OIDS)
        .map((l) => ({ oid: decodeOid(l.oid), size: safeNumber(l.size, 'size') }))
      return { kind: 'done', large, absent: decodeOids(body.value.absent) }
    }
    case 'refusal':
      return { kind: 'refusal', code: cleanText(body.value.code, 100), message: cleanText(body.value.message, 500) }
    case undefined:
      throw new ProtocolError('bad-message', 'a fetch reply of an unknown kind')
  }
}
