import type { Codec } from '../../objects/codec.ts'
import { decodeUtf8 } from '../../objects/bytes.ts'
import { hashObject } from '../../objects/hash.ts'
import type { Oid } from '../../objects/oid.ts'
import type { Platform, VaultPath } from '../../objects/vault-path.ts'
import type { Clock } from '../../ports/clock.ts'
import type { FileStat } from '../../ports/vault-files.ts'
import type { Scope } from '../memory/vault-scope.ts'
import type { EditRemotely } from './edit-remotely.ts'
import type { LargeFiles } from './large-files.ts'
import type { VaultApp, VaultDisk } from './vault-app.ts'

/** What the parts of the vault adapter share. */
export interface VaultAccess {
  readonly app: VaultApp
  readonly disk: VaultDisk
  readonly codec: Codec
  readonly clock: Clock
  readonly platform: Platform
  readonly inScope: Scope
  readonly nextTurn: (() => Promise<void>) | undefined
  readonly largeFiles: LargeFiles | undefined
  /** Temporary files that are being written now. */
  readonly live: Set<string>
  readonly editRemotely: EditRemotely | undefined
}

/** Obsidian tells size and time alone; its `ctime` is the time of creation, not the inode's change time. */
export const fileStatOf = (path: VaultPath, stat: { readonly size: number; readonly mtime: number }): FileStat => ({
  path,
  size: stat.size,
  mtimeMs: stat.mtime,
  ctimeMs: 0,
  ino: 0,
})

export const blobOid = (codec: Codec, content: Uint8Array): Oid => hashObject(codec, 'blob', content)

const isMarked = (bytes: Uint8Array): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

/**
 * The text of a file that Obsidian's text calls return unharmed: valid UTF-8, without a byte order mark (which those calls may
 * drop). Undefined for every other file: it is handled as bytes.
 */
export const textOf = (bytes: Uint8Array): string | undefined => (isMarked(bytes) ? undefined : decodeUtf8(bytes))

/** What Obsidian shows of a file that may be no text. */
export const shownText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** Exactly the bytes, as a buffer of their own. */
export function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
}

export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))

/** Whether Obsidian shows the path: names that begin with a dot exist for it only as files of the disk. */
export const isShown = (path: string): boolean => !/(?:^|\/)\./.test(path)
