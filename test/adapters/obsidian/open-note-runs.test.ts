import { describe, expect, it } from 'vitest'
import { countOf, runOpenNote } from './open-note-runs.ts'
import type { RunReport } from './open-note-runs.ts'

const SEEDS = 1000

function problemsOf(seed: number, run: RunReport): string[] {
  const { onDisk, inEditor, typed, arrived, merges, faults } = run
  const problems = [...faults]
  if (onDisk !== inEditor) problems.push('the disk does not hold what the editor shows')
  for (const part of [...typed, ...arrived]) {
    const count = countOf(onDisk, part)
    if (count !== 1) problems.push(`“${part}” is there ${count} times`)
  }
  if (merges > 0) problems.push(`Obsidian had to merge unsaved text ${merges} times`)
  return problems.map((problem) => `seed ${seed}: ${problem}`)
}

describe('a note that is typed into while changes arrive', () => {
  it(`[E1] [pitfall 11] loses nothing typed and nothing that arrives, doubles nothing and keeps the cursor, in ${SEEDS} runs`, async () => {
    const problems: string[] = []
    let applied = 0
    let putOff = 0
    for (let seed = 0; seed < SEEDS; seed++) {
      const run = await runOpenNote(seed, { remotely: seed % 2 === 1, secondPane: seed % 5 === 0 })
      problems.push(...problemsOf(seed, run))
      applied += run.applied
      putOff += run.putOff
      // Otherwise the run shows nothing.
      expect(run.typed.length * run.arrived.length).toBeGreaterThan(0)
    }
    expect(problems).toEqual([])
    expect(Math.min(applied, putOff)).toBeGreaterThan(SEEDS)
  }, 600_000)
})
