import { describe, expect, it } from 'vitest'
import { chooseNotes } from '../../src/demo/demo-notes.ts'

describe('choosing notes for the demonstration', () => {
  it('gives every role a note of its own', () => {
    const chosen = chooseNotes(
      new Map([
        ['a', 1],
        ['b', 4],
        ['c', 0],
        ['d', 2],
        ['e', 3],
      ]),
    )
    expect(chosen).toEqual({ merged: 'b', edited: 'a', renamed: 'c', deleted: 'd' })
  })

  it('is content with two paragraphs when no note has three', () => {
    expect(
      chooseNotes(
        new Map([
          ['a', 1],
          ['b', 2],
        ]),
      ),
    ).toEqual({ merged: 'b', edited: 'a' })
  })

  it('leaves roles open that no note can play', () => {
    expect(chooseNotes(new Map([['a', 0]]))).toEqual({ renamed: 'a' })
    expect(chooseNotes(new Map())).toEqual({})
  })
})
