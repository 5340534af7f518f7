/** Speed over the last seconds, from a count that only grows. Holds at most WINDOW / STEP samples. */

/** Long enough to be calm, short enough to show a stall. */
const WINDOW_MS = 5000
const STEP_MS = 100

export class RateMeter {
  private readonly samples: { at: number; total: number }[] = []

  add(now: number, total: number): void {
    const last = this.samples.at(-1)
    if (last && now - last.at < STEP_MS && this.samples.length > 1) last.total = total
    else this.samples.push({ at: now, total })
    // The first kept sample is the newest one that is a whole window old, so that the window is always covered.
    while (this.samples.length > 2 && now - this.samples[1]!.at >= WINDOW_MS) this.samples.shift()
  }

  /** Units per second up to `now`; undefined until half a second has been seen. Falls towards 0 while nothing moves. */
  rate(now: number): number | undefined {
    const first = this.samples[0]
    const last = this.samples.at(-1)
    if (!first || !last) return undefined
    const span = now - first.at
    return span < 500 ? undefined : ((last.total - first.total) * 1000) / span
  }
}
