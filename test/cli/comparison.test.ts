import { expect, it } from 'vitest'
import { comparisonLines, comparisonReport } from '../../src/cli/comparison.ts'

const many = (count: number, letters: number) =>
  Array.from({ length: count }, (_, i) => `${String(i).padStart(4, '0')}${'ä'.repeat(letters)}.md`)

it('[E9] tells scripts the numbers and the first hundred paths of each kind', () => {
  const report = comparisonReport({ onlyHere: many(250, 3), onlyThere: [], different: ['a.md'], same: 120 })
  expect(report).toMatchObject({ onlyHere: 250, onlyThere: 0, same: 120, different: 1 })
  expect([report.paths.onlyHere, report.paths.onlyThere, report.paths.different]).toEqual([
    many(250, 3).slice(0, 100),
    [],
    ['a.md'],
  ])
})

it('[E9] stays far below the limit of a line, however long the paths', () => {
  const long = many(1_000, 2_000)
  const report = comparisonReport({ onlyHere: long, onlyThere: long, different: long, same: 0 })
  expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThan(700_000)
  expect(report.paths.different.length).toBeGreaterThan(10)
})

it('[E9] shows people the numbers and a few names, made harmless, and says what becomes of what differs', () => {
  const lines = comparisonLines(
    comparisonReport({ onlyHere: many(12, 0), onlyThere: ['x\u202ey.md'], different: ['a.md', 'b.md'], same: 120 }),
  ).join('\n')
  expect(lines).toContain('Only here 12 · only there 1 · the same 120 · different 2')
  expect(lines).toContain('Only here:  0000.md, 0001.md, 0002.md, 0003.md, 0004.md, and 7 more')
  expect(lines).toContain('Only there: x\\u{202e}y.md')
  expect(lines).toMatch(/Different: {2}a\.md, b\.md\n.*longer version.*both stay/)
  const apart = comparisonLines(comparisonReport({ onlyHere: ['a'], onlyThere: ['b'], different: [], same: 0 }))
  expect(apart.join('\n')).not.toContain('conflict')
})
