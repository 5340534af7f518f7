/** Quiet time after the last letter before a field is saved, ms. */
const QUIET = 800

/** Saves what is typed when the typing stops, or when the screen goes: a name is not sent letter by letter. */
export class DebouncedSaves {
  readonly #waiting = new Map<string, { timer: number; save: () => void }>()

  later(key: string, save: () => void): void {
    const before = this.#waiting.get(key)
    if (before) window.clearTimeout(before.timer)
    const timer = window.setTimeout(() => {
      this.#waiting.delete(key)
      save()
    }, QUIET)
    this.#waiting.set(key, { timer, save })
  }

  flush(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { timer, save } of waiting) {
      window.clearTimeout(timer)
      save()
    }
  }
}
