import { afterEach, expect, it } from 'vitest'
import { MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { createMemoryIndexDisk, MemoryIndexStore } from '../../../src/adapters/memory/memory-index-store.ts'
import { createMemoryObjectDisk, MemoryObjectStore } from '../../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../../src/adapters/memory/memory-ref-store.ts'
import { MemoryVaultFiles } from '../../../src/adapters/memory/memory-vault-files.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { systemClock } from '../../../src/adapters/node/system-clock.ts'
import type { PortTransport } from '../../../src/adapters/port/port-transport.ts'
import { Device } from '../../../src/engine/device.ts'
import { encodePeerAddress } from '../../../src/peers/peer-address.ts'
import type { PeerRecord } from '../../../src/ports/data-store.ts'
import { pattern } from '../../contracts/transport.contract.ts'
import { eventually } from '../../support/eventually.ts'
import { joinByMessageChannel, PortTransports } from '../../support/port-transports.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const engines: Device[] = []
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop()
})

/** A device that knows one other, on a vault in memory. */
async function aDevice(transport: PortTransport, other: PortTransport): Promise<MemoryDisk> {
  const disk = new MemoryDisk({ clock: systemClock })
  const record: PeerRecord = {
    nodeId: other.id,
    name: 'the other',
    ticket: encodePeerAddress(other.address()),
    addedAt: 0,
    lastSyncAt: null,
    autoConnect: true,
  }
  const engine = await Device.open({
    transport,
    data: { loadPeers: () => Promise.resolve([record]), savePeers: () => Promise.resolve() },
    codec: nodeCodec,
    clock: systemClock,
    random: seededRandom(1 + engines.length),
    logger: { log: () => undefined },
    name: `device ${engines.length}`,
    appVersion: 'test',
    maxPeers: 4,
    shares: [
      {
        name: 'vault',
        objects: new MemoryObjectStore(nodeCodec, createMemoryObjectDisk()),
        refs: new MemoryRefStore(new Map()),
        index: new MemoryIndexStore(createMemoryIndexDisk()),
        files: new MemoryVaultFiles({ disk, codec: nodeCodec }),
      },
    ],
    confirm: () => Promise.resolve(true),
  })
  engines.push(engine)
  await engine.start({ watch: true })
  return disk
}

it('[T6] two devices keep a vault in step over a MessagePort', { timeout: 120_000 }, async () => {
  const transports = new PortTransports(joinByMessageChannel)
  // Addresses in the form that tickets hold; what they mean is the opener's.
  const a = await transports.open(new Uint8Array(32).fill(1), '10.0.0.1:4433')
  const b = await transports.open(new Uint8Array(32).fill(2), '10.0.0.2:4433')
  const [here, there] = [await aDevice(a, b), await aDevice(b, a)]
  const arrived = (disk: MemoryDisk, path: string) => eventually(path, () => disk.files().get(path))

  here.userWrite('Note.md', 'written here')
  here.userWrite('Picture.png', pattern(3_000_000, 5))
  expect(new TextDecoder().decode(await arrived(there, 'Note.md'))).toBe('written here')
  expect(Buffer.compare(await arrived(there, 'Picture.png'), pattern(3_000_000, 5))).toBe(0)

  there.userWrite('Answer.md', 'written there')
  expect(new TextDecoder().decode(await arrived(here, 'Answer.md'))).toBe('written there')
})
