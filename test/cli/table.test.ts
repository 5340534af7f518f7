import { describe, expect, it } from 'vitest'
import { displayWidth } from '../../src/cli/display-width.ts'
import { createStyle, wantsColour } from '../../src/cli/style.ts'
import { renderTable } from '../../src/cli/table.ts'

const plain = createStyle(false)
const columns = [{ title: 'Device', shrinks: true }, { title: 'Files', align: 'right' as const }, { title: 'Status' }]

describe('renderTable', () => {
  it('aligns by columns on the screen, not by letters', () => {
    const text = renderTable(
      columns,
      [
        ['Küche', '1,203', 'connected'],
        ['花园 🌱', '7', 'offline'],
      ],
      plain,
    )
    expect(text).toBe(['Device   Files  Status', 'Küche    1,203  connected', '花园 🌱      7  offline'].join('\n'))
  })

  it('cuts the columns that may shrink, the widest first, to the width given', () => {
    const two = [{ title: 'Path', shrinks: true }, { title: 'Message', shrinks: true }, { title: 'Id' }]
    const rows = [['A very long folder/and a very long note.md', 'short', 'abc123']]
    const text = renderTable(two, rows, plain, 30)
    expect(
      text
        .split('\n')
        .map(displayWidth)
        .every((width) => width <= 30),
    ).toBe(true)
    expect(text).toContain('short')
    expect(text).toContain('abc123')
    expect(text).toContain('…')
    expect(renderTable(two, rows, plain)).toContain('A very long folder/and a very long note.md')
  })

  it('shows control characters of a name instead of sending them', () => {
    expect(renderTable([{ title: 'Name' }], [['\x1b[2Jevil']], plain)).not.toContain('\x1b')
  })

  it('pads before it paints, so that colours move nothing', () => {
    const paint = createStyle(true).green
    const text = renderTable([{ title: 'A', paint }, { title: 'B' }], [['x', 'y']], createStyle(true))
    expect(text).toBe('\x1b[2mA\x1b[22m  \x1b[2mB\x1b[22m\n\x1b[32mx\x1b[39m  y')
  })

  it('has only a header when there are no rows', () => {
    expect(renderTable(columns, [], plain)).toBe('Device  Files  Status')
  })
})

describe('wantsColour', () => {
  it('is for terminals that can, where NO_COLOR is not set', () => {
    expect(wantsColour({ isTTY: true }, {})).toBe(true)
    expect(wantsColour({ isTTY: true }, { NO_COLOR: '' })).toBe(true)
    expect(wantsColour({ isTTY: true }, { NO_COLOR: '1' })).toBe(false)
    expect(wantsColour({ isTTY: true }, { TERM: 'dumb' })).toBe(false)
    expect(wantsColour({ isTTY: false }, {})).toBe(false)
    expect(wantsColour({}, {})).toBe(false)
  })
})
