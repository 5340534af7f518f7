import type { Clock } from '../ports/clock.ts'
import { displayWidth } from './display-width.ts'
import { printable } from './printable.ts'
import { phaseSummary, progressLine } from './progress-line.ts'
import type { Progress, ProgressState } from './progress.ts'
import { RateMeter } from './rate-meter.ts'
import type { Style } from './style.ts'

export interface ProgressStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** At most ten redraws a second: more is flicker, and costs the work itself. */
const REDRAW_MS = 100
/** While nothing arrives, rate and time left are still brought up to date. */
const IDLE_REDRAW_MS = 1000

interface Phase {
  readonly label: string
  readonly startedAt: number
  readonly bytes: RateMeter
  readonly files: RateMeter
  state: ProgressState
}

/**
 * Progress for people. On a terminal one line that is drawn over and over and replaced by a summary at the end;
 * elsewhere one line at the start and one at the end of each phase.
 * Whoever else writes to the same terminal does it inside `above`.
 */
export class ProgressBar implements Progress {
  private current: Phase | undefined
  /** Columns of the line on the screen; 0 when there is none. */
  private drawn = 0
  private drawnAt = Number.NEGATIVE_INFINITY
  private cancelRedraw: (() => void) | undefined

  constructor(
    private readonly stream: ProgressStream,
    private readonly clock: Pick<Clock, 'now' | 'after'>,
    private readonly style: Style,
  ) {}

  phase(label: string, state: ProgressState = {}): void {
    this.done()
    const now = this.clock.now()
    const name = printable(label)
    this.current = { label: name, startedAt: now, bytes: new RateMeter(), files: new RateMeter(), state: {} }
    this.take(this.current, state, now)
    if (this.stream.isTTY) this.draw(this.current)
    else this.stream.write(`${name} …\n`)
  }

  update(state: ProgressState): void {
    const phase = this.current
    if (!phase) return
    const now = this.clock.now()
    this.take(phase, state, now)
    if (!this.stream.isTTY) return
    if (now - this.drawnAt >= REDRAW_MS) this.draw(phase)
    else this.redrawIn(this.drawnAt + REDRAW_MS - now)
  }

  done(): void {
    const phase = this.current
    if (!phase) return
    this.stop()
    const summary = phaseSummary(phase.state, this.clock.now() - phase.startedAt)
    const line = this.stream.isTTY
      ? `${this.style.green('✓')} ${phase.label}  ${this.style.dim(summary)}`
      : `${phase.label}: ${summary}`
    this.stream.write(`${line}\n`)
  }

  stop(): void {
    this.current = undefined
    this.cancelRedraw?.()
    this.cancelRedraw = undefined
    this.clear()
  }

  /** Runs `write` with the bar out of the way, and draws it again below what was written. */
  above(write: () => void): void {
    this.clear()
    write()
    if (this.current && this.stream.isTTY) this.draw(this.current)
  }

  private take(phase: Phase, state: ProgressState, now: number): void {
    phase.state = { ...phase.state, ...state }
    phase.bytes.add(now, phase.state.bytes ?? 0)
    phase.files.add(now, phase.state.files ?? 0)
  }

  private draw(phase: Phase): void {
    const now = this.clock.now()
    const view = {
      label: phase.label,
      state: phase.state,
      bytesRate: phase.state.bytes === undefined ? undefined : phase.bytes.rate(now),
      filesRate: phase.files.rate(now),
    }
    // One column stays free: some terminals wrap as soon as the last one is filled.
    const line = progressLine(view, this.columns() - 1, this.style)
    this.stream.write(this.eraser() + line)
    this.drawn = displayWidth(line)
    this.drawnAt = now
    this.redrawIn(IDLE_REDRAW_MS)
  }

  private redrawIn(ms: number): void {
    this.cancelRedraw?.()
    this.cancelRedraw = this.clock.after(ms, () => {
      if (this.current) this.draw(this.current)
    })
  }

  private clear(): void {
    if (this.drawn > 0) this.stream.write(this.eraser())
    this.drawn = 0
  }

  /** Back to the line's start and rid of it, also when a window made narrower since has wrapped it. */
  private eraser(): string {
    if (this.drawn === 0) return ''
    const rowsAbove = Math.ceil(this.drawn / this.columns()) - 1
    return `\r${rowsAbove > 0 ? `\x1b[${rowsAbove}A` : ''}\x1b[J`
  }

  private columns(): number {
    return this.stream.columns || 80
  }
}
