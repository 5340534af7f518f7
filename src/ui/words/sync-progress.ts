import { formatBytes, formatNumber, formatWait } from './format.ts'

/** How far a transfer is. */
export interface SyncProgress {
  readonly filesDone: number
  readonly filesTotal: number
  readonly bytesDone: number
  /** 0 while unknown. */
  readonly bytesTotal: number
  /** When it began, ms since 1970. */
  readonly startedAt: number
}

/** Less than this says nothing about the speed, ms. */
const LEAST_MEASURED = 2_000

/** Time left at the speed so far, ms; null while that cannot be told. */
export function timeLeft({ bytesDone, bytesTotal, startedAt }: SyncProgress, now: number): number | null {
  const passed = now - startedAt
  if (passed < LEAST_MEASURED || bytesDone <= 0 || bytesTotal <= bytesDone) return null
  return (passed / bytesDone) * (bytesTotal - bytesDone)
}

/** `1,200 of 4,000 files`; empty while the number is unknown. */
export function filesSentence({ filesDone, filesTotal }: SyncProgress): string {
  return filesTotal > 0 ? `${formatNumber(filesDone)} of ${formatNumber(filesTotal)} files` : ''
}

/** `12 MB of 40 MB · about 3 min left`: for the first sync, which takes a while; empty while nothing is known. */
export function amountSentence(progress: SyncProgress, now: number): string {
  const { bytesDone, bytesTotal } = progress
  const left = timeLeft(progress, now)
  return [
    bytesTotal > 0
      ? `${formatBytes(Math.min(bytesDone, bytesTotal))} of ${formatBytes(bytesTotal)}`
      : bytesDone > 0 && formatBytes(bytesDone),
    left !== null && `about ${formatWait(left)} left`,
  ]
    .filter((part) => part !== false)
    .join(' · ')
}

/** Several transfers at once as one; null for none. */
export function sumProgress(all: readonly SyncProgress[]): SyncProgress | null {
  if (all.length === 0) return null
  const sum = (pick: (one: SyncProgress) => number) => all.reduce((total, one) => total + pick(one), 0)
  return {
    filesDone: sum((p) => p.filesDone),
    filesTotal: sum((p) => p.filesTotal),
    bytesDone: sum((p) => p.bytesDone),
    bytesTotal: sum((p) => p.bytesTotal),
    startedAt: Math.min(...all.map((p) => p.startedAt)),
  }
}
