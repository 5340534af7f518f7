/** L4: seconds to wait before the next attempt to reach a peer, before jitter. */
const STEPS_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000] as const
/** After a clean close by the peer it is probably restarting. */
export const CLEAN_CLOSE_MS = 5_000
/** A link must live this long before the steps begin anew. */
export const LIVED_MS = 30_000

/**
 * The wait before attempt number `failures + 1`. `fraction` in [0, 1) spreads it over 75–100 % of the step, so that two devices
 * that lost each other at the same moment don't dial at the same moment.
 */
export function backoffMs(failures: number, fraction: number): number {
  const step = STEPS_MS[Math.min(failures, STEPS_MS.length - 1)]!
  return Math.round(step * (0.75 + 0.25 * fraction))
}
