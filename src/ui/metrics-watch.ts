import type { DeviceMetrics } from '../engine/metrics.ts'
import type { TandemFace } from './face.ts'

/** How often they are asked for anew, ms: the engine reads trees to answer. */
const EVERY = 3_000

/** The engine's numbers (L10) for a screen, asked for while it is shown and no longer. */
export class MetricsWatch {
  readonly #face: TandemFace
  readonly #onRead: () => void
  #latest: DeviceMetrics | null = null
  #timer: number | null = null
  #reading = false

  constructor(face: TandemFace, onRead: () => void) {
    this.#face = face
    this.#onRead = onRead
  }

  /** Null before the first answer. While the engine starts anew, those of the last one. */
  get latest(): DeviceMetrics | null {
    return this.#latest
  }

  start(): void {
    this.stop()
    this.#timer = window.setInterval(() => void this.#read(), EVERY)
    void this.#read()
  }

  stop(): void {
    if (this.#timer !== null) window.clearInterval(this.#timer)
    this.#timer = null
  }

  async #read(): Promise<void> {
    const { device } = this.#face
    if (!device || this.#reading) return
    this.#reading = true
    try {
      const metrics = await device.metrics()
      if (device === this.#face.device) this.#latest = metrics
    } catch {
      // The engine is being stopped, or its store cannot be read, which the settings say at their top.
    } finally {
      this.#reading = false
    }
    if (this.#timer !== null) this.#onRead()
  }
}
