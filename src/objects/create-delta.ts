/** Bytes that are looked up at a time: shorter matches save nothing worth having. As git's RABIN_WINDOW. */
const BLOCK = 16
/** Places in the base that are tried for one position; keeps repetitive input linear. */
const MAX_CANDIDATES = 8
/** Larger inputs are not worth the index's memory (half a byte per byte, twice). */
const MAX_INPUT = 16 * 1024 * 1024
/** As many bytes in the middle are cheaper to send than to look for: the one oid that differs between two trees of a thousand entries. */
const WORTH_AN_INDEX = 2 * BLOCK
const MAX_INSERT = 127
/** The size of a copy without size bytes, and the largest that we write. */
const MAX_COPY = 0x10000
const MULTIPLIER = 0x01000193
/** MULTIPLIER to the power of BLOCK - 1: the weight of the byte that leaves the window. */
const OLDEST_WEIGHT = powerOf(MULTIPLIER, BLOCK - 1)

/**
 * A delta that makes `target` from `base`, or null when there is none that is smaller than the target.
 * Work and memory grow linearly with the two sizes, whatever they hold. What both begin and end with is found without an
 * index, so that a small edit costs no more than a comparison.
 */
export function createDelta(base: Uint8Array, target: Uint8Array): Uint8Array | null {
  if (base.length === 0 || target.length === 0 || base.length > MAX_INPUT || target.length > MAX_INPUT) return null
  const writer = new DeltaWriter(base, target)
  const shared = Math.min(base.length, target.length)
  let prefix = 0
  while (prefix < shared && base[prefix] === target[prefix]) prefix++
  let suffix = 0
  while (suffix < shared - prefix && base[base.length - 1 - suffix] === target[target.length - 1 - suffix]) suffix++
  // A tiny match costs more than its bytes do.
  if (prefix < BLOCK) prefix = 0
  if (suffix < BLOCK) suffix = 0
  if (prefix > 0) writer.copy(0, prefix)
  writeMiddle(writer, base, target, prefix, target.length - suffix)
  if (suffix > 0) writer.copy(base.length - suffix, suffix)
  return writer.finish()
}

/** The instructions for target[from, to), out of the whole base. */
function writeMiddle(writer: DeltaWriter, base: Uint8Array, target: Uint8Array, from: number, to: number): void {
  if (to - from < WORTH_AN_INDEX || base.length < BLOCK) {
    writer.insert(from, to)
    return
  }
  const index = new BlockIndex(base)
  let literal = from
  let at = from
  let hash = blockHash(target, at)
  while (at + BLOCK <= to && !writer.full) {
    const match = index.longestMatch(target, at, to, hash)
    if (match.size < BLOCK) {
      if (at + BLOCK < to) hash = rollHash(hash, target[at]!, target[at + BLOCK]!)
      at++
      continue
    }
    let { start, size } = match
    while (at > literal && start > 0 && base[start - 1] === target[at - 1]) {
      at--
      start--
      size++
    }
    writer.insert(literal, at)
    writer.copy(start, size)
    at += size
    literal = at
    if (at + BLOCK <= to) hash = blockHash(target, at)
  }
  writer.insert(literal, to)
}

/** The base's blocks at multiples of BLOCK by their hash, the first ones first. */
class BlockIndex {
  private readonly base: Uint8Array
  private readonly mask: number
  /** Block number + 1 by hash; 0 for none. */
  private readonly heads: Int32Array
  private readonly next: Int32Array

  constructor(base: Uint8Array) {
    this.base = base
    const blocks = Math.floor(base.length / BLOCK)
    let slots = 64
    while (slots < blocks) slots *= 2
    this.mask = slots - 1
    this.heads = new Int32Array(slots)
    this.next = new Int32Array(blocks)
    let later = NaN
    for (let block = blocks - 1; block >= 0; block--) {
      const hash = blockHash(base, block * BLOCK)
      const slot = slotOf(hash, this.mask)
      // Of a run of equal blocks only the first counts: a match there extends over the whole run.
      if (hash === later) this.heads[slot] = this.next[block + 1]!
      this.next[block] = this.heads[slot]!
      this.heads[slot] = block + 1
      later = hash
    }
  }

