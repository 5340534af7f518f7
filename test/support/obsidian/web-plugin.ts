/** A plugin's base class: what it registers appears in the look-alike's window, or can be called by name. */
import type { Command, ObsidianProtocolHandler, PluginManifest } from 'obsidian'
import { setIcon, setTooltip } from './web-icons.ts'
import type { ItemView, WorkspaceLeaf } from './web-workspace.ts'
import type { PluginSettingTab } from './web-setting-tab.ts'

export class Component {
  #loaded = false
  #cleanups: (() => unknown)[] = []
  readonly #children = new Set<Component>()

  load(): void {
    if (this.#loaded) return
    this.#loaded = true
    void this.onload()
    for (const child of this.#children) child.load()
  }

  unload(): void {
    if (!this.#loaded) return
    this.#loaded = false
    for (const child of this.#children) child.unload()
    for (const cleanup of this.#cleanups.splice(0).reverse()) cleanup()
    this.onunload()
  }

  onload(): void | Promise<void> {}

  onunload(): void {}

  addChild<C extends Component>(child: C): C {
    this.#children.add(child)
    if (this.#loaded) child.load()
    return child
  }

  register(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup)
  }

  registerEvent(reference: unknown): void {
    const { e } = reference as { e?: { offref(reference: unknown): void } }
    this.register(() => e?.offref(reference))
  }

  registerDomEvent(el: EventTarget, type: string, run: (event: Event) => unknown): void {
    el.addEventListener(type, run)
    this.register(() => el.removeEventListener(type, run))
  }

  registerInterval(id: number): number {
    this.register(() => clearInterval(id))
    return id
  }
}

export interface WebApp {
  readonly workspace: { registerView(type: string, make: (leaf: WorkspaceLeaf) => ItemView): void }
  readonly setting: { addTab(id: string, tab: PluginSettingTab): void; removeTab(id: string): void }
}

export class WebPlugin extends Component {
  settings: unknown
  /** What `data.json` holds. */
  data: unknown = null
  readonly commands = new Map<string, Command>()
  readonly protocolHandlers = new Map<string, ObsidianProtocolHandler>()

  constructor(
    readonly app: WebApp,
    readonly manifest: PluginManifest,
  ) {
    super()
  }

  addCommand(command: Command): Command {
    this.commands.set(command.id, command)
    this.register(() => this.commands.delete(command.id))
    return command
  }

  addSettingTab(tab: PluginSettingTab): void {
    this.app.setting.addTab(this.manifest.id, tab)
    tab.update()
    this.register(() => this.app.setting.removeTab(this.manifest.id))
  }

  /** Phones have none. */
  addStatusBarItem(): HTMLElement {
    const bar = document.querySelector<HTMLElement>('.status-bar') ?? createDiv()
    const item = bar.createDiv({ cls: `status-bar-item plugin-${this.manifest.id}` })
    this.register(() => item.remove())
    return item
  }

  addRibbonIcon(icon: string, title: string, run: (event: MouseEvent) => unknown): HTMLElement {
    const ribbon = document.querySelector<HTMLElement>('.workspace-ribbon') ?? createDiv()
    const el = ribbon.createDiv({
      cls: 'clickable-icon side-dock-ribbon-action',
      attr: { role: 'button', tabindex: '0' },
    })
    setIcon(el, icon)
    setTooltip(el, title)
    el.addEventListener('click', (event) => void run(event))
    this.register(() => el.remove())
    return el
  }

  registerView(type: string, make: (leaf: WorkspaceLeaf) => ItemView): void {
    this.app.workspace.registerView(type, make)
  }

  registerObsidianProtocolHandler(action: string, handler: ObsidianProtocolHandler): void {
    this.protocolHandlers.set(action, handler)
  }

  loadData(): Promise<unknown> {
    return Promise.resolve(structuredClone(this.data))
  }

  saveData(data: unknown): Promise<void> {
    this.data = structuredClone(data)
    return Promise.resolve()
  }
}
