import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { displayWidth, padToWidth, truncateToWidth } from '../../src/cli/display-width.ts'
import { printable } from '../../src/cli/printable.ts'

describe('displayWidth', () => {
  it.each([
    ['plain', 5],
    ['', 0],
    ['Gärten', 6],
    ['Ga\u0308rten', 6],
    ['花园', 4],
    ['ｆｕｌｌ', 8],
    ['한글', 4],
    ['🌱', 2],
    ['👩‍🌾', 2],
    ['👍🏽', 2],
    ['🇨🇭', 2],
    ['❤️', 2],
    ['✓', 1],
    ['━─', 2],
    ['\x1b[31mred\x1b[39m', 3],
  ])('%j takes %d columns', (text, width) => {
    expect(displayWidth(text)).toBe(width)
  })
})

describe('truncateToWidth', () => {
  it('never cuts through a character and never exceeds the width', () => {
    expect(truncateToWidth('花园计划', 5)).toBe('花园…')
    expect(truncateToWidth('花园计划', 4)).toBe('花…')
    expect(truncateToWidth('花园', 4)).toBe('花园')
    expect(truncateToWidth('abc', 0)).toBe('')
    const text = fc.string({ unit: fc.constantFrom('a', '花', '🌱', 'ä', '👩‍🌾', ' ') })
    fc.assert(
      fc.property(text, fc.nat(20), (given, width) => {
        const cut = truncateToWidth(given, width)
        expect(displayWidth(cut)).toBeLessThanOrEqual(width)
        expect(cut === given || cut === '' || cut.endsWith('…')).toBe(true)
        expect(displayWidth(padToWidth(cut, width))).toBe(width)
      }),
    )
  })
})

describe('printable', () => {
  it('takes the power of control characters and of marks that turn the writing', () => {
    expect(printable('a\x1b[2Jb\rc\nd\te\u202ef\u0085')).toBe('a\\u{1b}[2Jb\\u{d}c\\nd\\te\\u{202e}f\\u{85}')
    expect(printable('Bücher 花园 👩‍🌾')).toBe('Bücher 花园 👩‍🌾')
  })
})
