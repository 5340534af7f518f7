import type { Clock } from '../../ports/clock.ts'
import { TimeSlices } from './time-slices.ts'

/** Longer timers fire at once instead (2^31 - 1 ms, 24 days). */
const LONGEST_MS = 2_147_483_647

/** A clock whose timers end with it. */
export interface ClosableClock extends Clock {
  /** Cancels every timer; a `sleep` under way rejects with an AbortError. Nothing is started any more afterwards. Idempotent. */
  close(): void
  breathe(): Promise<void> | undefined
}

/** The clock of a window. */
export function windowClock(window: Pick<Window, 'setTimeout' | 'clearTimeout'>): ClosableClock {
  const timers = new Map<number, (() => void) | undefined>()
  const slices = new TimeSlices()
  let closed = false
  const start = (ms: number, then: () => void, onClose?: () => void): (() => void) => {
    const timer = window.setTimeout(
      () => {
        timers.delete(timer)
        then()
      },
      Math.min(Math.max(0, ms), LONGEST_MS),
    )
    timers.set(timer, onClose)
    return () => {
      window.clearTimeout(timer)
      timers.delete(timer)
    }
  }
  return {
    now: () => Date.now(),
    // getTimezoneOffset counts minutes west.
    zoneMinutes: () => -new Date().getTimezoneOffset(),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error)
        if (closed) return reject(stopped())
        const onAbort = (): void => {
          cancel()
          reject(signal!.reason as Error)
        }
        const end = (settle: () => void) => () => {
          signal?.removeEventListener('abort', onAbort)
          settle()
        }
        const cancel = start(
          ms,
          end(resolve),
          end(() => reject(stopped())),
        )
        signal?.addEventListener('abort', onAbort, { once: true })
      }),
    after: (ms, then) => (closed ? () => undefined : start(ms, then)),
    breathe: () => slices.breathe(),
    close: () => {
      closed = true
      for (const [timer, onClose] of [...timers]) {
        window.clearTimeout(timer)
        onClose?.()
      }
      timers.clear()
    },
  }
}

const stopped = (): DOMException => new DOMException('The plugin was unloaded.', 'AbortError')
