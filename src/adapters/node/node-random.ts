import { randomBytes } from 'node:crypto'
import type { Random } from '../../ports/random.ts'

export const nodeRandom: Random = {
  // A copy: small Buffers share one pool, and secrets must not be seen through `.buffer`.
  bytes: (length) => new Uint8Array(randomBytes(length)),
  fraction: () => Math.random(),
}
