import { concatBytes } from './bytes.ts'
import type { Codec } from './codec.ts'
import { CorruptObjectError } from './errors.ts'
import type { IndexedPack, ResolveBase } from './indexed-pack.ts'
import { oidToBytes, parseOid } from './oid.ts'
import type { Oid } from './oid.ts'
import { encodePackEntry, encodePackHeader, PACK_HEADER_SIZE, PACK_TRAILER_SIZE } from './pack.ts'
import type { PackIndexEntry } from './pack-index.ts'
import type { PackSource } from './pack-source.ts'

/** Bytes; a thin pack is somebody's recent edits, and is completed in memory. */
export const MAX_THIN_PACK = 64 * 1024 * 1024

/**
 * The pack with the bases that its deltas lack put at its end, as `git index-pack --fix-thin` does; one that lacks none as it is, the
 * source's own bytes.
 * @throws CorruptObjectError `too-large` above 64 MiB, before or after; `missing-base`
 */
export async function completeThinPack(
  codec: Codec,
  source: PackSource,
  indexed: IndexedPack,
  readBase: ResolveBase,
): Promise<{ pack: Uint8Array; entries: PackIndexEntry[]; packSha: Oid }> {
  if (source.size > MAX_THIN_PACK) throw tooLarge(source.size)
  const entries = indexed.objects.map(({ oid, offset, crc32 }): PackIndexEntry => ({ oid, offset, crc32 }))
  const bases = new Set<Oid>()
  for (const { externalBase } of indexed.objects) if (externalBase) bases.add(externalBase)
  const given = source.read(0, source.size)
  if (bases.size === 0) return { pack: given, entries, packSha: indexed.packSha }

  const parts = [
    encodePackHeader(entries.length + bases.size),
    given.subarray(PACK_HEADER_SIZE, given.length - PACK_TRAILER_SIZE),
  ]
  let offset = given.length - PACK_TRAILER_SIZE
  for (const oid of bases) {
    const base = await readBase(oid)
    if (!base) throw new CorruptObjectError('missing-base', `the base ${oid} of a delta is missing`, { oid })
    const deflated = codec.deflate(base.content, 1)
    const entry = concatBytes(encodePackEntry({ kind: 'full', type: base.type, size: base.content.length, deflated }))
    entries.push({ oid, offset, crc32: codec.crc32(entry) })
    parts.push(entry)
    offset += entry.length
    if (offset > MAX_THIN_PACK) throw tooLarge(offset)
  }
  const sha1 = codec.sha1()
  for (const part of parts) sha1.update(part)
  const packSha = parseOid(sha1.hex())
  return { pack: concatBytes([...parts, oidToBytes(packSha)]), entries, packSha }
}

function tooLarge(size: number): CorruptObjectError {
  return new CorruptObjectError('too-large', `a thin pack of ${size} bytes`, { size })
}
