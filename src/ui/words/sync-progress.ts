import { formatBytes, formatCount, formatNumber, formatWait } from './format.ts'

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

/** How far the files that arrived are written into the vault. */
export type WritingProgress = Pick<SyncProgress, 'filesDone' | 'filesTotal'>

/** What runs with one peer. */
export interface PeerTransfers {
  readonly receiving?: SyncProgress
  readonly sending?: SyncProgress
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
export function filesSentence({ filesDone, filesTotal }: WritingProgress): string {
  return filesTotal > 0 ? `${formatNumber(filesDone)} of ${formatCount(filesTotal, 'file')}` : ''
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

/** `12 of 40 files · 1.2 MB of 4.0 MB · about 30 s left`. Of the history that comes before the files, the bytes alone are known. */
export function progressSentence(progress: SyncProgress, now: number): string {
  const first = filesSentence(progress) || 'The history comes first'
  return [first, amountSentence(progress, now)].filter(Boolean).join(' · ')
}

/** `receiving 12 of 40 files, sending 1 of 2 files`; empty while no number is known. */
export function transfersSentence({ receiving, sending }: PeerTransfers): string {
  const part = (verb: string, progress: SyncProgress | undefined): string =>
    progress && progress.filesTotal > 0 ? `${verb} ${filesSentence(progress)}` : ''
  return [part('receiving', receiving), part('sending', sending)].filter(Boolean).join(', ')
}

/** `writing 3 of 40 files into the vault`; empty while nothing is written. */
export function writingSentence(writing: WritingProgress | null): string {
  return writing ? `writing ${filesSentence(writing)} into the vault` : ''
}

/** Several transfers at once as one; null for none. Those of which nobody knows how long they are count only while all are so. */
export function sumProgress(running: readonly SyncProgress[]): SyncProgress | null {
  if (running.length === 0) return null
  const known = running.filter(({ bytesTotal }) => bytesTotal > 0)
  const all = known.length > 0 ? known : running
  const sum = (pick: (one: SyncProgress) => number) => all.reduce((total, one) => total + pick(one), 0)
  return {
    filesDone: sum((p) => p.filesDone),
    filesTotal: sum((p) => p.filesTotal),
    bytesDone: sum((p) => p.bytesDone),
    bytesTotal: sum((p) => p.bytesTotal),
    startedAt: Math.min(...all.map((p) => p.startedAt)),
  }
}
