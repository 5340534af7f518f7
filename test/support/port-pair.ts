import type { MessagePortLike, PortListener } from '../../src/adapters/port/message-port-like.ts'

/** One end of a port in memory: every message in a microtask of its own. */
export class MemoryPort implements MessagePortLike {
  readonly kind = 'local'
  bufferedAmount = 0
  /** Nothing leaves any more, and nobody is told. */
  isDead = false
  isClosed = false
  /** What was posted, as it left. */
  readonly sent: Uint8Array[] = []
  binding: Uint8Array | null = null
  other!: MemoryPort
  #listener: PortListener | null = null

  listen(listener: PortListener): void {
    this.#listener = listener
  }

  postMessage(message: Uint8Array<ArrayBuffer>): void {
    if (this.isClosed) throw new Error('closed')
    this.post(message)
  }

  /** Anything, as only a hostile side does. */
  post(data: unknown): void {
    if (data instanceof Uint8Array) this.sent.push(data)
    if (!this.isDead) queueMicrotask(() => this.other.isClosed || this.other.#listener?.message(data))
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    queueMicrotask(() => this.#listener?.gone())
    if (!this.isDead) queueMicrotask(() => this.other.close())
  }

  channelBinding(): Uint8Array {
    return this.binding ?? new Uint8Array(0)
  }
}

export function portPair(): [MemoryPort, MemoryPort] {
  const [near, far] = [new MemoryPort(), new MemoryPort()]
  near.other = far
  far.other = near
  return [near, far]
}
