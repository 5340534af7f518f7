import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'

/** What the disk held at a path when we last looked: git's index entry, reduced to what a vault needs. */
export interface IndexEntry {
  readonly oid: Oid
  /** Bytes. */
  readonly size: number
  /** Milliseconds since 1970, as fine as the file system gives it. */
  readonly mtimeMs: number
  /** Inode change time and number where the file system has them, else 0. */
  readonly ctimeMs: number
  readonly ino: number
  /** When the file was hashed, ms since 1970: an entry whose mtime is not clearly older is hashed again ("racily clean"). 0: when the file left the scope. */
  readonly hashedAt: number
}

export interface IndexState {
  readonly entries: ReadonlyMap<VaultPath, IndexEntry>
  /** The commit whose tree the vault was last brought to; the parent of the next local commit. */
  readonly base: Oid | null
  /** Trees of checkouts that began and may have done more than the entries say, oldest first. Few. */
  readonly unfinished: readonly Oid[]
}

export interface IndexChanges {
  readonly put?: Iterable<readonly [VaultPath, IndexEntry]>
  readonly remove?: Iterable<VaultPath>
  /** Set together with the entries, or not at all. */
  readonly base?: Oid | null
  /** The whole list, set together with the rest. */
  readonly unfinished?: readonly Oid[]
}

/** The stat index of one share on this device. */
export interface IndexStore {
  load(): Promise<IndexState>
  /** All of it or nothing, also when the process is killed. */
  save(changes: IndexChanges): Promise<void>
  /** Lets go of what it holds open (L9), after the saves under way. The store takes it up again when used. */
  close(): Promise<void>
}
