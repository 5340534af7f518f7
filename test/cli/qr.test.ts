import QRCode from 'qrcode'
import { describe, expect, it } from 'vitest'
import { qrSize, renderQr } from '../../src/cli/qr.ts'

const link = `obsidian://tandem-sync?ticket=${'endpointabcdefgh'.repeat(10)}&secret=0123456789abcdef&share=vault`
const sgr = '\x1b[38;5;16;48;5;231m'

/** Reads the picture back: a row of booleans per row of modules, true for dark, quiet zone included. */
function modulesOf(picture: string): boolean[][] {
  return picture.split('\n').flatMap((line) => {
    expect(line.startsWith(sgr) && line.endsWith('\x1b[0m')).toBe(true)
    const chars = [...line.slice(sgr.length, -4)]
    return [chars.map((char) => char === '█' || char === '▀'), chars.map((char) => char === '█' || char === '▄')]
  })
}

describe('renderQr', () => {
  it.each(['x', link, 'ä花🌱', 'y'.repeat(1000)])('draws the modules of the symbol: %.20s', (text) => {
    const symbol = QRCode.create(text, { errorCorrectionLevel: 'L' }).modules
    const drawn = modulesOf(renderQr(text))
    const inner = drawn.slice(4, 4 + symbol.size).map((row) => row.slice(4, 4 + symbol.size))
    const expected = Array.from({ length: symbol.size }, (_, y) =>
      Array.from({ length: symbol.size }, (_, x) => symbol.data[y * symbol.size + x] === 1),
    )
    expect(inner).toEqual(expected)
    expect(inner.flat().some(Boolean)).toBe(true)
  })

  it('leaves four light modules free on every side', () => {
    const drawn = modulesOf(renderQr(link))
    const size = drawn[0]!.length
    for (const [y, row] of drawn.entries()) {
      expect(row).toHaveLength(size)
      for (const [x, dark] of row.entries()) {
        if (x < 4 || y < 4 || x >= size - 4 || y >= size - 4) expect(dark).toBe(false)
      }
    }
  })

  it('tells beforehand how much room it takes', () => {
    const lines = renderQr(link).split('\n')
    expect(qrSize(link)).toEqual({ columns: [...lines[0]!].length - sgr.length - 4, lines: lines.length })
  })

  it('refuses what no QR code can hold', () => {
    expect(() => renderQr('z'.repeat(3000))).toThrow()
  })
})
