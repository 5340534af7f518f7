import { setIcon, setTooltip, type Plugin } from 'obsidian'
import type { Screens } from '../screens.ts'
import { currentStatus } from '../status-facts.ts'
import { syncMenu } from './sync-menu.ts'

/** The item in the status bar, and the icon in the ribbon: how the sync stands, and its menu. Phones have the ribbon only. */
export class StatusBar {
  readonly #screens: Screens
  readonly #item: HTMLElement
  readonly #icon: HTMLElement
  readonly #text: HTMLElement
  readonly #ribbon: HTMLElement
  #drawn = ''

  constructor(plugin: Plugin, screens: Screens) {
    this.#screens = screens
    this.#item = plugin.addStatusBarItem()
    this.#item.addClass('mod-clickable', 'tandem-status')
    this.#item.setAttrs({ tabindex: '0', role: 'button', 'aria-haspopup': 'menu' })
    this.#icon = this.#item.createSpan({ cls: 'tandem-status-icon' })
    this.#text = this.#item.createSpan({ cls: 'tandem-status-text' })
    this.#ribbon = plugin.addRibbonIcon('refresh-cw', 'Sync', (event) => syncMenu(screens).showAtMouseEvent(event))
    plugin.registerDomEvent(this.#item, 'click', () => this.#openMenu())
    plugin.registerDomEvent(this.#item, 'keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return
      event.preventDefault()
      this.#openMenu()
    })
    plugin.register(screens.face.onChange(() => this.#draw()))
    this.#draw()
  }

  #openMenu(): void {
    const { left, top } = this.#item.getBoundingClientRect()
    syncMenu(this.#screens).showAtPosition({ x: left, y: top })
  }

  #draw(): void {
    const { text, icon, tone, sentence } = currentStatus(this.#screens.face, this.#screens.transfers)
    const key = JSON.stringify([text, icon, tone, sentence])
    if (key === this.#drawn) return
    this.#drawn = key
    setIcon(this.#icon, icon)
    this.#text.setText(text)
    setTooltip(this.#item, sentence, { placement: 'top' })
    setTooltip(this.#ribbon, `Sync: ${sentence}`)
    for (const el of [this.#item, this.#ribbon]) {
      el.toggleClass('tandem-warning', tone === 'warning')
      el.toggleClass('tandem-error', tone === 'error')
    }
  }
}
