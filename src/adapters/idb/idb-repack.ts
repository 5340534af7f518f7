import type { Codec } from '../../objects/codec.ts'
import { oidFromBytes, parseOid } from '../../objects/oid.ts'
import type { GitObject, Oid } from '../../objects/oid.ts'
import { encodePackEntry, PACK_TRAILER_SIZE } from '../../objects/pack.ts'
import { bytesSource } from '../../objects/pack-reader.ts'
import { planPackMerge } from '../memory/pack-merge.ts'
import type { MergeInput, MergeStep } from '../memory/pack-merge.ts'
import type { IdbCatalog } from './idb-catalog.ts'
import type { IdbPack } from './idb-pack.ts'
import { IdbPackWriter } from './idb-pack-writer.ts'

/** Bytes of packs merged at once: they are read into memory. Larger packs stay as they are. */
const MERGE_BYTES = 16 * 1024 * 1024

/** More packs than this make looking an object up slow. */
export const MAX_PACKS = 50

export type IdbRepackResult =
  { readonly kind: 'nothing-to-do' } | { readonly kind: 'merged'; readonly packs: number; readonly objects: number }

/** Merges the smallest packs into one, in one transaction: a crash leaves the old ones or the new one. Damaged packs are left alone. */
export async function repackIdb(
  codec: Codec,
  catalog: IdbCatalog,
  read: (oid: Oid) => Promise<GitObject>,
  maxPacks: number,
): Promise<IdbRepackResult> {
  if (catalog.packs.length <= maxPacks) return { kind: 'nothing-to-do' }
  const merged: IdbPack[] = []
  const inputs: MergeInput[] = []
  let bytes = 0
  for (const pack of [...catalog.packs].sort((a, b) => a.size - b.size)) {
    if (bytes + pack.size > MERGE_BYTES) break
    const input = await loadWhole(codec, catalog, pack)
    if (!input) continue
    bytes += pack.size
    merged.push(pack)
    inputs.push(input)
  }
  if (merged.length < 2) return { kind: 'nothing-to-do' }
  const writer = new IdbPackWriter(codec, catalog.records)
  try {
    for (const step of planPackMerge(inputs)) await writer.add(step.oid, await entryOf(codec, step, read))
    for (const pack of merged) {
      for (const oid of pack.index.oids())
        if (!writer.has(oid)) throw new Error('the merged pack does not hold every object')
    }
    await catalog.apply({ packs: [await writer.finish()], removePacks: merged })
  } catch (error) {
    await writer.discard().catch(() => undefined)
    throw error
  }
  return { kind: 'merged', packs: merged.length, objects: writer.count }
}

/** Entries are copied without a look inside, so the checksum of the whole is looked at first. */
async function loadWhole(codec: Codec, catalog: IdbCatalog, pack: IdbPack): Promise<MergeInput | undefined> {
  let bytes: Uint8Array
  try {
    bytes = await catalog.records.readAll(pack.id, pack.size)
  } catch {
    return undefined
  }
  const end = pack.size - PACK_TRAILER_SIZE
  const sha = parseOid(codec.sha1().update(bytes.subarray(0, end)).hex())
  if (sha !== oidFromBytes(bytes, end) || sha !== pack.index.packSha) return undefined
  const entries = [...pack.index.entries()].sort((a, b) => a.offset - b.offset)
  const extents = entries.map(({ oid, offset }, i) => ({ oid, offset, end: entries[i + 1]?.offset ?? end }))
  return { source: bytesSource(bytes), extents }
}

async function entryOf(codec: Codec, step: MergeStep, read: (oid: Oid) => Promise<GitObject>): Promise<Uint8Array[]> {
  if (step.kind === 'rewrite') {
    const { type, content } = await read(step.oid)
    return encodePackEntry({ kind: 'full', type, size: content.length, deflated: codec.deflate(content, 1) })
  }
  const deflated = step.source.read(step.header.dataOffset, step.end - step.header.dataOffset)
  const { size } = step.header
  if (step.kind === 'copy-delta') return encodePackEntry({ kind: 'ref-delta', base: step.base, size, deflated })
  return encodePackEntry({ kind: 'full', type: step.header.type, size, deflated })
}
