import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'

export interface WireOptions {
  readonly clock: Clock
  /** Stretches each message's latency by up to itself, seeded. */
  readonly random?: Random
  readonly latencyMs: number
  /** Unlimited when left out. */
  readonly bytesPerMs?: number
}

interface Message {
  readonly deliver: () => void
  arrived: boolean
}

/** One direction between two endpoints: messages arrive in order, each after the latency and the time its bytes take. */
export class MemoryWire {
  readonly #options: WireOptions
  #queue: Message[] = []
  /** When the last byte sent so far has left, ms on the clock. */
  #busyUntil = 0
  #held = false

  constructor(options: WireOptions) {
    this.#options = options
  }

  send(bytes: number, deliver: () => void): void {
    const message = { deliver, arrived: false }
    this.#queue.push(message)
    const arrive = (): void => {
      message.arrived = true
      this.#deliver()
    }
    const delay = this.#delayOf(bytes)
    if (delay > 0) this.#options.clock.after(delay, arrive)
    else queueMicrotask(arrive)
  }

  /** While held nothing arrives and nothing is lost, as packets are sent again until a path is back. */
  hold(held: boolean): void {
    this.#held = held
    this.#deliver()
  }

  /** Loses all that is under way. */
  drop(): void {
    this.#queue = []
  }

  #delayOf(bytes: number): number {
    const { clock, random, latencyMs, bytesPerMs } = this.#options
    const latency = random ? latencyMs * (1 + random.fraction()) : latencyMs
    if (bytesPerMs === undefined) return latency
    const now = clock.now()
    this.#busyUntil = Math.max(this.#busyUntil, now) + bytes / bytesPerMs
    return this.#busyUntil - now + latency
  }

  #deliver(): void {
    // `deliver` may hold or drop this wire.
    while (!this.#held && this.#queue[0]?.arrived) this.#queue.shift()!.deliver()
  }
}
