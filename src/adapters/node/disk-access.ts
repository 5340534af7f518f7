import { lstatSync } from 'node:fs'
import type { Codec } from '../../objects/codec.ts'
import type { Oid } from '../../objects/oid.ts'
import type { Scope } from '../memory/vault-scope.ts'
import type { DiskHook } from './disk-hook.ts'
import type { DiskNames, Located } from './disk-names.ts'
import type { FolderSync } from './folder-sync.ts'
import { isAbsent } from './disk-errors.ts'
import { hashFile, hashNow, untouched, withFile } from './file-content.ts'
import type { OpenFile } from './file-content.ts'
import type { VaultRoot } from './vault-root.ts'

/** What the steps need of one open vault. */
export interface DiskAccess {
  readonly root: VaultRoot
  readonly names: DiskNames
  readonly inScope: Scope
  readonly codec: Codec
  readonly hook: DiskHook
  /** Names of temporary files that are being written now. */
  readonly live: Set<string>
  readonly folders: FolderSync
}

/** A file as it was when it was hashed. */
export interface HashedFile {
  readonly disk: string
  readonly stat: OpenFile['stat']
  readonly oid: Oid
}

/** Up to this size a file is hashed a second time right before it is replaced: times are too coarse to tell (4 ms on ext4, 2 s on FAT). */
const HASH_TWICE = 1024 * 1024

/** Hashes what was located; undefined when it changed or went meanwhile. @throws system errors. */
export async function hashLocated(located: Located & { kind: 'file' }, codec: Codec): Promise<HashedFile | undefined> {
  try {
    return await withFile(located.disk, async (file) => {
      const oid = file.stat.isFile() ? await hashFile(file, codec) : undefined
      return oid && { disk: located.disk, stat: file.stat, oid }
    })
  } catch (cause) {
    if (isAbsent(cause)) return undefined
    throw cause
  }
}

/** E1, once more, without giving anybody else in this process a turn before the caller's next call. */
export function isStill(file: HashedFile, codec: Codec): boolean {
  const stat = lstatSync(file.disk, { throwIfNoEntry: false })
  if (!stat || !untouched(stat, file.stat)) return false
  return stat.size > HASH_TWICE || hashNow(file.disk, HASH_TWICE, codec) === file.oid
}
