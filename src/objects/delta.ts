import { CorruptObjectError } from './errors.ts'

/*
 * A delta (git: Documentation/gitformat-pack, "Deltified representation") makes a target from a base:
 *   size of the base, size of the target       little-endian groups of 7 bits, the high bit says "more"
 *   then instructions:
 *     1oooosss ...   copy from the base; the bits tell which bytes of a 4-byte offset and a 3-byte size follow, absent ones
 *                    are zero, a size of zero means 64 KiB
 *     0nnnnnnn ...   insert the n bytes that follow (n > 0; the byte 0 is reserved)
 */

const COPY_DEFAULT_SIZE = 0x10000

/**
 * @throws CorruptObjectError `bad-delta` for another base than it was made for, or any instruction out of bounds;
 * `too-large` when the result would be above `maxSize`, before it is allocated
 */
export function applyDelta(base: Uint8Array, delta: Uint8Array, maxSize: number): Uint8Array {
  const baseSize = readDeltaSize(delta, 0)
  const targetSize = readDeltaSize(delta, baseSize.next)
  if (baseSize.size !== base.length) throw badDelta(`is for a base of ${baseSize.size} bytes, not ${base.length}`)
  if (targetSize.size > maxSize) {
    throw new CorruptObjectError('too-large', `a delta makes ${targetSize.size} bytes, more than ${maxSize}`)
  }
  const target = new Uint8Array(targetSize.size)
  let to = 0
  let at = targetSize.next
  while (at < delta.length) {
    const op = delta[at++]!
    if (op & 0x80) {
      let from = 0
      let size = 0
      for (let bit = 0; bit < 4; bit++) if (op & (1 << bit)) from += byteAt(delta, at++) * 2 ** (8 * bit)
      for (let bit = 0; bit < 3; bit++) if (op & (0x10 << bit)) size |= byteAt(delta, at++) << (8 * bit)
      if (size === 0) size = COPY_DEFAULT_SIZE
      if (from + size > base.length) throw badDelta('copies from behind its base')
      if (to + size > target.length) throw badDelta('makes more than it declared')
      copyBytes(base, from, target, to, size)
      to += size
    } else {
      if (op === 0) throw badDelta('holds the reserved instruction')
      if (at + op > delta.length) throw badDelta('is cut short')
      if (to + op > target.length) throw badDelta('makes more than it declared')
      copyBytes(delta, at, target, to, op)
      at += op
      to += op
    }
  }
  if (to !== target.length) throw badDelta('makes less than it declared')
  return target
}

/** Bytes that the delta says it makes. @throws CorruptObjectError `bad-delta` */
export function deltaResultSize(delta: Uint8Array): number {
  return readDeltaSize(delta, readDeltaSize(delta, 0).next).size
}

/** Below this many bytes a loop beats a view and `set`. */
const LOOP_LIMIT = 32

function copyBytes(from: Uint8Array, start: number, to: Uint8Array, at: number, size: number): void {
  if (size < LOOP_LIMIT) for (let i = 0; i < size; i++) to[at + i] = from[start + i]!
  else to.set(from.subarray(start, start + size), at)
}

/** Seven groups of 7 bits: as much as a double counts exactly. */
const MAX_SIZE_BYTES = 7

function readDeltaSize(delta: Uint8Array, at: number): { size: number; next: number } {
  let size = 0
  for (let i = 0; i < MAX_SIZE_BYTES; i++) {
    const byte = byteAt(delta, at + i)
    size += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { size, next: at + i + 1 }
  }
  throw badDelta('declares an absurd size')
}

function byteAt(delta: Uint8Array, at: number): number {
  const byte = delta[at]
  if (byte === undefined) throw badDelta('is cut short')
  return byte
}

function badDelta(what: string): CorruptObjectError {
  return new CorruptObjectError('bad-delta', `a delta ${what}`)
}

export { createDelta } from './create-delta.ts'
