import { Menu } from 'obsidian'
import { vaultConflicts } from '../conflicts/vault-conflicts.ts'
import type { Screens } from '../screens.ts'
import { currentStatus } from '../status-facts.ts'

/** What the status bar and the ribbon open. */
export function syncMenu(screens: Screens): Menu {
  const { app, face, transfers } = screens
  const menu = new Menu()
  const entry = (title: string, icon: string, action: () => unknown): void => {
    menu.addItem((item) =>
      item
        .setTitle(title)
        .setIcon(icon)
        .onClick(() => void action()),
    )
  }
  menu.addItem((item) => item.setTitle(currentStatus(face, transfers).sentence).setIsLabel(true))
  menu.addSeparator()
  if (face.share?.tree.consent) entry('Look at the large change', 'alert-triangle', () => screens.askConsent())
  if (face.condition.kind === 'paused') entry('Resume syncing', 'play', () => face.resume())
  if (face.condition.kind === 'running') {
    entry('Sync now', 'refresh-cw', () => face.syncNow())
    entry('Pause syncing', 'pause', () => face.pause())
  }
  menu.addSeparator()
  const conflicts = vaultConflicts(app).length
  entry(conflicts > 0 ? `Conflicts (${conflicts})` : 'Conflicts', 'git-compare', () => screens.openConflicts())
  entry('Activity log', 'scroll-text', () => screens.openActivity())
  entry('Settings', 'settings', () => screens.openSettings())
  return menu
}
