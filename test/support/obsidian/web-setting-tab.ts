/** Draws a tab of declared settings, and the pages behind its rows. */
import type { SettingDefinition, SettingDefinitionItem, SettingDefinitionList, SettingDefinitionPage } from 'obsidian'
import type { WebPlugin } from './web-plugin.ts'
import { setIcon } from './web-icons.ts'
import { Setting, SettingGroup } from './web-setting.ts'

export abstract class SettingPage {
  readonly rootEl = createDiv({ cls: 'setting-page' })
  readonly titlebarEl = this.rootEl.createDiv({ cls: 'setting-page-titlebar' })
  readonly containerEl = this.rootEl.createDiv({ cls: 'setting-page-content' })
  title = ''

  abstract display(): void

  hide(): void {}
}

/** A page that is open: one of definitions is found again by its name when the definitions are made anew. */
type OpenPage = { readonly name: string } & ({ readonly page: SettingPage } | { readonly declared: true })

const valueOf = <T>(value: T | (() => T)): T => (typeof value === 'function' ? (value as () => T)() : value)

export class PluginSettingTab {
  readonly containerEl = createDiv({ cls: 'vertical-tab-content' })
  icon = ''
  settingItems: SettingDefinitionItem[] = []
  readonly #pages: OpenPage[] = []
  #cleanups: (() => void)[] = []
  #predicates: (() => void)[] = []

  constructor(
    readonly app: unknown,
    readonly plugin: WebPlugin,
  ) {}

  getSettingDefinitions(): SettingDefinitionItem[] {
    return []
  }

  getControlValue(key: string): unknown {
    return (this.plugin.settings as Record<string, unknown> | undefined)?.[key]
  }

  setControlValue(key: string, value: unknown): void | Promise<void> {
    ;(this.plugin.settings as Record<string, unknown>)[key] = value
    return this.plugin.saveData(this.plugin.settings)
  }

  /** As Obsidian does when the tab is chosen. */
  open(parent: HTMLElement): void {
    parent.replaceChildren(this.containerEl)
    this.update()
  }

  /** As Obsidian does when the settings are closed. */
  close(): void {
    this.#closePages()
    this.hide()
    this.#tearDown()
    this.containerEl.remove()
  }

  hide(): void {}

  update(): void {
    this.settingItems = this.getSettingDefinitions()
    if (!this.containerEl.isConnected) return
    const open = this.#pages.at(-1)
    if (open && 'page' in open) return // an imperative page draws itself
    this.#draw()
  }

  refreshDomState(): void {
    for (const apply of this.#predicates) apply()
  }

  #tearDown(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup()
    this.#predicates = []
  }

  #closePages(): void {
    for (const open of this.#pages.splice(0)) if ('page' in open) open.page.hide()
  }

