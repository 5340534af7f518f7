import type { Clock } from '../../ports/clock.ts'

/** After so much silence we ask; after three times as much the other side is gone. */
const ASK_EVERY_MS = 10_000
const QUIET_TIMES = 3
/** T6: the longest wait for an acknowledgement while chunks are under way. */
export const ACKNOWLEDGE_MS = 30_000
/** Pings answered: one in so many ms, so that a flood of them makes no flood of answers. */
const ANSWER_EVERY_MS = 1000

export interface LivenessHost {
  ping(): void
  /** Nothing came for 30 s, or no acknowledgement. Called once. */
  dead(): void
}

/**
 * Whether a port still carries. Anything that arrives is a sign of life, a reader that takes nothing is not a sign of death: chunks
 * are acknowledged when they arrive. It asks and waits for answers instead of expecting signs unasked, because timers of a page in
 * the background run late and its messages do not.
 */
export class PortLiveness {
  readonly #clock: Clock
  readonly #host: LivenessHost
  #quietTimes = 0
  #cancelQuiet: () => void = () => undefined
  #cancelWait: (() => void) | null = null
  #answeredAt = -Infinity

  constructor(clock: Clock, host: LivenessHost) {
    this.#clock = clock
    this.#host = host
    this.#await()
  }

  heard(): void {
    this.#quietTimes = 0
    this.#cancelQuiet()
    this.#await()
  }

  /** A chunk is on its way. */
  sent(): void {
    this.#cancelWait ??= this.#clock.after(ACKNOWLEDGE_MS, () => this.#host.dead())
  }

  /** One was acknowledged. */
  acknowledged(underWay: number): void {
    this.#cancelWait?.()
    this.#cancelWait = null
    if (underWay > 0) this.sent()
  }

  mayAnswer(): boolean {
    const now = this.#clock.now()
    if (now - this.#answeredAt < ANSWER_EVERY_MS) return false
    this.#answeredAt = now
    return true
  }

  stop(): void {
    this.#cancelQuiet()
    this.#cancelWait?.()
  }

  #await(): void {
    this.#cancelQuiet = this.#clock.after(ASK_EVERY_MS, () => {
      if (++this.#quietTimes >= QUIET_TIMES) return this.#host.dead()
      this.#await()
      this.#host.ping()
    })
  }
}
