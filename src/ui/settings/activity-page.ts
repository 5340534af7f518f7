import { SettingPage, type SettingDefinitionItem } from 'obsidian'
import { ActivityList } from '../activity/activity-list.ts'
import type { Screens } from '../screens.ts'

/** The page "Activity log". */
export function activityPage(screens: Screens): SettingDefinitionItem {
  return {
    type: 'page',
    name: 'Activity log',
    desc: 'What happened, and when.',
    page: () => new ActivityPage(screens),
  }
}

class ActivityPage extends SettingPage {
  readonly #screens: Screens
  #list: ActivityList | null = null

  constructor(screens: Screens) {
    super()
    this.#screens = screens
    this.title = 'Activity log'
  }

  override display(): void {
    this.hide()
    this.containerEl.empty()
    this.#list = new ActivityList(this.containerEl, this.#screens)
  }

  override hide(): void {
    this.#list?.stop()
    this.#list = null
    super.hide()
  }
}