  #draw(): void {
    this.#tearDown()
    this.containerEl.replaceChildren()
    const open = this.#pages.at(-1)
    if (!open) return this.#drawItems(this.containerEl, this.settingItems)
    if ('page' in open) {
      this.#drawTitle(open.page.titlebarEl, open.page.title)
      this.containerEl.append(open.page.rootEl)
      return open.page.display()
    }
    const items = this.#pages.reduce<readonly SettingDefinitionItem[]>((level, { name }) => {
      return pagesOf(level).find((page) => page.name === name)?.items ?? []
    }, this.settingItems)
    this.#drawTitle(this.containerEl.createDiv({ cls: 'setting-page-titlebar' }), open.name)
    this.#drawItems(this.containerEl, items)
  }

  #drawTitle(bar: HTMLElement, title: string): void {
    bar.replaceChildren()
    const back = bar.createEl('button', { cls: 'clickable-icon setting-page-back', attr: { 'aria-label': 'Back' } })
    setIcon(back, 'chevron-left')
    bar.createDiv({ cls: 'setting-page-title', text: title })
    back.addEventListener('click', () => {
      const closed = this.#pages.pop()
      if (closed && 'page' in closed) closed.page.hide()
      this.update()
    })
  }

  #openPage(definition: SettingDefinitionPage): void {
    const page = definition.page?.() as unknown as SettingPage | undefined
    this.#pages.push(page ? { name: definition.name, page } : { name: definition.name, declared: true })
    this.#draw()
    window.scrollTo(0, 0)
  }

  #drawItems(el: HTMLElement, items: readonly SettingDefinitionItem[]): void {
    let loose: SettingGroup | null = null
    for (const item of items) {
      if ('type' in item && (item.type === 'group' || item.type === 'list')) {
        loose = null
        this.#drawGroup(new SettingGroup(el), item)
      } else {
        loose ??= new SettingGroup(el)
        this.#drawRow(loose, item as SettingDefinition | SettingDefinitionPage, 0)
      }
    }
  }

  #drawGroup(
    group: SettingGroup,
    item: Exclude<SettingDefinitionItem, SettingDefinition | SettingDefinitionPage>,
  ): void {
    if (item.heading) group.setHeading(item.heading)
    if (item.cls) group.addClass(item.cls)
    this.#watch(group.groupEl, item.visible)
    const items = item.items ?? []
    items.forEach((each, i) => {
      const row = this.#drawRow(group, each, i)
      const { onDelete } = item as SettingDefinitionList
      if (onDelete)
        row.addExtraButton((button) =>
          button
            .setIcon('trash-2')
            .setTooltip('Delete')
            .onClick(() => onDelete(i)),
        )
    })
    if (item.type !== 'list') return
    const { addItem, emptyState } = item as SettingDefinitionList
    group.addClass('mod-list')
    if (items.length === 0 && emptyState) group.listEl.createDiv({ cls: 'setting-group-empty' }).append(emptyState)
    if (!addItem) return
    if (document.body.classList.contains('is-phone')) {
      const row = new Setting(group.listEl).setName(addItem.name).setClass('mod-add')
      this.#tappable(row.settingEl, () => addItem.action(row.settingEl))
    } else
      group.addExtraButton((button) =>
        button
          .setIcon('plus')
          .setTooltip(addItem.name)
          .onClick(() => addItem.action(button.extraSettingsEl)),
      )
  }

  #drawRow(group: SettingGroup, item: SettingDefinition | SettingDefinitionPage, index: number): Setting {
    const setting = new Setting(group.listEl).setName(item.name)
    if (item.desc) setting.setDesc(item.desc)
    this.#watch(setting.settingEl, item.visible)
    if ('type' in item) {
      const [value, status] = [valueOf(item.displayValue) ?? null, valueOf(item.status) ?? null]
      if (value !== null || status) setting.addDisplayValue((shown) => shown.setValue(value).setStatus(status))
      setIcon(setting.controlEl.createDiv({ cls: 'setting-item-chevron' }), 'chevron-right')
      setting.setClass('mod-page')
      this.#tappable(setting.settingEl, () => this.#openPage(item))
    } else if (item.render) {
      const cleanup = item.render(setting as never, group as never)
      if (cleanup) this.#cleanups.push(cleanup)
    } else if (item.action) {
      const { action } = item
      setting.setClass('mod-action')
      this.#tappable(setting.settingEl, () => action(setting.settingEl, index))
    } else if (item.control) this.#drawControl(setting, item.control)
    return setting
  }

  #tappable(el: HTMLElement, run: () => void): void {
    el.classList.add('tappable')
    el.tabIndex = 0
    el.setAttribute('role', 'button')
    el.addEventListener('click', run)
    el.addEventListener('keydown', (event) => {
      if (event.target === el && (event.key === 'Enter' || event.key === ' ')) run()
    })
  }

  #drawControl(setting: Setting, control: NonNullable<SettingDefinition['control']>): void {
    const stored = this.getControlValue(control.key) ?? control.defaultValue
    const words = typeof stored === 'string' || typeof stored === 'number' ? String(stored) : ''
    const check = async (value: unknown): Promise<boolean> => {
      const problem = await control.validate?.(value as never)
      setting.setErrorMessage(problem || null)
      return !problem
    }
    const save = async (value: unknown): Promise<void> => {
      if (await check(value)) await this.setControlValue(control.key, value)
    }
    const disable = (field: { setDisabled(disabled: boolean): unknown }): void => {
      const apply = (): unknown => field.setDisabled(valueOf(control.disabled) ?? false)
      apply()
      this.#predicates.push(() => void apply())
    }
    switch (control.type) {
      case 'toggle':
        setting.addToggle((toggle) => disable(toggle.setValue(stored === true).onChange(save)))
        return
      case 'dropdown':
        setting.addDropdown((dropdown) => disable(dropdown.addOptions(control.options).setValue(words).onChange(save)))
        return
      case 'text':
      case 'number':
        setting.addText((text) => {
          const isNumber = control.type === 'number'
          if (isNumber) text.inputEl.type = 'number'
          text.setPlaceholder(control.placeholder ?? '').setValue(words)
          disable(text.onChange((value) => save(isNumber ? Number(value) : value)))
        })
        void check(stored)
        return
      case 'color':
      case 'file':
      case 'folder':
      case 'slider':
      case 'textarea':
        throw new Error(`the look-alike has no control of the type ${control.type}`)
    }
  }

  #watch(el: HTMLElement, visible: boolean | (() => boolean) | undefined): void {
    const apply = (): void => void el.classList.toggle('is-hidden', valueOf(visible) === false)
    apply()
    this.#predicates.push(apply)
  }
}

function pagesOf(items: readonly SettingDefinitionItem[]): SettingDefinitionPage[] {
  return items.flatMap((item) => {
    if (!('type' in item)) return []
    return item.type === 'page' ? [item] : pagesOf(item.items ?? [])
  })
}
