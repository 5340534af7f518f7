/** Rows and groups of settings. */
import {
  ButtonComponent,
  DisplayValueComponent,
  DropdownComponent,
  ExtraButtonComponent,
  SearchComponent,
  TextAreaComponent,
  TextComponent,
  ToggleComponent,
} from './web-controls.ts'

type Words = string | DocumentFragment
type Fill<C> = (component: C) => unknown

export class Setting {
  readonly settingEl: HTMLElement
  readonly infoEl: HTMLElement
  readonly nameEl: HTMLElement
  readonly descEl: HTMLElement
  readonly controlEl: HTMLElement
  errorEl: HTMLElement | null = null

  constructor(parent: HTMLElement) {
    this.settingEl = parent.createDiv({ cls: 'setting-item' })
    this.infoEl = this.settingEl.createDiv({ cls: 'setting-item-info' })
    this.nameEl = this.infoEl.createDiv({ cls: 'setting-item-name' })
    this.descEl = this.infoEl.createDiv({ cls: 'setting-item-description' })
    this.controlEl = this.settingEl.createDiv({ cls: 'setting-item-control' })
  }

  setName(name: Words): this {
    this.nameEl.replaceChildren(name)
    return this
  }

  setDesc(desc: Words): this {
    this.descEl.replaceChildren(desc)
    return this
  }

  setClass(name: string): this {
    this.settingEl.classList.add(name)
    return this
  }

  setHeading(): this {
    return this.setClass('setting-item-heading')
  }

  setDisabled(disabled: boolean): this {
    this.settingEl.classList.toggle('is-disabled', disabled)
    return this
  }

  setErrorMessage(message: string | null): this {
    this.errorEl?.remove()
    this.errorEl = message ? this.infoEl.createDiv({ cls: 'setting-item-error', text: message }) : null
    this.errorEl?.setAttribute('role', 'alert')
    this.settingEl.classList.toggle('is-invalid', Boolean(message))
    return this
  }

  then(use: (setting: this) => unknown): this {
    use(this)
    return this
  }

  clear(): this {
    this.controlEl.replaceChildren()
    return this
  }

  addButton(fill: Fill<ButtonComponent>): this {
    return this.#add(new ButtonComponent(this.controlEl), fill)
  }

  addExtraButton(fill: Fill<ExtraButtonComponent>): this {
    return this.#add(new ExtraButtonComponent(this.controlEl), fill)
  }

  addToggle(fill: Fill<ToggleComponent>): this {
    this.settingEl.classList.add('mod-toggle')
    return this.#add(new ToggleComponent(this.controlEl).setLabel(this.nameEl.textContent ?? ''), fill)
  }

  addText(fill: Fill<TextComponent>): this {
    const text = new TextComponent(this.controlEl)
    text.inputEl.setAttribute('aria-label', this.nameEl.textContent ?? '')
    return this.#add(text, fill)
  }

  addTextArea(fill: Fill<TextAreaComponent>): this {
    return this.#add(new TextAreaComponent(this.controlEl), fill)
  }

  addSearch(fill: Fill<SearchComponent>): this {
    return this.#add(new SearchComponent(this.controlEl), fill)
  }

  addDropdown(fill: Fill<DropdownComponent>): this {
    const dropdown = new DropdownComponent(this.controlEl)
    dropdown.selectEl.setAttribute('aria-label', this.nameEl.textContent ?? '')
    return this.#add(dropdown, fill)
  }

  addDisplayValue(fill: Fill<DisplayValueComponent>): this {
    return this.#add(new DisplayValueComponent(this.controlEl), fill)
  }

  #add<C>(component: C, fill: Fill<C>): this {
    fill(component)
    return this
  }
}

export class SettingGroup {
  readonly groupEl: HTMLElement
  readonly listEl: HTMLElement
  #headEl: HTMLElement | null = null

  constructor(parent: HTMLElement) {
    this.groupEl = parent.createDiv({ cls: 'setting-group' })
    this.listEl = this.groupEl.createDiv({ cls: 'setting-items' })
  }

  setHeading(text: Words): this {
    this.#head().querySelector('.setting-item-name')!.replaceChildren(text)
    return this
  }

  addClass(...names: string[]): this {
    this.groupEl.classList.add(...names)
    return this
  }

  addSetting(fill: (setting: Setting) => void): this {
    fill(new Setting(this.listEl))
    return this
  }

  addExtraButton(fill: Fill<ExtraButtonComponent>): this {
    fill(new ExtraButtonComponent(this.#head().querySelector<HTMLElement>('.setting-item-control')!))
    return this
  }

  #head(): HTMLElement {
    if (!this.#headEl) {
      this.#headEl = createDiv({ cls: 'setting-item setting-item-heading' })
      this.#headEl.createDiv({ cls: 'setting-item-name' })
      this.#headEl.createDiv({ cls: 'setting-item-control' })
      this.groupEl.prepend(this.#headEl)
    }
    return this.#headEl
  }
}
