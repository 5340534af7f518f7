import { displayWidth, padToWidth, truncateToWidth } from './display-width.ts'
import { printable } from './printable.ts'
import type { Style } from './style.ts'

export interface TableColumn {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** May be cut when the table is too wide; the widest such column gives way first. */
  readonly shrinks?: boolean
  /** Colours a finished cell, filling included. */
  readonly paint?: (text: string, row: number) => string
}

/** A cut column keeps at least this much: three letters and an ellipsis. */
const NARROWEST = 4
const GAP = '  '

/**
 * Aligned columns below dim titles, without rules; the last column is not filled up. Cells are plain text:
 * colours come from `paint`, control characters are shown as escapes. `width` undefined: nothing is cut.
 */
export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  style: Style,
  width?: number,
): string {
  const cells = rows.map((row) => columns.map((_, index) => printable(row[index] ?? '')))
  const widths = columns.map(({ title }, index) =>
    Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[index]!))),
  )
  if (width !== undefined) shrink(columns, widths, width)

  const cell = (text: string, index: number): string => {
    const cut = truncateToWidth(text, widths[index]!)
    const align = columns[index]!.align ?? 'left'
    const isLast = index === columns.length - 1
    return isLast && align === 'left' ? cut : padToWidth(cut, widths[index]!, align)
  }
  const header = columns.map(({ title }, index) => style.dim(cell(title, index))).join(GAP)
  const body = cells.map((row, rowIndex) =>
    row
      .map((text, index) => {
        const filled = cell(text, index)
        return columns[index]!.paint?.(filled, rowIndex) ?? filled
      })
      .join(GAP),
  )
  return [header, ...body].map((line) => line.trimEnd()).join('\n')
}

/** Takes the surplus from the shrinkable columns, always from the widest. Changes `widths`. */
function shrink(columns: readonly TableColumn[], widths: number[], available: number): void {
  const gaps = GAP.length * (columns.length - 1)
  let surplus = widths.reduce((sum, width) => sum + width, gaps) - available
  while (surplus > 0) {
    let widest = -1
    columns.forEach(({ shrinks }, index) => {
      if (shrinks && widths[index]! > NARROWEST && (widest < 0 || widths[index]! > widths[widest]!)) widest = index
    })
    if (widest < 0) return
    widths[widest]!--
    surplus--
  }
}
