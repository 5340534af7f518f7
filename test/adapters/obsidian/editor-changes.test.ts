import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isWellFormed } from '../../../src/objects/bytes.ts'
import { applyChanges, editorChanges, mapOffset } from '../../../src/adapters/obsidian/editor-changes.ts'

/** Texts that share a lot: lines and words out of few. */
const words = fc.constantFrom('a', 'b', 'note', '- [ ] task', '', '# Heading', '🦄', 'e\u0301', '\t', '👩‍👧')
const text = fc
  .array(
    fc.array(words, { maxLength: 4 }).map((line) => line.join(' ')),
    { maxLength: 12 },
  )
  .map((lines) => lines.join('\n'))

describe('the changes from one text to another', () => {
  it('give the other text, are in order and never touch each other', () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const changes = editorChanges(before, after)
        expect(applyChanges(before, changes)).toBe(after)
        let end = -1
        for (const { from, to, text: inserted } of changes) {
          expect(from).toBeGreaterThan(end)
          expect(to - from + inserted.length).toBeGreaterThan(0)
          end = to
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('never cut a character in two', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('🦄', '🦊', '🙂', '🀄', 'x', '\n') }),
        fc.string({ unit: fc.constantFrom('🦄', '🦊', '🙂', '🀄', 'x', '\n') }),
        (before, after) => {
          for (const change of editorChanges(before, after)) {
            expect(isWellFormed(change.text)).toBe(true)
            expect(isWellFormed(before.slice(0, change.from))).toBe(true)
            expect(isWellFormed(before.slice(change.to))).toBe(true)
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('of equal texts are none', () => {
    expect(editorChanges('same\n', 'same\n')).toEqual([])
  })

  it('leave what is between two edits alone, so that a cursor there stays', () => {
    const before = '# Title\n\nfirst line\n\nmiddle of the note\n\nlast line\n'
    const after = '# Another title\n\nfirst line\n\nmiddle of the note\n\nadded\n\nlast line, longer\n'
    const changes = editorChanges(before, after)
    const cursor = before.indexOf('of the note')
    expect(changes.every(({ from, to }) => to < before.indexOf('first') || from > before.indexOf('note'))).toBe(true)
    expect(after.slice(mapOffset(cursor, changes))).toMatch(/^of the note/)
  })

  it('inside a line touch only the words that differ', () => {
    expect(editorChanges('one two three four\n', 'one 2 three 4 four\n')).toEqual([
      { from: 4, to: 7, text: '2' },
      { from: 13, to: 13, text: ' 4' },
    ])
  })

  it('are quick for long texts that differ in everything', () => {
    const long = (seed: string): string => Array.from({ length: 50_000 }, (_, i) => `${seed} ${i % 97}`).join('\n')
    expect(applyChanges(long('a'), editorChanges(long('a'), long('b')))).toBe(long('b'))
  })
})

describe('a cursor', () => {
  it('stays before the same character, and before what is inserted at it', () => {
    const changes = [
      { from: 2, to: 2, text: 'XX' },
      { from: 5, to: 8, text: '' },
    ]
    expect([0, 2, 3, 5, 6, 8, 9].map((offset) => mapOffset(offset, changes))).toEqual([0, 2, 5, 7, 7, 7, 8])
  })
})
