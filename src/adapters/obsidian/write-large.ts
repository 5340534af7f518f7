import { CorruptObjectError } from '../../objects/errors.ts'
import { objectHeader } from '../../objects/hash.ts'
import type { FileContent, StepResult, WriteStep } from '../../ports/vault-files.ts'
import { temporaryName } from '../memory/vault-scope.ts'
import { hashFile } from './file-reading.ts'
import { chunksOf } from './large-files.ts'
import type { LargeFiles } from './large-files.ts'
import { fileStatOf, parentOf } from './vault-access.ts'
import type { VaultAccess } from './vault-access.ts'
import { writeError } from './vault-errors.ts'

const CHANGED: StepResult = { result: 'changed' }

/** The source of the content failed, not the disk. */
class SourceError extends Error {}

/**
 * Writes a file of any size through the desktop's file system: under a temporary name that Obsidian does not show, then by a rename
 * over what the step expects to be there. The folder exists already.
 * @throws VaultError `unwritable`, `disk-full`; CorruptObjectError `hash-mismatch`; what the source throws
 */
export async function writeLarge(access: VaultAccess, step: WriteStep, content: FileContent): Promise<StepResult> {
  const { disk, live } = access
  const { path } = step
  const largeFiles = access.largeFiles!
  const folder = parentOf(path)
  const temporary = (folder === '' ? '' : `${folder}/`) + temporaryName(token())
  live.add(temporary)
  let done = false
  try {
    await writeChecked(access, largeFiles, temporary, step, content)
    if (!(await isExpected(access, step))) return CHANGED
    await largeFiles.replace(temporary, path)
    done = true
    const stat = await disk.stat(path)
    return stat?.type === 'file' ? { result: 'applied', stat: fileStatOf(path, stat) } : CHANGED
  } catch (cause) {
    if (cause instanceof SourceError) throw cause.cause
    if (cause instanceof CorruptObjectError) throw cause
    throw writeError(cause, path)
  } finally {
    if (!done) await disk.remove(temporary).catch(() => undefined)
    live.delete(temporary)
  }
}

async function writeChecked(
  { codec }: VaultAccess,
  largeFiles: LargeFiles,
  temporary: string,
  step: WriteStep,
  content: FileContent,
): Promise<void> {
  const isWhole = content instanceof Uint8Array
  const size = isWhole ? content.length : content.size
  const sha1 = codec.sha1().update(objectHeader('blob', size))
  let bytes = 0
  async function* checked(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of isWhole ? chunksOf(content) : content.chunks) {
        bytes += chunk.length
        if (bytes > size) throw new CorruptObjectError('hash-mismatch', 'more content than announced')
        sha1.update(chunk)
        yield chunk
      }
    } catch (cause) {
      throw new SourceError('the source of the content failed', { cause })
    }
  }
  await largeFiles.write(temporary, checked())
  if (bytes !== size || sha1.hex() !== step.oid)
    throw new CorruptObjectError('hash-mismatch', `the content to write is not ${step.oid}`, { oid: step.oid })
}

/** E1, as late as it can be. */
async function isExpected(access: VaultAccess, { path, expect }: WriteStep): Promise<boolean> {
  const stat = await access.disk.stat(path)
  if (!stat) return expect === null
  if (stat.type !== 'file' || expect === null) return false
  const hashed = await hashFile(access, path, stat.size)
  const after = await access.disk.stat(path)
  return hashed?.oid === expect && after?.size === stat.size && after.mtime === stat.mtime
}

/** 16 hex digits. */
const token = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('')
