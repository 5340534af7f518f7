import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs, CLEAN_CLOSE_MS, LIVED_MS } from '../../src/peers/backoff.ts'

const STEPS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]
const almostOne = 1 - Number.EPSILON

describe('backoff', () => {
  it('[L4] goes 1, 2, 4, 8, 16, 30, 30 … s', () => {
    expect(STEPS.map((_, failures) => backoffMs(failures, almostOne))).toEqual(STEPS)
  })

  it('[L4] spreads each wait over its last quarter, for as many failures as there may be', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 1_000_000 }),
        fc.double({ min: 0, max: almostOne, noNaN: true }),
        (failures, fraction) => {
          const step = STEPS[Math.min(failures, 5)]!
          const wait = backoffMs(failures, fraction)
          expect(wait).toBeGreaterThanOrEqual(0.75 * step)
          expect(wait).toBeLessThanOrEqual(step)
        },
      ),
    )
  })

  it('[L4] waits 5 s after a clean close and starts anew after a link of 30 s', () => {
    expect([CLEAN_CLOSE_MS, LIVED_MS]).toEqual([5_000, 30_000])
  })
})
