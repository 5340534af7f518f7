import type { Random } from '../../ports/random.ts'

/** Fit for secrets. At most 64 KiB at a time (Web Crypto). */
export const webRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => Math.random(),
}
