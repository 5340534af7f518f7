import { describe, expect, it } from 'vitest'
import { runShareScenario } from './share-scenario.ts'

describe('an owner, guests, and folders that are shared and taken back, seeded (S1, S5, V1)', () => {
  const results: Awaited<ReturnType<typeof runShareScenario>>[] = []
  for (let seed = 1; seed <= 10; seed++) {
    it(`nothing hidden leaves and everything granted arrives, seed ${seed}`, { timeout: 120_000 }, async () => {
      results.push(await runShareScenario(seed))
    })
  }

  it('has seen shares that were granted, and lines that crossed', () => {
    expect(results.filter(({ granted }) => granted).length).toBeGreaterThan(3)
    expect(results.filter(({ arrived }) => arrived).length).toBe(10)
  })
})
