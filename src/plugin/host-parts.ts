import type { ComponentFolder, InstalledComponent } from '../adapters/iroh/component-folder.ts'
import type { BindAddresses } from '../adapters/iroh/iroh-endpoint.ts'
import type { IrohTransport } from '../adapters/iroh/iroh-transport.ts'
import type { DeviceKey } from '../adapters/obsidian/device-key.ts'
import type { Settings } from '../engine/settings.ts'
import type { Codec } from '../objects/codec.ts'
import type { Clock } from '../ports/clock.ts'
import type { DataStore } from '../ports/data-store.ts'
import type { Discovery } from '../ports/discovery.ts'
import type { IndexStore } from '../ports/index-store.ts'
import type { Logger, LogRecord } from '../ports/logger.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Random } from '../ports/random.ts'
import type { RefStore } from '../ports/ref-store.ts'
import type { ShareStore } from '../ports/share-record.ts'
import type { EndpointId } from '../ports/transport.ts'
import type { VaultFiles } from '../ports/vault-files.ts'
import type { ShareName } from '../protocol/messages.ts'
import type { DeviceStorage } from './device-storage.ts'
import type { NativeComponent } from './native-component.ts'

/** The history of one share on this device. */
export interface ShareStores {
  readonly objects: ObjectStore
  readonly refs: RefStore
  readonly index: IndexStore
  close(): Promise<void>
}

/** `data.json`: the paired devices and the shared folders, and the settings beside them (C2). */
export interface PluginData extends DataStore, ShareStore {
  /** As stored. */
  settings(): unknown
  saveSettings(change: Record<string, unknown>): Promise<void>
  /** Somebody else wrote the file. */
  reload(): Promise<void>
}

/** The network of a desktop (desktop-network.ts). */
export interface PluginNetwork {
  readonly component: ComponentFolder
  /** @throws TransportError `no-native`, `bind-failed`. */
  open(options: {
    /** As `component.find()` has just found it. */
    readonly installed: InstalledComponent
    readonly secretKey: Uint8Array
    readonly bind: BindAddresses
    /** `default`, `off`, or a URL. */
    readonly relay: string
    readonly clock: Clock
    readonly onWarning: (message: string) => void
  }): Promise<IrohTransport>
  discovery(clock: Clock, onWarning: (message: string) => void): Discovery
}

/** What the host needs of the platform. Made by main.ts from Obsidian, and by tests from memory. */
export interface HostParts {
  readonly vaultName: string
  readonly platform: string
  readonly clock: Clock
  readonly random: Random
  readonly codec: () => Promise<Codec>
  readonly storage: DeviceStorage
  readonly deviceName: () => string
  readonly rename: (name: string) => void
  readonly data: (self: EndpointId) => Promise<PluginData>
  readonly key: () => Promise<DeviceKey>
  readonly logger: Logger & {
    read(): Promise<readonly LogRecord[]>
    clear(): Promise<void>
    close(): Promise<void>
  }
  /** Of the whole vault, or of a folder that is a share of its own (V1). Made when they are not there. */
  readonly stores: (codec: Codec, share: ShareName) => Promise<ShareStores>
  /** Deletes the history of a share here. Its stores are closed. */
  readonly removeStores: (share: ShareName) => Promise<void>
  readonly files: (codec: Codec, settings: Settings) => Promise<VaultFiles>
  /** Null on a phone. Asked once. */
  readonly network: () => Promise<PluginNetwork | null>
  readonly component: NativeComponent
  /**
   * Resolves with the function that gives it back as soon as no other window has this vault; `waiting` is called when that is not
   * at once. Rejects when the signal aborts.
   */
  readonly lock: (waiting: () => void, signal: AbortSignal) => Promise<() => void>
  /** Calls back when the window came to front, the machine woke up or the network came back. Returns the function that ends it. */
  readonly onWake: (wake: () => void) => () => void
}
