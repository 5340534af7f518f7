import { MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import type { MemoryDiskOptions } from '../../../src/adapters/memory/memory-disk.ts'
import { MemoryVaultFiles } from '../../../src/adapters/memory/memory-vault-files.ts'
import type { MemoryVaultOptions } from '../../../src/adapters/memory/memory-vault-files.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import type { HarnessOptions, VaultHarness } from '../../contracts/vault-files.harness.ts'
import { diskView } from '../../support/disk-view.ts'
import { quickClock } from '../../support/quick-clock.ts'

export interface MemoryHarness extends VaultHarness {
  readonly disk: MemoryDisk
}

export async function makeMemoryHarness(
  options: HarnessOptions = {},
  diskOptions: Partial<MemoryDiskOptions> = {},
  more: Partial<MemoryVaultOptions> = {},
): Promise<MemoryHarness> {
  const disk = new MemoryDisk({ clock: quickClock, caseFolding: options.foldsCase ?? false, ...diskOptions })
  let race: (() => void) | undefined
  const open = (): MemoryVaultFiles =>
    new MemoryVaultFiles({
      disk,
      codec: nodeCodec,
      ...(options.scope && { scope: options.scope }),
      beforeReplace: () => {
        const now = race
        race = undefined
        now?.()
      },
      ...more,
    })
  const harness: MemoryHarness = {
    disk,
    vault: open(),
    ...diskView(disk),
    reopen: async () => {
      await harness.vault.close()
      return (harness.vault = open())
    },
    write: (path, content) => disk.userWrite(path, content),
    remove: (path) => disk.userDelete(path),
    rename: (from, to) => disk.userRename(from, to),
    mkdir: (path) => disk.userMkdir(path),
    link: (path) => disk.userLink(path),
    beforeReplace: (then) => void (race = then),
    failNext: (what) => (what === 'trash' ? disk.failNext('trash') : disk.failNext('write', what)),
    lock: (path) => void disk.unreadableFolders.add(path),
    dispose: () => harness.vault.close(),
  }
  return harness
}
