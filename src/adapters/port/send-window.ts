/** Chunks under way on one connection, as with 1 MiB of socket buffers: enough for the bandwidth, little for who takes none. */
export const MAX_UNDER_WAY = 16

/**
 * T6: how many chunks are on their way and not acknowledged, over all streams of a connection. Who waits goes on in the order of
 * asking, so no stream starves another. Bounds what the port itself holds, as a data channel that holds too much is closed.
 */
export class SendWindow {
  #underWay = 0
  #isOpen = true
  readonly #waiting: (() => void)[] = []

  /** Resolves when one more chunk may go, or when the window is closed. It counts from then on. */
  async enter(): Promise<void> {
    if (!this.#isOpen) return
    if (this.#underWay < MAX_UNDER_WAY) this.#underWay++
    else await new Promise<void>((wake) => this.#waiting.push(wake))
  }

  /** A chunk has arrived, or did not go after all. */
  leave(): void {
    const next = this.#waiting.shift()
    // The place goes over to the next one.
    if (next) next()
    else this.#underWay--
  }

  close(): void {
    this.#isOpen = false
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
