import type { Editor, EditorPosition, EditorTransaction, TFile } from 'obsidian'
import { applyChanges, editorChanges, mapOffset } from '../../../src/adapters/obsidian/editor-changes.ts'
import type { TextChange } from '../../../src/adapters/obsidian/editor-changes.ts'
import type { Clock } from '../../../src/ports/clock.ts'
import type { FakeVaultApp } from './vault-app.ts'

/** From the last keystroke to the save, ms (`requestSave`). */
const SAVE_MS = 2000

/** One step of undo: changes that lead back, in terms of the text as it is now. */
type Entry = readonly TextChange[]

/**
 * A note's editor as Obsidian's: text, one cursor, and an undo history of single keystrokes. Changes from outside move the cursor
 * with the text around it; with `transaction` they are a step of undo, with `changeRemotely` the history moves along instead.
 */
export class ScriptedEditor {
  cursor = 0
  /** Told of every change; `typed` tells a keystroke, undo or transaction from a new text of the disk. */
  onChange: (typed: boolean) => void = () => undefined
  /** Told before and after each change that the person did not make. */
  onForeign: (moment: 'before' | 'after') => void = () => undefined
  #text = ''
  #done: Entry[] = []
  #undone: Entry[] = []

  getValue(): string {
    return this.#text
  }

  hasFocus(): boolean {
    return true
  }

  offsetToPos(offset: number): EditorPosition {
    const before = this.#text.slice(0, offset)
    const line = before.split('\n').length - 1
    return { line, ch: offset - (before.lastIndexOf('\n') + 1) }
  }

  posToOffset({ line, ch }: EditorPosition): number {
    const lines = this.#text.split('\n').slice(0, line)
    return lines.reduce((sum, text) => sum + text.length + 1, 0) + ch
  }

  /** Positions count in the text before all of it, as CodeMirror has it. */
  transaction({ changes = [] }: EditorTransaction): void {
    const plain = changes.map(({ from, to, text }) => {
      const start = this.posToOffset(from)
      return { from: start, to: to ? this.posToOffset(to) : start, text }
    })
    this.onForeign('before')
    this.#done.push(this.#change(plain))
    this.#undone = []
    this.onForeign('after')
    this.onChange(true)
  }

  /** What CodeMirror does with `addToHistory: false`. */
  changeRemotely(changes: readonly TextChange[]): void {
    this.#changeOutside(changes)
    this.onChange(true)
  }

  /** A new text from the disk; undefined history as when a note is opened. */
  setFromDisk(text: string, clear: boolean): void {
    if (clear) {
      this.#text = text
      this.#done = []
      this.#undone = []
    } else this.#changeOutside(editorChanges(this.#text, text))
    this.onChange(false)
  }

  type(text: string): void {
    this.#done.push(this.#change([{ from: this.cursor, to: this.cursor, text }]))
    this.cursor += text.length
    this.#undone = []
    this.onChange(true)
  }

  backspace(): void {
    if (this.cursor === 0) return
    this.#done.push(this.#change([{ from: this.cursor - 1, to: this.cursor, text: '' }]))
    this.#undone = []
    this.onChange(true)
  }

  /** False when there is nothing to undo. */
  undo(): boolean {
    return this.#step(this.#done, this.#undone)
  }

  redo(): boolean {
    return this.#step(this.#undone, this.#done)
  }

  #step(from: Entry[], to: Entry[]): boolean {
    const entry = from.pop()
    if (!entry) return false
    to.push(this.#change(entry))
    this.onChange(true)
    return true
  }

  #changeOutside(changes: readonly TextChange[]): void {
    this.onForeign('before')
    this.#change(changes)
    this.#done = this.#done.map((entry) => mapEntry(entry, changes))
    this.#undone = this.#undone.map((entry) => mapEntry(entry, changes))
    this.onForeign('after')
  }

  /** Returns the way back. */
  #change(changes: readonly TextChange[]): Entry {
    const back: TextChange[] = []
    let moved = 0
    for (const { from, to, text } of changes) {
      back.push({ from: from + moved, to: from + moved + text.length, text: this.#text.slice(from, to) })
      moved += text.length - (to - from)
    }
    this.cursor = mapOffset(this.cursor, changes)
    this.#text = applyChanges(this.#text, changes)
    return back
  }
}

