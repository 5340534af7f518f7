import type { Codec } from './codec.ts'
import { applyDelta, deltaResultSize } from './delta.ts'
import { CorruptObjectError } from './errors.ts'
import type { GitObject, ObjectType, Oid } from './oid.ts'
import { inflateEntry, MAX_OBJECT_SIZE, readPackEntryHeader, tooLarge } from './pack-entry.ts'
import type { PackEntryHeader } from './pack-entry.ts'
import type { PackSource } from './pack-source.ts'

/** Deltas on deltas that we read from a pack of our own: git's limit, which a user's `git gc` may have used. */
const MAX_READ_DEPTH = 4095

/**
 * The object whose entry begins at `offset`: deltas are followed inside the pack by offset, and to `byOid` by oid.
 * @throws CorruptObjectError `too-large` when it is above `maxSize` (bases may be larger), `bad-pack`, `bad-zlib`, `bad-delta`
 */
export async function readPackObject(
  codec: Codec,
  source: PackSource,
  offset: number,
  resolve: { byOid(oid: Oid): Promise<GitObject> },
  maxSize: number,
): Promise<GitObject> {
  const first = readPackEntryHeader(source, offset)
  if (first.kind === 'full') return { type: first.type, content: inflateEntry(codec, source, first, maxSize).content }
  const firstDelta = inflateEntry(codec, source, first).content
  if (deltaResultSize(firstDelta) > maxSize) throw tooLarge(deltaResultSize(firstDelta), maxSize)
  const { deltas, end } = deltaChain(source, first)
  const base = end.kind === 'full' ? readFull(codec, source, end) : await resolve.byOid(end.base)
  let content = base.content
  for (const header of deltas.slice(1).reverse()) {
    content = applyDelta(content, inflateEntry(codec, source, header).content, MAX_OBJECT_SIZE)
  }
  return { type: base.type, content: applyDelta(content, firstDelta, maxSize) }
}

/** Type and size of the object whose entry begins at `offset`, without making its content. */
export async function readPackObjectInfo(
  codec: Codec,
  source: PackSource,
  offset: number,
  resolve: { typeOf(oid: Oid): Promise<ObjectType> },
): Promise<{ type: ObjectType; size: number }> {
  const first = readPackEntryHeader(source, offset)
  if (first.kind === 'full') return { type: first.type, size: first.size }
  const size = deltaResultSize(inflateEntry(codec, source, first).content)
  const { end } = deltaChain(source, first)
  return { type: end.kind === 'full' ? end.type : await resolve.typeOf(end.base), size }
}

/** A whole object's compressed bytes as they lie in the pack, copied; undefined for a delta, and for what is too large for memory. */
export function readDeflatedEntry(
  codec: Codec,
  source: PackSource,
  offset: number,
): { type: ObjectType; size: number; deflated: Uint8Array } | undefined {
  const header = readPackEntryHeader(source, offset)
  if (header.kind !== 'full' || header.size > MAX_OBJECT_SIZE) return undefined
  // Only inflating tells where a zlib stream ends.
  const { consumed } = inflateEntry(codec, source, header)
  return { type: header.type, size: header.size, deflated: source.read(header.dataOffset, consumed).slice() }
}

type FullHeader = Extract<PackEntryHeader, { kind: 'full' }>
type RefDeltaHeader = Extract<PackEntryHeader, { kind: 'ref-delta' }>

/** All deltas from `first` down, and where the chain leaves them: a whole object, or a base by oid (of the last delta). */
function deltaChain(
  source: PackSource,
  first: PackEntryHeader,
): { deltas: PackEntryHeader[]; end: FullHeader | RefDeltaHeader } {
  const deltas: PackEntryHeader[] = []
  let header = first
  while (header.kind !== 'full') {
    deltas.push(header)
    if (deltas.length > MAX_READ_DEPTH) throw new CorruptObjectError('bad-delta', 'a chain of too many deltas')
    if (header.kind === 'ref-delta') return { deltas, end: header }
    header = readPackEntryHeader(source, header.base)
  }
  return { deltas, end: header }
}

function readFull(codec: Codec, source: PackSource, header: FullHeader): GitObject {
  return { type: header.type, content: inflateEntry(codec, source, header).content }
}

export { indexPack } from './index-pack.ts'
export type { IndexedObject, IndexedPack, IndexPackOptions, ResolveBase } from './indexed-pack.ts'
export { readPackEntryHeader, streamPackEntry } from './pack-entry.ts'
export type { PackEntryHeader } from './pack-entry.ts'
export { bytesSource } from './pack-source.ts'
export type { PackSource } from './pack-source.ts'
export { completeThinPack } from './thin-pack.ts'
