import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../../src/objects/bytes.ts'
import { PktLineDecoder } from '../../../src/objects/pkt-line.ts'
import type { PktLine } from '../../../src/objects/pkt-line.ts'
import { decodeCapabilities, encodeCapabilities } from '../../../src/protocol/git/capabilities.ts'
import { decodeFilter, encodeFilter, isKnownFilter } from '../../../src/protocol/git/object-filter.ts'
import { decodeServiceRequest, encodeServiceRequest } from '../../../src/protocol/git/service-request.ts'
import { BandWriter } from '../../../src/protocol/git/sideband.ts'
import { noise } from '../../support/object-samples.ts'

function lineOfBytes(bytes: Uint8Array): PktLine {
  const decoder = new PktLineDecoder()
  decoder.push(bytes)
  return decoder.next()!
}

const data = (text: string): PktLine => ({ kind: 'data', data: new TextEncoder().encode(text) })

describe('the first line of a stream for git', () => {
  it('reads what git sends to a git daemon', () => {
    expect(decodeServiceRequest(data('git-upload-pack /vault\0host=127.0.0.1:9418\0\0version=2\0'))).toEqual({
      service: 'git-upload-pack',
      path: '/vault',
      version: 2,
    })
    expect(decodeServiceRequest(data('git-receive-pack /a b\0host=x\0'))).toEqual({
      service: 'git-receive-pack',
      path: '/a b',
      version: 0,
    })
    expect(decodeServiceRequest(data('git-upload-pack /vault\n'))).toMatchObject({ path: '/vault', version: 0 })
  })

  it('writes what it reads', () => {
    for (const version of [0, 1, 2]) {
      const request = { service: 'git-upload-pack', path: '/vault', version } as const
      expect(decodeServiceRequest(lineOfBytes(encodeServiceRequest(request)))).toEqual(request)
    }
  })

  it('refuses all else', () => {
    for (const text of [
      '',
      'git-upload-archive /x',
      'git-upload-pack',
      'GET / HTTP/1.1',
      `git-upload-pack ${'x'.repeat(9000)}`,
    ]) {
      expect(() => decodeServiceRequest(data(text))).toThrow(expect.objectContaining({ code: 'bad-message' }))
    }
    expect(() => decodeServiceRequest({ kind: 'flush' })).toThrow(expect.objectContaining({ code: 'bad-message' }))
  })
})

describe('capabilities', () => {
  it('are words with or without a value', () => {
    const found = decodeCapabilities(' report-status  agent=git/2.39 symref=HEAD:refs/heads/main symref=x:y')
    expect([...found]).toEqual([
      ['report-status', null],
      ['agent', 'git/2.39'],
      ['symref', 'HEAD:refs/heads/main'],
    ])
    expect(
      encodeCapabilities([
        ['a', null],
        ['b', 'c=d'],
      ]),
    ).toBe('a b=c=d')
    expect(decodeCapabilities('b=c=d').get('b')).toBe('c=d')
    expect(decodeCapabilities(Array.from({ length: 500 }, (_, i) => `c${i}`).join(' ')).size).toBe(100)
  })
})

describe('filters', () => {
  it('are those that partial clones of vaults need', () => {
    expect(decodeFilter('blob:none')).toEqual({ kind: 'no-blobs' })
    expect(decodeFilter('tree:0')).toEqual({ kind: 'no-trees' })
    expect(decodeFilter('blob:limit=10')).toEqual({ kind: 'blob-limit', size: 10 })
    expect(decodeFilter('blob:limit=3M')).toEqual({ kind: 'blob-limit', size: 3 * 1024 * 1024 })
    for (const spec of ['tree:1', 'blob:limit=', 'blob:limit=1x', 'sparse:oid=x', 'combine:blob:none+tree:0', 'blob']) {
      expect(decodeFilter(spec)).toBeUndefined()
    }
    expect(isKnownFilter('tree:1') && isKnownFilter('object:type=blob') && !isKnownFilter('blob')).toBe(true)
    for (const spec of ['blob:none', 'tree:0', 'blob:limit=77']) expect(encodeFilter(decodeFilter(spec)!)).toBe(spec)
  })
})

describe('sideband lines', () => {
  it('are as full as they can be, and hold all bytes in order', () => {
    const bytes = noise(200_000)
    const bands = new BandWriter()
    const lines: Uint8Array[] = []
    for (let at = 0, step = 1; at < bytes.length; at += step++ * 37)
      lines.push(...bands.push(bytes.subarray(at, at + step * 37)))
    lines.push(...bands.flush(), ...bands.flush())
    expect(lines.map((line) => line.length)).toEqual([65_520, 65_520, 65_520, 200_000 - 3 * 65_515 + 5])
    expect(Buffer.from(lines[0]!.subarray(0, 5)).toString('latin1')).toBe('fff0\x01')
    const decoder = new PktLineDecoder()
    decoder.push(concatBytes(lines))
    const parts: Uint8Array[] = []
    for (let line = decoder.next(); line; line = decoder.next())
      if (line.kind === 'data') parts.push(line.data.subarray(1))
    expect(Buffer.compare(concatBytes(parts), bytes)).toBe(0)
  })
})
