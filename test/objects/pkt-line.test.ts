import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/objects/bytes.ts'
import {
  DELIM_PKT,
  encodePktLine,
  FLUSH_PKT,
  MAX_PKT_DATA,
  PktLineDecoder,
  RESPONSE_END_PKT,
} from '../../src/objects/pkt-line.ts'
import type { PktLine } from '../../src/objects/pkt-line.ts'
import { expectCorrupt } from '../support/corrupt.ts'

function decodeAll(decoder: PktLineDecoder): PktLine[] {
  const lines: PktLine[] = []
  for (let line = decoder.next(); line; line = decoder.next()) lines.push(line)
  return lines
}

function decoderOf(bytes: Uint8Array): PktLineDecoder {
  const decoder = new PktLineDecoder()
  decoder.push(bytes)
  return decoder
}

describe('pkt-line', () => {
  it('encodes as git documents it', () => {
    expect(encodePktLine(encodeUtf8('a\n'))).toEqual(encodeUtf8('0006a\n'))
    expect(encodePktLine(encodeUtf8('foobar\n'))).toEqual(encodeUtf8('000bfoobar\n'))
    expect(encodePktLine(new Uint8Array(0))).toEqual(encodeUtf8('0004'))
    expect(encodePktLine(new Uint8Array(MAX_PKT_DATA)).subarray(0, 4)).toEqual(encodeUtf8('fff0'))
    expectCorrupt(() => encodePktLine(new Uint8Array(MAX_PKT_DATA + 1)), 'bad-pkt-line')
  })

  it('decodes lines in whatever pieces they come', () => {
    const anyLine = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((data): PktLine => ({ kind: 'data', data })),
      fc.constantFrom<PktLine>({ kind: 'flush' }, { kind: 'delim' }, { kind: 'response-end' }),
    )
    const signs = { flush: FLUSH_PKT, delim: DELIM_PKT, 'response-end': RESPONSE_END_PKT }
    fc.assert(
      fc.property(fc.array(anyLine), fc.array(fc.integer({ min: 0, max: 30 })), (lines, cuts) => {
        const bytes = concatBytes(
          lines.map((line) => (line.kind === 'data' ? encodePktLine(line.data) : signs[line.kind])),
        )
        const decoder = new PktLineDecoder()
        const decoded: PktLine[] = []
        let at = 0
        for (const cut of [...cuts, bytes.length]) {
          decoder.push(bytes.slice(at, at + cut))
          at = Math.min(at + cut, bytes.length)
          decoded.push(...decodeAll(decoder))
        }
        decoder.end()
        expect(decoded).toEqual(lines)
      }),
    )
  })

  it('leaves what follows the lines alone', () => {
    const decoder = decoderOf(encodeUtf8('0006a\n0000PA'))
    decoder.push(encodeUtf8('CK…'))
    expect(decoder.next()).toEqual({ kind: 'data', data: encodeUtf8('a\n') })
    expect(decoder.next()).toEqual({ kind: 'flush' })
    expect(decoder.takeRest()).toEqual(encodeUtf8('PACK…'))
    decoder.end()
  })

  it('[T8] refuses a length above 65520 before its bytes come', () => {
    expectCorrupt(() => decoderOf(encodeUtf8('fff1')).next(), 'bad-pkt-line')
    expect(decoderOf(encodeUtf8('fff0')).next()).toBeUndefined()
  })

  it.each(['0003', 'xyzw', '-001', ' 123', '0x12', '00é', '1.5e'])('refuses the length %j', (length) => {
    expectCorrupt(() => decoderOf(encodeUtf8(length)).next(), 'bad-pkt-line')
  })

  it('refuses an end in the middle of a line', () => {
    for (const text of ['0', '000', '0006a']) {
      const decoder = decoderOf(encodeUtf8(text))
      expect(decoder.next()).toBeUndefined()
      expectCorrupt(() => decoder.end(), 'bad-pkt-line')
    }
  })
})
