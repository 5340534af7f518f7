/** Windows on top of the app. */
import { ButtonComponent } from './web-controls.ts'
import { setIcon } from './web-icons.ts'

const FOCUSABLE =
  'a[href], button:not([disabled]), input:not([disabled], .tandem-hidden), select, textarea, summary, [tabindex]:not([tabindex="-1"])'

export class Modal {
  readonly containerEl = createDiv({ cls: 'modal-container mod-dim' })
  readonly modalEl: HTMLElement
  readonly titleEl: HTMLElement
  readonly contentEl: HTMLElement
  #onClose: () => unknown = () => undefined
  #before: Element | null = null

  constructor(readonly app: unknown) {
    this.containerEl.createDiv({ cls: 'modal-bg' }).addEventListener('click', () => this.close())
    this.modalEl = this.containerEl.createDiv({ cls: 'modal', attr: { role: 'dialog', 'aria-modal': 'true' } })
    const close = this.modalEl.createDiv({ cls: 'modal-close-button mod-raised clickable-icon' })
    close.setAttribute('aria-label', 'Close')
    setIcon(close, 'x')
    close.addEventListener('click', () => this.close())
    this.titleEl = this.modalEl.createDiv({ cls: 'modal-header' }).createDiv({ cls: 'modal-title' })
    this.contentEl = this.modalEl.createDiv({ cls: 'modal-content' })
    this.containerEl.addEventListener('keydown', (event) => this.#onKey(event))
  }

  open(): void {
    this.#before = document.activeElement
    document.body.append(this.containerEl)
    this.onOpen()
    if (!this.containerEl.contains(document.activeElement)) this.#focusable()[0]?.focus()
  }

  close(): void {
    if (!this.containerEl.isConnected) return
    this.onClose()
    this.containerEl.remove()
    this.#onClose()
    if (this.#before instanceof HTMLElement) this.#before.focus()
  }

  onOpen(): void {}

  onClose(): void {}

  setTitle(title: string): this {
    this.titleEl.textContent = title
    this.modalEl.setAttribute('aria-label', title)
    return this
  }

  setContent(content: string | DocumentFragment): this {
    this.contentEl.replaceChildren(content)
    return this
  }

  setCloseCallback(run: () => unknown): this {
    this.#onClose = run
    return this
  }

  #focusable(): HTMLElement[] {
    return [...this.modalEl.querySelectorAll<HTMLElement>(FOCUSABLE)]
  }

  /** Escape closes; Tab stays inside. */
  #onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      event.stopPropagation()
      this.close()
    }
    if (event.key !== 'Tab') return
    const all = this.#focusable()
    const edge = event.shiftKey ? all[0] : all.at(-1)
    if (document.activeElement !== edge) return
    event.preventDefault()
    ;(event.shiftKey ? all.at(-1) : all[0])?.focus()
  }
}

export class ConfirmationButton extends ButtonComponent {
  readonly #close: () => void

  constructor(parent: HTMLElement, close: () => void) {
    super(parent)
    this.#close = close
  }

  override onClick(run: (event: MouseEvent) => unknown): this {
    this.buttonEl.addEventListener('click', (event) => {
      void Promise.resolve(run(event)).then((stay) => stay || this.#close())
    })
    return this
  }

  setInitialFocus(): this {
    return this.setClass('mod-initial-focus')
  }

  setSecondary(): this {
    return this.setClass('mod-secondary')
  }

  setCancel(): this {
    return this.setClass('mod-cancel')
  }
}

export class ConfirmationModal extends Modal {
  readonly buttonContainerEl: HTMLElement

  constructor(app: unknown) {
    super(app)
    this.modalEl.classList.add('mod-confirmation')
    this.buttonContainerEl = this.modalEl.createDiv({ cls: 'modal-button-container' })
  }

  addButton(fill: (button: ConfirmationButton) => unknown): this {
    fill(new ConfirmationButton(this.buttonContainerEl, () => this.close()))
    return this
  }

  addCancelButton(text = 'Cancel'): this {
    return this.addButton((button) =>
      button
        .setButtonText(text)
        .setCancel()
        .onClick(() => undefined),
    )
  }
}

/** A list that is narrowed by typing, and chosen from by arrows and Enter. */
export abstract class FuzzySuggestModal<T> extends Modal {
  readonly inputEl: HTMLInputElement
  readonly resultContainerEl: HTMLElement
  #shown: T[] = []
  #at = 0

  constructor(app: unknown) {
    super(app)
    this.modalEl.classList.add('prompt')
    this.inputEl = this.contentEl.createEl('input', { type: 'text', cls: 'prompt-input' })
    this.resultContainerEl = this.contentEl.createDiv({ cls: 'prompt-results', attr: { role: 'listbox' } })
    this.inputEl.addEventListener('input', () => this.#draw())
    this.inputEl.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown') this.#move(1)
      else if (event.key === 'ArrowUp') this.#move(-1)
      else if (event.key === 'Enter') this.#choose(this.#at)
    })
  }

  abstract getItems(): T[]
  abstract getItemText(item: T): string
  abstract onChooseItem(item: T): void

  setPlaceholder(text: string): void {
    this.inputEl.placeholder = text
    this.inputEl.setAttribute('aria-label', text)
  }

  override open(): void {
    super.open()
    this.#draw()
    this.inputEl.focus()
  }

  #move(by: number): void {
    this.#at = Math.max(0, Math.min(this.#shown.length - 1, this.#at + by))
    this.#draw()
  }

  #draw(): void {
    const query = this.inputEl.value.toLowerCase()
    this.#shown = this.getItems().filter((item) => this.getItemText(item).toLowerCase().includes(query))
    this.#at = Math.min(this.#at, Math.max(0, this.#shown.length - 1))
    this.resultContainerEl.replaceChildren()
    this.#shown.forEach((item, i) => {
      const row = this.resultContainerEl.createDiv({ cls: 'suggestion-item', text: this.getItemText(item) })
      row.classList.toggle('is-selected', i === this.#at)
      row.addEventListener('click', () => this.#choose(i))
    })
  }

  #choose(index: number): void {
    const item = this.#shown[index]
    if (item === undefined) return
    this.close()
    this.onChooseItem(item)
  }
}
