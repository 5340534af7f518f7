import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { mergeContent } from '../../src/history/merge-content.ts'

const encode = (text: string) => new TextEncoder().encode(text)

/** Merges texts of a file of that name; null when both must be kept. Each case is tried with the sides swapped too (V5). */
function merge(name: string, base: string | null, left: string, right: string): string | null {
  const bytes = base === null ? null : encode(base)
  const merged = mergeContent(name, bytes, encode(left), encode(right))
  expect(mergeContent(name, bytes, encode(right), encode(left))).toEqual(merged)
  return merged && new TextDecoder('utf-8', { ignoreBOM: true }).decode(merged)
}

const note = (properties: string, body = 'Text.\n') => `---\n${properties}---\n${body}`

describe('[V7] a note', () => {
  it('merges frontmatter by property and the body as text', () => {
    const base = note('status: open\nowner: Ann\n', 'One.\n\nTwo.\n')
    const left = note('status: done\nowner: Ann\n', 'One.\n\nTwo, too.\n')
    const right = note('status: open\nowner: Bob\n', 'Number one.\n\nTwo.\n')
    expect(merge('n.md', base, left, right)).toBe(note('status: done\nowner: Bob\n', 'Number one.\n\nTwo, too.\n'))
  })

  it('keeps properties that both sides added at one place', () => {
    const base = note('a: 1\n')
    expect(merge('n.md', base, note('a: 1\nc: 3\n'), note('a: 1\nb: 2\n'))).toBe(note('a: 1\nb: 2\nc: 3\n'))
  })

  it('never writes a key twice', () => {
    const base = note('a: 1\nb: 2\nc: 3\n')
    const left = note('new: x\na: 1\nb: 2\nc: 3\n')
    const right = note('a: 1\nb: 2\nc: 3\nnew: x\n')
    expect(merge('n.md', base, left, right)?.match(/^new:/gm)).toHaveLength(1)
    expect(merge('n.md', base, left, right.replace('new: x', 'new: y'))).toBeNull()
  })

  it('merges frontmatter that both sides added to a note without any', () => {
    expect(merge('n.md', 'Text.\n', note('a: 1\n'), note('b: 2\n'))).toBe(note('a: 1\nb: 2\n'))
  })

  it('keeps both files when one property was changed in two ways, and never mixes a value', () => {
    expect(merge('n.md', note('title: The cat\n'), note('title: A cat\n'), note('title: The dog\n'))).toBeNull()
  })

  it('merges tags and aliases by item', () => {
    const list = (...tags: string[]) => note(`tags:\n${tags.map((tag) => `  - ${tag}\n`).join('')}`)
    expect(merge('n.md', list('a', 'b'), list('a', 'b', 'left'), list('b', 'right'))).toBe(list('b', 'left', 'right'))
    const flow = (...tags: string[]) => note(`tags: [${tags.join(', ')}]\n`)
    expect(merge('n.md', flow('a'), flow('a', 'left'), flow('a', 'right'))).toBe(flow('a', 'left', 'right'))
    expect(merge('n.md', flow(), flow('left'), flow('right'))).toBe(flow('left', 'right'))
  })

  it('takes the later of two edit times that plugins wrote', () => {
    const at = (time: string) => note(`modified: ${time}\n`)
    expect(merge('n.md', at('2026-11-20T08:00'), at('2026-11-21T09:00'), at('2026-11-21T08:00'))).toBe(
      at('2026-11-21T09:00'),
    )
    expect(merge('n.md', note('due: 2026-11-20\n'), note('due: 2026-11-21\n'), note('due: 2026-11-22\n'))).toBeNull()
  })

  it('keeps a property that one side changed and the other removed', () => {
    expect(merge('n.md', note('a: 1\nb: 2\n'), note('a: 9\nb: 2\n'), note('b: 2\n'))).toBe(note('a: 9\nb: 2\n'))
  })

  it('merges as text where the frontmatter is no plain list of properties', () => {
    const odd = (value: string) => `---\n{a: ${value}}\n---\n\nx\n`
    expect(merge('n.md', odd('1'), odd('2'), odd('1') + 'more\n')).toBe(odd('2') + 'more\n')
    expect(merge('n.md', '---\nno end\n', '---\nno end\nleft\n', 'top\n---\nno end\n')).toBe('top\n---\nno end\nleft\n')
  })

  it('leaves Windows line ends and a byte order mark as they are', () => {
    const windows = (a: string, body: string) => `\uFEFF---\r\na: ${a}\r\nb: 2\r\n---\r\n${body}`
    expect(merge('n.md', windows('1', 'x\r\n'), windows('2', 'x\r\n'), windows('1', 'y\r\n'))).toBe(
      windows('2', 'y\r\n'),
    )
  })

  it('[V6] keeps every property that a side added or changed', () => {
    const side = (own: string) =>
      fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2', own), { maxKeys: 4 })
    const write = (properties: Record<string, string>) =>
      note(
        Object.entries(properties)
          .map(([key, value]) => `${key}: ${value}\n`)
          .join(''),
      )
    fc.assert(
      fc.property(side('base'), side('left'), side('right'), (base, left, right) => {
        const merged = merge('n.md', write(base), write(left), write(right))
        if (merged === null) return
        for (const properties of [left, right]) {
          for (const [key, value] of Object.entries(properties)) {
            if (base[key] !== value) expect(merged).toContain(`${key}: ${value}\n`)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('[V7] a canvas', () => {
  const canvas = (nodes: string[], edges: string[] = []) =>
    `{\n\t"nodes":[\n${nodes.map((node) => `\t\t${node}`).join(',\n')}\n\t],\n\t"edges":[${edges.length > 0 ? `\n${edges.map((edge) => `\t\t${edge}`).join(',\n')}\n\t` : ''}]\n}`
  const card = (id: string, x = 0, text = id) => `{"id":"${id}","type":"text","text":"${text}","x":${x}}`

  it('merges by node and edge, in the layout that Obsidian writes', () => {
    const base = canvas([card('1'), card('2')])
    const left = canvas([card('1', 50), card('2'), card('left')], ['{"id":"e","fromNode":"1","toNode":"2"}'])
    const right = canvas([card('1', 0, 'new'), card('right')])
    expect(merge('c.canvas', base, left, right)).toBe(
      canvas([card('1', 50, 'new'), card('left'), card('right')], ['{"id":"e","fromNode":"1","toNode":"2"}']),
    )
  })

  it('keeps both files when a node was moved to two places', () => {
    expect(merge('c.canvas', canvas([card('1')]), canvas([card('1', 1)]), canvas([card('1', 2)]))).toBeNull()
  })
})

describe('[V7] JSON', () => {
  it('merges by key and keeps the layout', () => {
    const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
    const merged = merge(
      'data.json',
      json({ a: 1, b: { c: 1, d: 1 } }),
      json({ a: 2, b: { c: 1, d: 1 } }),
      json({ a: 1, b: { c: 3, d: 1 }, e: [1] }),
    )
    expect(merged).toBe(json({ a: 2, b: { c: 3, d: 1 }, e: [1] }))
  })

  it('takes arrays without ids whole', () => {
    expect(merge('d.json', '{"a":[1]}', '{"a":[1,2]}', '{"a":[1]}')).toBe('{"a":[1,2]}')
    expect(merge('d.json', '{"a":[1]}', '{"a":[1,2]}', '{"a":[1,3]}')).toBeNull()
  })

  it('treats __proto__ as any other key', () => {
    expect(merge('d.json', '{}', '{"__proto__":{"x":1}}', '{"b":1}')).toBe('{"__proto__":{"x":1},"b":1}')
  })

  it('merges as text what JavaScript could not write back', () => {
    const json = (a: string, b: string) => `{\n"a": ${a},\n"c": 0,\n"b": ${b}\n}\n`
    const [big, other] = ['12345678901234567890', '1.0']
    expect(merge('d.json', json(big, other), json('1', other), json(big, '2'))).toBe(json('1', '2'))
  })
})

describe('other files', () => {
  it('merge by lines when they are text', () => {
    expect(merge('x.css', 'a\nb\nc\n', 'A\nb\nc\n', 'a\nb\nC\n')).toBe('A\nb\nC\n')
  })

  it('[V7] never merge when they are binary', () => {
    const bytes = (...values: number[]) => Uint8Array.from(values)
    expect(mergeContent('x.png', bytes(0, 10, 1), bytes(0, 10, 2), bytes(5, 10, 1))).toBeNull()
    expect(mergeContent('x.md', encode('a\nb\nc\n'), encode('A\nb\nc\n'), bytes(0xff, 0xfe))).toBeNull()
  })

  it('[V7] merge without a base only when one holds the other', () => {
    expect(merge('2026-11-21.md', null, '# Day\n', '# Day\n\nwritten\n')).toBe('# Day\n\nwritten\n')
    expect(merge('2026-11-21.md', null, '# Day\nA\n', '# Day\nB\n')).toBeNull()
  })
})
