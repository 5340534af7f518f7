import { asciiBytes } from '../../objects/bytes.ts'
import { MAX_PKT_DATA } from '../../objects/pkt-line.ts'

/*
 * side-band-64k (git: gitprotocol-pack, "Packfile Data"): a pkt-line whose first byte names the band, then up to 65515 bytes:
 * 1 data, 2 progress for people, 3 a last message before the other side gives up.
 */

export const BAND_DATA = 1
export const BAND_PROGRESS = 2
export const BAND_ERROR = 3

/** Bytes of payload in one line. */
export const MAX_BAND_DATA = MAX_PKT_DATA - 1

/** One line of a band; the payload is at most MAX_BAND_DATA bytes. */
export function encodeBand(band: 1 | 2 | 3, payload: Uint8Array): Uint8Array {
  const line = new Uint8Array(5 + payload.length)
  line.set(asciiBytes(line.length.toString(16).padStart(4, '0')))
  line[4] = band
  line.set(payload, 5)
  return line
}

/** Cuts a stream of bytes of any length into lines of band 1, as full as they can be. */
export class BandWriter {
  #pending = new Uint8Array(MAX_BAND_DATA)
  #length = 0

  /** The lines that became full. */
  push(bytes: Uint8Array): Uint8Array[] {
    const lines: Uint8Array[] = []
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + MAX_BAND_DATA - this.#length)
      this.#pending.set(piece, this.#length)
      this.#length += piece.length
      at += piece.length
      if (this.#length === MAX_BAND_DATA) lines.push(...this.flush())
    }
    return lines
  }

  /** The rest as a line, if there is any. */
  flush(): Uint8Array[] {
    if (this.#length === 0) return []
    const line = encodeBand(BAND_DATA, this.#pending.subarray(0, this.#length))
    this.#length = 0
    return [line]
  }
}
