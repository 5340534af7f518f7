import type { TFile } from 'obsidian'
import { encodeUtf8 } from '../../objects/bytes.ts'
import { CorruptObjectError } from '../../objects/errors.ts'
import { VaultError } from '../../ports/errors.ts'
import type { FileContent, FileStat, StepResult, WriteStep } from '../../ports/vault-files.ts'
import { hashFile } from './file-reading.ts'
import { tooLargeToWrite, WHOLE_LIMIT } from './large-files.ts'
import { MadeFolders } from './made-folders.ts'
import { isSameText, isSettled, PANE_MS, panesOn, saveUnsaved, showText } from './open-notes.ts'
import { blobOid, bufferOf, fileStatOf, isShown, shownText, slowBlobOid, textOf } from './vault-access.ts'
import type { VaultAccess } from './vault-access.ts'
import { isGone, isImpossible, reasonOf, verifyRoot, writeError } from './vault-errors.ts'
import { findPlace } from './vault-place.ts'
import { walkFolder } from './vault-walk.ts'
import { writeLarge } from './write-large.ts'

const CHANGED: StepResult = { result: 'changed' }

/** Thrown inside `Vault.process` to leave the file as it is. */
class LeftAlone extends Error {}

/**
 * Brings a file to new content if and only if the disk holds what the step expects (E1), and no pane holds unsaved text of it.
 * @throws VaultError `unwritable`, `disk-full`; CorruptObjectError `hash-mismatch`. The disk then holds what it held before.
 */
export async function applyWrite(every: VaultAccess, step: WriteStep, content: FileContent): Promise<StepResult> {
  const { path } = step
  const isOpen = panesOn(every.app.workspace, path).length > 0
  const access = isOpen ? { ...every, largeFiles: undefined } : every // A pane holds all of it in any case.
  const place = await findPlace(access, path)
  if (place.kind !== 'file') await verifyRoot(access.disk)
  switch (place.kind) {
    case 'unholdable':
      return { result: 'impossible', reason: place.reason }
    case 'twin':
      return {
        result: 'impossible',
        reason: `this disk already holds “${place.name}”, and does not tell upper from lower case`,
      }
    case 'behind-file':
      return CHANGED
    case 'folder': {
      // A folder that holds files is a change that the next snapshot will bring; an empty one would stay for ever.
      const below = await walkFolder(access, path)
      if (below.files.length + below.errors.length > 0) return CHANGED
      return { result: 'impossible', reason: 'a folder of that name is in the way' }
    }
    case 'absent':
      return step.expect === null ? create(access, step, content, place.missing) : CHANGED
    case 'file': {
      const before = await hashBefore(access, step, place.stat.size)
      if (before?.oid === step.oid) return { result: 'applied', stat: fileStatOf(path, place.stat) }
      if (!before || before.oid !== step.expect) return CHANGED
      return replace(access, step, content, place.file, before.content)
    }
  }
}

async function hashBefore(access: VaultAccess, { path }: WriteStep, size: number): ReturnType<typeof hashFile> {
  try {
    return await hashFile(access, path, size)
  } catch (cause) {
    if (cause instanceof VaultError) throw cause
    if (await isGone(access.disk, cause, path)) return undefined
    throw writeError(cause, path)
  }
}

async function create(
  access: VaultAccess,
  step: WriteStep,
  content: FileContent,
  missing: readonly string[],
): Promise<StepResult> {
  const { app, disk } = access
  const { path } = step
  const large = isLarge(access, content)
  if (large === 'too-large') return { result: 'impossible', reason: tooLargeToWrite }
  const bytes = large ? undefined : await collect(access, step, content)
  const made = new MadeFolders(access)
  let done = false
  try {
    const shown = isShown(path)
    await made.make(missing, shown)
    if (!bytes) {
      const result = await writeLarge(access, step, content)
      done = result.result === 'applied'
      return result
    }
    if (await disk.exists(path)) return CHANGED
    const text = textOf(bytes)
    if (!shown) await disk.writeBinary(path, bufferOf(bytes))
    else if (text === undefined) await app.vault.createBinary(path, bufferOf(bytes))
    else await app.vault.create(path, text)
    const result = await verified(access, step, bytes)
    done = result.result === 'applied'
    return result
  } catch (cause) {
    if (cause instanceof CorruptObjectError) throw cause
    if (cause instanceof Error && /already exists/i.test(cause.message)) return CHANGED
    if (bytes) await removeCut(access, step, bytes)
    if (isImpossible(cause)) return { result: 'impossible', reason: reasonOf(cause) }
    await verifyRoot(disk)
    throw writeError(cause, path)
  } finally {
    if (!done) await made.undo()
  }
}

async function replace(
  access: VaultAccess,
  step: WriteStep,
  content: FileContent,
  file: TFile | null,
  before: Uint8Array | undefined,
): Promise<StepResult> {
  const { app, disk } = access
  const { path } = step
  const onDisk = before && shownText(before)
  // Looked at first: the panes may need to save, and that takes turns.
  if (onDisk !== undefined && panesOn(app.workspace, path).some((pane) => !isSettled(pane, onDisk))) {
    await saveUnsaved(access, path, onDisk)
    return CHANGED
  }
  const large = isLarge(access, content)
  if (large === 'too-large') return { result: 'impossible', reason: tooLargeToWrite }
  if (large || !before) return writeLarge(access, step, content)
  const bytes = await collect(access, step, content)
  const text = textOf(bytes)
  try {
    if (text !== undefined && textOf(before) !== undefined) return await replaceText(access, step, file, text, bytes)
    // No call checks and writes bytes in one: the look is as late as it can be.
    const now = await hashBefore(access, step, before.length)
    if (now?.oid !== step.expect) return CHANGED
    if (file) await app.vault.modifyBinary(file, bufferOf(bytes))
    else await disk.writeBinary(path, bufferOf(bytes))
    return await verified(access, step, bytes)
  } catch (cause) {
    if (await isGone(disk, cause, path)) {
      await verifyRoot(disk)
      return CHANGED
    }
    await putBack(access, step, before, bytes)
    throw writeError(cause, path)
  }
}

