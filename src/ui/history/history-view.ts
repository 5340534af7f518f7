import { ButtonComponent, ItemView, type ViewStateResult, type WorkspaceLeaf } from 'obsidian'
import type { Share } from '../../engine/share.ts'
import type { Oid } from '../../objects/oid.ts'
import { parseVaultPath, type VaultPath } from '../../objects/vault-path.ts'
import { screenClock } from '../clock.ts'
import { noteTitle } from '../conflicts/conflict-copies.ts'
import { drawDiff } from '../draw-diff.ts'
import { countChanges } from '../line-diff.ts'
import type { Screens } from '../screens.ts'
import { errorSentence } from '../words/error-sentence.ts'
import { formatAgo, formatBytes, formatMoment } from '../words/format.ts'
import {
  deletedNotes,
  noteVersions,
  restoreVersion,
  textNow,
  versionText,
  type DeletedNote,
  type NoteVersion,
  type VersionText,
} from './note-history.ts'

export const HISTORY_VIEW = 'tandem-history'

type Shown = 'changes' | 'text'

/** The versions of a note, or the notes that were deleted: look at one, and bring it back. */
export class HistoryView extends ItemView {
  override icon = 'history'
  readonly #screens: Screens
  /** Null: the deleted notes. */
  #path: VaultPath | null = null
  /** Whose history is shown. */
  #loaded: Share | null = null
  #versions: NoteVersion[] = []
  #deleted: DeletedNote[] = []
  #chosen = 0
  #shown: Shown = 'changes'
  #message = ''
  /** Counts loads: what an older one brings is not shown. */
  #turn = 0

  constructor(leaf: WorkspaceLeaf, screens: Screens) {
    super(leaf)
    this.#screens = screens
  }

  override getViewType(): string {
    return HISTORY_VIEW
  }

  override getDisplayText(): string {
    return this.#path === null ? 'Deleted notes' : `History of ${noteTitle(this.#path)}`
  }

