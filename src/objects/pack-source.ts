/** A pack's bytes, wherever they lie: in memory, in a file read synchronously. */
export interface PackSource {
  /** Bytes. */
  readonly size: number
  /**
   * Exactly `length` bytes, or fewer up to the end; none from the end on. They stay as they are: a buffer is not filled twice.
   * Whoever keeps them for long copies them, for they may be a small part of a large buffer.
   */
  read(offset: number, length: number): Uint8Array
}

export function bytesSource(bytes: Uint8Array): PackSource {
  return {
    size: bytes.length,
    read: (offset, length) => bytes.subarray(offset, Math.min(offset + length, bytes.length)),
  }
}

/** The same bytes as if they ended at `size`. */
export function limitedSource(source: PackSource, size: number): PackSource {
  return {
    size,
    read: (offset, length) =>
      offset < size ? source.read(offset, Math.min(length, size - offset)) : new Uint8Array(0),
  }
}

/** Bytes that are fetched at once when entries are read one after another. */
const WINDOW_SIZE = 256 * 1024

/** The same bytes, fetched in large steps. For reading from front to back. */
export function readAheadSource(source: PackSource): PackSource {
  let start = 0
  let window: Uint8Array = new Uint8Array(0)
  return {
    size: source.size,
    read(offset, length) {
      const end = Math.min(offset + length, source.size)
      if (offset < start || end > start + window.length) {
        window = source.read(offset, Math.max(length, WINDOW_SIZE))
        start = offset
      }
      return window.subarray(offset - start, end - start)
    },
  }
}
