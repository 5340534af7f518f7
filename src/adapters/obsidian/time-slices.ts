/** Longest stretch of work without a turn for others, ms: what follows until the next look, and the frame itself, fit into 16 ms with it. */
const SLICE_MS = 4

/** Lets the UI thread breathe during long work: whoever does it calls `pause` every few dozen items. */
export class TimeSlices {
  readonly #now: () => number
  readonly #nextTurn: () => Promise<void>
  #began: number

  constructor(nextTurn: () => Promise<void> = nextTurnByMessage, now: () => number = () => performance.now()) {
    this.#nextTurn = nextTurn
    this.#now = now
    this.#began = now()
  }

  async pause(): Promise<void> {
    await this.breathe()
  }

  /** The same; undefined when it is not time yet. Of several who wait at once, each gets a turn of its own. */
  breathe(): Promise<void> | undefined {
    if (this.#now() - this.#began < SLICE_MS) return undefined
    return this.#nextTurn().then(() => {
      this.#began = this.#now()
    })
  }
}

/** A turn of the event loop. A message comes at once; a timer of 0 ms takes 4 in a browser, and up to a minute in the background. */
export function nextTurnByMessage(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}
