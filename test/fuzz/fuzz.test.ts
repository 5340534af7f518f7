import fc from 'fast-check'
import { describe, it } from 'vitest'
import { targets } from './targets.ts'

/** Set by run.mjs: how long in all, and from which seed. Without them a short run of always the same inputs. */
const seconds = Number(process.env.TANDEM_FUZZ_SECONDS ?? 0)
const seed = Number(process.env.TANDEM_FUZZ_SEED ?? 20260115)

describe('whatever comes, only typed errors are thrown and states stay valid', () => {
  for (const { name, property } of targets) {
    const limits = seconds
      ? { numRuns: 1e9, interruptAfterTimeLimit: (seconds * 1000) / targets.length, markInterruptAsFailure: false }
      : { numRuns: 400 }
    it(`[T8] ${name}`, () => fc.assert(property, { seed, ...limits }), seconds ? 0 : 30_000)
  }
})
