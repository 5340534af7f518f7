import { describe, expect, it } from 'vitest'
import { runScenario } from './scenario.ts'

describe('a fleet of devices, seeded (V3, V6, L8, T2)', () => {
  for (let seed = 1; seed <= 12; seed++) {
    it(`converges and loses nothing, seed ${seed}`, async () => {
      const result = await runScenario(seed)
      expect(result.actions.length).toBeGreaterThan(1)
    })
  }
})
