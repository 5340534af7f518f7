import type { Clock } from '../../src/ports/clock.ts'
import { systemClock } from '../../src/adapters/node/system-clock.ts'

/** Real time, without real waiting: a sleep ends at the next turn of the event loop. For adapters on real files. */
export const quickClock: Clock = {
  now: () => systemClock.now(),
  zoneMinutes: () => 0,
  sleep: async (_ms, signal) => {
    await new Promise<void>((resolve) => setImmediate(resolve))
    signal?.throwIfAborted()
  },
  after: (_ms, then) => {
    const turn = setImmediate(then)
    return () => clearImmediate(turn)
  },
}
