import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../src/ports/errors.ts'
import {
  decodeFetchReply,
  decodeFetchRequest,
  encodeFetchReply,
  encodeFetchRequest,
  type FetchReply,
  type FetchRequest,
} from '../../src/protocol/fetch-messages.ts'
import { FetchReplySchema, FetchRequestSchema } from '../../src/protocol/peerlink_pb.ts'
import { damaged, someOid } from '../support/sample-messages.ts'

const size = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const share = fc.constantFrom('vault', 'work')
const requests: fc.Arbitrary<FetchRequest> = fc.record({ share, oid: someOid, offset: size })
const replies: fc.Arbitrary<FetchReply> = fc.oneof(
  fc.record({ kind: fc.constant('large' as const), oid: someOid, size, offset: size }),
  fc.record({
    kind: fc.constant('refusal' as const),
    code: fc.constantFrom('no-share', 'busy'),
    message: fc.constantFrom('no', 'there is none'),
  }),
)

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return error.code
  }
  return 'none'
}

describe('fetch messages', () => {
  it('come back as they were sent', () => {
    fc.assert(
      fc.property(requests, (request) => void expect(decodeFetchRequest(encodeFetchRequest(request))).toEqual(request)),
    )
    fc.assert(fc.property(replies, (reply) => void expect(decodeFetchReply(encodeFetchReply(reply))).toEqual(reply)))
  })

  it('[T8] throw nothing but ProtocolError when damaged', () => {
    fc.assert(
      fc.property(damaged(requests.map(encodeFetchRequest)), (bytes) => void codeOf(() => decodeFetchRequest(bytes))),
      { numRuns: 1000 },
    )
    fc.assert(
      fc.property(damaged(replies.map(encodeFetchReply)), (bytes) => void codeOf(() => decodeFetchReply(bytes))),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['a size that no number can hold', { case: 'large', value: { oid: new Uint8Array(20), size: 2n ** 60n } }, 'limit'],
    ['an oid that is cut short', { case: 'large', value: { oid: new Uint8Array(3), size: 1n } }, 'bad-message'],
    ['nothing at all', { case: undefined }, 'bad-message'],
  ] as const)('[T8] refuse a reply with %s', (_what, body, code) => {
    expect(
      codeOf(() => decodeFetchReply(toBinary(FetchReplySchema, create(FetchReplySchema, { body: body as never })))),
    ).toBe(code)
  })

  it('[T8] refuse a request that asks for nothing, or from beyond what a number can hold', () => {
    const make = (oid: Uint8Array, offset: bigint) =>
      toBinary(FetchRequestSchema, create(FetchRequestSchema, { share: 'vault', oid, offset }))
    expect(codeOf(() => decodeFetchRequest(new Uint8Array(0)))).toBe('bad-message')
    expect(codeOf(() => decodeFetchRequest(make(new Uint8Array(19), 0n)))).toBe('bad-message')
    expect(codeOf(() => decodeFetchRequest(make(new Uint8Array(20), 2n ** 63n)))).toBe('limit')
  })

  it('show no control characters of a refusal, and only so much of it', () => {
    const bytes = encodeFetchReply({ kind: 'refusal', code: 'no', message: '\u001b[2Jgone\n' + 'x'.repeat(9999) })
    const { message } = decodeFetchReply(bytes) as { message: string }
    expect(message).toMatch(/^\[2Jgone x+$/)
    expect(message.length).toBeLessThanOrEqual(500)
  })
})
