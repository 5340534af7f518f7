import { displayWidth, truncateToWidth } from './display-width.ts'
import { formatBytes, formatCount, formatDuration, formatNumber, formatRate } from './format.ts'
import type { ProgressState } from './progress.ts'
import type { Style } from './style.ts'

/** What one redraw shows. Rates are per second, undefined while unknown. */
export interface ProgressView {
  readonly label: string
  readonly state: ProgressState
  readonly bytesRate: number | undefined
  readonly filesRate: number | undefined
}

const MIN_BAR = 8
const MAX_BAR = 30
/** Beyond a day a guess is worth nothing. */
const LONGEST_GUESS_MS = 24 * 60 * 60 * 1000

/** 0..1 by bytes, else by files; undefined while no total is known. Never above 1, whatever was announced. */
export function fractionDone({ files = 0, totalFiles, bytes = 0, totalBytes }: ProgressState): number | undefined {
  const share = (done: number, total: number): number => Math.min(1, Math.max(0, done / total))
  if (totalBytes) return share(bytes, totalBytes)
  if (totalFiles) return share(files, totalFiles)
  return undefined
}

function msLeft({ state, bytesRate, filesRate }: ProgressView): number | undefined {
  const { files = 0, totalFiles, bytes = 0, totalBytes } = state
  const left = (remaining: number, rate: number | undefined): number | undefined =>
    rate && remaining > 0 ? (remaining * 1000) / rate : undefined
  const guess = totalBytes
    ? left(totalBytes - bytes, bytesRate)
    : totalFiles
      ? left(totalFiles - files, filesRate)
      : undefined
  return guess !== undefined && guess <= LONGEST_GUESS_MS ? guess : undefined
}

function filesText({ files, totalFiles }: ProgressState): string | undefined {
  if (files === undefined) return undefined
  return totalFiles === undefined
    ? formatCount(files, 'file')
    : `${formatNumber(files)}/${formatCount(totalFiles, 'file')}`
}

function bytesText({ bytes, totalBytes }: ProgressState): string | undefined {
  if (bytes === undefined) return undefined
  return totalBytes === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`
}

function bar(fraction: number, width: number, style: Style): string {
  const full = Math.floor(fraction * width)
  return style.green('━'.repeat(full)) + style.dim('─'.repeat(width - full))
}

/**
 * One line of at most `columns` wide. On a narrow terminal the details go one by one (rate, bytes, time left, files),
 * then the bar; label and percentage stay, the label cut if it must be.
 */
export function progressLine(view: ProgressView, columns: number, style: Style): string {
  const fraction = fractionDone(view.state)
  const percent = fraction === undefined ? undefined : `${String(Math.floor(fraction * 100)).padStart(3)} %`
  const left = msLeft(view)
  const details = [
    { text: filesText(view.state), goesAt: 4 },
    { text: bytesText(view.state), goesAt: 2 },
    { text: view.bytesRate === undefined ? undefined : formatRate(view.bytesRate), goesAt: 1 },
    { text: left === undefined ? undefined : `${formatDuration(left)} left`, goesAt: 3 },
  ].filter((detail): detail is { text: string; goesAt: number } => detail.text !== undefined)

  const gap = 2
  const widthOf = (parts: readonly string[]): number =>
    parts.reduce((sum, part) => sum + gap + displayWidth(part), -gap)

  const percentText = percent === undefined ? [] : [percent]
  const line = (label: string, shown: readonly string[], drawn: readonly string[] = []): string =>
    [style.bold(label), ...drawn, ...percentText, ...shown.map((text) => style.dim(text))].join(' '.repeat(gap))

  for (let step = 0; step <= 4; step++) {
    const shown = details.filter(({ goesAt }) => goesAt > step).map(({ text }) => text)
    const room = columns - widthOf([view.label, ...percentText, ...shown])
    if (fraction !== undefined && room >= gap + MIN_BAR) {
      return line(view.label, shown, [bar(fraction, Math.min(MAX_BAR, room - gap), style)])
    }
    if (room >= 0 && (fraction === undefined || step === 4)) return line(view.label, shown)
  }
  const forLabel = columns - widthOf(['', ...percentText])
  return forLabel >= 3 ? line(truncateToWidth(view.label, forLabel), []) : truncateToWidth(view.label, columns)
}

/** `1,203 files, 12.3 MB, 2.1 s`: what a finished phase came to. */
export function phaseSummary(state: ProgressState, ms: number): string {
  return [
    state.files === undefined ? undefined : formatCount(state.files, 'file'),
    state.bytes === undefined ? undefined : formatBytes(state.bytes),
    formatDuration(ms),
  ]
    .filter((part) => part !== undefined)
    .join(', ')
}
