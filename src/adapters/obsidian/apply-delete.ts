import { VaultError } from '../../ports/errors.ts'
import type { DeleteStep, StepResult } from '../../ports/vault-files.ts'
import { hashFile } from './file-reading.ts'
import { removeEmptied } from './made-folders.ts'
import { isSameText, isSettled, panesOn, saveUnsaved } from './open-notes.ts'
import { shownText } from './vault-access.ts'
import type { VaultAccess } from './vault-access.ts'
import { isGone, reasonOf, verifyRoot } from './vault-errors.ts'
import { findPlace } from './vault-place.ts'

const CHANGED: StepResult = { result: 'changed' }
const APPLIED: StepResult = { result: 'applied' }

/**
 * Moves a file to the trash that the person chose in Obsidian, if and only if it holds what the step expects (E1, E4) and no pane
 * holds unsaved text of it; then removes the folders that this emptied, as git would.
 * @throws VaultError `trash-failed`; the file is where it was.
 */
export async function applyDelete(access: VaultAccess, step: DeleteStep): Promise<StepResult> {
  const { app, disk } = access
  const { path } = step
  const place = await findPlace(access, path)
  if (place.kind !== 'file') {
    await verifyRoot(disk)
    return APPLIED // In another case it is another file (pitfall 4).
  }
  const panes = panesOn(app.workspace, path)
  try {
    const wholly = panes.length > 0 ? { ...access, largeFiles: undefined } : access
    const found = await hashFile(wholly, path, place.stat.size)
    const onDisk = found?.content && shownText(found.content)
    // No turn for a keystroke from here to the call of `trashFile`.
    if (onDisk !== undefined && panes.some((pane) => !isSettled(pane, onDisk))) {
      await saveUnsaved(access, path, onDisk)
      return CHANGED
    }
    if (found?.oid !== step.expect) return CHANGED
    if (place.file) await app.fileManager.trashFile(place.file)
    else await disk.trashLocal(path)
    if (await disk.exists(path, true)) throw new Error('it is still there')
    if (onDisk !== undefined && (await bringBackTyped(access, path, onDisk))) return CHANGED
    await removeEmptied(access, path)
    return APPLIED
  } catch (cause) {
    if (cause instanceof VaultError) throw cause
    if (await isGone(disk, cause, path)) {
      await verifyRoot(disk)
      return CHANGED
    }
    const message = `“${path}” could not be moved to the trash because ${reasonOf(cause)}. It stays where it is; choose another trash in Obsidian's settings under “Files and links”.`
    throw new VaultError('trash-failed', message, { path }, { cause })
  }
}

/** What was typed into the note while it went is put back in its place: a deletion never wins over an edit. */
async function bringBackTyped({ app }: VaultAccess, path: string, before: string): Promise<boolean> {
  // Only panes that still show it: one that moved on holds another note's text, one that was closed none.
  for (const { editor } of panesOn(app.workspace, path)) {
    const text = editor?.getValue()
    if (!text || isSameText(text, before)) continue
    await app.vault.create(path, text)
    return true
  }
  return false
}
