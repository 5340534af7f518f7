import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNumber,
  formatRate,
  formatRelativeTime,
  formatTime,
} from '../../src/cli/format.ts'

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1, '1 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1234, '1.2 kB'],
    [99_949, '99.9 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [34_567_890, '34.6 MB'],
    [1.5e9, '1.5 GB'],
    [2e12, '2.0 TB'],
    [-5, '0 B'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it('never needs more than six characters below a petabyte', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 999e12 }), (bytes) => formatBytes(bytes).length <= 7))
  })
})

describe('formatDuration', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [999.6, '1.0 s'],
    [9949, '9.9 s'],
    [9950, '10 s'],
    [59_499, '59 s'],
    [59_500, '1 min'],
    [65_000, '1 min 5 s'],
    [119_600, '2 min'],
    [3_599_999, '1 h'],
    [7_380_000, '2 h 3 min'],
    [86_400_000, '1 d'],
    [273_600_000, '3 d 4 h'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

describe('formatNumber and formatCount', () => {
  it('groups thousands and chooses the plural', () => {
    expect([0, 999, 1000, 1_234_567, -45_000, 1234.5].map(formatNumber)).toEqual([
      '0',
      '999',
      '1,000',
      '1,234,567',
      '-45,000',
      '1,234.5',
    ])
    expect([0, 1, 2].map((count) => formatCount(count, 'file'))).toEqual(['0 files', '1 file', '2 files'])
    expect(formatCount(3, 'copy', 'copies')).toBe('3 copies')
    expect(formatRate(1_500_000)).toBe('1.5 MB/s')
  })
})

describe('formatRelativeTime', () => {
  const now = Date.UTC(2026, 7, 2, 12)
  it.each([
    [0, 'just now'],
    [9_999, 'just now'],
    [10_000, '10 seconds ago'],
    [60_000, '1 minute ago'],
    [3_599_999, '59 minutes ago'],
    [7_200_000, '2 hours ago'],
    [86_400_000, '1 day ago'],
    [40 * 86_400_000, '2026-06-23'],
    [-90_000, 'in 1 minute'],
  ])('%d ms before is %s', (before, text) => {
    expect(formatRelativeTime(now - before, now)).toBe(text)
  })
})

describe('formatTime', () => {
  it('shows the time of the zone', () => {
    expect(formatTime(Date.UTC(2026, 7, 2, 22, 5), 120)).toBe('2026-08-03 00:05')
  })
})
