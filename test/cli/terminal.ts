import type { Clock } from '../../src/ports/clock.ts'

/** A terminal that understands what the progress bar sends: text, CR, LF, cursor up, erase below, colours. */
export class FakeTerminal {
  readonly isTTY: boolean
  columns: number
  /** Everything as it was written. */
  written: string[] = []
  private rows: string[][] = [[]]
  private row = 0
  private column = 0

  constructor({ isTTY = true, columns = 80 } = {}) {
    this.isTTY = isTTY
    this.columns = columns
  }

  write(text: string, done?: () => void): boolean {
    this.written.push(text)
    for (const [token] of text.matchAll(/\x1b\[\d*(?:;\d+)*[A-Za-z]|[^\x1b]/gu)) this.take(token)
    done?.()
    return true
  }

  /** The screen as a person sees it, without empty lines at the end. */
  get screen(): string[] {
    const lines = this.rows.map((row) =>
      Array.from(row, (char) => char ?? ' ')
        .join('')
        .trimEnd(),
    )
    while (lines.at(-1) === '') lines.pop()
    return lines
  }

  get text(): string {
    return this.written.join('')
  }

  /** Makes the window another width, as terminals do: long lines are wrapped anew. */
  resize(columns: number): void {
    const wrapped: string[][] = []
    this.rows.forEach((row, index) => {
      const from = wrapped.length
      for (let at = 0; at === 0 || at < row.length; at += columns) wrapped.push(row.slice(at, at + columns))
      if (index === this.row) {
        this.row = from + Math.floor(Math.max(0, this.column - 1) / columns)
        this.column = this.column % columns
      }
    })
    this.rows = wrapped
    this.columns = columns
  }

  private take(token: string): void {
    if (token === '\r') this.column = 0
    else if (token === '\n') this.newLine()
    else if (token === '\x1b[J') {
      this.rows[this.row]!.length = Math.min(this.rows[this.row]!.length, this.column)
      this.rows.length = this.row + 1
    } else if (/^\x1b\[\d+A$/.test(token)) this.row = Math.max(0, this.row - Number(token.slice(2, -1)))
    else if (token.endsWith('m') && token.startsWith('\x1b')) return
    else if (token.startsWith('\x1b')) throw new Error(`unknown sequence ${JSON.stringify(token)}`)
    else {
      if (this.column === this.columns) this.newLine()
      this.rows[this.row]![this.column++] = token
    }
  }

  private newLine(): void {
    this.row++
    this.column = 0
    this.rows[this.row] ??= []
  }
}

/** A clock that moves when it is told to. */
export class ManualClock implements Pick<Clock, 'now' | 'after'> {
  private time = 1_000_000
  private timers: { at: number; then: () => void }[] = []

  now(): number {
    return this.time
  }

  after(ms: number, then: () => void): () => void {
    const timer = { at: this.time + ms, then }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter((other) => other !== timer)
    }
  }

  advance(ms: number): void {
    const until = this.time + ms
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.timers = this.timers.filter((timer) => timer !== next)
      this.time = next.at
      next.then()
    }
    this.time = until
  }

  get pending(): number {
    return this.timers.length
  }
}
