/** Longest stretch of work without a turn for others, ms: what follows until the next look, and the frame itself, fit into 16 ms with it. */
const SLICE_MS = 4

/** What of the platform it takes; tests give their own. */
export interface Turns {
  readonly nextTurn: () => Promise<void>
  /** Whether somebody types or clicks and waits for the thread. */
  readonly isInputPending: () => boolean
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number
}

/** Lets the UI thread breathe during long work: whoever does it calls `pause` every few dozen items. */
export class TimeSlices {
  readonly #turns: Turns
  #began: number

  /** What is not given is the platform's own. */
  constructor({ nextTurn, isInputPending, now }: { readonly [K in keyof Turns]?: Turns[K] | undefined } = {}) {
    this.#turns = {
      nextTurn: nextTurn ?? platformTurn,
      isInputPending: isInputPending ?? platformInput,
      now: now ?? (() => performance.now()),
    }
    this.#began = this.#turns.now()
  }

  async pause(): Promise<void> {
    await this.breathe()
  }

  /** The same; undefined when it is not time yet. Of several who wait at once, each gets a turn of its own. */
  breathe(): Promise<void> | undefined {
    if (this.#turns.now() - this.#began < SLICE_MS && !this.#turns.isInputPending()) return undefined
    return this.#turns.nextTurn().then(() => {
      this.#began = this.#turns.now()
    })
  }
}

/** Chromium alone has these, and so desktops and Android. */
interface Scheduling {
  readonly scheduler?: { postTask?(then: () => void): Promise<void> }
  readonly navigator?: { readonly scheduling?: { isInputPending?(): boolean } }
}

const { scheduler, navigator } = (typeof window === 'undefined' ? {} : window) as Scheduling

const platformTurn = (): Promise<void> => scheduler?.postTask?.(() => undefined) ?? turnByMessage()
const platformInput = (): boolean => navigator?.scheduling?.isInputPending?.() === true

/** A turn of the event loop. A message comes at once; a timer of 0 ms takes 4 in a browser, and up to a minute in the background. */
function turnByMessage(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}
