import { LINK_TIMES, type LinkTimes } from '../protocol/link-session.ts'
import type { QueueOptions } from '../protocol/send-queue.ts'
import type { Settings } from './settings.ts'
import { SHARE_TIMES, type ShareTimes } from './share.ts'

/** What the engine of a device is opened with, of what a person set. */
export interface SettingsOptions {
  readonly maxPeers: number
  readonly linkTimes: LinkTimes
  readonly queue: QueueOptions
  readonly shareTimes: ShareTimes
}

export function settingsOptions(settings: Settings): SettingsOptions {
  const { maxPeers, heartbeatMs, queueLimit, queueWaitMs, queueDrop, debounceMs } = settings
  return {
    maxPeers,
    linkTimes: linkTimes(heartbeatMs),
    queue: { limit: queueLimit, waitMs: queueWaitMs, drop: queueDrop },
    shareTimes: shareTimes(debounceMs),
  }
}

/**
 * L6: three missed pings are unhealthy, six close, as 15 s and 30 s are for pings every 5 s. Two devices need not agree: each is
 * answered on its own pings, and any frame counts as life.
 */
export function linkTimes(heartbeatMs: number): LinkTimes {
  return {
    ...LINK_TIMES,
    pingEveryMs: heartbeatMs,
    unhealthyAfterMs: 3 * heartbeatMs,
    closeAfterMs: 6 * heartbeatMs,
  }
}

/** A vault that never falls quiet is committed every 3 s, or after the quiet time if that is longer. */
export function shareTimes(debounceMs: number): ShareTimes {
  return { ...SHARE_TIMES, debounceMs, debounceLimitMs: Math.max(SHARE_TIMES.debounceLimitMs, debounceMs) }
}
