import type { Codec } from '../../objects/codec.ts'
import { MissingObjectError } from '../../objects/errors.ts'
import type { GitObject, Oid } from '../../objects/oid.ts'
import { readPackObject } from '../../objects/pack-reader.ts'
import type { IndexedPack, PackSource, ResolveBase } from '../../objects/pack-reader.ts'

/** Every object of a verified pack once, whole, in the order of the pack. Holds only the object at hand and its delta bases. */
export async function* explodePack(
  codec: Codec,
  source: PackSource,
  indexed: IndexedPack,
  readBase: ResolveBase,
): AsyncGenerator<readonly [Oid, GitObject]> {
  const offsets = new Map<Oid, number>()
  for (const { oid, offset } of indexed.objects) if (!offsets.has(oid)) offsets.set(oid, offset)
  const readAt = (offset: number) => readPackObject(codec, source, offset, { byOid }, Infinity)
  async function byOid(oid: Oid): Promise<GitObject> {
    const offset = offsets.get(oid)
    const base = offset === undefined ? await readBase(oid) : await readAt(offset)
    if (!base) throw new MissingObjectError(oid)
    return base
  }
  for (const [oid, offset] of offsets) yield [oid, await readAt(offset)]
}

/** The oids of a pack, each once, in its order. */
export function oidsOf(indexed: IndexedPack): Oid[] {
  return [...new Set(indexed.objects.map((object) => object.oid))]
}
