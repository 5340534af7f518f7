import { ButtonComponent, debounce, ItemView } from 'obsidian'
import { copyText } from '../copy-button.ts'
import { drawDiff } from '../draw-diff.ts'
import { joinTexts } from '../line-diff.ts'
import { errorSentence } from '../words/error-sentence.ts'
import { formatCount } from '../words/format.ts'
import { noteTitle, type ConflictCopy } from './conflict-copies.ts'
import { vaultConflicts } from './vault-conflicts.ts'
import { readConflict, resolveConflict, type ConflictTexts, type Resolution } from './resolve-conflict.ts'

export const CONFLICTS_VIEW = 'tandem-conflicts'

const NOTHING: ConflictTexts = { copy: null, original: null, stamp: '' }
const MERGE_HINT =
  'Both texts, joined. Where they differ, the lines of this note come first. Edit until it is right, then save.'

/** The conflict copies in the vault: both texts side by side, and four ways to settle it. */
export class ConflictsView extends ItemView {
  override icon = 'git-compare'
  #copies: ConflictCopy[] = []
  #chosen: string | null = null
  #seen: ConflictTexts = NOTHING
  /** Texts that somebody works on, by the copy's path, with what they began from: kept until they are saved. */
  readonly #drafts = new Map<string, { text: string; readonly seen: ConflictTexts }>()
  /** Whether the chosen one's text is on the screen, not the comparison. */
  #editing = false
  #message = ''
  /** Counts drawings: what was read for an older one is not shown. */
  #turn = 0

  override getViewType(): string {
    return CONFLICTS_VIEW
  }

  override getDisplayText(): string {
    return 'Conflicts'
  }

  override async onOpen(): Promise<void> {
    this.contentEl.addClass('tandem-view')
    const { vault } = this.app
    // Every file is told of while the vault loads.
    const look = debounce(() => this.#look(), 200)
    this.registerEvent(vault.on('create', look))
    this.registerEvent(vault.on('delete', look))
    this.registerEvent(vault.on('rename', look))
    this.#copies = this.#find()
    await this.#show(this.#copies[0]?.path ?? null)
  }

  override onClose(): Promise<void> {
    this.#turn++
    this.contentEl.empty()
    return Promise.resolve()
  }

  #find(): ConflictCopy[] {
    return vaultConflicts(this.app)
  }

