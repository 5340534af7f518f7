import { describe, expect, it } from 'vitest'
import { addSentence, plainParagraphs } from '../../src/demo/plain-paragraphs.ts'

const textsOf = (note: string): string[] => plainParagraphs(note).map(({ start, end }) => note.slice(start, end))

describe('plain paragraphs of a note', () => {
  it('finds running text in any script, over several lines', () => {
    expect(textsOf('First line\nand second.\n\n开源知识。\n\n\nLast')).toEqual([
      'First line\nand second.',
      '开源知识。',
      'Last',
    ])
  })

  it('leaves out headings, lists, tables, quotes, fields, block ids and html', () => {
    const others = [
      '# Title',
      '- item',
      '1. item',
      '| a | b |',
      'a | b\n--|--',
      '> quote',
      'key:: value',
      'Text ^id',
      '<b>x</b>',
    ]
    expect(textsOf([...others, 'Setext\n===', 'Plain'].join('\n\n'))).toEqual(['Plain'])
  })

  it('leaves out frontmatter, code, formulas and comments', () => {
    const note =
      '---\ntitle: x\n\nmore: y\n---\n\nOne\n\n```\ncode\n\ncode\n```\n\n$$\nx\n\ny\n$$\n\n%%\nsecret\n\nmore\n%%\n\nTwo\n'
    expect(textsOf(note)).toEqual(['One', 'Two'])
  })

  it('takes a formula on one line for what it is', () => {
    expect(textsOf('$$x$$\n\nAfter')).toEqual(['After'])
  })

  it('finds nothing behind a fence that is never closed', () => {
    expect(textsOf('One\n\n```\nTwo\n\nThree')).toEqual(['One'])
  })

  it('adds a sentence before the line end, whichever it is', () => {
    const note = 'One\r\n\r\nTwo\r\n'
    const [first, last] = plainParagraphs(note)
    expect(addSentence(note, last!, 'More.')).toBe('One\r\n\r\nTwo More.\r\n')
    expect(addSentence(note, first!, 'More.')).toBe('One More.\r\n\r\nTwo\r\n')
  })
})
