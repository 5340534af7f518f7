// @vitest-environment happy-dom
import { history, redo, undo } from '@codemirror/commands'
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import type { Editor } from 'obsidian'
import { describe, expect, it } from 'vitest'
import { editorChanges } from '../../../src/adapters/obsidian/editor-changes.ts'
import { editRemotely } from '../../../src/adapters/obsidian/edit-remotely.ts'

/** A real CodeMirror, as Obsidian's editor holds one. */
function editing(doc: string, cursor: number) {
  const view = new EditorView({
    state: EditorState.create({ doc, selection: { anchor: cursor }, extensions: [history()] }),
  })
  return {
    view,
    editor: { cm: view } as unknown as Editor,
    type: (text: string) => {
      const at = view.state.selection.main.head
      view.dispatch({
        changes: { from: at, insert: text },
        selection: { anchor: at + text.length },
        userEvent: 'input.type',
      })
    },
    text: () => view.state.doc.toString(),
  }
}

describe('a change from another device in an open note', () => {
  it('moves the cursor along with its text', () => {
    const { view, editor, text } = editing('one\ntwo\nthree\n', 'one\ntw'.length)
    const after = 'zero\none\ntwo\nthree and more\n'
    expect(editRemotely(editor, editorChanges(text(), after))).toBe(true)
    expect(text()).toBe(after)
    expect(view.state.selection.main.head).toBe('zero\none\ntw'.length)
  })

  it('stays when the person takes back what they typed, before it and after it', () => {
    const { view, editor, type, text } = editing('one\ntwo\n', 3)
    type(' mine')
    editRemotely(editor, editorChanges(text(), 'one mine\ntwo theirs\n'))
    undo(view)
    expect(text()).toBe('one\ntwo theirs\n')
    redo(view)
    expect(text()).toBe('one mine\ntwo theirs\n')
    undo(view)
    expect(undo(view)).toBe(false)
    expect(text()).toBe('one\ntwo theirs\n')
  })

  it('says so where there is no CodeMirror', () => {
    expect(editRemotely({} as Editor, [{ from: 0, to: 0, text: 'x' }])).toBe(false)
  })
})
