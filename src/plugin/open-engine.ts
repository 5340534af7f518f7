import { OfflineTransport } from '../adapters/memory/offline-transport.ts'
import { APP_VERSION, VAULT_SHARE } from '../engine/app.ts'
import { Device } from '../engine/device.ts'
import { lookAtFolder } from '../engine/folder-look.ts'
import { LanFinder } from '../engine/lan-finder.ts'
import type { PairingQuestion } from '../engine/pairing-session.ts'
import type { IrohTransport } from '../adapters/iroh/iroh-transport.ts'
import type { DeviceKey } from '../adapters/obsidian/device-key.ts'
import { settingsOptions } from '../engine/settings-options.ts'
import type { Settings } from '../engine/settings.ts'
import type { ShareParts } from '../engine/share-parts.ts'
import { SubfolderVaultFiles } from '../engine/subfolder-vault-files.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { Transport } from '../ports/transport.ts'
import type { VaultFiles } from '../ports/vault-files.ts'
import type { ShareName } from '../protocol/messages.ts'
import type { SyncCondition } from '../ui/face.ts'
import type { HostParts, PluginData, PluginNetwork } from './host-parts.ts'

/** The sockets of the last run, asked for again, so that the addresses that peers hold stay good. */
const PORTS_KEY = 'tandem-sync-ports'
/** `ip:port` to listen on instead of everywhere; set by hand on this device, for machines with several networks. */
const BIND_KEY = 'tandem-sync-bind'

/** The relay is found in less on most networks; where it cannot be reached, a link without it is better than none. */
const AWAIT_RELAY_MS = 3_000

export interface Engine {
  readonly device: Device
  readonly condition: SyncCondition
  /** Waits for the relay, at most some seconds. @throws the signal's reason. */
  ready(signal: AbortSignal): Promise<void>
  /** Looks at the vault, lets peers in, and looks for them on the local network. */
  start(): Promise<void>
  close(): Promise<void>
}

export interface EngineOptions {
  readonly key: DeviceKey
  readonly data: PluginData
  readonly settings: Settings
  readonly network: PluginNetwork | null
  readonly paused: boolean
  readonly confirm: (question: PairingQuestion, signal: AbortSignal) => Promise<boolean>
}

/** The engine on this platform's stores: with the network, or without one when it is paused or cannot be had. */
export async function openEngine(parts: HostParts, options: EngineOptions): Promise<Engine> {
  const { clock, random, logger } = parts
  const { key, data, settings, network, paused, confirm } = options
  const warn = (message: string) => logger.log('warn', 'device.warning', message)
  const undo: (() => Promise<void>)[] = []
  const stores = new Map<ShareName, () => Promise<void>>()
  try {
    const codec = await parts.codec()
    const files = await parts.files(codec, settings)
    undo.push(() => files.close())
    const open = async (name: ShareName, seen: VaultFiles): Promise<ShareParts> => {
      const opened = await parts.stores(codec, name)
      stores.set(name, () => opened.close())
      const { objects, refs, index } = opened
      return { name, objects, refs, index, files: seen }
    }
    const vault = await open(VAULT_SHARE, files)
    const { transport, condition, awaitRelay }: Network = paused
      ? offline(key.id, { kind: 'paused' }, 'syncing is paused on this device')
      : await openNetwork(parts, network, key, settings.relay, warn)
    undo.push(() => transport.close())
    const device = await Device.open({
      transport,
      data,
      codec,
      clock,
      random,
      logger,
      name: parts.deviceName(),
      appVersion: APP_VERSION,
      shares: [vault],
      folders: {
        store: data,
        open: ({ id, folder }) => open(id, new SubfolderVaultFiles(files, folder as VaultPath)),
        forget: async ({ id }) => {
          await stores.get(id)?.()
          stores.delete(id)
          await parts.removeStores(id)
        },
        look: (folder) => lookAtFolder(files, folder),
      },
      ...settingsOptions(settings),
      confirm,
    })
    const finder =
      condition.kind === 'running' && settings.localNetwork && network
        ? new LanFinder({ discovery: network.discovery(clock, warn), clock, transport, peers: device.peers })
        : null
    const stopWaking = parts.onWake(() => device.peers.wake())
    let closing: Promise<void> | null = null
    return {
      device,
      condition,
      async ready(signal) {
        await awaitRelay?.(AWAIT_RELAY_MS, signal)
      },
      async start() {
        await device.start({ watch: true })
        if (!closing) await finder?.start()
      },
      close: () =>
        (closing ??= (async () => {
          stopWaking()
          await finder?.stop()
          await device.stop()
          for (const close of stores.values()) await close()
        })()),
    }
  } catch (error) {
    for (const step of [...undo.reverse(), ...stores.values()]) await step().catch(() => undefined)
    throw error
  }
}

type Network = {
  readonly transport: Transport
  readonly condition: SyncCondition
  readonly awaitRelay?: IrohTransport['awaitRelay']
}

function offline(id: Transport['id'], condition: SyncCondition, why: string): Network {
  return { transport: new OfflineTransport(id, why), condition }
}

/** A component that is missing or fails takes the network away, and nothing else. */
async function openNetwork(
  { component, storage, clock }: HostParts,
  network: PluginNetwork | null,
  { id, secretKey }: DeviceKey,
  relay: string,
  onWarning: (message: string) => void,
): Promise<Network> {
  const installed = network && (await component.check())
  if (!network || !installed) {
    const { condition } = component
    if (condition.kind === 'missing') {
      const message =
        'The network component is not installed yet, so this vault is not synced. Install it in the settings, below Advanced.'
      return offline(id, { kind: 'offline', reason: 'no-component', message }, message)
    }
    const message = 'message' in condition ? condition.message : 'This device has no network component.'
    const reason = condition.kind === 'unsupported' ? 'unsupported' : 'failed'
    return offline(id, { kind: 'offline', reason, message }, message)
  }
  try {
    const transport = await component.guarded(installed, () =>
      network.open({ installed, secretKey, bind: bindAddresses(storage), relay, clock, onWarning }),
    )
    rememberPorts(storage, transport.boundSockets())
    const awaitRelay: IrohTransport['awaitRelay'] = (withinMs, signal) => transport.awaitRelay(withinMs, signal)
    return { transport, condition: { kind: 'running' }, awaitRelay }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return offline(id, { kind: 'offline', reason: 'failed', message }, message)
  }
}

function bindAddresses(storage: HostParts['storage']): { ipv4?: string; ipv6?: string } {
  const bind = storage.loadLocalStorage(BIND_KEY)
  if (typeof bind === 'string' && /:\d+$/.test(bind)) return bind.startsWith('[') ? { ipv6: bind } : { ipv4: bind }
  const ports = storage.loadLocalStorage(PORTS_KEY) as { ipv4?: unknown; ipv6?: unknown } | null
  const port = (value: unknown) => (Number.isInteger(value) ? (value as number) : 0)
  return { ipv4: `0.0.0.0:${port(ports?.ipv4)}`, ipv6: `[::]:${port(ports?.ipv6)}` }
}

function rememberPorts(storage: HostParts['storage'], sockets: readonly string[]): void {
  const portOf = (socket: string | undefined) => (socket ? Number(socket.slice(socket.lastIndexOf(':') + 1)) : 0)
  storage.saveLocalStorage(PORTS_KEY, {
    ipv4: portOf(sockets.find((socket) => !socket.startsWith('['))),
    ipv6: portOf(sockets.find((socket) => socket.startsWith('['))),
  })
}
