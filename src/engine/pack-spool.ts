import { concatBytes } from '../objects/bytes.ts'
import { CorruptObjectError } from '../objects/errors.ts'
import { bytesSource } from '../objects/pack-reader.ts'
import type { PackSource } from '../objects/pack-reader.ts'

/** Where the bytes of a pushed pack lie until it is known to be good. */
export interface PackSpool {
  /** The bytes may be used again by the caller afterwards. */
  write(chunk: Uint8Array): Promise<void>
  /** All that was written; nothing is written any more. */
  source(): PackSource
  /** Forgets all of it. */
  dispose(): void
}

const MAX_IN_MEMORY = 64 * 1024 * 1024
const CHUNK = 64 * 1024

/** A spool in memory, for packs of at most 64 MiB. */
export function memorySpool(maxBytes = MAX_IN_MEMORY): PackSpool {
  let parts: Uint8Array[] = []
  let size = 0
  return {
    async write(chunk) {
      size += chunk.length
      if (size > maxBytes) {
        throw new CorruptObjectError('too-large', `pack exceeds maximum allowed size (${maxBytes} bytes)`)
      }
      parts.push(chunk.slice())
    },
    source: () => bytesSource(concatBytes(parts)),
    dispose() {
      parts = []
    },
  }
}

/** A source from front to back. */
export async function* sourceChunks(source: PackSource): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < source.size; at += CHUNK) yield source.read(at, Math.min(CHUNK, source.size - at)).slice()
}
