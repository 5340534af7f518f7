import { concatBytes } from '../objects/bytes.ts'
import { CorruptObjectError } from '../objects/errors.ts'
import { bytesSource } from '../objects/pack-reader.ts'
import type { PackSource } from '../objects/pack-reader.ts'
import type { PackSpool } from '../ports/object-store.ts'

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
