import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineSplitter, MAX_LINE } from '../../src/cli/line-splitter.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('LineSplitter', () => {
  it('finds the same lines however the bytes are cut', () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'ä', '花', '🌱', '"', '\r') })
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(200)), (lines, cuts) => {
        const whole = bytes(lines.map((each) => `${each}\n`).join(''))
        const at = [...new Set([0, ...cuts.filter((cut) => cut < whole.length), whole.length])].sort((a, b) => a - b)
        const splitter = new LineSplitter()
        const found = at.slice(1).flatMap((end, index) => splitter.push(whole.subarray(at[index], end)))
        expect(found).toEqual(lines)
        expect(splitter.unfinished).toBe(0)
      }),
    )
  })

  it('keeps its own copy of what it holds back', () => {
    const splitter = new LineSplitter()
    const chunk = bytes('abc')
    splitter.push(chunk)
    chunk.fill(0)
    expect(splitter.push(bytes('\n'))).toEqual(['abc'])
  })

  it('[T8] refuses a line over the limit before it holds more than that', () => {
    const splitter = new LineSplitter()
    const chunk = new Uint8Array(64 * 1024).fill(0x61)
    for (let count = 0; count < MAX_LINE / chunk.length; count++) splitter.push(chunk)
    expect(splitter.unfinished).toBe(MAX_LINE)
    expect(() => splitter.push(bytes('a'))).toThrow(RangeError)
    expect(new LineSplitter(3).push(bytes('abc\nabc\n'))).toEqual(['abc', 'abc'])
    expect(() => new LineSplitter(3).push(bytes('abcd\n'))).toThrow(RangeError)
  })

  it('refuses bytes that are not UTF-8', () => {
    expect(() => new LineSplitter().push(Uint8Array.of(0xff, 0x0a))).toThrow(TypeError)
  })
})
