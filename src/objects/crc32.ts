/** Made at the first use: it takes a millisecond, which the start of an app can do without. */
let tables: Uint32Array[] | null = null

function makeTables(): Uint32Array[] {
  const made = Array.from({ length: 8 }, () => new Uint32Array(256))
  for (let i = 0; i < 256; i++) {
    let c = i
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
    made[0]![i] = c >>> 0
  }
  for (let t = 1; t < 8; t++) {
    for (let i = 0; i < 256; i++) {
      const c = made[t - 1]![i]!
      made[t]![i] = ((c >>> 8) ^ made[0]![c & 0xff]!) >>> 0
    }
  }
  return made
}

/**
 * The CRC-32 of zlib and gzip (polynomial 0xedb88320), for platforms without a native one; by eights ("slicing by 8"). `seed` is the
 * CRC of the bytes before these, to go on from.
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = (tables ??= makeTables()) as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ]
  let c = ~seed
  let i = 0
  for (const end = bytes.length - 7; i < end; i += 8) {
    c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    c =
      t7[c & 0xff]! ^
      t6[(c >>> 8) & 0xff]! ^
      t5[(c >>> 16) & 0xff]! ^
      t4[c >>> 24]! ^
      t3[bytes[i + 4]!]! ^
      t2[bytes[i + 5]!]! ^
      t1[bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!
  }
  for (; i < bytes.length; i++) c = (c >>> 8) ^ t0[(c ^ bytes[i]!) & 0xff]!
  return ~c >>> 0
}
