/** As much of the workspace as a view needs: leaves that make views and show them in the middle of the window. */
import { Component } from './web-plugin.ts'

interface ViewState {
  readonly type: string
  readonly state?: unknown
}

interface WorkspaceApp {
  readonly vault: { getFileByPath(path: string): unknown }
}

export abstract class ItemView extends Component {
  readonly app: WorkspaceApp
  readonly containerEl = createDiv({ cls: 'workspace-leaf-content' })
  readonly contentEl = this.containerEl.createDiv({ cls: 'view-content' })
  icon = ''

  constructor(readonly leaf: WorkspaceLeaf) {
    super()
    this.app = leaf.workspace.app
  }

  abstract getViewType(): string
  abstract getDisplayText(): string

  async onOpen(): Promise<void> {}

  async onClose(): Promise<void> {}

  getState(): Record<string, unknown> {
    return {}
  }

  setState(_state: unknown, _result: unknown): Promise<void> {
    return Promise.resolve()
  }
}

export class WorkspaceLeaf {
  view: ItemView | null = null

  constructor(readonly workspace: WebWorkspace) {}

  getViewState(): ViewState {
    return { type: this.view?.getViewType() ?? 'empty', state: this.view?.getState() }
  }

  async setViewState({ type, state }: ViewState): Promise<void> {
    if (this.view?.getViewType() !== type) {
      await this.detach()
      this.view = this.workspace.makeView(type, this)
      this.workspace.show(this)
      this.view.load()
      await this.view.onOpen()
    }
    if (state !== undefined) await this.view.setState(state, { history: false })
  }

  async detach(): Promise<void> {
    const { view } = this
    this.view = null
    await view?.onClose()
    view?.unload()
    view?.containerEl.remove()
  }
}

export class WebWorkspace {
  readonly #makers = new Map<string, (leaf: WorkspaceLeaf) => ItemView>()
  readonly #leaves: WorkspaceLeaf[] = []
  readonly #waiting: (() => void)[] = []
  layoutReady = false
  activeFile: string | null = null

  constructor(readonly app: WorkspaceApp) {}

  registerView(type: string, make: (leaf: WorkspaceLeaf) => ItemView): void {
    this.#makers.set(type, make)
  }

  makeView(type: string, leaf: WorkspaceLeaf): ItemView {
    const make = this.#makers.get(type)
    if (!make) throw new Error(`no view of the type ${type} is registered`)
    return make(leaf)
  }

  getLeavesOfType(type: string): WorkspaceLeaf[] {
    return this.#leaves.filter(({ view }) => view?.getViewType() === type)
  }

  iterateAllLeaves(visit: (leaf: WorkspaceLeaf) => unknown): void {
    for (const leaf of this.#leaves) visit(leaf)
  }

  getLeaf(_kind?: unknown): WorkspaceLeaf {
    const leaf = new WorkspaceLeaf(this)
    this.#leaves.push(leaf)
    return leaf
  }

  revealLeaf(leaf: WorkspaceLeaf): Promise<void> {
    this.show(leaf)
    return Promise.resolve()
  }

  show({ view }: WorkspaceLeaf): void {
    if (view) document.querySelector('.workspace')?.replaceChildren(view.containerEl)
  }

  getActiveFile(): unknown {
    return this.activeFile === null ? null : this.app.vault.getFileByPath(this.activeFile)
  }

  onLayoutReady(run: () => void): void {
    if (this.layoutReady) run()
    else this.#waiting.push(run)
  }

  setLayoutReady(): void {
    this.layoutReady = true
    for (const run of this.#waiting.splice(0)) run()
  }

  on(): unknown {
    return {}
  }
}
