import { posix } from 'node:path'
import { displayWidth, truncateToWidth } from '../cli/display-width.ts'
import { printable } from '../cli/printable.ts'

/** So that a sentence with two names fits a terminal of 80 columns. */
const COLUMNS = 24

/** A note as Obsidian speaks of it, without folder and `.md`, in quotes; long names are cut in the middle. */
export function shortName(path: string, columns = COLUMNS): string {
  return `“${cutMiddle(printable(posix.basename(path).replace(/\.md$/i, '')), columns)}”`
}

/** Keeps both ends, for names often differ in the last letters only. At most `columns` wide. */
export function cutMiddle(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text
  const head = truncateToWidth(text, Math.ceil(columns / 2))
  let tail = ''
  for (const { segment } of [...new Intl.Segmenter('en').segment(text)].reverse()) {
    if (displayWidth(head + segment + tail) > columns) break
    tail = segment + tail
  }
  return head + tail
}
