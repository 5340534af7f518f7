/** The controls of a row of settings, as far as the plugin uses them. */
import { setIcon, setTooltip } from './web-icons.ts'

export class BaseComponent {
  disabled = false

  then(use: (component: this) => unknown): this {
    use(this)
    return this
  }

  setDisabled(disabled: boolean): this {
    this.disabled = disabled
    return this
  }
}

export class ButtonComponent extends BaseComponent {
  readonly buttonEl: HTMLButtonElement

  constructor(parent: HTMLElement) {
    super()
    this.buttonEl = parent.createEl('button')
    this.buttonEl.type = 'button'
  }

  setButtonText(text: string): this {
    this.buttonEl.textContent = text
    return this
  }

  setIcon(icon: string): this {
    setIcon(this.buttonEl, icon)
    return this
  }

  setCta(): this {
    return this.setClass('mod-cta')
  }

  setDestructive(): this {
    return this.setClass('mod-destructive')
  }

  setTooltip(text: string): this {
    setTooltip(this.buttonEl, text)
    return this
  }

  setClass(name: string): this {
    this.buttonEl.classList.add(name)
    return this
  }

  override setDisabled(disabled: boolean): this {
    this.buttonEl.disabled = disabled
    return super.setDisabled(disabled)
  }

  onClick(run: (event: MouseEvent) => unknown): this {
    this.buttonEl.addEventListener('click', (event) => void run(event))
    return this
  }
}

export class ExtraButtonComponent extends BaseComponent {
  readonly extraSettingsEl: HTMLElement

  constructor(parent: HTMLElement) {
    super()
    this.extraSettingsEl = parent.createDiv({ cls: 'clickable-icon extra-setting-button' })
    this.extraSettingsEl.tabIndex = 0
    this.extraSettingsEl.setAttribute('role', 'button')
    this.extraSettingsEl.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') this.extraSettingsEl.click()
    })
  }

  setIcon(icon: string): this {
    setIcon(this.extraSettingsEl, icon)
    return this
  }

  setTooltip(text: string): this {
    setTooltip(this.extraSettingsEl, text)
    return this
  }

  onClick(run: () => unknown): this {
    this.extraSettingsEl.addEventListener('click', () => void run())
    return this
  }
}

export class ToggleComponent extends BaseComponent {
  readonly toggleEl: HTMLElement
  readonly #input: HTMLInputElement
  #onChange: (value: boolean) => unknown = () => undefined

  constructor(parent: HTMLElement) {
    super()
    this.toggleEl = parent.createEl('label', { cls: 'checkbox-container' })
    this.#input = this.toggleEl.createEl('input', { type: 'checkbox' })
    this.#input.addEventListener('change', () => {
      this.#show()
      this.#onChange(this.#input.checked)
    })
  }

  getValue(): boolean {
    return this.#input.checked
  }

  setValue(value: boolean): this {
    this.#input.checked = value
    this.#show()
    return this
  }

  onChange(run: (value: boolean) => unknown): this {
    this.#onChange = run
    return this
  }

  override setDisabled(disabled: boolean): this {
    this.#input.disabled = disabled
    this.toggleEl.classList.toggle('is-disabled', disabled)
    return super.setDisabled(disabled)
  }

  setLabel(label: string): this {
    this.#input.setAttribute('aria-label', label)
    return this
  }

  #show(): void {
    this.toggleEl.classList.toggle('is-enabled', this.#input.checked)
  }
}

class TextField<E extends HTMLInputElement | HTMLTextAreaElement> extends BaseComponent {
  readonly inputEl: E

  constructor(el: E) {
    super()
    this.inputEl = el
  }

  getValue(): string {
    return this.inputEl.value
  }

  setValue(value: string): this {
    this.inputEl.value = value
    return this
  }

  setPlaceholder(text: string): this {
    this.inputEl.placeholder = text
    return this
  }

  onChange(run: (value: string) => unknown): this {
    this.inputEl.addEventListener('input', () => void run(this.inputEl.value))
    return this
  }

  override setDisabled(disabled: boolean): this {
    this.inputEl.disabled = disabled
    return super.setDisabled(disabled)
  }
}

export class TextComponent extends TextField<HTMLInputElement> {
  constructor(parent: HTMLElement) {
    super(parent.createEl('input', { type: 'text' }))
    this.inputEl.spellcheck = false
  }
}

export class TextAreaComponent extends TextField<HTMLTextAreaElement> {
  constructor(parent: HTMLElement) {
    super(parent.createEl('textarea'))
  }
}

export class SearchComponent extends TextField<HTMLInputElement> {
  constructor(parent: HTMLElement) {
    const el = parent.createDiv({ cls: 'search-input-container' })
    super(el.createEl('input', { type: 'search' }))
  }
}

export class DropdownComponent extends BaseComponent {
  readonly selectEl: HTMLSelectElement

  constructor(parent: HTMLElement) {
    super()
    this.selectEl = parent.createEl('select', { cls: 'dropdown' })
  }

  addOption(value: string, text: string): this {
    this.selectEl.createEl('option', { value, text })
    return this
  }

  addOptions(options: Readonly<Record<string, string>>): this {
    for (const [value, text] of Object.entries(options)) this.addOption(value, text)
    return this
  }

  getValue(): string {
    return this.selectEl.value
  }

  setValue(value: string): this {
    this.selectEl.value = value
    return this
  }

  onChange(run: (value: string) => unknown): this {
    this.selectEl.addEventListener('change', () => void run(this.selectEl.value))
    return this
  }
}

export class DisplayValueComponent {
  readonly valueEl: HTMLElement

  constructor(parent: HTMLElement) {
    this.valueEl = parent.createDiv({ cls: 'setting-item-display-value' })
  }

  setValue(value: string | null): this {
    this.valueEl.textContent = value ?? ''
    return this
  }

  setStatus(status: 'warning' | null): this {
    this.valueEl.classList.toggle('mod-warning', status === 'warning')
    if (status) setIcon(this.valueEl.createSpan(), 'alert-triangle')
    return this
  }
}