/** Checks and writes inside one `process` (E1), and the editor of an open pane with it: no keystroke can fall between. */
async function replaceText(
  access: VaultAccess,
  step: WriteStep,
  file: TFile | null,
  text: string,
  bytes: Uint8Array,
): Promise<StepResult> {
  const { app, disk, codec, clock, editRemotely } = access
  const { path } = step
  let unsaved: string | undefined
  let shown: Promise<void> | undefined
  const change = (current: string): string => {
    const oid = blobOid(codec, encodeUtf8(current))
    if (oid === step.oid) return current
    if (oid !== step.expect) throw new LeftAlone()
    const panes = panesOn(app.workspace, path)
    if (panes.some((pane) => !isSettled(pane, current))) {
      unsaved = current
      throw new LeftAlone()
    }
    shown = showText(panes, text, editRemotely)
    return text
  }
  try {
    if (file) await app.vault.process(file, change)
    else await disk.process(path, change)
  } catch (cause) {
    if (!(cause instanceof LeftAlone)) throw cause
    if (unsaved !== undefined) await saveUnsaved(access, path, unsaved)
    return CHANGED
  }
  const stat = await disk.stat(path)
  await shown
  if (panesOn(app.workspace, path).length > 0) await clock.sleep(PANE_MS)
  return verified(access, step, bytes, stat ? fileStatOf(path, stat) : undefined)
}

/**
 * Reads back what was written (pitfall 3). What a person typed in the meantime may be saved on top of it already: the step is done
 * then, under a stat that makes the next look read the file.
 */
async function verified(
  access: VaultAccess,
  step: WriteStep,
  bytes: Uint8Array,
  written?: FileStat,
): Promise<StepResult> {
  const { app, disk } = access
  const { path } = step
  const stat = await disk.stat(path)
  if (stat?.type !== 'file') return CHANGED
  const content = new Uint8Array(await disk.readBinary(path))
  const after = await disk.stat(path)
  const isStill = after?.size === stat.size && after.mtime === stat.mtime
  if ((await slowBlobOid(access, content)) === step.oid)
    return { result: 'applied', stat: isStill ? fileStatOf(path, stat) : unknownStat(written, step, bytes) }
  if (panesOn(app.workspace, path).some((pane) => isSameText(pane.getViewData(), shownText(content))))
    return { result: 'applied', stat: unknownStat(written, step, bytes) }
  if (isCut(content, bytes)) throw new VaultError('unwritable', `“${path}” was cut off while it was written.`, { path })
  return CHANGED
}

/** The time of no file: whoever compares looks again. */
const unknownStat = (written: FileStat | undefined, { path }: WriteStep, bytes: Uint8Array): FileStat => ({
  ...(written ?? fileStatOf(path, { size: bytes.length, mtime: 0 })),
  size: bytes.length,
  mtimeMs: 0,
})

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i])

/** Whether `content` is a beginning of `bytes`: what a full disk leaves. */
function isCut(content: Uint8Array, bytes: Uint8Array): boolean {
  return content.length < bytes.length && content.every((byte, i) => byte === bytes[i])
}

/** After a failed write: restores the old content where the file was cut. Our caller reports the failure in any case. */
async function putBack(access: VaultAccess, step: WriteStep, before: Uint8Array, bytes: Uint8Array): Promise<void> {
  const { disk } = access
  try {
    const now = new Uint8Array(await disk.readBinary(step.path))
    if (isCut(now, bytes) && !isSame(now, before)) await disk.writeBinary(step.path, bufferOf(before))
  } catch {
    // The disk takes nothing now. The old text is in the history.
  }
}

async function removeCut({ disk }: VaultAccess, step: WriteStep, bytes: Uint8Array): Promise<void> {
  try {
    const now = new Uint8Array(await disk.readBinary(step.path))
    if (isCut(now, bytes) || isSame(now, bytes)) await disk.remove(step.path)
  } catch {
    // Nothing was made.
  }
}

function isLarge({ largeFiles }: VaultAccess, content: FileContent): boolean | 'too-large' {
  if (content instanceof Uint8Array) return false
  if (largeFiles) return true
  return content.size > WHOLE_LIMIT ? 'too-large' : false
}

/** @throws CorruptObjectError `hash-mismatch` when it is not what the step names (pitfall 3); what the source throws */
async function collect(access: VaultAccess, step: WriteStep, content: FileContent): Promise<Uint8Array> {
  const bytes = content instanceof Uint8Array ? content : await collectChunks(content)
  if ((await slowBlobOid(access, bytes)) !== step.oid)
    throw new CorruptObjectError('hash-mismatch', `the content to write is not ${step.oid}`, { oid: step.oid })
  return bytes
}

async function collectChunks(content: Exclude<FileContent, Uint8Array>): Promise<Uint8Array> {
  const bytes = new Uint8Array(content.size)
  let filled = 0
  for await (const chunk of content.chunks) {
    if (filled + chunk.length > bytes.length)
      throw new CorruptObjectError('hash-mismatch', 'more content than announced')
    bytes.set(chunk, filled)
    filled += chunk.length
  }
  return bytes.subarray(0, filled)
}
