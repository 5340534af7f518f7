import { hashObject, objectHeader } from '../objects/hash.ts'
import { parseOid, type Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import { LARGE_BLOB } from '../ports/object-store.ts'
import { VaultError } from '../ports/errors.ts'
import type { VaultFiles } from '../ports/vault-files.ts'
import type { Repository } from './repository.ts'

/**
 * Puts an old content back on the disk, as if a person had written it: the next settle commits it. What the disk holds now must
 * be in the history already, or is put there first by the caller's settle.
 *
 * @throws VaultError `unstable` when the file changes under our hands, and what `apply` throws.
 */
export async function restoreFile(
  repository: Repository,
  files: VaultFiles,
  path: VaultPath,
  oid: Oid,
): Promise<'restored' | 'same'> {
  const expect = await oidOnDisk(repository, files, path)
  if (expect === oid) return 'same'
  if (expect !== null && !(await repository.objects.info(expect)))
    throw new VaultError('unstable', `${path} holds an edit that is not in the history yet; try again in a moment`, {
      path,
    })
  const info = (await repository.objects.info(oid))!
  const content =
    info.size > LARGE_BLOB
      ? { size: info.size, chunks: repository.objects.stream(oid) }
      : await repository.readBlob(oid)
  const outcome = await files.apply({ kind: 'write', path, expect, oid }, content)
  if (outcome.result === 'changed')
    throw new VaultError('unstable', `${path} is being changed right now; try again`, { path })
  if (outcome.result === 'impossible')
    throw new VaultError('bad-path', `${path} cannot be written here: ${outcome.reason}`, { path })
  return 'restored'
}

async function oidOnDisk(repository: Repository, files: VaultFiles, path: VaultPath): Promise<Oid | null> {
  const stat = await files.stat(path)
  if (!stat) return null
  if (stat.size <= LARGE_BLOB) return hashObject(repository.codec, 'blob', (await files.read(path)).content)
  const { stat: now, chunks } = await files.stream(path)
  const sha1 = repository.codec.sha1().update(objectHeader('blob', now.size))
  for await (const chunk of chunks) sha1.update(chunk)
  return parseOid(sha1.hex())
}
