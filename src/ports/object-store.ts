import type { GitObject, ObjectType, Oid } from '../objects/oid.ts'
import type { PackSource } from '../objects/pack-source.ts'

/** Blobs above this many bytes are streamed, never held whole in memory (E7). */
export const LARGE_BLOB = 4 * 1024 * 1024

export interface ObjectInfo {
  readonly type: ObjectType
  /** Inflated content, bytes. */
  readonly size: number
}

/** An object as it lies in the store, to be copied into a pack without inflating it. */
export interface DeflatedObject extends ObjectInfo {
  /** A whole zlib stream of the content (never a delta). */
  readonly deflated: Uint8Array
}

/**
 * Git objects by oid. Everything written is verified first, and is durable when the promise resolves;
 * what fails leaves nothing behind. Objects are immutable and are never removed by the engine.
 *
 * A copy that a read found to be damaged is set aside or passed over from then on: unless there is a sound one, the object counts as
 * absent, so that it is fetched or written again, and what then comes takes its place.
 */
export interface ObjectStore {
  has(oid: Oid): Promise<boolean>
  /** Those of `oids` that the store does not hold, in the order given, without repeats. */
  missing(oids: Iterable<Oid>): Promise<Oid[]>
  /** Type and size without reading the content; undefined when absent. */
  info(oid: Oid): Promise<ObjectInfo | undefined>
  /**
   * The whole object.
   * @throws MissingObjectError; CorruptObjectError `too-large` for a blob above LARGE_BLOB (use `stream`), `hash-mismatch` or others when the store is damaged.
   */
  read(oid: Oid): Promise<GitObject>
  /** The compressed form when the store has it at hand (not a delta, at most LARGE_BLOB); undefined means: use `read`. */
  readDeflated(oid: Oid): Promise<DeflatedObject | undefined>
  /** The content from byte `offset` on, in chunks of at most 64 KiB. For blobs of any size. */
  stream(oid: Oid, offset?: number): AsyncIterable<Uint8Array>
  /** Starts a batch; its objects can be read once `commit` resolved. One batch at a time per store; a second call waits for the first to end. */
  begin(): Promise<ObjectBatch>
  /**
   * Stores a pack, thin or not. Resolves to the oids that it holds (deltas resolved against the pack and the store).
   * @throws CorruptObjectError when anything about it is wrong; then nothing of it is kept.
   */
  writePack(pack: AsyncIterable<Uint8Array> | Uint8Array): Promise<Oid[]>
  /** Opens the resumable reception of a large blob: what arrived in an earlier try is still there. */
  receiveLarge(oid: Oid, size: number): Promise<LargeReception>
  /** Beside the store, on its disk: where a pushed pack waits until it is known to be good. Absent: in memory. */
  spool?(): PackSpool
  /** Tidies up (many small packs into one) when that is due; quick when it is not. Loses nothing, also when killed. */
  maintain(): Promise<void>
  close(): Promise<void>
}

export interface ObjectBatch {
  /** Adds an object (deduplicated) and returns its oid. */
  add(type: ObjectType, content: Uint8Array, options?: { compressed?: boolean }): Promise<Oid>
  /** Adds a blob of exactly `size` bytes from a stream. @throws CorruptObjectError `bad-object` when the stream is shorter or longer. */
  addStream(size: number, chunks: AsyncIterable<Uint8Array>, options?: { compressed?: boolean }): Promise<Oid>
  commit(): Promise<void>
  /** Forgets everything added. Harmless after `commit`. */
  abort(): Promise<void>
}

export interface LargeReception {
  /** Bytes that are here already: ask the sender to begin there. */
  readonly received: number
  write(chunk: Uint8Array): Promise<void>
  /** Verifies the whole against oid and size and makes it an object. @throws CorruptObjectError `hash-mismatch`; then the partial content is dropped. */
  finish(): Promise<void>
  /** Keeps what arrived for a later try. */
  pause(): Promise<void>
}

/** Where the bytes of a pushed pack lie until it is known to be good. Nothing of it survives the process. */
export interface PackSpool {
  /** The bytes may be used again by the caller afterwards. */
  write(chunk: Uint8Array): Promise<void>
  /** All that was written; nothing is written any more. */
  source(): PackSource
  /** Forgets all of it. */
  dispose(): void
}
