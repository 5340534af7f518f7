import { ComponentFolder, type PinnedComponents } from '../adapters/iroh/component-folder.ts'
import { openIrohTransport } from '../adapters/iroh/iroh-transport.ts'
import { LanDiscovery } from '../adapters/lan/lan-discovery.ts'
import { ALPN } from '../engine/app.ts'
import type { PluginNetwork } from './host-parts.ts'

export { fileSystem } from '../adapters/node/file-system.ts'

/**
 * What needs Node: the native component, its endpoint, and multicast on the local network. Imported only on a desktop, where
 * Obsidian lets a plugin use Node; on a phone nothing of this is ever evaluated. `folder`: where the native component lies, an
 * absolute path.
 */
export function desktopNetwork(folder: string, pinned: PinnedComponents): PluginNetwork {
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
