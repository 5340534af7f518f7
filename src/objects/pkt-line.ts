import { asciiBytes, concatBytes } from './bytes.ts'
import { CorruptObjectError } from './errors.ts'

/*
 * pkt-line (git: Documentation/gitprotocol-common): four hex digits, the length of the whole line with these four, then the data.
 * Lengths below 4 are signs without data: 0000 flush, 0001 delimiter, 0002 end of response.
 */

export type PktLine =
  | { readonly kind: 'data'; readonly data: Uint8Array }
  | { readonly kind: 'flush' }
  | { readonly kind: 'delim' }
  | { readonly kind: 'response-end' }

/** Bytes, with the four of the length. */
export const MAX_PKT_LINE = 65520
/** Bytes of data in one line. */
export const MAX_PKT_DATA = MAX_PKT_LINE - 4

export const FLUSH_PKT: Uint8Array = asciiBytes('0000')
export const DELIM_PKT: Uint8Array = asciiBytes('0001')
export const RESPONSE_END_PKT: Uint8Array = asciiBytes('0002')

/** @throws CorruptObjectError `bad-pkt-line` for more than MAX_PKT_DATA bytes */
export function encodePktLine(data: Uint8Array): Uint8Array {
  if (data.length > MAX_PKT_DATA) throw new CorruptObjectError('bad-pkt-line', `${data.length} bytes in one pkt-line`)
  const line = new Uint8Array(4 + data.length)
  line.set(asciiBytes((4 + data.length).toString(16).padStart(4, '0')))
  line.set(data, 4)
  return line
}

/** Takes bytes as they come, gives lines when they are whole. What follows the lines (a pack) is left in `takeRest`. */
export class PktLineDecoder {
  private chunks: Uint8Array[] = []
  private length = 0

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.chunks.push(bytes)
    this.length += bytes.length
  }

  /**
   * The next line, or undefined until more bytes are there. Its data is a view of what was pushed.
   * @throws CorruptObjectError `bad-pkt-line`
   */
  next(): PktLine | undefined {
    if (this.length < 4) return undefined
    const length = lineLength(this.peek(4))
    if (length < 4) {
      this.drop(4)
      return SIGNS[length]!
    }
    if (this.length < length) return undefined
    const data = this.peek(length).subarray(4, length)
    this.drop(length)
    return { kind: 'data', data }
  }

  /** The bytes that no line has taken yet; the decoder is empty afterwards. */
  takeRest(): Uint8Array {
    const rest = concatBytes(this.chunks)
    this.chunks = []
    this.length = 0
    return rest
  }

  /** To be called at the end of the input. @throws CorruptObjectError `bad-pkt-line` when a line is cut short */
  end(): void {
    if (this.length > 0) throw new CorruptObjectError('bad-pkt-line', 'a pkt-line is cut short')
  }

  /** The first chunk, made at least `length` bytes long; a line that spans chunks is copied once. */
  private peek(length: number): Uint8Array {
    const first = this.chunks[0]!
    if (first.length >= length) return first
    const joined = new Uint8Array(length)
    let have = 0
    let whole = 0
    for (; have + this.chunks[whole]!.length <= length; whole++) {
      joined.set(this.chunks[whole]!, have)
      have += this.chunks[whole]!.length
      if (have === length) break
    }
    if (have === length) this.chunks.splice(0, whole + 1, joined)
    else {
      const last = this.chunks[whole]!
      joined.set(last.subarray(0, length - have), have)
      this.chunks.splice(0, whole + 1, joined, last.subarray(length - have))
    }
    return joined
  }

  private drop(length: number): void {
    const first = this.chunks[0]!
    if (first.length === length) this.chunks.shift()
    else this.chunks[0] = first.subarray(length)
    this.length -= length
  }
}

const SIGNS: readonly PktLine[] = [{ kind: 'flush' }, { kind: 'delim' }, { kind: 'response-end' }]

function lineLength(bytes: Uint8Array): number {
  const digits = String.fromCharCode(bytes[0]!, bytes[1]!, bytes[2]!, bytes[3]!)
  const length = /^[0-9a-f]{4}$/i.test(digits) ? parseInt(digits, 16) : NaN
  if (!(length <= MAX_PKT_LINE) || length === 3) {
    throw new CorruptObjectError('bad-pkt-line', `the pkt-line length ${JSON.stringify(digits)}`)
  }
  return length
}
