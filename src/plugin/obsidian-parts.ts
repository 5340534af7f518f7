import { FileSystemAdapter, Notice, Platform, type Plugin } from 'obsidian'
import pinned from '../../native-components.json' with { type: 'json' }
import { deleteDatabase } from '../adapters/idb/delete-database.ts'
import { openDeviceKey } from '../adapters/obsidian/device-key.ts'
import { readDeviceName, writeDeviceName } from '../adapters/obsidian/device-name.ts'
import { editRemotely } from '../adapters/obsidian/edit-remotely.ts'
import { desktopLargeFiles } from '../adapters/obsidian/large-files.ts'
import { ObsidianActivity } from '../adapters/obsidian/obsidian-activity.ts'
import { ObsidianDataStore } from '../adapters/obsidian/obsidian-data-store.ts'
import { shareDatabaseName, vaultInstance, vaultNames } from '../adapters/obsidian/vault-instance.ts'
import { waitForVaultLock } from '../adapters/obsidian/vault-lock.ts'
import { wakeEvents } from '../adapters/obsidian/wake-events.ts'
import { windowClock, type ClosableClock } from '../adapters/obsidian/window-clock.ts'
import { webRandom } from '../adapters/web/web-random.ts'
import type { HostParts } from './host-parts.ts'
import { NativeComponent } from './native-component.ts'

/** Of the plugin's folder: where the native component lies. */
const COMPONENT_FOLDER = 'native'

/**
 * The host's parts, made of Obsidian. Cheap, as the app's start waits for it: nothing is opened, and most of the code is not even
 * evaluated, before it is asked for.
 */
export function obsidianParts(plugin: Plugin): HostParts & { readonly clock: ClosableClock } {
  const { app, manifest } = plugin
  const clock = windowClock(window)
  const instance = vaultInstance(app)
  const names = vaultNames(instance)
  const logger = new ObsidianActivity({ name: names.activity, clock })
  const folder = manifest.dir ?? `${app.vault.configDir}/plugins/${manifest.id}`
  const { adapter } = app.vault
  // The file system, and with it Node, is there on desktops alone.
  const fullPath =
    Platform.isDesktopApp && adapter instanceof FileSystemAdapter ? (path: string) => adapter.getFullPath(path) : null
  const desktop = () => import('./desktop-network.ts')
  const warn = (message: string) => logger.log('warn', 'device.warning', message)
  return {
    vaultName: app.vault.getName(),
    platform: platformName(),
    clock,
    random: webRandom,
    codec: async () => (await import('../adapters/web/web-codec.ts')).createWebCodec(),
    storage: app,
    deviceName: () => readDeviceName(app),
    rename: (name) => writeDeviceName(app, name),
    key: () => openDeviceKey(app.secretStorage),
    data: (self) =>
      ObsidianDataStore.open({
        plugin,
        disk: adapter,
        folder,
        self,
        onNotice: (sentence) => {
          warn(sentence)
          new Notice(sentence, 0)
        },
      }),
    logger,
    stores: async (codec, share) => {
      const { openIdbStores } = await import('./idb-stores.ts')
      return openIdbStores(
        shareDatabaseName(instance, share),
        codec,
        () => clock.breathe(),
        () => warn('the index of this vault, or of a shared folder, was damaged and is built anew'),
      )
    },
    removeStores: (share) => deleteDatabase(shareDatabaseName(instance, share)),
    files: async (codec, { configCategories, excludedFolders }) => {
      const { ObsidianVaultFiles } = await import('../adapters/obsidian/obsidian-vault-files.ts')
      return new ObsidianVaultFiles({
        app,
        codec,
        clock,
        platform: platformOfNames(),
        // Wherever it lies, the plugin's own folder holds what is this device's alone (P6, E8).
        scope: { configParts: configCategories, excludedFolders: [...excludedFolders, folder] },
        ...(fullPath ? { largeFiles: desktopLargeFiles((await desktop()).fileSystem, fullPath) } : {}),
        registerEvent: (ref) => plugin.registerEvent(ref),
        editRemotely,
        onFocus: (then) => wakeEvents(window, document, then),
      })
    },
    network: async () =>
      fullPath ? (await desktop()).desktopNetwork(fullPath(`${folder}/${COMPONENT_FOLDER}`), pinned) : null,
    component: new NativeComponent(pinned.version, app),
    lock: (waiting, signal) => waitForVaultLock(names.lock, waiting, signal),
    onWake: (wake) => wakeEvents(window, document, wake),
  }
}

/** Whose names are impossible here (E6). */
function platformOfNames(): 'windows' | 'macos' | 'linux' | 'android' {
  if (Platform.isWin) return 'windows'
  if (Platform.isAndroidApp) return 'android'
  return Platform.isMacOS || Platform.isIosApp ? 'macos' : 'linux'
}

function platformName(): string {
  return `${platformOfNames()}${Platform.isMobileApp ? ' (mobile)' : ''}`
}
