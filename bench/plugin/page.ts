/**
 * What the benchmark runs in a real Chromium: the plugin of these very sources, with all its adapters of Obsidian and IndexedDB, on a
 * vault that costs nothing ({@link QuickVault}). Its network is a MessagePort to another device in a worker, in place of Iroh.
 */
import type { ComponentFolder } from '../../src/adapters/iroh/component-folder.ts'
import type { IrohTransport } from '../../src/adapters/iroh/iroh-transport.ts'
import { DEVICE_KEY_ID } from '../../src/adapters/obsidian/device-key.ts'
import type { MessagePortLike } from '../../src/adapters/port/message-port-like.ts'
import { nativePort } from '../../src/adapters/port/native-port.ts'
import { webIdentity } from '../../src/adapters/port/port-identity.ts'
import { PortTransport } from '../../src/adapters/port/port-transport.ts'
import { webRandom } from '../../src/adapters/web/web-random.ts'
import { encodePeerAddress } from '../../src/peers/peer-address.ts'
import type { PluginNetwork } from '../../src/plugin/host-parts.ts'
import { obsidianParts } from '../../src/plugin/obsidian-parts.ts'
import { TandemHost } from '../../src/plugin/tandem-host.ts'
import { withPeers } from '../../src/ports/data-file.ts'
import type { PeerRecord } from '../../src/ports/data-store.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import { registerScreens } from '../../src/ui/shell/tandem-screens.ts'
import { QuickVault } from '../../test/support/obsidian/quick-vault.ts'
import { openApp } from '../../test/support/obsidian/web-app.ts'
import { WebPlugin } from '../../test/support/obsidian/web-plugin.ts'
import type { Plugin } from 'obsidian'
import { Platform } from 'obsidian-test-mocks/obsidian'
import { attachmentCount, notePath, notes } from './made-files.ts'
import type { PeerAsk } from './peer.ts'
import { measureStalls, type Stalls } from './stall-meter.ts'

const MANIFEST = { id: 'tandem-sync', name: 'Tandem', version: '0.1.0', dir: '.obsidian/plugins/tandem-sync' }
/** Nobody's secret keys: both devices live and die with this page. */
const [OWN_SEED, PEER_SEED] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
const AN_HOUR_MS = 3_600_000

Object.assign(Platform, { isWin: false, isLinux: true })
const vault = new QuickVault()
const app = openApp({})
Object.assign(app, {
  vault,
  fileManager: { trashFile: ({ path }: { path: string }) => vault.adapter.trashLocal(path) },
})

class Peer {
  readonly #worker: Worker
  readonly #waiting = new Map<number, () => void>()
  #n = 0

  constructor(script: string) {
    this.#worker = new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })))
    this.#worker.onmessage = ({ data }: MessageEvent<number>) => {
      this.#waiting.get(data)?.()
      this.#waiting.delete(data)
    }
  }

  ask(ask: DistributiveOmit<PeerAsk, 'n'>, ports: MessagePort[] = []): Promise<void> {
    const n = ++this.#n
    return new Promise((resolve) => {
      this.#waiting.set(n, resolve)
      this.#worker.postMessage({ ...ask, n }, ports)
    })
  }
}
type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never

let peer: Peer | null = null

class BenchPlugin extends WebPlugin {
  host!: TandemHost

  override onload(): void {
    const plugin = this as unknown as Plugin
    const parts = obsidianParts(plugin)
    this.host = new TandemHost(peer ? Object.assign(parts, { network: () => Promise.resolve(portNetwork) }) : parts)
    registerScreens(plugin, this.host)
    this.register(() => void this.host.stop().finally(() => parts.clock.close()))
    plugin.app.workspace.onLayoutReady(() => void this.host.start())
  }
}

/** A network component that is always there, whose endpoint is a port. */
const portNetwork: PluginNetwork = {
  component: {
    offer: { file: 'iroh.bench.node', bytes: 0, sha256: '0'.repeat(64) },
    find: () => Promise.resolve({ sha256: '0'.repeat(64) }),
  } as unknown as ComponentFolder,
  open: async ({ secretKey, clock }) => {
    const identity = await webIdentity(secretKey)
    const transport = new PortTransport({ identity, clock, random: webRandom, open: dial })
    return Object.assign(transport, { boundSockets: () => [] }) as unknown as IrohTransport
  },
  discovery: () => {
    throw new Error('there is no local network here')
  },
}

