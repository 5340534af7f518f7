import { ProtocolError } from '../ports/errors.ts'

/**
 * Frames on a stream: a 4-byte big-endian length, then that many bytes of one message.
 * The prefix is also what tells a cut stream from an ended one.
 */

/** T8: no frame is longer; a longer claim ends the link before a byte of it is read. */
export const MAX_FRAME = 1024 * 1024

export function encodeFrame(payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_FRAME)
    throw new ProtocolError('frame-too-large', `a message of ${payload.length} bytes is too large to send`)
  const frame = new Uint8Array(4 + payload.length)
  new DataView(frame.buffer).setUint32(0, payload.length)
  frame.set(payload, 4)
  return frame
}

/** Where a frame reader takes its bytes from: `read` as in ByteStream. */
export interface ByteSource {
  read(max?: number): Promise<Uint8Array | null>
}

/** Reads frames and raw runs of bytes from a stream, in any order that the caller knows. */
export class FrameReader {
  readonly #source: ByteSource
  #chunks: Uint8Array[] = []
  /** Chunks before this one are used up. Shifting each out of a long list would cost its length every time. */
  #first = 0
  #buffered = 0
  /** Bytes taken from the stream so far. */
  received = 0

  constructor(source: ByteSource) {
    this.#source = source
  }

  /**
   * The next frame's payload; null when the stream ended between frames.
   * @throws ProtocolError `frame-too-large` before reading such a frame, `bad-frame` when the stream ends inside one.
   */
  async frame(): Promise<Uint8Array | null> {
    const head = await this.#take(4, true)
    if (!head) return null
    const length = new DataView(head.buffer, head.byteOffset, 4).getUint32(0)
    if (length > MAX_FRAME)
      throw new ProtocolError(
        'frame-too-large',
        `the other device announced a message of ${length} bytes; the limit is ${MAX_FRAME}`,
      )
    return (await this.#take(length, false))!
  }

  /** Exactly `length` raw bytes, in the chunks in which they come. @throws ProtocolError `bad-frame` when the stream ends early. */
  async *raw(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0;) {
      if (!this.#buffered && !(await this.#fill())) throw cutShort()
      const part = this.#takePart(left)
      left -= part.length
      yield part
    }
  }

  async #take(length: number, mayEnd: boolean): Promise<Uint8Array | null> {
    while (this.#buffered < length) {
      if (await this.#fill()) continue
      if (mayEnd && this.#buffered === 0) return null
      throw cutShort()
    }
    if (length === 0) return new Uint8Array(0)
    const first = this.#takePart(length)
    if (first.length === length) return first
    const out = new Uint8Array(length)
    out.set(first)
    for (let at = first.length; at < length;) {
      const part = this.#takePart(length - at)
      out.set(part, at)
      at += part.length
    }
    return out
  }

  /** At most `most` of the buffered bytes, as they came; there is at least one. */
  #takePart(most: number): Uint8Array {
    const chunk = this.#chunks[this.#first]!
    const part = chunk.length <= most ? chunk : chunk.subarray(0, most)
    this.#buffered -= part.length
    if (part !== chunk) this.#chunks[this.#first] = chunk.subarray(most)
    else if (++this.#first === this.#chunks.length) {
      this.#chunks = []
      this.#first = 0
    }
    return part
  }

  async #fill(): Promise<boolean> {
    const chunk = await this.#source.read()
    if (!chunk) return false
    if (chunk.length) this.#chunks.push(chunk)
    this.#buffered += chunk.length
    this.received += chunk.length
    return true
  }
}

function cutShort(): ProtocolError {
  return new ProtocolError('bad-frame', 'the stream ended in the middle of a message')
}
