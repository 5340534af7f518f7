import type { Clock } from '../ports/clock.ts'
import type { Progress, ProgressState } from './progress.ts'

const EVERY_MS = 1000

/** Progress for scripts: `{"event":"progress","phase":…,"state":"start"|"running"|"end","files":…}`, at most one running line a second. */
export class JsonProgress implements Progress {
  private label: string | undefined
  private state: ProgressState = {}
  private startedAt = 0
  private writtenAt = 0

  constructor(
    private readonly write: (object: Record<string, unknown>) => void,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  phase(label: string, state: ProgressState = {}): void {
    this.done()
    this.label = label
    this.state = state
    this.startedAt = this.clock.now()
    this.emit('start')
  }

  update(state: ProgressState): void {
    if (this.label === undefined) return
    this.state = { ...this.state, ...state }
    if (this.clock.now() - this.writtenAt >= EVERY_MS) this.emit('running')
  }

  done(): void {
    if (this.label === undefined) return
    this.emit('end')
    this.label = undefined
  }

  stop(): void {
    this.label = undefined
  }

  private emit(state: 'start' | 'running' | 'end'): void {
    this.writtenAt = this.clock.now()
    const ms = state === 'end' ? { ms: this.writtenAt - this.startedAt } : {}
    this.write({ event: 'progress', phase: this.label, state, ...this.state, ...ms })
  }
}
