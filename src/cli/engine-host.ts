import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { nodeCodec } from '../adapters/node/node-codec.ts'
import { nodeRandom } from '../adapters/node/node-random.ts'
import { systemClock } from '../adapters/node/system-clock.ts'
import { openBareRepository } from '../adapters/node/bare-repository.ts'
import { NodeIndexStore } from '../adapters/node/node-index-store.ts'
import { NodeObjectStore } from '../adapters/node/node-object-store.ts'
import { NodeRefStore } from '../adapters/node/node-ref-store.ts'
import { openNodeVault } from '../adapters/node/node-vault-files.ts'
import { ActivityLog } from '../adapters/node/activity-log.ts'
import { LanDiscovery } from '../adapters/lan/lan-discovery.ts'
import type { StateFolder } from '../adapters/node/state-folder.ts'
import { openIrohTransport, type IrohTransport } from '../adapters/iroh/iroh-transport.ts'
import { ALPN, APP_VERSION, VAULT_SHARE } from '../engine/app.ts'
import { Device, identityOf } from '../engine/device.ts'
import { lookAtFolder } from '../engine/folder-look.ts'
import { LanFinder } from '../engine/lan-finder.ts'
import type { PairingQuestion } from '../engine/pairing-session.ts'
import { Repository } from '../engine/repository.ts'
import { readSettings } from '../engine/settings-schema.ts'
import { settingsOptions } from '../engine/settings-options.ts'
import { Share } from '../engine/share.ts'
import type { ShareParts } from '../engine/share-parts.ts'
import { SubfolderVaultFiles } from '../engine/subfolder-vault-files.ts'
import { WorkingTree } from '../engine/working-tree.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import { ShareError } from '../ports/errors.ts'
import type { LogRecord } from '../ports/logger.ts'
import type { ShareRecord } from '../ports/share-record.ts'
import type { VaultFiles } from '../ports/vault-files.ts'
import type { ShareName } from '../protocol/messages.ts'
import type { RelayChoice } from '../adapters/iroh/iroh-endpoint.ts'
import { PairingVaults } from './pairing-vault.ts'

/** From the command line: what is given there comes before what is stored, and that before the default. */
export interface NetworkOptions {
  /** `ip:port`; port 0: the port of the last run when it is free, else any. */
  readonly bind?: string | undefined
  readonly relay?: RelayChoice | undefined
  /** Whether paired devices find each other on the local network. */
  readonly lan?: boolean | undefined
}

/** Who is asked when two devices pair: set by the invite or join that is under way. */
export type Asker = (question: PairingQuestion, signal: AbortSignal) => Promise<boolean>

/** The engine of one state folder in this process, as far as a command needs it. */
export class EngineHost {
  readonly askers = new Map<PairingQuestion['role'], Asker>()

  private constructor(
    readonly state: StateFolder,
    readonly device: Device,
    readonly transport: IrohTransport,
    private readonly lan: LanFinder | null,
    private readonly pairingVaults: PairingVaults | null,
  ) {}

  /** The whole engine. `sync: false` pairs only: the vault is looked at for the comparison alone (E9). */
  static async open(
    state: StateFolder,
    network: NetworkOptions,
    options: { sync: boolean; debounceMs?: number; onLog?: (record: LogRecord) => void },
  ): Promise<EngineHost> {
    const logger = new ActivityLog(state.activityLog, systemClock, options.onLog)
    const warn = (message: string) => logger.log('warn', 'device.warning', message)
    const stored = readSettings(state.storedSettings)
    for (const message of [...state.problems, ...stored.problems.map((problem) => problem.message)]) warn(message)
    state.onProblem = warn
    const settings = { ...stored.settings, debounceMs: options.debounceMs ?? stored.settings.debounceMs }
    const vault = options.sync ? await vaultShare(state, warn) : null
    const pairingVaults = options.sync ? null : new PairingVaults((share) => openShare(state, warn, share))
    const transport = await openIrohTransport({
      secretKey: state.secretKey,
      alpn: ALPN,
      bind: bindAddresses(network.bind ?? state.settings.bind ?? undefined, state.settings.ports),
      relay: network.relay ?? relayChoice(settings.relay),
      clock: systemClock,
      onWarning: warn,
    })
    rememberPorts(state, transport)
    const device = await Device.open({
      transport,
      data: state,
      codec: nodeCodec,
      clock: systemClock,
      random: nodeRandom,
      logger,
      name: state.settings.deviceName,
      appVersion: APP_VERSION,
      ...settingsOptions(settings),
      shares: vault ? [vault] : [],
      folders: {
        store: state,
        ...(vault ? { open: (record) => folderShare(state, record, vault.files, warn) } : {}),
        forget: ({ id }) =>
          rm(dirname(state.shareFolder(id).repository), { recursive: true, force: true, maxRetries: 3 }),
        look: async (folder) => lookAtFolder(vault?.files ?? (await vaultFiles(state, warn)), folder),
      },
      ...(pairingVaults ? { listing: (share) => pairingVaults.listing(share) } : {}),
      confirm: (question, signal) => host.askers.get(question.role)?.(question, signal) ?? Promise.resolve(false),
    })
    // Who only pairs is found by its link.
    const lan =
      options.sync && (network.lan ?? settings.localNetwork)
        ? new LanFinder({
            discovery: new LanDiscovery({ clock: systemClock, onWarning: warn }),
            clock: systemClock,
            transport,
            peers: device.peers,
          })
        : null
    const host = new EngineHost(state, device, transport, lan, pairingVaults)
    return host
  }

