import type { Codec } from './codec.ts'
import { applyDelta, deltaResultSize } from './delta.ts'
import { CorruptObjectError } from './errors.ts'
import type { GitObject, ObjectType, Oid } from './oid.ts'
import { deflatedBound, inflateEntry, MAX_OBJECT_SIZE, readPackEntryHeader, tooLarge } from './pack-entry.ts'
import type { PackEntryHeader } from './pack-entry.ts'
import type { PackExtent } from './pack-index.ts'
import type { PackSource } from './pack-source.ts'

/** Deltas on deltas that we read from a pack of our own: git's limit, which a user's `git gc` may have used. */
const MAX_READ_DEPTH = 4095

/** Objects of one pack that were made lately, by the offset of their entries: bases that the next deltas ask for again. */
export interface PackBases {
  get(offset: number): GitObject | undefined
  set(offset: number, object: GitObject): void
}

export interface PackResolve {
  byOid(oid: Oid): Promise<GitObject>
  readonly bases?: PackBases
}

/**
 * The object whose entry begins at `offset`: deltas are followed inside the pack by offset, and to `byOid` by oid. What `bases` gives
 * must not be changed.
 * @throws CorruptObjectError `too-large` when it is above `maxSize` (bases may be larger), `bad-pack`, `bad-zlib`, `bad-delta`
 */
export async function readPackObject(
  codec: Codec,
  source: PackSource,
  offset: number,
  resolve: PackResolve,
  maxSize: number,
): Promise<GitObject> {
  const first = readPackEntryHeader(source, offset)
  if (first.kind === 'full') return { type: first.type, content: inflateEntry(codec, source, first, maxSize).content }
  const firstDelta = inflateEntry(codec, source, first).content
  if (deltaResultSize(firstDelta) > maxSize) throw tooLarge(deltaResultSize(firstDelta), maxSize)
  const { bases } = resolve
  const { deltas, end } = deltaChain(source, first, bases)
  let object =
    end.kind === 'made'
      ? end.object
      : end.kind === 'full'
        ? readFull(codec, source, end)
        : await resolve.byOid(end.base)
  for (let i = deltas.length - 1; i >= 0; i--) {
    // The entry that this one is a delta of.
    const base = deltas[i]!
    if (base.kind === 'ofs-delta') bases?.set(base.base, object)
    const delta = i === 0 ? firstDelta : inflateEntry(codec, source, deltas[i]!).content
    object = { type: object.type, content: applyDelta(object.content, delta, i === 0 ? maxSize : MAX_OBJECT_SIZE) }
  }
  bases?.set(offset, object)
  return object
}

/** Type and size of the object whose entry begins at `offset`, without making its content. */
export async function readPackObjectInfo(
  codec: Codec,
  source: PackSource,
  offset: number,
  resolve: { typeOf(oid: Oid): Promise<ObjectType>; readonly bases?: PackBases },
): Promise<{ type: ObjectType; size: number }> {
  const first = readPackEntryHeader(source, offset)
  if (first.kind === 'full') return { type: first.type, size: first.size }
  const size = deltaResultSize(inflateEntry(codec, source, first).content)
  const { end } = deltaChain(source, first, resolve.bases)
  if (end.kind === 'made') return { type: end.object.type, size }
  return { type: end.kind === 'full' ? end.type : await resolve.typeOf(end.base), size }
}

/**
 * A whole object's compressed bytes as they lie in the pack, copied; undefined for a delta, and for what is too large for memory.
 * With what the index says of the entry it is not inflated: the CRC-32 vouches for it. Else, or when that is wrong, only inflating
 * tells where a zlib stream ends. @throws CorruptObjectError `bad-pack`, `bad-zlib`
 */
export function readDeflatedEntry(
  codec: Codec,
  source: PackSource,
  offset: number,
  extent?: Pick<PackExtent, 'end' | 'crc32'>,
): { type: ObjectType; size: number; deflated: Uint8Array } | undefined {
  const header = readPackEntryHeader(source, offset)
  if (header.kind !== 'full' || header.size > MAX_OBJECT_SIZE) return undefined
  const { type, size, dataOffset } = header
  if (extent && extent.end - dataOffset <= deflatedBound(size)) {
    const entry = source.read(offset, extent.end - offset)
    if (entry.length === extent.end - offset && codec.crc32(entry) === extent.crc32)
      return { type, size, deflated: entry.slice(dataOffset - offset) }
  }
  const { consumed } = inflateEntry(codec, source, header)
  return { type, size, deflated: source.read(dataOffset, consumed).slice() }
}

type FullHeader = Extract<PackEntryHeader, { kind: 'full' }>
type RefDeltaHeader = Extract<PackEntryHeader, { kind: 'ref-delta' }>

/** An object that was made before. */
interface MadeBase {
  readonly kind: 'made'
  readonly object: GitObject
}

/** All deltas from `first` down, and where the chain ends: a whole object, one that `bases` has, or a base by oid (of the last delta). */
function deltaChain(
  source: PackSource,
  first: PackEntryHeader,
  bases?: PackBases,
): { deltas: PackEntryHeader[]; end: FullHeader | RefDeltaHeader | MadeBase } {
  const deltas: PackEntryHeader[] = []
  let header = first
  while (header.kind !== 'full') {
    deltas.push(header)
    if (deltas.length > MAX_READ_DEPTH) throw new CorruptObjectError('bad-delta', 'a chain of too many deltas')
    if (header.kind === 'ref-delta') return { deltas, end: header }
    const object = bases?.get(header.base)
    if (object) return { deltas, end: { kind: 'made', object } }
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