function dial(): Promise<MessagePortLike> {
  const { port1, port2 } = new MessageChannel()
  void peer!.ask({ ask: 'port' }, [port2])
  return Promise.resolve(nativePort(port1))
}

function recordOf(id: EndpointId, name: string, autoConnect: boolean): PeerRecord {
  const ticket = encodePeerAddress({ id, direct: ['127.0.0.1:1'] })
  return { nodeId: id, name, ticket, addedAt: 0, lastSyncAt: null, autoConnect }
}

let plugin: BenchPlugin | null = null
let data: unknown = { settings: { localNetwork: false, relay: 'off' } }

const isSettled = (files: number): boolean => {
  const { device, share } = plugin!.host
  if (plugin!.host.condition.kind === 'failed') throw new Error(JSON.stringify(plugin!.host.condition))
  return device?.isSettled === true && share?.tree.fileCount === files
}
async function settled(files: number): Promise<void> {
  while (!isSettled(files)) await new Promise((resolve) => setTimeout(resolve, 10))
}

const bench = {
  makeNotes(count: number): void {
    const before = Date.now() - AN_HOUR_MS
    for (const [path, bytes] of notes(count)) vault.put(path, bytes, before)
  },
  idle: (ms: number): Promise<Stalls> => measureStalls(() => new Promise((resolve) => setTimeout(resolve, ms))),
  /** The plugin's own load, which is measured elsewhere. */
  async load(): Promise<void> {
    await vault.adapter.write(`${MANIFEST.dir}/data.json`, JSON.stringify(data))
    app.workspace.layoutReady = false
    plugin = new BenchPlugin(app, MANIFEST as never)
    plugin.data = data
    plugin.load()
  },
  /** From the layout being ready to the vault being at rest. */
  start: (files: number): Promise<Stalls> =>
    measureStalls(async () => {
      app.workspace.setLayoutReady()
      await settled(files)
    }),
  async stop(): Promise<void> {
    const { host } = plugin!
    data = plugin!.data
    plugin!.unload()
    plugin = null
    await host.stop()
  },
  async openPeer(script: string): Promise<void> {
    const [own, other] = [await webIdentity(OWN_SEED), await webIdentity(PEER_SEED)]
    const text = Array.from(OWN_SEED, (byte) => byte.toString(16).padStart(2, '0')).join('')
    app.secretStorage.setSecret(DEVICE_KEY_ID, text)
    data = withPeers(data as Record<string, unknown>, own.id, [recordOf(other.id, 'Peer', true)])
    peer = new Peer(script)
    await peer.ask({ ask: 'open', seed: PEER_SEED, peer: recordOf(own.id, 'Page', false) })
  },
  peerSettled: (files: number): Promise<Stalls> => measureStalls(() => peer!.ask({ ask: 'settled', files })),
  applyNotes(count: number, known: number): Promise<Stalls> {
    const last = vault.files.get(notePath(count - 1))!
    const before = last.bytes
    return measureStalls(async () => {
      await peer!.ask({ ask: 'notes', count, known })
      await settled(known + count / 2)
      while (last.bytes === before) await new Promise((resolve) => setTimeout(resolve, 10))
    })
  },
  receive: (megabytes: number, known: number): Promise<Stalls> =>
    measureStalls(async () => {
      await peer!.ask({ ask: 'attachments', megabytes })
      await settled(known + attachmentCount(megabytes))
    }),
  /** Begins to note down how long each keystroke took from the keyboard to the end of the editor's work. */
  startTyping(): void {
    const field = document.body.createEl('textarea')
    field.focus()
    const latencies: number[] = []
    field.addEventListener('input', ({ timeStamp }) => {
      // What an editor does with it: a look at the line, and a new layout.
      field.style.height = `${field.scrollHeight % 400}px`
      latencies.push(performance.now() - timeStamp)
    })
    Object.assign(globalThis, { typing: { field, latencies } })
  },
  endTyping(): readonly number[] {
    const { typing } = globalThis as unknown as { typing: { field: HTMLElement; latencies: number[] } }
    typing.field.remove()
    return typing.latencies
  },
  get plugin() {
    return plugin
  },
}
export type PluginBench = typeof bench
Object.assign(globalThis, { bench })
