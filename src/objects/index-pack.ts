import type { Codec } from './codec.ts'
import { CorruptObjectError } from './errors.ts'
import type { IndexedPack, IndexPackOptions } from './indexed-pack.ts'
import { oidFromBytes, parseOid } from './oid.ts'
import type { Oid } from './oid.ts'
import { decodePackHeader, PACK_HEADER_SIZE, PACK_TRAILER_SIZE } from './pack.ts'
import { PackIndexer } from './pack-indexer.ts'
import type { PackSource } from './pack-source.ts'

/**
 * Reads a whole pack and verifies all that can be verified without knowing history: the checksum, the count, every zlib stream,
 * every delta. Deltas may come before their bases, and be chained in any way but a circle. Memory: one record per object, a
 * cache of bases (32 MiB), and the objects of one delta at a time.
 * @throws CorruptObjectError; `missing-base` when a delta's base is in neither the pack nor `resolveBase`
 */
export async function indexPack(codec: Codec, source: PackSource, options: IndexPackOptions): Promise<IndexedPack> {
  const { count, packSha } = await verifyFrame(codec, source, options)
  const indexer = new PackIndexer(codec, source, options, count)
  await indexer.readEntries()
  await indexer.resolveOutside()
  return { packSha, objects: indexer.objects() }
}

const DEFAULT_MAX_OBJECTS = 1_000_000
const HASH_CHUNK = 1024 * 1024
/** A header byte, and the shortest zlib stream. */
const MIN_ENTRY_SIZE = 9

/** The trailer is verified first: an accident on the way is told from an attack, and costs nothing more. */
async function verifyFrame(
  codec: Codec,
  source: PackSource,
  { maxObjects = DEFAULT_MAX_OBJECTS, onProgress }: IndexPackOptions,
): Promise<{ count: number; packSha: Oid }> {
  const end = source.size - PACK_TRAILER_SIZE
  if (end < PACK_HEADER_SIZE) throw badPack('is cut short')
  const count = decodePackHeader(source.read(0, PACK_HEADER_SIZE))
  const sha1 = codec.sha1()
  for (let at = 0; at < end; at += HASH_CHUNK) {
    sha1.update(source.read(at, Math.min(HASH_CHUNK, end - at)))
    await onProgress?.(0, count)
  }
  const packSha = parseOid(sha1.hex())
  if (packSha !== oidFromBytes(source.read(end, PACK_TRAILER_SIZE))) throw badPack('does not match its checksum')
  if (count > maxObjects) throw new CorruptObjectError('too-large', `a pack of ${count} objects`, { count, maxObjects })
  if (count * MIN_ENTRY_SIZE > end - PACK_HEADER_SIZE) throw badPack('holds fewer objects than it says')
  return { count, packSha }
}

function badPack(what: string): CorruptObjectError {
  return new CorruptObjectError('bad-pack', `the pack ${what}`)
}