  longestMatch(target: Uint8Array, at: number, to: number, hash: number): { start: number; size: number } {
    const { base } = this
    let best = NO_MATCH
    let tries = MAX_CANDIDATES
    for (let link = this.heads[slotOf(hash, this.mask)]!; link > 0 && tries > 0; tries--) {
      const start = (link - 1) * BLOCK
      link = this.next[link - 1]!
      // Can't be longer than the best unless it agrees one byte further.
      if (best.size > 0 && base[start + best.size] !== target[at + best.size]) continue
      const limit = Math.min(base.length - start, to - at)
      let size = 0
      while (size < limit && base[start + size] === target[at + size]) size++
      if (size > best.size) best = { start, size }
    }
    return best
  }
}

const NO_MATCH = { start: 0, size: 0 }

/** Writes instructions into a buffer of the target's size; what doesn't fit makes the delta useless, and is dropped. */
class DeltaWriter {
  full = false
  private readonly target: Uint8Array
  private readonly bytes: Uint8Array
  private length = 0

  constructor(base: Uint8Array, target: Uint8Array) {
    this.target = target
    this.bytes = new Uint8Array(target.length)
    this.size(base.length)
    this.size(target.length)
  }

  insert(from: number, to: number): void {
    for (let at = from; at < to; at += MAX_INSERT) {
      const end = Math.min(at + MAX_INSERT, to)
      if (this.length + 1 + end - at > this.bytes.length) {
        this.full = true
        return
      }
      this.byte(end - at)
      this.bytes.set(this.target.subarray(at, end), this.length)
      this.length += end - at
    }
  }

  copy(start: number, size: number): void {
    for (let done = 0; done < size; done += MAX_COPY) {
      this.copyOnce(start + done, Math.min(MAX_COPY, size - done))
    }
  }

  finish(): Uint8Array | null {
    return this.full || this.length >= this.bytes.length ? null : this.bytes.slice(0, this.length)
  }

  private copyOnce(start: number, size: number): void {
    const opAt = this.length
    let op = 0x80
    this.byte(op)
    for (let bit = 0; bit < 4; bit++) {
      const byte = (start >>> (8 * bit)) & 0xff
      if (byte === 0) continue
      op |= 1 << bit
      this.byte(byte)
    }
    for (let bit = 0; bit < 2; bit++) {
      // 64 KiB is the default, and so both bytes are zero.
      const byte = (size >>> (8 * bit)) & 0xff
      if (byte === 0) continue
      op |= 0x10 << bit
      this.byte(byte)
    }
    if (!this.full) this.bytes[opAt] = op
  }

  private size(value: number): void {
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.byte((rest & 0x7f) | 0x80)
    this.byte(rest)
  }

  private byte(value: number): void {
    if (this.length === this.bytes.length) this.full = true
    else this.bytes[this.length++] = value
  }
}

function blockHash(bytes: Uint8Array, at: number): number {
  let hash = 0
  for (let i = at; i < at + BLOCK; i++) hash = (Math.imul(hash, MULTIPLIER) + bytes[i]!) | 0
  return hash
}

function rollHash(hash: number, oldest: number, newest: number): number {
  return (Math.imul(hash - Math.imul(oldest, OLDEST_WEIGHT), MULTIPLIER) + newest) | 0
}

/** The low bits of a polynomial hash are weak. */
function slotOf(hash: number, mask: number): number {
  return (Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 8) & mask
}

function powerOf(factor: number, exponent: number): number {
  let power = 1
  for (let i = 0; i < exponent; i++) power = Math.imul(power, factor)
  return power
}