  /** Looks at the vault, lets peers in, and looks for them on the local network. */
  async start(options: { watch: boolean }): Promise<void> {
    await this.device.start(options)
    await this.lan?.start()
  }

  /** Two devices are about to pair: an engine that does not sync begins to look at its vault. */
  lookAhead(share: ShareName): void {
    this.pairingVaults?.lookAhead(share)
  }

  async close(): Promise<void> {
    await this.lan?.stop()
    await this.device.stop()
    await this.pairingVaults?.close()
  }
}

function vaultFiles(state: StateFolder, warn: (message: string) => void): Promise<VaultFiles> {
  return openNodeVault({
    root: state.vault,
    codec: nodeCodec,
    clock: systemClock,
    scope: {
      configFolder: state.settings.configFolder,
      excludedFolders: readSettings(state.storedSettings).settings.excludedFolders,
    },
    onWarning: ({ path, reason }) => warn(path ? `${path}: ${reason}` : reason),
  })
}

async function vaultShare(state: StateFolder, warn: (message: string) => void): Promise<ShareParts> {
  const files = await vaultFiles(state, warn)
  return { name: VAULT_SHARE, ...(await openStores(state.repository)), index: openIndex(state.index, warn), files }
}

/** V1: a repository and an index of its own, on the files that the vault has in that folder. */
async function folderShare(
  state: StateFolder,
  { id, folder }: ShareRecord,
  vault: VaultFiles,
  warn: (message: string) => void,
): Promise<ShareParts> {
  const places = state.shareFolder(id)
  mkdirSync(dirname(places.repository), { recursive: true, mode: 0o700 })
  const files = new SubfolderVaultFiles(vault, folder as VaultPath)
  return { name: id, ...(await openStores(places.repository)), index: openIndex(places.index, warn), files }
}

function openIndex(folder: string, warn: (message: string) => void): NodeIndexStore {
  const onDamaged = (movedTo: string) => warn(`the index was damaged and is built anew; the old one is ${movedTo}`)
  return new NodeIndexStore(folder, { onDamaged })
}

async function openStores(repository: string) {
  await openBareRepository(repository)
  return { objects: await NodeObjectStore.open(repository), refs: new NodeRefStore(repository) }
}

/** Of a setting that is good: `default`, `off`, or a URL. */
export function relayChoice(relay: string): RelayChoice {
  return relay === 'default' || relay === 'off' ? relay : [relay]
}

/** The vault and its history without the network, for a command that changes a file while nothing runs. Stop it. */
export async function openShare(
  state: StateFolder,
  warn: (message: string) => void,
  which: ShareName = VAULT_SHARE,
): Promise<Share> {
  const { name, files, objects, refs, index } = await sharePartsOf(state, warn, which)
  const logger = new ActivityLog(state.activityLog, systemClock)
  const repository = await Repository.open(objects, refs, nodeCodec, state.deviceId)
  const identity = () => identityOf(state.settings.deviceName, state.deviceId, systemClock)
  const tree = await WorkingTree.open({ repository, files, index, codec: nodeCodec, clock: systemClock, identity })
  return new Share(name, repository, tree, files, systemClock, logger)
}

async function sharePartsOf(
  state: StateFolder,
  warn: (message: string) => void,
  which: ShareName,
): Promise<ShareParts> {
  if (which === VAULT_SHARE) return vaultShare(state, warn)
  const record = (await state.loadShares()).find(({ id }) => id === which)
  if (!record) throw new ShareError('unknown', 'there is no such share here', { share: which })
  return folderShare(state, record, await vaultFiles(state, warn), warn)
}

/** The history alone, for commands that only read it. */
export async function openHistory(state: StateFolder): Promise<Repository> {
  const { objects, refs } = await openStores(state.repository)
  return Repository.open(objects, refs, nodeCodec, state.deviceId)
}

/** A random port of the last run is asked for again, so that the tickets that peers hold stay good. */
function bindAddresses(
  bind: string | undefined,
  ports: { ipv4?: number; ipv6?: number },
): { ipv4?: string; ipv6?: string } {
  if (!bind) return { ipv4: `0.0.0.0:${ports.ipv4 ?? 0}`, ipv6: `[::]:${ports.ipv6 ?? 0}` }
  const port = bind.slice(bind.lastIndexOf(':') + 1)
  const host = bind.slice(0, bind.lastIndexOf(':'))
  if (bind.startsWith('[')) return { ipv6: `${host}:${port === '0' ? (ports.ipv6 ?? 0) : port}` }
  return { ipv4: `${host}:${port === '0' ? (ports.ipv4 ?? 0) : port}` }
}

function rememberPorts(state: StateFolder, transport: IrohTransport): void {
  const portOf = (v6: boolean) => transport.boundSockets().find((s) => s.startsWith('[') === v6)
  const [v4, v6] = [portOf(false), portOf(true)].map((s) => (s ? Number(s.slice(s.lastIndexOf(':') + 1)) : undefined))
  const ports = { ...(v4 ? { ipv4: v4 } : {}), ...(v6 ? { ipv6: v6 } : {}) }
  if (JSON.stringify(ports) !== JSON.stringify(state.settings.ports)) state.saveSettings({ ports })
}
