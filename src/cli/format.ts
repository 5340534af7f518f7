/** Numbers, sizes and times as people read them. Pure: the time now is an argument. */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `1234567` -> `1,234,567`. */
export function formatNumber(value: number): string {
  const [whole, fraction] = Math.abs(value).toString().split('.')
  const grouped = whole!.replace(/\B(?=(\d{3})+$)/g, ',')
  return `${value < 0 ? '-' : ''}${grouped}${fraction ? `.${fraction}` : ''}`
}

/** `1 file`, `2 files`, `1,200 copies` (with the plural given). */
export function formatCount(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatNumber(count)} ${count === 1 ? singular : plural}`
}

/** Decimal units as file managers show them, three digits at most: `0 B`, `999 B`, `1.2 kB`, `34.5 MB`, `345 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = Math.max(0, Math.round(bytes))
  let unit = 0
  // 999.95 would be rounded up to 1000.0: it belongs to the next unit already.
  while (unit < units.length - 1 && (unit === 0 ? value >= 1000 : value >= 999.5)) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`
}

/** A stretch of time, two units at most: `0 ms`, `820 ms`, `3.2 s`, `42 s`, `1 min 5 s`, `2 h 3 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  const span = Math.max(0, ms)
  if (span < 999.5) return `${Math.round(span)} ms`
  if (span < 9.95 * SECOND) return `${(span / SECOND).toFixed(1)} s`
  if (span < 59.5 * SECOND) return `${Math.round(span / SECOND)} s`
  const two = (large: number, largeName: string, small: number, smallName: string): string => {
    const smalls = Math.round(span / small)
    const perLarge = large / small
    const rest = smalls % perLarge
    const head = `${Math.floor(smalls / perLarge)} ${largeName}`
    return rest === 0 ? head : `${head} ${rest} ${smallName}`
  }
  if (span < 59.5 * MINUTE) return two(MINUTE, 'min', SECOND, 's')
  if (span < 23.5 * HOUR) return two(HOUR, 'h', MINUTE, 'min')
  return two(DAY, 'd', HOUR, 'h')
}

/** When something was, seen from `now`: `just now`, `5 minutes ago`, `in 2 hours`; beyond 30 days the date (UTC). */
export function formatRelativeTime(at: number, now: number): string {
  const distance = Math.abs(now - at)
  if (distance < 10 * SECOND) return 'just now'
  if (distance >= 30 * DAY) return new Date(at).toISOString().slice(0, 10)
  const phrase =
    distance < MINUTE
      ? formatCount(Math.floor(distance / SECOND), 'second')
      : distance < HOUR
        ? formatCount(Math.floor(distance / MINUTE), 'minute')
        : distance < DAY
          ? formatCount(Math.floor(distance / HOUR), 'hour')
          : formatCount(Math.floor(distance / DAY), 'day')
  return at <= now ? `${phrase} ago` : `in ${phrase}`
}

/** `2026-08-02 14:05`, in local time unless a zone (minutes east of UTC) is given. */
export function formatTime(at: number, zoneMinutes?: number): string {
  const zone = zoneMinutes ?? -new Date(at).getTimezoneOffset()
  return new Date(at + zone * MINUTE).toISOString().slice(0, 16).replace('T', ' ')
}
