import { diffRows, type DiffRow } from './line-diff.ts'
import { formatCount } from './words/format.ts'

/** Rows drawn at most: more is no reading, and would make the screen slow. */
const MAX_ROWS = 2_000

export interface DiffSides {
  /** What each text is called. */
  readonly names: readonly [left: string, right: string]
  readonly texts: readonly [left: string, right: string]
}

/** Two texts side by side, one below the other where it is narrow. Differences are marked by a sign as well as by colour. */
export function drawDiff(parent: HTMLElement, { names, texts }: DiffSides): void {
  const rows = diffRows(texts[0], texts[1])
  const label = `Differences between ${names[0]} and ${names[1]}`
  const el = parent.createDiv({ cls: 'tandem-diff', attr: { tabindex: '0', role: 'region', 'aria-label': label } })
  const head = el.createDiv({ cls: 'tandem-diff-row tandem-diff-head' })
  for (const name of names) head.createDiv({ cls: 'tandem-diff-cell', text: name })
  for (const row of rows.slice(0, MAX_ROWS)) drawRow(el, row, names)
  if (rows.length > MAX_ROWS)
    el.createDiv({ cls: 'tandem-diff-gap', text: `${formatCount(rows.length - MAX_ROWS, 'more line')} not shown` })
}

function drawRow(el: HTMLElement, row: DiffRow, names: DiffSides['names']): void {
  if (row.kind === 'gap')
    return void el.createDiv({ cls: 'tandem-diff-gap', text: `${formatCount(row.lines, 'equal line')}` })
  const line = el.createDiv({ cls: 'tandem-diff-row' })
  if (row.kind === 'same') {
    line.addClass('tandem-diff-same')
    cell(line, row.text, '', '')
    cell(line, row.text, '', 'tandem-diff-twin')
    return
  }
  cell(line, row.left, '−', 'tandem-diff-left', names[0])
  cell(line, row.right, '+', 'tandem-diff-right', names[1])
}

function cell(line: HTMLElement, text: string | null, sign: string, cls: string, name?: string): void {
  const el = line.createDiv({ cls: `tandem-diff-cell ${text === null ? 'tandem-diff-none' : cls}` })
  if (text === null) return
  if (sign) el.createSpan({ cls: 'tandem-diff-sign', text: sign, attr: { 'aria-label': `Only in ${name ?? ''}: ` } })
  el.createSpan({ cls: 'tandem-diff-text', text: text === '' ? ' ' : text })
}
