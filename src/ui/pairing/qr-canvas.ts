/** CSS pixels, quiet zone included. */
const SIDE = 220
/** Light modules around the symbol, as ISO/IEC 18004 asks for. */
const QUIET = 4

/** Draws a link as a QR code, black on white in either theme: cameras want it so. The code comes a moment after the canvas. */
export function drawQr(parent: HTMLElement, link: string): HTMLCanvasElement {
  const pixels = SIDE * Math.max(1, Math.round(window.devicePixelRatio))
  const canvas = parent.createEl('canvas', {
    cls: 'tandem-qr',
    attr: {
      width: String(pixels),
      height: String(pixels),
      role: 'img',
      'aria-label': 'Pairing link as a code for the camera',
    },
  })
  void drawModules(canvas, link)
  return canvas
}

async function drawModules(canvas: HTMLCanvasElement, link: string): Promise<void> {
  const { default: QRCode } = await import('qrcode') // only who pairs needs it
  // A screen is clean: the lowest error correction gives the largest modules.
  const { size, data } = QRCode.create(link, { errorCorrectionLevel: 'L' }).modules
  const across = size + 2 * QUIET
  const pixels = canvas.width
  const context = canvas.getContext('2d')
  if (!context) return
  context.fillStyle = '#ffffff'
  context.fillRect(0, 0, pixels, pixels)
  context.fillStyle = '#000000'
  // Edges on whole pixels: a module that is a pixel wider than its neighbour is read well, a grey edge is not.
  const edge = (module: number): number => Math.round((module * pixels) / across)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (data[y * size + x] === 0) continue
      const left = edge(x + QUIET)
      const top = edge(y + QUIET)
      context.fillRect(left, top, edge(x + QUIET + 1) - left, edge(y + QUIET + 1) - top)
    }
  }
}
