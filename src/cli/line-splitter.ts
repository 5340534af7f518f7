/** Longest line, bytes without its end: as long as the longest frame of the link (T8). */
export const MAX_LINE = 1024 * 1024

const LF = 0x0a

/**
 * Cuts a stream of bytes into lines of UTF-8, whatever the chunks. Holds at most one unfinished line of MAX_LINE bytes.
 */
export class LineSplitter {
  private pending: Uint8Array[] = []
  private pendingLength = 0
  private readonly decoder = new TextDecoder('utf-8', { fatal: true })

  constructor(private readonly limit: number = MAX_LINE) {}

  /**
   * The lines that the chunk completes, without their `\n`.
   * @throws RangeError when a line is longer than the limit, TypeError when one is not UTF-8. Unusable afterwards.
   */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = []
    let from = 0
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      this.keep(chunk.subarray(from, end))
      lines.push(this.takeLine())
      from = end + 1
    }
    this.keep(chunk.subarray(from))
    return lines
  }

  /** Bytes of the line that has begun and not ended. */
  get unfinished(): number {
    return this.pendingLength
  }

  private keep(part: Uint8Array): void {
    if (this.pendingLength + part.length > this.limit) throw new RangeError(`a line of more than ${this.limit} bytes`)
    if (part.length === 0) return
    // A copy: the chunk belongs to the stream, and may be a small window of a large buffer.
    this.pending.push(part.slice())
    this.pendingLength += part.length
  }

  private takeLine(): string {
    const bytes = new Uint8Array(this.pendingLength)
    let offset = 0
    for (const part of this.pending) {
      bytes.set(part, offset)
      offset += part.length
    }
    this.pending = []
    this.pendingLength = 0
    return this.decoder.decode(bytes)
  }
}
