import type { GitObject, ObjectType, Oid } from './oid.ts'

/** A base that is not in the pack; undefined when it is nowhere. */
export type ResolveBase = (oid: Oid) => Promise<GitObject | undefined>

export interface IndexPackOptions {
  readonly resolveBase: ResolveBase
  /** 1,000,000 unless given. */
  readonly maxObjects?: number
  /** Inflated bytes of one object that is held in memory; 64 MiB unless given. */
  readonly maxObjectSize?: number
  /** 50 unless given (T8). */
  readonly maxDeltaDepth?: number
  /**
   * Inflated bytes in all, bases that had to be inflated again included. A delta of a few bytes makes megabytes, so that no
   * limit on single objects stops a pack that is all bombs. Unless given, 8 GiB and 1,000 times the pack's size: a year's
   * trees of a large vault make 800 times.
   */
  readonly maxInflated?: number
  /** Called for a whole blob above `maxObjectSize`, which was verified as a stream. Without it, such a pack is refused. */
  readonly onLarge?: (object: IndexedObject) => void
  /** Inflated bytes: a whole blob that is larger is inflated and hashed in pieces, between which `onProgress` is awaited. */
  readonly atOnce?: number
  /** Awaited every few milliseconds of work: the place to let others run, to show progress, and to throw in order to stop. */
  readonly onProgress?: (done: number, total: number) => void | Promise<void>
}

export interface IndexedObject {
  readonly oid: Oid
  readonly type: ObjectType
  /** Inflated bytes of the object (not of the delta that makes it). */
  readonly size: number
  /** Where its entry begins in the pack. */
  readonly offset: number
  /** Of the entry's bytes. */
  readonly crc32: number
  readonly delta: boolean
  /** The base of this delta, when it lies outside the pack: the pack is thin. */
  readonly externalBase?: Oid
}

export interface IndexedPack {
  /** The pack's trailer. */
  readonly packSha: Oid
  /** In the pack's order. */
  readonly objects: readonly IndexedObject[]
}
