import { bytesOf, type MessagePortLike } from './message-port-like.ts'
import { MAX_MESSAGE } from './port-frames.ts'

/** What a message that waits costs beside its bytes. */
const MESSAGE_COST = 256
/** Enough for a hello and a proof: nobody proven has more to say. */
const STRANGER_LIMIT = 1024
/** Once we are about to prove ourselves: the other side may begin while we still check its own proof. */
const PROVEN_LIMIT = 2 * 1024 * 1024
/** Stands for what is no message of ours; no frame is empty. */
const NOT_BYTES = new Uint8Array(0)

/**
 * What a port brings, in order: first asked for one by one by the handshake, then pushed to the connection. What waits meanwhile
 * is bounded (T8); whoever sends more loses the port.
 */
export class PortInbox {
  readonly port: MessagePortLike
  /** Resolves when nothing passes any more. */
  readonly gone: Promise<void>
  #limit = STRANGER_LIMIT
  #held = 0
  #isGone = false
  readonly #messages: Uint8Array[] = []
  #wake: (() => void) | null = null
  #onMessage: ((message: Uint8Array) => void) | null = null

  constructor(port: MessagePortLike) {
    this.port = port
    this.gone = new Promise((resolve) => {
      port.listen({
        message: (data) => this.#arrive(data),
        gone: () => {
          this.#isGone = true
          this.#wake?.()
          resolve()
        },
      })
    })
  }

  /** The next message, or null when none can come any more. For one caller at a time. */
  async next(): Promise<Uint8Array | null> {
    while (this.#messages.length === 0 && !this.#isGone) await new Promise<void>((wake) => (this.#wake = wake))
    const message = this.#messages.shift()
    if (!message) return null
    this.#held -= message.length + MESSAGE_COST
    return message
  }

  expectMore(): void {
    this.#limit = PROVEN_LIMIT
  }

  /** From now on everything goes there, what waits first. */
  attach(onMessage: (message: Uint8Array) => void): void {
    for (const message of this.#messages.splice(0)) onMessage(message)
    this.#onMessage = onMessage
  }

  #arrive(data: unknown): void {
    const bytes = bytesOf(data)
    const message = bytes && bytes.length <= MAX_MESSAGE ? bytes : NOT_BYTES
    if (this.#onMessage) return this.#onMessage(message)
    this.#held += message.length + MESSAGE_COST
    if (this.#held > this.#limit) return this.port.close()
    this.#messages.push(message)
    this.#wake?.()
  }
}
