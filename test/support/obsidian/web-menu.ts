/** The context menu, and the notices in the corner. */
import { setIcon } from './web-icons.ts'

class MenuItem {
  readonly dom: HTMLElement
  readonly #icon: HTMLElement
  readonly #title: HTMLElement
  #label = false
  #run: () => unknown = () => undefined

  constructor(parent: HTMLElement, close: () => void) {
    this.dom = parent.createDiv({ cls: 'menu-item tappable', attr: { role: 'menuitem', tabindex: '-1' } })
    this.#icon = this.dom.createDiv({ cls: 'menu-item-icon' })
    this.#title = this.dom.createDiv({ cls: 'menu-item-title' })
    this.dom.addEventListener('click', () => {
      if (this.#label) return
      close()
      this.#run()
    })
  }

  setTitle(title: string): this {
    this.#title.textContent = title
    return this
  }

  setIcon(icon: string): this {
    setIcon(this.#icon, icon)
    return this
  }

  setIsLabel(label: boolean): this {
    this.#label = label
    this.dom.classList.toggle('is-label', label)
    if (label) this.dom.setAttribute('role', 'presentation')
    return this
  }

  onClick(run: () => unknown): this {
    this.#run = run
    return this
  }
}

export class Menu {
  readonly #el = createDiv({ cls: 'menu', attr: { role: 'menu', tabindex: '-1' } })
  #before: Element | null = null
  readonly #onOutside = (event: Event): void => {
    if (!this.#el.contains(event.target as Node)) this.hide()
  }

  constructor() {
    this.#el.addEventListener('keydown', (event) => this.#onKey(event))
  }

  addItem(fill: (item: MenuItem) => unknown): this {
    fill(new MenuItem(this.#el, () => this.hide()))
    return this
  }

  addSeparator(): this {
    this.#el.createDiv({ cls: 'menu-separator' })
    return this
  }

  showAtMouseEvent({ clientX, clientY }: MouseEvent): this {
    return this.showAtPosition({ x: clientX, y: clientY })
  }

  showAtPosition({ x, y }: { x: number; y: number }): this {
    this.#before = document.activeElement
    document.body.append(this.#el)
    const { width, height } = this.#el.getBoundingClientRect()
    this.#el.style.left = `${Math.max(4, Math.min(x, window.innerWidth - width - 8))}px`
    this.#el.style.top = `${Math.max(4, Math.min(y, window.innerHeight - height - 8))}px`
    this.#items()[0]?.focus()
    setTimeout(() => document.addEventListener('click', this.#onOutside))
    return this
  }

  hide(): this {
    document.removeEventListener('click', this.#onOutside)
    this.#el.remove()
    if (this.#before instanceof HTMLElement) this.#before.focus()
    return this
  }

  #items(): HTMLElement[] {
    return [...this.#el.querySelectorAll<HTMLElement>('[role="menuitem"]')]
  }

  #onKey(event: KeyboardEvent): void {
    const items = this.#items()
    const at = items.indexOf(document.activeElement as HTMLElement)
    if (event.key === 'Escape') this.hide()
    else if (event.key === 'ArrowDown') items[(at + 1) % items.length]?.focus()
    else if (event.key === 'ArrowUp') items[(at - 1 + items.length) % items.length]?.focus()
    else if (event.key === 'Enter') items[at]?.click()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
}

export class Notice {
  readonly containerEl: HTMLElement
  readonly messageEl: HTMLElement

  constructor(message: string | DocumentFragment, duration = 5_000) {
    const parent =
      document.body.querySelector<HTMLElement>('.notice-container') ?? document.body.createDiv('notice-container')
    this.containerEl = parent.createDiv({ cls: 'notice', attr: { role: 'alert' } })
    this.messageEl = this.containerEl.createDiv({ cls: 'notice-message' })
    this.setMessage(message)
    if (duration > 0) setTimeout(() => this.hide(), duration)
  }

  setMessage(message: string | DocumentFragment): this {
    this.messageEl.replaceChildren(message)
    return this
  }

  hide(): void {
    this.containerEl.remove()
  }
}
