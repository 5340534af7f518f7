import QRCode from 'qrcode'

/** Light modules around the symbol, as ISO/IEC 18004 asks for. */
const QUIET = 4

// Entries 16 and 231 of the 256-colour palette: true black and true white whatever the theme, unlike 0 and 15.
const BLACK_ON_WHITE = '\x1b[38;5;16;48;5;231m'
const RESET = '\x1b[0m'

/**
 * A link as a QR code for the terminal: two rows of modules per line in half blocks, black on white in any theme.
 * The colours are part of the picture, so NO_COLOR does not apply. No line end after the last line.
 * @throws Error when the link is longer than a QR code holds (2,953 bytes).
 */
export function renderQr(link: string): string {
  const { size, isDark } = qrMatrix(link)
  const lines: string[] = []
  for (let y = -QUIET; y < size + QUIET; y += 2) {
    let line = ''
    for (let x = -QUIET; x < size + QUIET; x++) {
      const upper = isDark(x, y)
      const lower = isDark(x, y + 1)
      line += upper ? (lower ? '█' : '▀') : lower ? '▄' : ' '
    }
    lines.push(BLACK_ON_WHITE + line + RESET)
  }
  return lines.join('\n')
}

/** Columns and lines that `renderQr` takes, to tell whether it fits the window. */
export function qrSize(link: string): { columns: number; lines: number } {
  const columns = qrMatrix(link).size + 2 * QUIET
  return { columns, lines: Math.ceil(columns / 2) }
}

function qrMatrix(link: string): { size: number; isDark: (x: number, y: number) => boolean } {
  // A screen is clean: the lowest error correction gives the largest modules.
  const { size, data } = QRCode.create(link, { errorCorrectionLevel: 'L' }).modules
  const inside = (value: number): boolean => value >= 0 && value < size
  return { size, isDark: (x, y) => inside(x) && inside(y) && data[y * size + x] !== 0 }
}
