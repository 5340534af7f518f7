import type { Clock } from '../../src/ports/clock.ts'
import { sleepWith } from './sleep-with.ts'

interface Timer {
  readonly due: number
  /** Order of asking, which decides between timers due at once. */
  readonly turn: number
  readonly fire: () => void
}

/** Taken now, so that a test's fake timers cannot stop us. */
const nextTick = globalThis.setImmediate

/**
 * Real turns of the event loop between two timers. Promise chains of any length end within one; a few more let
 * code through that crosses `setImmediate` or a message port itself. Real files and sockets take as long as they take:
 * whoever needs them awaits them.
 */
const TURNS = 3

/** Time that only moves when told to; timers fire one by one, by due time and then by order of asking. */
export class VirtualClock implements Clock {
  #now: number
  #turn = 0
  readonly #timers = new Set<Timer>()

  /** `start`: ms since 1970. The default is a day in 2026, far from zero, so that "a minute ago" is a date too. */
  constructor(start = Date.UTC(2026, 0, 15, 12)) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  zoneMinutes(): number {
    return 60
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, ms, signal)
  }

  after(ms: number, then: () => void): () => void {
    const timer = { due: this.#now + Math.max(0, ms), turn: this.#turn++, fire: then }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** Lets everything run that waits for no timer. */
  async settle(): Promise<void> {
    for (let i = 0; i < TURNS; i++) await new Promise<void>((resolve) => void nextTick(resolve))
  }

  /** Moves on by `ms`, firing what is due on the way, also timers that others set while they fire. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    await this.settle()
    for (let timer = this.#next(until); timer; timer = this.#next(until)) await this.#fire(timer)
    this.#now = until
  }

  /** The machine sleeps: time goes on and nothing runs. What was due meanwhile is late when time is moved on. */
  suspend(ms: number): void {
    this.#now += ms
  }

  /** Goes from timer to timer until none is left, or until `limitMs` have passed: a heartbeat never lets it end earlier. */
  async runUntilIdle(limitMs: number): Promise<void> {
    const until = this.#now + limitMs
    await this.settle()
    for (let timer = this.#next(until); timer; timer = this.#next(until)) await this.#fire(timer)
  }

  async #fire(timer: Timer): Promise<void> {
    this.#timers.delete(timer)
    this.#now = Math.max(this.#now, timer.due)
    timer.fire()
    await this.settle()
  }

  #next(until: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) {
      if (
        timer.due <= until &&
        (!first || timer.due < first.due || (timer.due === first.due && timer.turn < first.turn))
      )
        first = timer
    }
    return first
  }
}
