import { ItemView, type WorkspaceLeaf } from 'obsidian'
import type { Screens } from '../screens.ts'
import { ActivityList } from './activity-list.ts'

export const ACTIVITY_VIEW = 'tandem-activity'

/** The activity log in a tab of its own. */
export class ActivityView extends ItemView {
  override icon = 'scroll-text'
  readonly #screens: Screens
  #list: ActivityList | null = null

  constructor(leaf: WorkspaceLeaf, screens: Screens) {
    super(leaf)
    this.#screens = screens
  }

  override getViewType(): string {
    return ACTIVITY_VIEW
  }

  override getDisplayText(): string {
    return 'Activity log'
  }

  override onOpen(): Promise<void> {
    this.contentEl.addClass('tandem-view')
    this.contentEl.createEl('h2', { text: 'Activity log' })
    this.#list = new ActivityList(this.contentEl, this.#screens)
    return Promise.resolve()
  }

  override onClose(): Promise<void> {
    this.#list?.stop()
    this.contentEl.empty()
    return Promise.resolve()
  }
}
