/** Incremental SHA-1. */
export interface Sha1 {
  update(bytes: Uint8Array): this
  /** The digest as 40 hex digits; the hasher is used up afterwards. */
  hex(): string
}

/** zlib's levels that we use: 0 for content that is compressed already, 1 for everything else (docs: measured 2 % larger than 6, 30 % faster). */
export type DeflateLevel = 0 | 1

/**
 * The hash and zlib of a platform: `node:crypto` and `node:zlib` on Node, wasm and pako in a WebView.
 * All of it is synchronous except the two streams, which serve objects too large to hold in memory.
 */
export interface Codec {
  sha1(): Sha1
  /** SHA-256 of the concatenated parts, 32 bytes. */
  sha256(...parts: Uint8Array[]): Uint8Array
  /** A zlib stream (RFC 1950). */
  deflate(data: Uint8Array, level: DeflateLevel): Uint8Array
  /**
   * Inflates the zlib stream that begins at `data[offset]` and must hold exactly `size` bytes.
   * `consumed` is the length of the compressed form. Allocates no more than `size` (T8).
   * @throws CorruptObjectError `bad-zlib` when the stream is damaged, cut short, or of another size.
   */
  inflate(data: Uint8Array, offset: number, size: number): { content: Uint8Array; consumed: number }
  /** A zlib stream of all chunks, in pieces of at most 64 KiB. What the source throws is thrown on unchanged. */
  deflateStream(chunks: AsyncIterable<Uint8Array>, level: DeflateLevel): AsyncIterable<Uint8Array>
  /**
   * The content of one zlib stream, in pieces of at most 64 KiB. Bounds nothing: the caller counts.
   * With `onEnd`, bytes after the stream's end are left alone, and it is told the length of the compressed form; without, they are an error.
   * @throws CorruptObjectError `bad-zlib`, while iterating.
   */
  inflateStream(chunks: AsyncIterable<Uint8Array>, onEnd?: (consumed: number) => void): AsyncIterable<Uint8Array>
  /** zlib's CRC-32; `seed` is the CRC of the bytes before these. */
  crc32(bytes: Uint8Array, seed?: number): number
}
