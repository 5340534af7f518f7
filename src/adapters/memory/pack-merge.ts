import type { Oid } from '../../objects/oid.ts'
import { readPackEntryHeader } from '../../objects/pack-reader.ts'
import type { PackEntryHeader, PackSource } from '../../objects/pack-reader.ts'

/** An entry of a pack and where it ends. */
export interface PackExtent {
  readonly oid: Oid
  readonly offset: number
  readonly end: number
}

export interface MergeInput {
  readonly source: PackSource
  /** All entries, by offset. */
  readonly extents: readonly PackExtent[]
}

/** `copy`: the entry's compressed bytes as they are, a delta by the oid of its base. `rewrite`: the whole object, made anew. */
export type MergeStep =
  | {
      readonly kind: 'copy-full'
      readonly oid: Oid
      readonly header: Extract<PackEntryHeader, { kind: 'full' }>
      readonly source: PackSource
      readonly end: number
    }
  | {
      readonly kind: 'copy-delta'
      readonly oid: Oid
      readonly header: Exclude<PackEntryHeader, { kind: 'full' }>
      readonly base: Oid
      readonly source: PackSource
      readonly end: number
    }
  | { readonly kind: 'rewrite'; readonly oid: Oid }

/** As many deltas on deltas as we write: others refuse more than 50 (T8). */
const MAX_DEPTH = 40

/**
 * How to put several packs into one, each object once and without inflating it. An object is taken from the first pack that
 * holds it, so its delta base, which is in the same pack, comes from that pack or an earlier one: no circle can arise.
 */
export function planPackMerge(packs: readonly MergeInput[]): MergeStep[] {
  const steps = new Map<Oid, MergeStep>()
  for (const { source, extents } of packs) {
    const oids = new Map(extents.map((extent) => [extent.offset, extent.oid]))
    for (const { oid, offset, end } of extents) {
      if (!steps.has(oid)) steps.set(oid, planEntry(oid, readPackEntryHeader(source, offset), source, end, oids))
    }
  }
  limitDepth(steps)
  return [...steps.values()]
}

function planEntry(
  oid: Oid,
  header: PackEntryHeader,
  source: PackSource,
  end: number,
  oids: ReadonlyMap<number, Oid>,
): MergeStep {
  if (header.kind === 'full') return { kind: 'copy-full', oid, header, source, end }
  const base = header.kind === 'ref-delta' ? header.base : oids.get(header.base)
  return base === undefined ? { kind: 'rewrite', oid } : { kind: 'copy-delta', oid, header, base, source, end }
}

/** Chains of several packs may have been joined to longer ones, and a base may be in none of them: such objects are written whole. */
function limitDepth(steps: Map<Oid, MergeStep>): void {
  const depths = new Map<Oid, number>()
  for (const start of steps.keys()) {
    const chain: Oid[] = []
    let at: Oid | undefined = start
    let depth = -1
    while (at !== undefined) {
      const known = depths.get(at)
      if (known !== undefined) {
        depth = known
        break
      }
      const step: MergeStep | undefined = steps.get(at)
      if (!step) {
        depth = MAX_DEPTH
        break
      }
      chain.push(at)
      at = step.kind === 'copy-delta' ? step.base : undefined
    }
    for (const oid of chain.reverse()) {
      depth++
      if (depth > MAX_DEPTH) {
        steps.set(oid, { kind: 'rewrite', oid })
        depth = 0
      }
      depths.set(oid, depth)
    }
  }
}