  override getState(): Record<string, unknown> {
    return { path: this.#path }
  }

  override async setState(state: unknown, result: ViewStateResult): Promise<void> {
    const path = state !== null && typeof state === 'object' && 'path' in state ? state.path : null
    this.#path = typeof path === 'string' ? parseVaultPath(path) : null
    this.#message = ''
    this.#chosen = 0
    await super.setState(state, result)
    await this.#load()
  }

  override async onOpen(): Promise<void> {
    this.contentEl.addClass('tandem-view')
    // A view that the app opened again at its start is there before the history is.
    this.register(this.#screens.face.onChange(() => this.#share !== this.#loaded && void this.#load()))
    await this.#load()
  }

  override onClose(): Promise<void> {
    this.#turn++
    this.contentEl.empty()
    return Promise.resolve()
  }

  get #share(): Share | null {
    return this.#screens.face.share
  }

  async #load(): Promise<void> {
    const turn = ++this.#turn
    const share = (this.#loaded = this.#share)
    let [versions, deleted]: [NoteVersion[], DeletedNote[]] = [[], []]
    try {
      if (share && this.#path !== null) versions = await noteVersions(share.repository, this.#path)
      else if (share) deleted = await deletedNotes(share.repository)
    } catch (error) {
      this.#message = words(error)
    }
    if (turn !== this.#turn) return
    this.#versions = versions
    this.#deleted = deleted
    await this.#draw()
  }

  async #draw(focusList = false): Promise<void> {
    const el = this.contentEl
    el.empty()
    el.createEl('h2', { text: this.getDisplayText() })
    const tools = el.createDiv({ cls: 'tandem-tools' })
    if (this.#path !== null)
      new ButtonComponent(tools).setButtonText('Deleted notes').onClick(() => this.#screens.openHistory(null))
    el.createDiv({ cls: 'tandem-message', text: this.#message, attr: { role: 'status' } })
    if (!this.#share)
      return void el.createDiv({ cls: 'tandem-empty', text: 'The history is there once sync has started.' })
    const rows = this.#path === null ? this.#deletedRows() : this.#versionRows()
    if (rows.length === 0) {
      const text =
        this.#path === null
          ? 'No note was deleted.'
          : 'There is no version of this note yet. It gets one when you edit it.'
      return void el.createDiv({ cls: 'tandem-empty', text })
    }
    const body = el.createDiv({ cls: 'tandem-split' })
    this.#drawList(body.createDiv({ cls: 'tandem-side' }), rows)
    if (focusList) el.querySelector<HTMLElement>('[aria-current="true"]')?.focus()
    await this.#drawChosen(body.createDiv({ cls: 'tandem-main' }))
  }

  #versionRows(): [string, string][] {
    const now = screenClock.now()
    return this.#versions.map(({ device, at, oid }, i) => {
      const who = device === null ? 'Joined from two devices' : device
      const what = oid === null ? 'deleted' : i === this.#versions.length - 1 ? 'first version' : formatAgo(at, now)
      return [`${formatMoment(at)}${i === 0 ? ' (now)' : ''}`, `${who} · ${what}`]
    })
  }

  #deletedRows(): [string, string][] {
    const now = screenClock.now()
    return this.#deleted.map(({ path, at, device }) => [noteTitle(path), `Deleted ${formatAgo(at, now)} on ${device}`])
  }

  #drawList(el: HTMLElement, rows: readonly [string, string][]): void {
    const list = el.createEl('ul', { cls: 'tandem-list', attr: { 'aria-label': this.getDisplayText() } })
    rows.forEach(([title, hint], i) => {
      const button = list.createEl('li').createEl('button', { cls: 'tandem-item' })
      if (i === this.#chosen) button.setAttribute('aria-current', 'true')
      button.createDiv({ text: title })
      button.createDiv({ cls: 'tandem-hint', text: hint })
      button.addEventListener('click', () => {
        this.#chosen = i
        this.#message = ''
        void this.#draw(true)
      })
    })
  }

  async #drawChosen(el: HTMLElement): Promise<void> {
    const share = this.#share
    if (!share) return
    const turn = this.#turn
    const version = this.#versions[this.#chosen]
    const deleted = this.#deleted[this.#chosen]
    try {
      if (this.#path === null) {
        if (!deleted) return
        const old = await versionText(share.repository, deleted.oid)
        if (turn === this.#turn) this.#drawDeleted(el, deleted, old)
        return
      }
      if (!version) return
      const old = version.oid && (await versionText(share.repository, version.oid))
      const current = await textNow(share, this.#path)
      const before = await this.#textBefore(share)
      if (turn === this.#turn) this.#drawVersion(el, version.oid, { old, current, before })
    } catch (error) {
      el.createEl('p', { cls: 'tandem-error', text: words(error) })
    }
  }

  /** Of the version before the chosen one; null: there is none, or it is no text. */
  async #textBefore(share: Share): Promise<string | null> {
    const before = this.#versions[this.#chosen + 1]
    if (!before) return ''
    const text = before.oid && (await versionText(share.repository, before.oid))
    return text?.kind === 'text' ? text.text : null
  }

  #drawVersion(
    el: HTMLElement,
    oid: Oid | null,
    texts: { old: VersionText | null; current: string | null; before: string | null },
  ): void {
    const { old, current, before } = texts
    const path = this.#path!
    if (oid === null || old === null)
      return void el.createEl('p', { text: 'The note was deleted here. Choose an older version to bring it back.' })
    if (old.kind === 'text' && before !== null) el.createEl('p', { cls: 'tandem-hint', text: edited(before, old.text) })
    const isNow = old.kind === 'text' && old.text === current
    const row = el.createDiv({ cls: 'tandem-buttons' })
    if (old.kind === 'text' && !isNow) this.#drawSwitch(row)
    if (!isNow)
      new ButtonComponent(row)
        .setButtonText('Restore this version')
        .setCta()
        .onClick(() => void this.#restore(path, oid))
    else row.createSpan({ cls: 'tandem-hint', text: 'This is what the note holds now.' })
    if (old.kind === 'binary') return drawBinary(el, old.bytes)
    if (isNow || this.#shown === 'text') return drawText(el, old.text)
    drawDiff(el, { names: ['This version', 'The note now'], texts: [old.text, current ?? ''] })
  }

  #drawSwitch(row: HTMLElement): void {
    const names: Record<Shown, string> = { changes: 'Compare with now', text: 'Text only' }
    const group = row.createDiv({ cls: 'tandem-switch', attr: { role: 'group', 'aria-label': 'What to show' } })
    for (const shown of ['changes', 'text'] as const) {
      const button = group.createEl('button', {
        text: names[shown],
        attr: { 'aria-pressed': String(shown === this.#shown) },
      })
      button.addEventListener('click', () => {
        this.#shown = shown
        void this.#draw().then(() =>
          this.contentEl.querySelector<HTMLElement>('.tandem-switch [aria-pressed="true"]')?.focus(),
        )
      })
    }
  }

  #drawDeleted(el: HTMLElement, { path, oid }: DeletedNote, old: VersionText): void {
    el.createEl('h3', { text: path })
    const row = el.createDiv({ cls: 'tandem-buttons' })
    new ButtonComponent(row)
      .setButtonText('Restore this note')
      .setCta()
      .onClick(() => void this.#restore(path, oid))
    new ButtonComponent(row).setButtonText('All its versions').onClick(() => this.#screens.openHistory(path))
    if (old.kind === 'binary') drawBinary(el, old.bytes)
    else drawText(el, old.text)
  }

  async #restore(path: VaultPath, oid: Oid): Promise<void> {
    const share = this.#share
    if (!share) return
    try {
      const outcome = await restoreVersion(share, path, oid)
      this.#message =
        outcome === 'same'
          ? 'The note holds this text already.'
          : `Restored: ${noteTitle(path)}. The text before is in the list, too.`
    } catch (error) {
      this.#message = words(error)
    }
    this.#chosen = 0
    await this.#load()
    this.contentEl.querySelector<HTMLElement>('[aria-current="true"]')?.focus()
  }
}

function drawText(el: HTMLElement, text: string): void {
  el.createEl('pre', { cls: 'tandem-text', text, attr: { tabindex: '0', 'aria-label': 'Text of this version' } })
}

function drawBinary(el: HTMLElement, bytes: number): void {
  el.createEl('p', { text: `This is no text that can be shown here (${formatBytes(bytes)}). It can be restored.` })
}

function edited(before: string, after: string): string {
  const { removed, added } = countChanges(before, after)
  if (removed === 0 && added === 0) return 'The text stayed the same.'
  const lines = (count: number) => (count === 1 ? '1 line' : `${count} lines`)
  if (removed === 0) return `Added ${lines(added)}.`
  if (added === 0) return `Removed ${lines(removed)}.`
  return `Added ${lines(added)}, removed ${lines(removed)}.`
}

function words(error: unknown): string {
  const { what, next } = errorSentence(error)
  return `${what} ${next}`
}
