import type { Clock } from '../ports/clock.ts'

const TICK_MS = 5_000
/** A tick that comes so much later than asked: the machine slept, or the process stood still. Both ends of a link may be gone. */
const LATE_MS = 10_000

/** Notices that the machine slept (L4), for want of anybody who says so. */
export class WakeWatch {
  readonly #clock: Clock
  readonly #onWake: () => void
  #cancel: (() => void) | null = null
  #stopped = false

  constructor(clock: Clock, onWake: () => void) {
    this.#clock = clock
    this.#onWake = onWake
  }

  /** Idempotent; nothing after `stop`, so that a start that is overtaken by it leaves no timer (L9). */
  start(): void {
    if (!this.#cancel && !this.#stopped) this.#tickLater()
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }

  #tickLater(): void {
    const due = this.#clock.now() + TICK_MS
    this.#cancel = this.#clock.after(TICK_MS, () => {
      const isLate = this.#clock.now() - due > LATE_MS
      this.#tickLater()
      if (isLate) this.#onWake()
    })
  }
}
