import { Platform } from 'obsidian'
import type { App } from 'obsidian'

/** Key in Obsidian's local storage, which is per vault and device: a name in `data.json` would travel to the others. */
const KEY = 'tandem-sync-device-name'

type LocalStorage = Pick<App, 'loadLocalStorage' | 'saveLocalStorage'>

/** What the other devices call this one. */
export function readDeviceName(storage: LocalStorage): string {
  const stored: unknown = storage.loadLocalStorage(KEY)
  return typeof stored === 'string' && stored !== '' ? stored : defaultName()
}

export function writeDeviceName(storage: LocalStorage, name: string): void {
  storage.saveLocalStorage(KEY, name)
}

function defaultName(): string {
  if (Platform.isMacOS) return 'Obsidian on a Mac'
  if (Platform.isWin) return 'Obsidian on Windows'
  if (Platform.isLinux) return 'Obsidian on Linux'
  return 'Obsidian'
}
