/** Numbers, sizes and times as the plugin's screens show them. Pure: the time now is an argument. All times in ms. */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `1234567` -> `1,234,567`. */
export function formatNumber(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 file`, `2 files`, `1,200 copies` (with the plural given). */
export function formatCount(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatNumber(count)} ${count === 1 ? singular : plural}`
}

/** Decimal units as file managers show them: `0 B`, `999 B`, `1.2 kB`, `345 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = Math.max(0, Math.round(bytes))
  let unit = 0
  // 999.5 would be rounded up to 1000: it belongs to the next unit already.
  while (unit < units.length - 1 && value >= (unit === 0 ? 1000 : 999.5)) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`
}

/** How long something still takes, one unit, never less than a second: `20 s`, `3 min`, `2 h`. */
export function formatWait(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / SECOND))
  if (seconds < 60) return `${seconds} s`
  if (ms <= 59.5 * MINUTE) return `${Math.round(ms / MINUTE)} min`
  return `${Math.round(ms / HOUR)} h`
}

/** `9:05`: minutes and seconds left; a second that has begun counts. */
export function formatCountdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / SECOND))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** When something was: `just now`, `5 minutes ago`, `yesterday`, `3 days ago`; beyond 30 days the date. A time ahead is `just now`: clocks differ. */
export function formatAgo(at: number, now: number): string {
  const distance = now - at
  if (distance < MINUTE) return 'just now'
  if (distance < HOUR) return `${formatCount(Math.floor(distance / MINUTE), 'minute')} ago`
  if (distance < DAY) return `${formatCount(Math.floor(distance / HOUR), 'hour')} ago`
  if (distance < 2 * DAY) return 'yesterday'
  if (distance < 30 * DAY) return `${formatCount(Math.floor(distance / DAY), 'day')} ago`
  return `on ${formatMoment(at).slice(0, 10)}`
}

/** `2026-08-02 14:05`, in local time unless a zone (minutes east of UTC) is given. */
export function formatMoment(at: number, zoneMinutes = -new Date(at).getTimezoneOffset()): string {
  return new Date(at + zoneMinutes * MINUTE).toISOString().slice(0, 16).replace('T', ' ')
}

/** `1 file, 2 folders and 3 notes`. */
export function formatList(parts: readonly string[]): string {
  if (parts.length <= 1) return parts.join('')
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

/** As the beginning of a sentence. */
export function firstUpper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
