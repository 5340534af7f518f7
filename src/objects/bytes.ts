const ENCODER = new TextEncoder()
/** Strict, and keeps a byte order mark: what is decoded encodes back to the same bytes. */
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Up to here a loop beats the fixed cost of a TextDecoder call. */
const SHORT_TEXT = 64

/** Lone surrogates become U+FFFD; see {@link isWellFormed}. */
export function encodeUtf8(text: string): Uint8Array {
  return ENCODER.encode(text)
}

/** The text, or undefined when the bytes are not valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  if (bytes.length <= SHORT_TEXT) {
    let text = ''
    let i = 0
    for (; i < bytes.length && bytes[i]! < 0x80; i++) text += String.fromCharCode(bytes[i]!)
    if (i === bytes.length) return text
  }
  try {
    return DECODER.decode(bytes)
  } catch {
    return undefined
  }
}

/** Whether the text has no lone surrogate, so that UTF-8 can hold it. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** Bytes of ASCII text. */
export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

export function readUint32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0
}

export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24
  bytes[offset + 1] = value >>> 16
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}
