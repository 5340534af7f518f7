/** The other device, in a worker of its own, so that nothing of its work falls on the page's thread. */
import { MemoryDisk } from '../../src/adapters/memory/memory-disk.ts'
import { createMemoryIndexDisk, MemoryIndexStore } from '../../src/adapters/memory/memory-index-store.ts'
import { createMemoryObjectDisk, MemoryObjectStore } from '../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../src/adapters/memory/memory-ref-store.ts'
import { MemoryVaultFiles } from '../../src/adapters/memory/memory-vault-files.ts'
import { windowClock } from '../../src/adapters/obsidian/window-clock.ts'
import { nativePort } from '../../src/adapters/port/native-port.ts'
import { webIdentity } from '../../src/adapters/port/port-identity.ts'
import { PortTransport } from '../../src/adapters/port/port-transport.ts'
import { createWebCodec } from '../../src/adapters/web/web-codec.ts'
import { webRandom } from '../../src/adapters/web/web-random.ts'
import { APP_VERSION, VAULT_SHARE } from '../../src/engine/app.ts'
import { Device } from '../../src/engine/device.ts'
import { settingsOptions } from '../../src/engine/settings-options.ts'
import { DEFAULT_SETTINGS } from '../../src/engine/settings.ts'
import type { PeerRecord } from '../../src/ports/data-store.ts'
import { attachments, changedNotes } from './made-files.ts'

/** What the page posts. Each `ask` is answered by its number once it is done. */
export type PeerAsk =
  | { readonly ask: 'open'; readonly n: number; readonly seed: Uint8Array; readonly peer: PeerRecord }
  | { readonly ask: 'port'; readonly n: number }
  /** Somebody changes files here. */
  | { readonly ask: 'notes'; readonly n: number; readonly count: number; readonly known: number }
  | { readonly ask: 'attachments'; readonly n: number; readonly megabytes: number }
  /** Resolves when the vault here holds so many files and rests. */
  | { readonly ask: 'settled'; readonly n: number; readonly files: number }

const clock = windowClock(globalThis)
const disk = new MemoryDisk({ clock })
let transport: PortTransport
let device: Device

async function open(seed: Uint8Array, peer: PeerRecord): Promise<void> {
  const codec = await createWebCodec()
  transport = new PortTransport({
    identity: await webIdentity(seed),
    clock,
    random: webRandom,
    open: () => Promise.reject(new Error('the page dials')),
  })
  device = await Device.open({
    transport,
    data: { loadPeers: async () => [peer], savePeers: async () => undefined },
    codec,
    clock,
    random: webRandom,
    logger: { log: () => undefined },
    name: 'Peer',
    appVersion: APP_VERSION,
    shares: [
      {
        name: VAULT_SHARE,
        objects: new MemoryObjectStore(codec, createMemoryObjectDisk()),
        refs: new MemoryRefStore(new Map()),
        index: new MemoryIndexStore(createMemoryIndexDisk()),
        files: new MemoryVaultFiles({ disk, codec }),
      },
    ],
    ...settingsOptions(DEFAULT_SETTINGS),
    confirm: () => Promise.resolve(true),
  })
  await device.start({ watch: true })
}

async function settled(files: number): Promise<void> {
  const { tree } = device.shares.get(VAULT_SHARE)!
  while (!(device.isSettled && tree.fileCount === files)) await clock.sleep(20)
}

async function answer(ask: PeerAsk, ports: readonly MessagePort[]): Promise<void> {
  if (ask.ask === 'open') await open(ask.seed, ask.peer)
  else if (ask.ask === 'port') transport.take(nativePort(ports[0]!))
  else if (ask.ask === 'settled') await settled(ask.files)
  else {
    const files = ask.ask === 'notes' ? changedNotes(ask.count, ask.known) : attachments(ask.megabytes)
    for (const [path, bytes] of files) disk.userWrite(path, bytes)
  }
  ;(globalThis as unknown as Worker).postMessage(ask.n)
}

globalThis.onmessage = ({ data, ports }: MessageEvent<PeerAsk>) => void answer(data, ports)
