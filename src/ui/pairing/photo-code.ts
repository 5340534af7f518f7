/** Larger photos are made smaller first: pixels of the longer side. A code fills a good part of the picture. */
const MAX_SIDE = 1600

/** The text of a QR code in a photo; null when there is none to be found. */
export async function readPhotoCode(photo: Blob): Promise<string | null> {
  let bitmap: ImageBitmap
  try {
    bitmap = await createImageBitmap(photo)
  } catch {
    return null // no picture
  }
  try {
    const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height))
    const width = Math.max(1, Math.round(bitmap.width * scale))
    const height = Math.max(1, Math.round(bitmap.height * scale))
    const context = createEl('canvas', { attr: { width: String(width), height: String(height) } }).getContext('2d')
    if (!context) return null
    context.drawImage(bitmap, 0, 0, width, height)
    const { default: jsQR } = await import('jsqr') // only who takes a photo needs it
    return jsQR(context.getImageData(0, 0, width, height).data, width, height)?.data ?? null
  } finally {
    bitmap.close()
  }
}
