import { describe, expect, it } from 'vitest'
import { displayWidth } from '../../src/cli/display-width.ts'
import { cutMiddle, shortName } from '../../src/demo/short-name.ts'

describe('names in sentences', () => {
  it('speaks of a note as Obsidian does', () => {
    expect(shortName('Folder/Daily note.md')).toBe('“Daily note”')
    expect(shortName('Folder/Tune.wav')).toBe('“Tune.wav”')
  })

  it('keeps both ends of a long name, and never more columns than allowed', () => {
    expect(cutMiddle('abcdefghijklmnop', 9)).toBe('abcd…mnop')
    for (const name of ['一二三四五六七八九十一二三四', '🍀🍀🍀🍀🍀🍀🍀🍀🍀 (new name)', 'x'.repeat(99)])
      expect(displayWidth(cutMiddle(name, 12))).toBeLessThanOrEqual(12)
  })

  it('[E6] lets no control character through', () => {
    expect(shortName('a\u001b[31m.md')).toBe('“a\\u{1b}[31m”')
  })
})
