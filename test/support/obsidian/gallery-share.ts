/** A real share in memory, whose history several devices wrote. */
import { MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { createMemoryIndexDisk, MemoryIndexStore } from '../../../src/adapters/memory/memory-index-store.ts'
import { createMemoryObjectDisk, MemoryObjectStore } from '../../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../../src/adapters/memory/memory-ref-store.ts'
import { MemoryVaultFiles } from '../../../src/adapters/memory/memory-vault-files.ts'
import { createWebCodec } from '../../../src/adapters/web/web-codec.ts'
import { Repository } from '../../../src/engine/repository.ts'
import { Share } from '../../../src/engine/share.ts'
import { WorkingTree } from '../../../src/engine/working-tree.ts'
import type { Clock } from '../../../src/ports/clock.ts'
import type { EndpointId } from '../../../src/ports/transport.ts'

/** A moment in the history: who left the vault like this, and when (ms since 1970). Null: deleted. */
export interface HistoryStep {
  readonly device: string
  readonly at: number
  readonly files: Readonly<Record<string, string | null>>
}

/** Time stands still but for sleeping. */
class GalleryClock implements Clock {
  at = 0

  now(): number {
    return this.at
  }

  zoneMinutes(): number {
    return 0
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve))
    signal?.throwIfAborted()
    this.at += ms
  }

  after(ms: number, then: () => void): () => void {
    const timer = setTimeout(then, ms)
    return () => clearTimeout(timer)
  }
}

export async function openGalleryShare(
  steps: readonly HistoryStep[],
): Promise<{ share: Share; read: (path: string) => string | null }> {
  const codec = await createWebCodec()
  const clock = new GalleryClock()
  const disk = new MemoryDisk({ clock })
  const files = new MemoryVaultFiles({ disk, codec })
  const id = 'ab'.repeat(32) as EndpointId
  const objects = new MemoryObjectStore(codec, createMemoryObjectDisk())
  const repository = await Repository.open(objects, new MemoryRefStore(new Map()), codec, id)
  let device = ''
  const identity = () => ({
    name: device,
    email: `${device}@tandem.invalid`,
    seconds: Math.floor(clock.at / 1000),
    zoneMinutes: 0,
  })
  const index = new MemoryIndexStore(createMemoryIndexDisk())
  const tree = await WorkingTree.open({ repository, files, index, codec, clock, identity })
  const share = new Share('vault', repository, tree, files, clock, { log: () => undefined })
  await share.start({ watch: false })
  for (const step of steps) {
    device = step.device
    clock.at = step.at
    for (const [path, text] of Object.entries(step.files)) {
      if (text === null) disk.userDelete(path)
      else disk.userWrite(path, text)
    }
    clock.at += 5_000 // old enough to be trusted
    tree.markAllDirty()
    await share.settle()
    if (share.lastError) throw share.lastError
  }
  device = 'Writing desk'
  const read = (path: string): string | null => {
    const content = new Map(disk.files()).get(path)
    return content ? new TextDecoder().decode(content) : null
  }
  return { share, read }
}
