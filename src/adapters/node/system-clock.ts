import type { Clock } from '../../ports/clock.ts'

/** The machine's clock. A pending `sleep` or `after` keeps the process alive: whoever starts one ends it. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // getTimezoneOffset counts minutes west.
  zoneMinutes: () => -new Date().getTimezoneOffset(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error)
      const end = (): void => {
        clearTimeout(timer)
        reject(signal!.reason as Error)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', end)
        resolve()
      }, ms)
      signal?.addEventListener('abort', end, { once: true })
    }),
  after: (ms, then) => {
    const timer = setTimeout(then, ms)
    return () => clearTimeout(timer)
  },
}
