import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../src/ports/errors.ts'
import {
  cleanName,
  decodeMessage,
  encodeMessage,
  MAX_REFS,
  type Hello,
  type LinkMessage,
} from '../../src/protocol/messages.ts'
import { MessageSchema } from '../../src/protocol/peerlink_pb.ts'
import { aHello, anId, anOid, damaged, someMessage } from '../support/sample-messages.ts'

/** A message as a hostile sender may encode it: nothing has to fit. */
function raw(body: NonNullable<Parameters<typeof create<typeof MessageSchema>>[1]>['body']): Uint8Array {
  return toBinary(MessageSchema, create(MessageSchema, { body }))
}
const rawHello = (change: object) => raw({ case: 'hello', value: { ...aHello(1), features: [], ...change } as never })

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return error.code
  }
  return 'none'
}

describe('messages', () => {
  it('come back as they were sent', () => {
    fc.assert(
      fc.property(someMessage, (message) => void expect(decodeMessage(encodeMessage(message))).toEqual(message)),
    )
  })

  it('[T8] throw nothing but ProtocolError when damaged, and what still decodes can be sent on', () => {
    fc.assert(
      fc.property(damaged(someMessage.map(encodeMessage)), (bytes) => {
        codeOf(() => {
          const message = decodeMessage(bytes)
          if (message.kind !== 'unknown') encodeMessage(message)
        })
      }),
      { numRuns: 2000 },
    )
  })

  it('throw nothing but ProtocolError for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void codeOf(() => decodeMessage(bytes))),
      { numRuns: 2000 },
    )
  })

  it('throw nothing but ProtocolError when cut at any byte', () => {
    const whole = encodeMessage({
      kind: 'update',
      share: 'vault',
      heads: new Map([[anId(1), anOid(1)]]),
      pack: new Uint8Array(50),
    })
    for (let cut = 0; cut < whole.length; cut++)
      expect(['none', 'bad-message']).toContain(codeOf(() => decodeMessage(whole.subarray(0, cut))))
  })

  it('[L5] of a newer minor version are ignored, not an error', () => {
    const field99 = Uint8Array.from([0x9a, 0x06, 0x02, 0x08, 0x01])
    expect(decodeMessage(field99)).toEqual({ kind: 'unknown' })
  })

  it.each([
    ['boot id', { bootId: new Uint8Array(15) }],
    ['boot id', { bootId: new Uint8Array(0) }],
    ['nonce', { nonce: new Uint8Array(33) }],
    ['endpoint id', { endpointId: 'A'.repeat(64) }],
    ['endpoint id', { endpointId: '' }],
    ['device name', { deviceName: 'x'.repeat(257) }],
    ['device name of 10 MB', { deviceName: 'x'.repeat(10 * 1024 * 1024) }],
    ['app version', { appVersion: 'x'.repeat(257) }],
    ['ticket', { ticket: 'x'.repeat(4097) }],
    ['feature', { features: ['x'.repeat(257)] }],
  ])('[T8] refuse a hello with a wrong %s', (_what, change) => {
    expect(codeOf(() => decodeMessage(rawHello(change)))).toBe('bad-message')
  })

  it('take at most 100 features', () => {
    const message = decodeMessage(rawHello({ features: Array.from({ length: 5000 }, (_, i) => `f${i}`) })) as {
      hello: Hello
    }
    expect(message.hello.features).toHaveLength(100)
  })

  it('[T8] take 10,000 refs and refuse 10,001', () => {
    const refs = Array.from({ length: MAX_REFS + 1 }, (_, i) => ({
      device: i.toString(16).padStart(64, '0'),
      oid: new Uint8Array(20),
    }))
    for (const kind of ['directory', 'update'] as const) {
      expect(codeOf(() => decodeMessage(raw({ case: kind, value: { share: 'vault', refs } })))).toBe('limit')
      const message = decodeMessage(raw({ case: kind, value: { share: 'vault', refs: refs.slice(1) } }))
      expect((message as Extract<LinkMessage, { kind: 'update' }>).heads.size).toBe(MAX_REFS)
    }
  })

  it('[T8] of a full directory still fit a frame', () => {
    const heads = new Map(
      Array.from({ length: MAX_REFS }, (_, i) => [i.toString(16).padStart(64, '0') as never, anOid(i)]),
    )
    expect(decodeMessage(encodeMessage({ kind: 'directory', share: 'vault', heads, applied: anOid(1) }))).toMatchObject(
      { kind: 'directory' },
    )
  })

  it('[T8] that would not fit a frame are not made', () => {
    const pack = new Uint8Array(1024 * 1024)
    expect(codeOf(() => encodeMessage({ kind: 'update', share: 'vault', heads: new Map(), pack }))).toBe(
      'frame-too-large',
    )
  })

  it.each([
    [
      'an oid of 19 bytes',
      raw({ case: 'directory', value: { share: 'vault', refs: [{ device: anId(1), oid: new Uint8Array(19) }] } }),
      'bad-message',
    ],
    [
      'a view of 21 bytes',
      raw({ case: 'applied', value: { share: 'vault', view: new Uint8Array(21) } }),
      'bad-message',
    ],
    ['a share name of 257 letters', raw({ case: 'applied', value: { share: 'x'.repeat(257) } }), 'bad-message'],
    ['a proof of 31 bytes', raw({ case: 'pairProof', value: { mac: new Uint8Array(31) } }), 'bad-message'],
    ...['../a', '/a', '.git/config', 'a\nb', '', 'cafe\u0301.md', 'x'.repeat(5_000)].map(
      (path): [string, Uint8Array, string] => [
        `the listed path ${JSON.stringify(path.slice(0, 20))}`,
        raw({ case: 'pairListing', value: { files: [{ path, oid: new Uint8Array(20) }], last: true } }),
        'bad-message',
      ],
    ),
    [
      'a listed oid of 19 bytes',
      raw({ case: 'pairListing', value: { files: [{ path: 'a', oid: new Uint8Array(19) }], last: true } }),
      'bad-message',
    ],
    [
      '1,001 shares',
      raw({ case: 'subscribe', value: { shares: Array.from({ length: 1001 }, (_, i) => `s${i}`) } }),
      'limit',
    ],
  ])('[T8] refuse %s', (_what, bytes, code) => {
    expect(codeOf(() => decodeMessage(bytes))).toBe(code)
  })

  it('let a ping hold no number that could not be sent back', () => {
    for (const at of [2n ** 53n, 2n ** 64n - 1n])
      expect(codeOf(() => decodeMessage(raw({ case: 'ping', value: { at } })))).toBe('bad-message')
    const ping = decodeMessage(raw({ case: 'ping', value: { at: 2n ** 53n - 1n } }))
    if (ping.kind !== 'ping') throw new Error('not a ping')
    expect(decodeMessage(encodeMessage({ kind: 'pong', at: ping.at }))).toEqual({ kind: 'pong', at: ping.at })
  })

  it('show no control characters of the other device, in names or refusals', () => {
    const named = decodeMessage(rawHello({ deviceName: '\u001b[31mred\u0000\r\n\u202eevil\u2028' })) as { hello: Hello }
    expect(named.hello.deviceName).toBe('[31mredevil')
    const refusal = decodeMessage(
      raw({ case: 'refusal', value: { code: 'no\u001b', message: 'bad\u001b[2J\n' + 'x'.repeat(9999), share: '' } }),
    )
    expect(refusal).toMatchObject({ kind: 'refusal', code: 'no' })
    expect((refusal as { message: string }).message).toMatch(/^bad\[2J x+$/)
    expect((refusal as { message: string }).message.length).toBeLessThanOrEqual(500)
  })
})

describe('cleanName', () => {
  it.each([
    ['', 'unnamed device'],
    [' \u0007\t ', 'unnamed device'],
    ['  Ada’s phone  ', 'Ada’s phone'],
    ['😀'.repeat(70), '😀'.repeat(60)],
  ])('%j becomes %j', (text, clean) => {
    expect(cleanName(text)).toBe(clean)
  })
})
