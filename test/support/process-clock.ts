import type { Clock } from '../../src/ports/clock.ts'
import { sleepWith } from './sleep-with.ts'

/** A process's own hold on a shared clock: when it dies, its timers die with it. */
export class ProcessClock implements Clock {
  readonly #clock: Clock
  readonly #timers = new Set<() => void>()
  #dead = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#clock.now()
  }

  zoneMinutes(): number {
    return this.#clock.zoneMinutes()
  }

  after(ms: number, then: () => void): () => void {
    if (this.#dead) return () => undefined
    const cancel = this.#clock.after(ms, () => {
      this.#timers.delete(cancel)
      then()
    })
    this.#timers.add(cancel)
    return () => {
      this.#timers.delete(cancel)
      cancel()
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, ms, signal)
  }

  die(): void {
    this.#dead = true
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }
}
