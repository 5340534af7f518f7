import { Menu } from 'obsidian'
import { vaultConflicts } from '../conflicts/vault-conflicts.ts'
import type { Screens } from '../screens.ts'
import { waitingChange } from '../shares/all-shares.ts'
import { screenClock } from '../clock.ts'
import { currentStatus } from '../status-facts.ts'
import { amountSentence } from '../words/sync-progress.ts'

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
  const progress = face.condition.kind === 'running' ? transfers.total() : null
  const amount = progress ? amountSentence(progress, screenClock.now()) : ''
  const { sentence } = currentStatus(face, transfers)
  menu.addItem((item) => item.setTitle(amount ? `${sentence} ${amount}` : sentence).setIsLabel(true))
  menu.addSeparator()
  if (waitingChange(face)) entry('Look at the large change', 'alert-triangle', () => screens.askConsent())
  if (face.condition.kind === 'paused') entry('Resume syncing', 'play', () => face.resume())
  if (face.condition.kind === 'running') {
    entry('Sync now', 'refresh-cw', () => face.syncNow())
    // The same: what has arrived is kept, and sync goes on from there.
    if (progress) entry('Stop, and go on later', 'square', () => face.pause())
    else entry('Pause syncing', 'pause', () => face.pause())
  }
  menu.addSeparator()
  const conflicts = vaultConflicts(app).length
  entry(conflicts > 0 ? `Conflicts (${conflicts})` : 'Conflicts', 'git-compare', () => screens.openConflicts())
  entry('Activity log', 'scroll-text', () => screens.openActivity())
  entry('Settings', 'settings', () => screens.openSettings())
  return menu
}
