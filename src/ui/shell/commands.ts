import type { Plugin } from 'obsidian'
import type { Screens } from '../screens.ts'
import { waitingChange } from '../shares/all-shares.ts'

/** The commands of the palette. None has a hotkey of its own; one that makes no sense now is not offered. */
export function registerCommands(plugin: Plugin, screens: Screens): void {
  const { app, face } = screens
  const command = (id: string, name: string, run: () => unknown, offered: () => boolean = () => true): void => {
    plugin.addCommand({
      id,
      name,
      checkCallback: (checking) => {
        if (!offered()) return false
        if (!checking) void run()
        return true
      },
    })
  }
  command(
    'sync-now',
    'Sync now',
    () => face.syncNow(),
    () => face.condition.kind === 'running',
  )
  command(
    'pause',
    'Pause syncing',
    () => face.pause(),
    () => face.condition.kind === 'running' || face.condition.kind === 'offline',
  )
  command(
    'resume',
    'Resume syncing',
    () => face.resume(),
    () => face.condition.kind === 'paused',
  )
  command('add-device', 'Pair a new device', () => screens.addDevice())
  command('join-device', 'Join a device', () => screens.joinDevice())
  command(
    'share-folder',
    'Share a folder',
    () => screens.shareFolder(),
    () => face.device !== null,
  )
  command('open-activity', 'Open activity log', () => screens.openActivity())
  command('show-conflicts', 'Show conflicts', () => screens.openConflicts())
  command(
    'show-history',
    'Show version history of this note',
    () => screens.openHistory(app.workspace.getActiveFile()?.path ?? null),
    () => app.workspace.getActiveFile() !== null,
  )
  command('show-deleted', 'Show deleted notes', () => screens.openHistory(null))
  command('copy-diagnostics', 'Copy diagnostics', () => screens.copyDiagnostics())
  command(
    'review-change',
    'Review large change',
    () => screens.askConsent(),
    () => waitingChange(face) !== null,
  )
}
