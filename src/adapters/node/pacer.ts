import { setImmediate } from 'node:timers/promises'

/** Longest stretch of work without letting anything else run, ms: below the 16 ms of a frame. */
const STRETCH_MS = 10

/** Breaks long synchronous work into stretches: timers and sockets get their turn in between. */
export class Pacer {
  #since = performance.now()

  /** Resolves at once, or after everything else that waits had its turn when the stretch is long enough. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#since < STRETCH_MS) return
    await setImmediate()
    this.#since = performance.now()
  }
}
