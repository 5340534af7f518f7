/** How long others had to wait for the page's thread. */
export interface Stalls {
  /** Wall clock of what was measured. */
  readonly ms: number
  /** How late a heartbeat came, ms: at most, and how many were later than a frame takes. */
  readonly longest: number
  readonly over: number
  /** The browser's own `longtask` entries: tasks above 50 ms. */
  readonly longTasks: number
  /** Late heartbeats: when they were due, by `performance.now()`, and by how much. */
  readonly late: readonly (readonly [at: number, ms: number])[]
}

/** One frame at 60 per second. */
const FRAME_MS = 16
/** From one heartbeat to the next: often enough to see every frame, seldom enough to cost nothing. */
const BEAT_MS = 4
/** `longtask` entries come a moment after the task. */
const LAST_ENTRIES_MS = 100

/**
 * Has a message sent to itself every few milliseconds: what keeps it waiting would keep a keystroke waiting. By the wall clock, so
 * other programs on a busy machine count too; and several short tasks in a row count as one.
 */
export async function measureStalls(work: () => Promise<unknown>): Promise<Stalls> {
  const { port1, port2 } = new MessageChannel()
  const late: [number, number][] = []
  let longTasks = 0
  const observer = new PerformanceObserver((list) => (longTasks += list.getEntries().length))
  observer.observe({ type: 'longtask' })
  let longest = 0
  let due = 0
  let timer = 0
  const beat = (): void => {
    due = performance.now() + BEAT_MS
    timer = window.setTimeout(() => port2.postMessage(null), BEAT_MS)
  }
  port1.onmessage = () => {
    const lateness = performance.now() - due
    longest = Math.max(longest, lateness)
    if (lateness > FRAME_MS) late.push([due, lateness])
    beat()
  }
  beat()
  const began = performance.now()
  try {
    await work()
  } finally {
    await new Promise((resolve) => setTimeout(resolve, 2 * BEAT_MS))
    window.clearTimeout(timer)
    port1.close()
  }
  const ms = performance.now() - began
  await new Promise((resolve) => setTimeout(resolve, LAST_ENTRIES_MS))
  observer.disconnect()
  return { ms, longest, over: late.length, longTasks, late }
}
