import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { conflictPath, familyOf, inFamily } from '../../src/history/conflict-name.ts'
import { parseVaultPath } from '../../src/objects/vault-path.ts'
import { AFTERNOON, LEFT } from './fixture.ts'

const named = (path: string, device = 'Phone', zoneMinutes = 0, count?: number) =>
  conflictPath(familyOf(path), { device, seconds: AFTERNOON, zoneMinutes }, count)
const bytes = (text: string) => new TextEncoder().encode(text).length

describe('conflictPath', () => {
  it('[V6] names device, date and minute in the writer’s own zone, before the extension', () => {
    expect(named('f/Note.md')).toBe('f/Note (conflict Phone 2026-11-21 1520).md')
    expect(named('Note.md', 'Phone', 600)).toBe('Note (conflict Phone 2026-11-22 0120).md')
    expect(named('v1.2/Makefile', 'Phone', -30, 2)).toBe('v1.2/Makefile (conflict Phone 2026-11-21 1450) 2')
    expect(named('.hidden')).toBe('.hidden (conflict Phone 2026-11-21 1520)')
  })

  it('leaves out of a device’s name what file names and links cannot hold', () => {
    expect(named('n.md', '  a/b\\c:d*e?f"g<h>i|j#k^l[m]n(o)p\u0007q ')).toBe(
      'n (conflict a b c d e f g h i j k l m n o p q 2026-11-21 1520).md',
    )
    expect(named('n.md', '///')).toBe('n (conflict device 2026-11-21 1520).md')
    expect(named('n.md', '📱'.repeat(60))).toBe(`n (conflict ${'📱'.repeat(40)} 2026-11-21 1520).md`)
  })

  it('never grows with conflicts of conflict copies', () => {
    const once = named('n.md', 'Phone')
    expect(named(once, 'Laptop')).toBe(named('n.md', 'Laptop'))
    expect(named(named('n.md', 'Phone', 0, 7), 'Laptop')).toBe(named('n.md', 'Laptop'))
    expect(named(named('Makefile', 'v1.2'), 'Laptop')).toBe(named('Makefile', 'Laptop'))
  })

  it('cuts long names between characters, and keeps every path one that a tree may hold', () => {
    expect(bytes(named(`${'é'.repeat(125)}.md`))).toBeLessThanOrEqual(255)
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 120 })
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 40 }), name, fc.integer(), (names, device, seconds) => {
        let path
        try {
          path = parseVaultPath(names.join('/'))
        } catch {
          return
        }
        const copy = conflictPath(familyOf(path), { device, seconds, zoneMinutes: 0 })
        expect(parseVaultPath(copy)).toBe(copy)
        expect(copy).not.toBe(path)
      }),
      { numRuns: 300 },
    )
  })
})

describe('familyOf', () => {
  it('knows a note and its copies, in its folder and with its extension', () => {
    const family = familyOf('f/n.md')
    const member = (path: string) => inFamily(path, family)
    expect(['f/n.md', conflictPath(family, LEFT), conflictPath(family, LEFT, 3)].map(member)).toEqual([
      true,
      true,
      true,
    ])
    expect(['n.md', 'f/m.md', 'f/n.txt', 'f/n (conflict).md'].map(member)).toEqual([false, false, false, false])
  })
})
