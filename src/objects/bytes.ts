const ENCODER = new TextEncoder()
/** Strict, and keeps a byte order mark: what is decoded encodes back to the same bytes. */
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Lone surrogates become U+FFFD; see {@link isWellFormed}. */
export function encodeUtf8(text: string): Uint8Array {
  return ENCODER.encode(text)
}

/** Writes the text's UTF-8 to `bytes` from `at` on; returns where it ends. There must be room for 3 bytes per UTF-16 unit. */
export function writeUtf8(text: string, bytes: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x80) return at + ENCODER.encodeInto(text, bytes.subarray(at)).written
    bytes[at + i] = code
  }
  return at + text.length
}

/** The text of bytes[start, end), or undefined when they are not valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string | undefined {
  const part = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
  // A fifth of the cost of a TextDecoder call for a name, and most names are ASCII.
  if (part.length <= SHORT_TEXT && isAscii(part)) return asciiText(part)
  try {
    return DECODER.decode(part)
  } catch {
    return undefined
  }
}

const SHORT_TEXT = 256

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! >= 0x80) return false
  return true
}

/** The text of a few ASCII bytes. */
export function asciiText(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[])
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
