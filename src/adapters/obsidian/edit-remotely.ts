import type { Editor } from 'obsidian'
import type { TextChange } from './editor-changes.ts'

/** Changes the editor's text without making it part of the person's undo history; false when it cannot. */
export type EditRemotely = (editor: Editor, changes: readonly TextChange[]) => boolean
