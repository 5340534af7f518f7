import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'

export interface FileStat {
  readonly path: VaultPath
  /** Bytes. */
  readonly size: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly ino: number
}

/** A name or folder that the scan could not take, with the reason in plain words. */
export interface ScanIssue {
  readonly path: string
  readonly reason: string
}

export interface ScanResult {
  readonly files: readonly FileStat[]
  /** Places that could not be looked at. While there is one, absence means nothing (E2). */
  readonly errors: readonly ScanIssue[]
  /** Seen and left out on purpose: symbolic links, names that no tree may hold, a second spelling of the same name. Never read as deleted. */
  readonly skipped: readonly ScanIssue[]
}

/** Each step names the content that it expects to replace (E1); null stands for no file. */
export type CheckoutStep = WriteStep | DeleteStep
export interface WriteStep {
  readonly kind: 'write'
  readonly path: VaultPath
  readonly expect: Oid | null
  readonly oid: Oid
}
export interface DeleteStep {
  readonly kind: 'delete'
  readonly path: VaultPath
  readonly expect: Oid
}

/** Content for a write step: whole, or a stream that can be started once, of a known size. */
export type FileContent = Uint8Array | { readonly size: number; readonly chunks: AsyncIterable<Uint8Array> }

/**
 * `applied`: the disk now holds the step's result (also when it did before); `stat` describes the new file, absent after a delete.
 * `changed`: the disk holds something else than expected, and nothing was touched.
 * `impossible`: this file system cannot hold the name (E6); nothing was touched.
 */
export type StepResult =
  | { readonly result: 'applied'; readonly stat?: FileStat }
  | { readonly result: 'changed' }
  | { readonly result: 'impossible'; readonly reason: string }

/** `paths` may hold folders; `rescan` when the watcher lost track and only a scan can tell. */
export type WatchEvent = { readonly kind: 'paths'; readonly paths: readonly VaultPath[] } | { readonly kind: 'rescan' }

/** The vault's files. Own temporary files, the trash folder, `.git` and the share's out-of-scope folders are invisible here. */
export interface VaultFiles {
  /** Whether the path is one that this device syncs (config folder, own plugin folder …). Out of scope is never "deleted" (E2). */
  inScope(path: VaultPath): boolean
  scan(signal?: AbortSignal): Promise<ScanResult>
  /** undefined: there is no file. @throws VaultError when it cannot be told. */
  stat(path: VaultPath): Promise<FileStat | undefined>
  /** The files at or below a path (a folder's, recursively). For events that name a folder. */
  scanBelow(path: VaultPath): Promise<ScanResult>
  /** Content and a stat that belongs to it: a file that changes while it is read is read again. @throws VaultError `vanished`, `unreadable`, `unstable`. */
  read(path: VaultPath): Promise<{ content: Uint8Array; stat: FileStat }>
  /** For files above LARGE_BLOB. The stream throws VaultError `unstable` at its end when the file changed meanwhile. */
  stream(path: VaultPath): Promise<{ stat: FileStat; chunks: AsyncIterable<Uint8Array> }>
  /** @throws VaultError `unwritable`, `disk-full`; then the disk holds what it held before. */
  apply(step: CheckoutStep, content?: FileContent): Promise<StepResult>
  watch(onEvent: (event: WatchEvent) => void): Promise<() => Promise<void>>
  close(): Promise<void>
}
