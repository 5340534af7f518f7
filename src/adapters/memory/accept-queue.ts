/**
 * What arrived and was not taken yet, in order, and those who wait for the next one. Bounded: `push` says no when full.
 * After `close` nothing comes out any more, and every waiter gets null.
 */
export class AcceptQueue<T> {
  readonly #capacity: number
  readonly #items: T[] = []
  readonly #waiting: ((item: T | null) => void)[] = []
  #open = true

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** False when the queue is full or closed; then the item stays the caller's. */
  push(item: T): boolean {
    if (!this.#open) return false
    const waiter = this.#waiting.shift()
    if (waiter) waiter(item)
    else if (this.#items.length < this.#capacity) this.#items.push(item)
    else return false
    return true
  }

  next(): Promise<T | null> {
    if (!this.#open) return Promise.resolve(null)
    const item = this.#items.shift()
    if (item !== undefined) return Promise.resolve(item)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  close(): void {
    this.#open = false
    this.#items.length = 0
    for (const waiter of this.#waiting.splice(0)) waiter(null)
  }
}