/** A step of undo in a text that changed elsewhere: it never takes away what came in between. */
function mapEntry(entry: Entry, changes: readonly TextChange[]): Entry {
  return entry.flatMap(({ from, to, text }) => {
    const inside = changes.filter((change) => change.from > from && change.from < to)
    const cuts = [from, ...inside.flatMap((change) => [change.from, Math.min(change.to, to)]), to]
    const parts: TextChange[] = []
    for (let i = 0; i < cuts.length; i += 2) {
      const last = i + 2 >= cuts.length
      parts.push({ from: endOf(cuts[i]!, changes), to: mapOffset(cuts[i + 1]!, changes), text: last ? text : '' })
    }
    return parts.map((part) => (part.to < part.from ? { ...part, to: part.from } : part))
  })
}

/** As mapOffset, but behind what is inserted at the place. */
function endOf(offset: number, changes: readonly TextChange[]): number {
  const at = changes.find(({ from, to }) => from === offset && to === offset)
  return mapOffset(offset, changes) + (at ? at.text.length : 0)
}

/**
 * A pane with a note in it, as Obsidian 1.13 keeps it (found out by others from its code, and assumed here):
 * - `requestSave` saves 2 s after the last change; `save` does nothing while the note is loading, and while a save is under way it
 *   only asks for another one; it takes the text at once, and knows it as saved before the disk has it.
 * - When the file changes and the disk's text is not what was saved last: without unsaved text the editor takes it over; with unsaved
 *   text it is patched by what was typed since the last save. That is counted here in `merges`: it is what our adapter must avoid,
 *   for real patches are fuzzy, and those that do not fit are forgotten.
 */
export class ScriptedPane {
  readonly editor = new ScriptedEditor()
  readonly file: TFile
  dirty = false
  saving = false
  lastSavedData: string | null = null
  merges = 0
  readonly #app: FakeVaultApp
  readonly #clock: Clock
  readonly #ref: unknown
  #saveAgain = false
  #cancelSave: () => void = () => undefined

  constructor(app: FakeVaultApp, path: string, clock: Clock) {
    this.#app = app
    this.#clock = clock
    this.file = app.file(path)
    this.editor.onChange = (typed) => {
      if (typed) this.requestSave()
    }
    this.#ref = app.app.vault.on('modify', (file) => {
      if (file === this.file) void this.#load(false)
    })
    app.views.push(this)
  }

  async open(): Promise<this> {
    await this.#load(true)
    return this
  }

  close(): void {
    this.#cancelSave()
    this.#app.app.vault.offref(this.#ref as never)
    this.#app.views.splice(this.#app.views.indexOf(this), 1)
  }

  getViewType(): string {
    return 'markdown'
  }

  getMode(): 'source' {
    return 'source'
  }

  getViewData(): string {
    return this.editor.getValue()
  }

  requestSave(): void {
    this.dirty = true
    this.#cancelSave()
    this.#cancelSave = this.#clock.after(SAVE_MS, () => void this.save())
  }

  async save(): Promise<void> {
    if (this.lastSavedData === null) return
    if (this.saving) {
      this.#saveAgain = true
      return
    }
    this.saving = true
    try {
      this.dirty = false
      const text = this.getViewData()
      if (text !== this.lastSavedData) {
        this.lastSavedData = text
        await this.#app.adapter.write(this.file.path, text)
      }
    } finally {
      this.saving = false
    }
    if (!this.#saveAgain) return
    this.#saveAgain = false
    await this.save()
  }

  async #load(clear: boolean): Promise<void> {
    const text = await this.#app.adapter.read(this.file.path)
    if (!clear && text === this.lastSavedData) return
    const before = this.lastSavedData
    this.lastSavedData = text
    const view = this.getViewData()
    if (!clear && this.dirty && before !== null && view !== text && view !== before) {
      this.merges++
      this.editor.setFromDisk(applyChanges(text, transplant(before, view, text)), false)
      this.requestSave()
    } else this.editor.setFromDisk(text, clear)
  }
}

/** What was typed, put where the text before it is now: good enough where lines are only added. */
function transplant(before: string, view: string, text: string): TextChange[] {
  const outside = editorChanges(before, text)
  return editorChanges(before, view).map((change) => ({
    ...change,
    from: mapOffset(change.from, outside),
    to: mapOffset(change.to, outside),
  }))
}

/** What the plugin can hand to the adapter: the editor's own way to change text outside the undo history. */
export const editScripted = (editor: Editor, changes: readonly TextChange[]): boolean => {
  ;(editor as unknown as ScriptedEditor).changeRemotely(changes)
  return true
}
