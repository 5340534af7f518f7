import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { displayWidth } from '../../src/cli/display-width.ts'
import { ProgressBar } from '../../src/cli/progress-bar.ts'
import { progressLine } from '../../src/cli/progress-line.ts'
import { createStyle } from '../../src/cli/style.ts'
import { FakeTerminal, ManualClock } from './terminal.ts'

function aBar(options: { isTTY?: boolean; columns?: number; colours?: boolean } = {}) {
  const terminal = new FakeTerminal(options)
  const clock = new ManualClock()
  return { terminal, clock, bar: new ProgressBar(terminal, clock, createStyle(options.colours ?? false)) }
}

describe('ProgressBar on a terminal', () => {
  it('shows files, bytes, rate and time left on one line', () => {
    const { terminal, clock, bar } = aBar({ columns: 120 })
    bar.phase('Receiving', { files: 0, totalFiles: 400, bytes: 0, totalBytes: 40_000_000 })
    for (let step = 1; step <= 20; step++) {
      clock.advance(100)
      bar.update({ files: 10 * step, bytes: 1_000_000 * step })
    }
    expect(terminal.screen).toHaveLength(1)
    expect(terminal.screen[0]).toMatch(
      /^Receiving {2}━+─+ {3}50 % {2}200\/400 files {2}20.0 MB of 40.0 MB {2}10.0 MB\/s {2}2.0 s left$/,
    )
  })

  it('redraws at most ten times a second, however often it is told', () => {
    const { terminal, clock, bar } = aBar()
    bar.phase('Scanning')
    for (let file = 1; file <= 3000; file++) {
      clock.advance(1)
      bar.update({ files: file })
    }
    expect(terminal.written.length).toBeLessThanOrEqual(32)
    expect(terminal.written.length).toBeGreaterThanOrEqual(28)
  })

  it('draws the last update although nothing follows it', () => {
    const { terminal, clock, bar } = aBar()
    bar.phase('Scanning')
    clock.advance(10)
    bar.update({ files: 1234 })
    clock.advance(90)
    expect(terminal.screen).toEqual(['Scanning  1,234 files'])
  })

  it('lets the rate fall while nothing arrives', () => {
    const { terminal, clock, bar } = aBar({ columns: 120 })
    bar.phase('Receiving', { bytes: 0, totalBytes: 10_000_000 })
    clock.advance(1000)
    bar.update({ bytes: 5_000_000 })
    clock.advance(100)
    const before = terminal.screen[0]
    clock.advance(60_000)
    expect(before).toContain('MB/s')
    expect(terminal.screen[0]).toMatch(/ 8\d\.\d kB\/s /)
  })

  it('replaces itself by a summary at the end of each phase, and leaves no timer', () => {
    const { terminal, clock, bar } = aBar()
    bar.phase('Scanning')
    clock.advance(2100)
    bar.update({ files: 1203 })
    bar.phase('Receiving', { files: 0, totalFiles: 2 })
    clock.advance(300)
    bar.update({ files: 2, bytes: 3000 })
    bar.done()
    bar.done()
    expect(terminal.screen).toEqual(['✓ Scanning  1,203 files, 2.1 s', '✓ Receiving  2 files, 3.0 kB, 300 ms'])
    expect(clock.pending).toBe(0)
  })

  it('leaves nothing behind when it is stopped', () => {
    const { terminal, clock, bar } = aBar()
    bar.phase('Receiving', { files: 0, totalFiles: 2 })
    clock.advance(500)
    bar.stop()
    expect(terminal.screen).toEqual([])
    expect(clock.pending).toBe(0)
    bar.update({ files: 1 })
    expect(terminal.screen).toEqual([])
  })

  it('makes way for other lines and comes back below them', () => {
    const { terminal, bar } = aBar()
    bar.phase('Receiving', { files: 1, totalFiles: 2 })
    bar.above(() => terminal.write('A note for you\n'))
    expect(terminal.screen[0]).toBe('A note for you')
    expect(terminal.screen[1]).toMatch(/^Receiving/)
    expect(terminal.screen).toHaveLength(2)
  })

  it('cleans up after itself when the window was made narrower', () => {
    const { terminal, clock, bar } = aBar({ columns: 100 })
    terminal.write('before\n')
    bar.phase('Receiving', { files: 1, totalFiles: 2, bytes: 1, totalBytes: 2 })
    terminal.resize(30)
    clock.advance(1000)
    expect(terminal.screen).toHaveLength(2)
    expect(terminal.screen[1]).toMatch(/^Receiving/)
    bar.stop()
    expect(terminal.screen).toEqual(['before'])
  })

  it('sends no colours when it must not', () => {
    const { terminal, bar } = aBar({ colours: false })
    bar.phase('Receiving', { files: 1, totalFiles: 2 })
    bar.done()
    expect(terminal.text).not.toMatch(/\x1b\[[\d;]*m/)
    const coloured = aBar({ colours: true })
    coloured.bar.phase('Receiving', { files: 1, totalFiles: 2 })
    expect(coloured.terminal.text).toMatch(/\x1b\[[\d;]*m/)
  })

  it('disarms control characters in a label', () => {
    const { terminal, bar } = aBar()
    bar.phase('Receiving from \x1b[2Jevil')
    expect(terminal.text).not.toContain('\x1b[2J')
  })
})

describe('ProgressBar elsewhere', () => {
  it('writes one line at the start and one at the end', () => {
    const { terminal, clock, bar } = aBar({ isTTY: false })
    bar.phase('Receiving', { files: 0, totalFiles: 2 })
    for (let file = 1; file <= 2; file++) {
      clock.advance(2500)
      bar.update({ files: file, bytes: file * 1000 })
    }
    bar.done()
    expect(terminal.text).toBe('Receiving …\nReceiving: 2 files, 2.0 kB, 5.0 s\n')
    expect(clock.pending).toBe(0)
  })
})

describe('progressLine', () => {
  const view = (label: string) => ({
    label,
    state: { files: 1203, totalFiles: 2400, bytes: 12_300_000, totalBytes: 40_000_000 },
    bytesRate: 3_400_000,
    filesRate: 100,
  })

  it('fits any width, whatever it has to show', () => {
    const label = fc.string({ unit: fc.constantFrom('a', '花', '🌱', ' '), minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(label, fc.integer({ min: 1, max: 200 }), fc.boolean(), (text, columns, colours) => {
        expect(displayWidth(progressLine(view(text), columns, createStyle(colours)))).toBeLessThanOrEqual(columns)
      }),
    )
  })

  it('gives up the details first and the label last', () => {
    const at = (columns: number): string => progressLine(view('Receiving'), columns, createStyle(false))
    expect(at(100)).toContain('3.4 MB/s')
    expect(at(80)).not.toContain('MB/s')
    expect(at(80)).toContain('12.3 MB of 40.0 MB')
    expect(at(60)).not.toContain('12.3 MB')
    expect(at(60)).toContain('8.1 s left')
    expect(at(50)).not.toContain('left')
    expect(at(50)).toContain('1,203/2,400 files')
    expect(at(30)).toMatch(/^Receiving {2}━+─+ {3}30 %$/)
    expect(at(17)).toBe('Receiving   30 %')
    expect(at(12)).toBe('Rece…   30 %')
  })

  it('claims no more than everything when a total was too small', () => {
    const state = { files: 30, totalFiles: 20 }
    expect(
      progressLine({ label: 'Scanning', state, bytesRate: undefined, filesRate: 5 }, 60, createStyle(false)),
    ).toContain('100 %')
  })
})
