import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/objects/bytes.ts'
import { applyDelta, createDelta, deltaResultSize } from '../../src/objects/delta.ts'
import { expectCorrupt } from '../support/corrupt.ts'
import { seededRandom } from '../support/seeded-random.ts'

const MAX = 10_000_000

function lines(count: number, seed: number): string[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, i) => `${i} ${Buffer.from(random.bytes(12)).toString('base64')}\n`)
}

function roundTrip(base: Uint8Array, target: Uint8Array): Uint8Array | null {
  const delta = createDelta(base, target)
  if (!delta) return null
  expect(delta.length).toBeLessThan(target.length)
  expect(deltaResultSize(delta)).toBe(target.length)
  expect(Buffer.compare(applyDelta(base, delta, MAX), target)).toBe(0)
  return delta
}

describe('createDelta', () => {
  it('makes the target, whatever the two are', () => {
    // Pieces from a small stock make for copies of all sizes, repeats and near misses.
    const stock = Array.from({ length: 6 }, (_, i) => seededRandom(i).bytes(10 + i * 37))
    const piece = fc.oneof(
      fc.constantFrom(...stock),
      fc.uint8Array({ maxLength: 20 }),
      fc.constant(new Uint8Array(100)),
    )
    const bytes = fc.array(piece, { maxLength: 12 }).map(concatBytes)
    let made = 0
    fc.assert(
      fc.property(bytes, bytes, (base, target) => {
        if (roundTrip(base, target)) made++
      }),
      { numRuns: 500 },
    )
    expect(made).toBeGreaterThan(100)
  })

  it('is tiny for one edited line', () => {
    const note = lines(200, 1)
    const base = encodeUtf8(note.join(''))
    note[100] = 'edited\n'
    expect(roundTrip(base, encodeUtf8(note.join('')))!.length).toBeLessThan(30)
  })

  it('is tiny for text that moved', () => {
    const note = lines(300, 2)
    const moved = [...note.slice(200), ...note.slice(100, 200), ...note.slice(0, 100)]
    expect(roundTrip(encodeUtf8(note.join('')), encodeUtf8(moved.join('')))!.length).toBeLessThan(40)
  })

  it('is tiny for edits all over', () => {
    const note = lines(1000, 3)
    const edited = note.map((line, i) => (i % 100 === 7 ? `new ${i}\n` : line))
    expect(roundTrip(encodeUtf8(note.join('')), encodeUtf8(edited.join('')))!.length).toBeLessThan(400)
  })

  it('copies more than 64 KiB at a time, from anywhere', () => {
    const base = seededRandom(4).bytes(200_000)
    const target = concatBytes([base.subarray(100_000), base.subarray(0, 100_000), encodeUtf8('end')])
    expect(roundTrip(base, target)!.length).toBeLessThan(50)
    expect(roundTrip(base, base)!.length).toBeLessThan(30)
  })

  it('is null where it would not be smaller', () => {
    const random = seededRandom(5)
    expect(createDelta(random.bytes(5000), random.bytes(5000))).toBeNull()
    expect(createDelta(new Uint8Array(0), random.bytes(100))).toBeNull()
    expect(createDelta(random.bytes(100), new Uint8Array(0))).toBeNull()
    expect(createDelta(encodeUtf8('abc'), encodeUtf8('abd'))).toBeNull()
    expect(createDelta(random.bytes(100), new Uint8Array(20 * 1024 * 1024))).toBeNull()
  })

  it('takes repetitive input in its stride', () => {
    // Quadratic work would take hours here, not the test's time limit.
    const size = 2_000_000
    const zeros = new Uint8Array(size)
    const almost = zeros.slice()
    for (let i = 0; i < size; i += 1001) almost[i] = 1
    const period = Uint8Array.from({ length: size }, (_, i) => i % 17)
    const shifted = Uint8Array.from({ length: size }, (_, i) => (i % 1009 === 0 ? 99 : (i * 3) % 17))
    for (const base of [zeros, almost, period]) {
      for (const target of [zeros, almost, period, shifted]) roundTrip(base, target)
    }
  })
})

describe('applyDelta', () => {
  const base = encodeUtf8('0123456789')

  it('follows the format by hand', () => {
    // Copy 3 from 2, insert "ab", copy 1 from 9.
    const delta = Uint8Array.of(10, 6, 0x91, 2, 3, 2, 0x61, 0x62, 0x91, 9, 1)
    expect(applyDelta(base, delta, 100)).toEqual(encodeUtf8('234ab9'))
    expect(deltaResultSize(delta)).toBe(6)
  })

  it('reads a copy without a size as 64 KiB', () => {
    const large = seededRandom(6).bytes(70_000)
    const delta = Uint8Array.of(0xf0, 0xa2, 4, 0x80, 0x80, 4, 0x81, 5)
    expect(applyDelta(large, delta, 100_000)).toEqual(large.slice(5, 5 + 65536))
  })

  it('makes nothing of nothing', () => {
    expect(applyDelta(new Uint8Array(0), Uint8Array.of(0, 0), 0)).toEqual(new Uint8Array(0))
  })

  it.each([
    ['nothing', []],
    ['one size', [10]],
    ['another base', [9, 1, 0x90, 1]],
    ['a copy from behind the base', [10, 5, 0x91, 6, 5]],
    ['a copy from far behind the base', [10, 5, 0x9f, 0xff, 0xff, 0xff, 0xff, 5]],
    ['too long a copy', [10, 4, 0x90, 5]],
    ['too long an insert', [10, 1, 2, 0x61, 0x62]],
    ['an insert that is cut short', [10, 5, 5, 0x61]],
    ['a copy that is cut short', [10, 5, 0x91, 0]],
    ['the reserved instruction', [10, 1, 0, 0x90, 1]],
    ['too little', [10, 6, 0x90, 5]],
    ['nothing after the sizes', [10, 1]],
    ['an endless size', [10, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
  ])('refuses %s', (_, bytes) => {
    expectCorrupt(() => applyDelta(base, Uint8Array.from(bytes), 1000), 'bad-delta')
  })

  it('[T8] refuses a declared size above the limit before it makes room', () => {
    const bomb = Uint8Array.of(10, 255, 255, 255, 255, 255, 127, 0x90, 5)
    expectCorrupt(() => applyDelta(base, bomb, 1000), 'too-large')
    expectCorrupt(() => applyDelta(base, Uint8Array.of(10, 5, 0x90, 5), 4), 'too-large')
    expect(applyDelta(base, Uint8Array.of(10, 5, 0x90, 5), 5)).toHaveLength(5)
  })

  it('never does anything but refuse or make what was declared', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (instructions) => {
        const delta = concatBytes([Uint8Array.of(10, 20), instructions])
        try {
          expect(applyDelta(base, delta, 20)).toHaveLength(20)
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad-delta' })
        }
      }),
      { numRuns: 800 },
    )
  })
})
