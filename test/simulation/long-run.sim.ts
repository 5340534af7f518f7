import { describe, expect, it } from 'vitest'
import { runScenario } from './scenario.ts'
import { runShareScenario } from './share-scenario.ts'

const { TANDEM_SIM_SEED, TANDEM_SIM_SEEDS, TANDEM_SIM_DEVICES } = process.env
const seeds = TANDEM_SIM_SEED
  ? [Number(TANDEM_SIM_SEED)]
  : Array.from({ length: Number(TANDEM_SIM_SEEDS ?? 50) }, (_, i) => 1000 + i)
const options = TANDEM_SIM_DEVICES ? { devices: Number(TANDEM_SIM_DEVICES) } : {}

describe('long simulation', () => {
  for (const seed of seeds) {
    it(`seed ${seed}`, { timeout: 300_000 }, async () => {
      const result = await runScenario(seed, { ...options, steps: 20 + (seed % 40) })
      expect(result.seed).toBe(seed)
    })
    it(`shares, seed ${seed}`, { timeout: 300_000 }, async () => {
      const result = await runShareScenario(seed, 40 + (seed % 60))
      expect(result.seed).toBe(seed)
    })
  }
})