  /** Files came or went. A text that is being edited stays. */
  #look(): void {
    const before = JSON.stringify(this.#copies)
    this.#copies = this.#find()
    if (JSON.stringify(this.#copies) === before || this.#editing) return
    const still = this.#copies.some(({ path }) => path === this.#chosen)
    void this.#show(still ? this.#chosen : (this.#copies[0]?.path ?? null))
  }

  async #show(path: string | null, focus = false): Promise<void> {
    const turn = ++this.#turn
    this.#chosen = path
    this.#editing = false
    const copy = this.#copy()
    const seen = copy ? await readConflict(this.app, copy) : NOTHING
    if (turn !== this.#turn) return
    this.#seen = seen
    this.#draw()
    if (focus) this.contentEl.querySelector<HTMLElement>('[aria-current="true"]')?.focus()
  }

  #copy(): ConflictCopy | undefined {
    return this.#copies.find(({ path }) => path === this.#chosen)
  }

  #draw(): void {
    const el = this.contentEl
    el.empty()
    el.createEl('h2', { text: 'Conflicts' })
    el.createDiv({ cls: 'tandem-message', text: this.#message, attr: { role: 'status' } })
    const copy = this.#copy()
    if (!copy) {
      const empty = el.createDiv({ cls: 'tandem-empty' })
      empty.createEl('p', { text: 'There are no conflicts.' })
      empty.createEl('p', {
        cls: 'tandem-hint',
        text: 'When two devices change the same lines of a note at the same time, both texts are kept, and you find them here.',
      })
      return
    }
    const body = el.createDiv({ cls: 'tandem-split' })
    this.#drawList(body.createDiv({ cls: 'tandem-side' }))
    this.#drawConflict(body.createDiv({ cls: 'tandem-main' }), copy)
  }

  #drawList(el: HTMLElement): void {
    el.createDiv({
      cls: 'tandem-hint',
      text: `${formatCount(this.#copies.length, 'note needs', 'notes need')} your decision`,
    })
    const list = el.createEl('ul', { cls: 'tandem-list', attr: { 'aria-label': 'Conflicts' } })
    for (const { path, original, device, when } of this.#copies) {
      const button = list.createEl('li').createEl('button', { cls: 'tandem-item' })
      if (path === this.#chosen) button.setAttribute('aria-current', 'true')
      button.createDiv({ text: noteTitle(original) })
      button.createDiv({ cls: 'tandem-hint', text: `${device} · ${when}` })
      button.addEventListener('click', () => void this.#show(path, true))
    }
  }

  #drawConflict(el: HTMLElement, copy: ConflictCopy): void {
    el.createEl('h3', { text: noteTitle(copy.original) })
    const draft = this.#drafts.get(copy.path)
    if (this.#editing && draft) return this.#drawEditor(el, copy, draft)
    const { original, copy: text } = this.#seen
    const bothTexts = original !== null && text !== null
    if (bothTexts) {
      const names = ['This note', `${copy.device}, ${copy.when}`] as const
      drawDiff(el, { names, texts: [original, text] })
    } else {
      el.createEl('p', { text: copy.hasOriginal ? binaryWords(copy) : 'The note itself is gone. This is the copy:' })
      if (!copy.hasOriginal && text !== null) el.createEl('pre', { cls: 'tandem-text', text, attr: { tabindex: '0' } })
    }
    const row = el.createDiv({ cls: 'tandem-buttons', attr: { role: 'group', 'aria-label': 'Settle this conflict' } })
    if (copy.hasOriginal) {
      this.#choice(row, 'Keep this note', { kind: 'keep-original' })
      this.#choice(row, `Keep the text of ${copy.device}`, { kind: 'keep-copy' })
      this.#choice(row, 'Keep both as notes', { kind: 'keep-both' })
    } else {
      this.#choice(row, 'Make it the note again', { kind: 'keep-copy' })
      this.#choice(row, 'Move the copy to the trash', { kind: 'keep-original' })
    }
    if (bothTexts)
      new ButtonComponent(row)
        .setButtonText(draft ? 'Go on editing…' : 'Join and edit…')
        .setCta()
        .onClick(() => {
          if (!draft) this.#drafts.set(copy.path, { text: joinTexts(original, text), seen: this.#seen })
          this.#editing = true
          this.#draw()
        })
    el.createEl('p', {
      cls: 'tandem-hint',
      text: 'What you do not keep goes to the trash, and stays in the version history.',
    })
  }

  #choice(row: HTMLElement, label: string, resolution: Resolution): void {
    new ButtonComponent(row).setButtonText(label).onClick(() => void this.#resolve(resolution))
  }

  #drawEditor(el: HTMLElement, copy: ConflictCopy, draft: { text: string }): void {
    el.createEl('p', { cls: 'tandem-hint', text: MERGE_HINT })
    const area = el.createEl('textarea', {
      cls: 'tandem-editor',
      attr: { 'aria-label': `Text of ${noteTitle(copy.original)}`, rows: '18' },
    })
    area.value = draft.text
    const back = (): void => {
      this.#editing = false
      this.#draw()
      this.contentEl.querySelector<HTMLElement>('[aria-current="true"]')?.focus()
    }
    area.addEventListener('input', () => (draft.text = area.value))
    area.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') back()
    })
    const row = el.createDiv({ cls: 'tandem-buttons' })
    new ButtonComponent(row).setButtonText('Back').onClick(back)
    new ButtonComponent(row)
      .setButtonText('Save this text')
      .setCta()
      .onClick(() => void this.#resolve({ kind: 'edited', text: area.value }))
    area.focus()
  }

  async #resolve(resolution: Resolution): Promise<void> {
    const copy = this.#copy()
    if (!copy) return
    try {
      // An edited text holds what was there when it was begun, and no more.
      const edited = resolution.kind === 'edited' ? this.#drafts.get(copy.path) : undefined
      const outcome = await resolveConflict(this.app, copy, edited?.seen ?? this.#seen, resolution)
      this.#drafts.delete(copy.path)
      if (outcome === 'changed') {
        this.#message = 'One of the two changed meanwhile, so nothing was done. Have another look.'
        // A text that somebody worked on is not thrown away for that.
        if (resolution.kind === 'edited' && (await copyText(resolution.text)))
          this.#message += ' Your text is in the clipboard.'
      } else this.#message = `Settled: ${noteTitle(copy.original)}.`
    } catch (error) {
      const { what, next } = errorSentence(error)
      this.#message = `${what} ${next}`
    }
    this.#copies = this.#find()
    const still = this.#copies.some(({ path }) => path === this.#chosen)
    await this.#show(still ? this.#chosen : (this.#copies[0]?.path ?? null), true)
  }
}

function binaryWords({ device, when }: ConflictCopy): string {
  return `This is not text, so the two cannot be compared here. The copy is by ${device}, ${when}. Open both to see which one you want.`
}
