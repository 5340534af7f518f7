/**
 * One measured thing: `value` in `unit`; `beside` is what it is compared with (stock git, the raw binding), in the same unit;
 * `aim` as a bound of `value`, or of the ratio to `beside` when it says `x`: `{ most: 200 }`, `{ most: 0.8, x: true }`, `{ least: 0.8, x: true }`.
 * @typedef {{ what: string, unit: string, value: number | undefined, beside?: { name: string, value: number | undefined },
 *   aim?: { most?: number, least?: number, x?: boolean }, note?: string }} Row
 */

const DIGITS = { ms: 0, MB: 1, 'MB/s': 1, s: 2, '%': 2, kB: 2, µs: 1, bytes: 0, objects: 0, messages: 0, times: 0 }

const show = (value, unit) =>
  value === undefined || Number.isNaN(value)
    ? '–'
    : `${value.toFixed(value < 10 && unit === 'ms' ? 1 : (DIGITS[unit] ?? 2))} ${unit}`

/** @param {Row} row */
export function ratioOf({ value, beside }) {
  return beside?.value && value !== undefined ? value / beside.value : undefined
}

/** @param {Row} row */
function verdict(row) {
  const { aim } = row
  const value = aim?.x ? ratioOf(row) : row.value
  if (!aim || value === undefined) return ''
  const bound = aim.most !== undefined ? `<= ${aim.most}` : `>= ${aim.least}`
  const reached = aim.most !== undefined ? value <= aim.most : value >= aim.least
  return `${reached ? 'ok ' : 'NO '} ${bound}${aim.x ? ' x' : ''}`
}

/** @param {string} title @param {readonly Row[]} rows @param {number} seconds */
export function printTable(title, rows, seconds) {
  console.log(`\n${title}  (${seconds.toFixed(0)} s)`)
  const cells = rows.map((row) => {
    const ratio = ratioOf(row)
    return [
      row.what,
      show(row.value, row.unit),
      row.beside ? `${row.beside.name} ${show(row.beside.value, row.unit)}` : '',
      ratio === undefined ? '' : `${ratio.toFixed(2)} x`,
      verdict(row),
      row.note ?? '',
    ]
  })
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column].length))) ?? []
  for (const line of cells) {
    const padded = line.map((cell, column) =>
      column === 1 || column === 3 ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
    )
    console.log(`  ${padded.join('  ').trimEnd()}`)
  }
}
