import { Transaction, type ChangeSpec } from '@codemirror/state'
import type { Editor } from 'obsidian'
import type { TextChange } from './editor-changes.ts'

/** Changes the editor's text without making it part of the person's undo history; false when it cannot. */
export type EditRemotely = (editor: Editor, changes: readonly TextChange[]) => boolean

/** What CodeMirror's view is to us; Obsidian's editor holds it as `cm`, which its typings leave out. */
interface CodeMirrorView {
  dispatch(transaction: { changes: ChangeSpec; annotations: unknown[] }): void
}

/**
 * As CodeMirror's own collaboration does it: undo takes back what the person typed and leaves what came from another device.
 * Obsidian gives a plugin its own copy of CodeMirror, else the annotation would mean nothing to the editor.
 */
export const editRemotely: EditRemotely = (editor, changes) => {
  const { cm } = editor as { readonly cm?: Partial<CodeMirrorView> }
  if (typeof cm?.dispatch !== 'function') return false
  cm.dispatch({
    changes: changes.map(({ from, to, text }) => ({ from, to, insert: text })),
    annotations: [Transaction.addToHistory.of(false), Transaction.remote.of(true)],
  })
  return true
}
