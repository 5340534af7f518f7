import { objectHeader } from '../../objects/hash.ts'
import { parseOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'
import type { VaultPath } from '../../objects/vault-path.ts'
import { LARGE_BLOB } from '../../ports/object-store.ts'
import { chunksOf, largeChunks, tooLargeToRead, WHOLE_LIMIT } from './large-files.ts'
import { slowBlobOid } from './vault-access.ts'
import type { VaultAccess } from './vault-access.ts'

/** @throws VaultError `unreadable` when it is too large; what Obsidian throws. */
export async function readWhole({ disk }: VaultAccess, path: VaultPath, size: number): Promise<Uint8Array> {
  if (size > WHOLE_LIMIT) throw tooLargeToRead(path)
  return new Uint8Array(await disk.readBinary(path))
}

/** Never more than LARGE_BLOB of it in memory, where the platform can read files piece by piece. */
export async function* readChunks(access: VaultAccess, path: VaultPath, size: number): AsyncGenerator<Uint8Array> {
  const { largeFiles } = access
  if (largeFiles && size > LARGE_BLOB) yield* largeChunks(largeFiles, path, size)
  else yield* chunksOf(await readWhole(access, path, size))
}

/** The blob id of what is on the disk, and the bytes themselves if they were few enough to hold. */
export async function hashFile(
  access: VaultAccess,
  path: VaultPath,
  size: number,
): Promise<{ readonly oid: Oid; readonly content: Uint8Array | undefined } | undefined> {
  if (!access.largeFiles || size <= LARGE_BLOB) {
    const content = await readWhole(access, path, size)
    return { oid: await slowBlobOid(access, content), content }
  }
  const sha1 = access.codec.sha1().update(objectHeader('blob', size))
  let bytes = 0
  for await (const chunk of largeChunks(access.largeFiles, path, size)) {
    sha1.update(chunk)
    bytes += chunk.length
  }
  return bytes === size ? { oid: parseOid(sha1.hex()), content: undefined } : undefined
}
