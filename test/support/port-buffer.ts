/** The two functions of Node's Buffer that the transport contract uses. */
export const Buffer = {
  concat(parts: readonly Uint8Array[]): Uint8Array {
    const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
    let at = 0
    for (const part of parts) {
      whole.set(part, at)
      at += part.length
    }
    return whole
  },
  /** Zero when equal. */
  compare: (left: Uint8Array, right: Uint8Array): number =>
    left.length === right.length && left.every((byte, i) => byte === right[i]) ? 0 : 1,
}
