import type { Codec } from '../../objects/codec.ts'
import { decodeUtf8 } from '../../objects/bytes.ts'
import { hashObject, objectHeader } from '../../objects/hash.ts'
import { parseOid } from '../../objects/oid.ts'
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

/** At one go: for texts, and where nobody may come in between. */
export const blobOid = (codec: Codec, content: Uint8Array): Oid => hashObject(codec, 'blob', content)

/** Bytes that are hashed between two breaths. */
const HASH_CHUNK = 512 * 1024

/** The same, of content of any size. */
export async function slowBlobOid({ codec, clock }: VaultAccess, content: Uint8Array): Promise<Oid> {
  const sha1 = codec.sha1().update(objectHeader('blob', content.length))
  for (let at = 0; at < content.length; at += HASH_CHUNK) {
    await clock.breathe?.()
    sha1.update(content.subarray(at, at + HASH_CHUNK))
  }
  return parseOid(sha1.hex())
}

const isMarked = (bytes: Uint8Array): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

/**
 * The text of a file that Obsidian's text calls return unharmed: valid UTF-8, without a byte order mark (which those calls may
 * drop). Undefined for every other file: it is handled as bytes.
 */
export const textOf = (bytes: Uint8Array): string | undefined => (isMarked(bytes) ? undefined : decodeUtf8(bytes))

/** What Obsidian shows of a file that may be no text. */
export const shownText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** Exactly the bytes, as a buffer, which must not be changed: their own one when they fill it. */
export function bufferOf(bytes: Uint8Array): ArrayBuffer {
  if (bytes.byteLength === bytes.buffer.byteLength) return bytes.buffer as ArrayBuffer
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
}

export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))

/** Whether Obsidian shows the path: names that begin with a dot exist for it only as files of the disk. */
export const isShown = (path: string): boolean => !/(?:^|\/)\./.test(path)
