import { ComponentFolder, type InstalledComponent, type PinnedComponents } from '../adapters/iroh/component-folder.ts'
import type { BindAddresses } from '../adapters/iroh/iroh-endpoint.ts'
import { openIrohTransport, type IrohTransport } from '../adapters/iroh/iroh-transport.ts'
import { LanDiscovery } from '../adapters/lan/lan-discovery.ts'
import { ALPN } from '../engine/app.ts'
import type { Clock } from '../ports/clock.ts'
import type { Discovery } from '../ports/discovery.ts'

/**
 * What needs Node: the native component, its endpoint, and multicast on the local network. Imported only on a desktop, where
 * Obsidian lets a plugin use Node; on a phone nothing of this is ever evaluated.
 */
export interface DesktopNetwork {
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

export { fileSystem } from '../adapters/node/file-system.ts'

/** `folder`: where the native component lies, an absolute path. */
export function desktopNetwork(folder: string, pinned: PinnedComponents): DesktopNetwork {
  const component = new ComponentFolder(folder, pinned)
  return {
    component,
    open: async ({ installed, relay, ...options }) =>
      openIrohTransport({
        ...options,
        alpn: ALPN,
        iroh: component.load(installed),
        relay: relay === 'default' || relay === 'off' ? relay : [relay],
      }),
    discovery: (clock, onWarning) => new LanDiscovery({ clock, onWarning }),
  }
}
