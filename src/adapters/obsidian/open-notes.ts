import type { Editor, MarkdownView, TextFileView, WorkspaceLeaf } from 'obsidian'
import { editorChanges } from './editor-changes.ts'
import type { TextChange } from './editor-changes.ts'
import type { EditRemotely } from './edit-remotely.ts'
import type { VaultAccess } from './vault-access.ts'
import type { VaultApp } from './vault-app.ts'
import { writeError } from './vault-errors.ts'

/**
 * Notes that are open in a pane while the disk is about to change. What Obsidian does by itself (1.12 and 1.13):
 *
 * - What is typed lies in the editor until 2 s after the last keystroke, or until `save()`.
 * - When the file changes on disk, a pane without unsaved text takes the new text over, in small changes. A pane with unsaved text
 *   merges by fuzzy patches against what it saved last, and forgets a patch that does not fit: so text can be lost, or come twice.
 *
 * Hence: nothing is written under unsaved text. It is saved first and the step left alone, so that the engine sees it (E1); and a
 * step that is taken changes editor and disk in one go, between two keystrokes, and lets the pane know that this text is saved.
 */

/** A pane on a text file. What is undocumented may be missing, and is believed only in what makes us careful. */
export interface TextPane extends Pick<TextFileView, 'getViewData' | 'getViewType' | 'save'> {
  readonly editor?: Editor
  getMode?: MarkdownView['getMode']
  /** Undocumented: there is unsaved text. */
  readonly dirty?: unknown
  /** Undocumented: a save is under way. */
  readonly saving?: unknown
  /** Undocumented: null while the file is being loaded. */
  readonly lastSavedData?: unknown
}

/**
 * How long a pane may take, ms, to load a file or to hear that it changed. Of two saves in a row it can read the first after it made
 * the second, and show the first again: so nothing is saved or written again before that.
 */
export const PANE_MS = 50

/** The panes that show a file, in every window. */
export function panesOn(workspace: VaultApp['workspace'], path: string): TextPane[] {
  const panes: TextPane[] = []
  workspace.iterateAllLeaves((leaf: WorkspaceLeaf) => {
    const view = leaf.view as unknown as TextPane & { readonly file?: { readonly path?: unknown } | null }
    if (view?.file?.path === path && typeof view.getViewData === 'function' && typeof view.save === 'function')
      panes.push(view)
  })
  return panes
}

/** Whether a pane holds just what the disk holds. */
export function isSettled(pane: TextPane, onDisk: string): boolean {
  if (!isNote(pane)) return pane.dirty !== true // A canvas writes its JSON in its own way: its text says nothing.
  if (pane.saving === true || pane.lastSavedData === null) return false
  return isSameText(pane.getViewData(), onDisk)
}

/**
 * Lets panes save what is not on the disk, so that the engine can see it at its next look. A pane that is busy with its file is only
 * waited for.
 * @throws VaultError `unwritable`, `disk-full`
 */
export async function saveUnsaved({ app, disk, clock }: VaultAccess, path: string, onDisk: string): Promise<void> {
  try {
    const stat = await disk.stat(path)
    const isFresh = stat !== null && Math.abs(clock.now() - stat.mtime) < PANE_MS
    for (const pane of isFresh ? [] : panesOn(app.workspace, path)) {
      const isBusy = pane.lastSavedData === null || pane.saving === true
      if (!isBusy && !isSettled(pane, onDisk)) await pane.save()
    }
  } catch (cause) {
    throw writeError(cause, path)
  }
  await clock.sleep(PANE_MS)
}

/**
 * Brings settled panes to a new text, at once. Resolves when the one that was changed has saved it: it writes what is on the disk
 * already, and with that knows that there is nothing to merge. Other panes on the file follow by themselves when the disk changes.
 */
export function showText(
  panes: readonly TextPane[],
  text: string,
  editRemotely: EditRemotely | undefined,
): Promise<void> {
  const writable = panes.filter((pane) => isNote(pane) && pane.editor && pane.getMode?.() === 'source')
  const pane = writable.find(({ editor }) => editor!.hasFocus()) ?? writable[0]
  // With carriage returns the editor's text is never the file's: saving it would change every line.
  if (!pane || text.includes('\r')) return Promise.resolve()
  const editor = pane.editor!
  const before = editor.getValue()
  if (before.includes('\r') || before !== pane.getViewData()) return Promise.resolve()
  const changes = editorChanges(before, text)
  try {
    if (!editRemotely?.(editor, changes)) editInSteps(editor, changes)
  } catch {
    // Another plugin forbade it. Obsidian takes the text over from the disk.
  }
  if (editor.getValue() !== text) return Promise.resolve()
  return pane.save().catch(() => undefined) // The disk is written by our caller, who reports what goes wrong.
}

function editInSteps(editor: Editor, changes: readonly TextChange[]): void {
  if (changes.length === 0) return
  editor.transaction({
    changes: changes.map(({ from, to, text }) => ({
      from: editor.offsetToPos(from),
      to: editor.offsetToPos(to),
      text,
    })),
  })
}

const isNote = (pane: TextPane): boolean => pane.getViewType() === 'markdown'

/** An editor knows one kind of line end, and no byte order mark. */
export function isSameText(a: string, b: string): boolean {
  const inEditor = (text: string): string => text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n')
  return a === b || inEditor(a) === inEditor(b)
}
