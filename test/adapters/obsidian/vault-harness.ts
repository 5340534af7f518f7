import { MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import type { MemoryDiskOptions } from '../../../src/adapters/memory/memory-disk.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { ObsidianVaultFiles } from '../../../src/adapters/obsidian/obsidian-vault-files.ts'
import type { ObsidianVaultOptions } from '../../../src/adapters/obsidian/obsidian-vault-files.ts'
import type { HarnessOptions, Lacks, VaultHarness } from '../../contracts/vault-files.harness.ts'
import { diskView } from '../../support/disk-view.ts'
import { quickClock } from '../../support/quick-clock.ts'
import { FakeVaultApp } from '../../support/obsidian/vault-app.ts'
import { systemError } from '../../support/obsidian/vault-disk.ts'

export interface ObsidianHarness extends VaultHarness {
  vault: ObsidianVaultFiles
  readonly app: FakeVaultApp
}

/**
 * What Obsidian itself cannot do: it shows no file whose name begins with a dot (and tells nothing of it), takes a backslash for a
 * slash, and follows symbolic links without a word.
 */
export const OBSIDIAN_LACKS: Lacks = { hiddenFiles: true, backslashes: true, linkKinds: true }

/** A vault that Obsidian has open, and the person who works on its files with other programs. */
export async function makeObsidianHarness(
  options: HarnessOptions = {},
  diskOptions: Partial<MemoryDiskOptions> = {},
  more: Partial<ObsidianVaultOptions> = {},
): Promise<ObsidianHarness> {
  const disk = new MemoryDisk({ clock: quickClock, caseFolding: options.foldsCase ?? false, ...diskOptions })
  const configDir = options.scope?.configDir ?? '.obsidian'
  const app = new FakeVaultApp({ disk, configDir })
  const open = (): ObsidianVaultFiles => {
    const vault = new ObsidianVaultFiles({
      app: app.app,
      codec: nodeCodec,
      clock: quickClock,
      platform: 'linux',
      // The contract speaks of the whole config folder.
      scope: { configParts: undefined, ...options.scope },
      ...more,
    })
    const apply = vault.apply.bind(vault)
    // No call of Obsidian checks and deletes: the last check of a delete is the reading of the file.
    vault.apply = (step, content) => {
      app.adapter.racesOnRead = step.kind === 'delete'
      return apply(step, content)
    }
    return vault
  }
  const harness: ObsidianHarness = {
    app,
    vault: open(),
    ...diskView(disk),
    reopen: async () => {
      await harness.vault.close()
      return (harness.vault = open())
    },
    write: (path, content) => app.person(() => disk.userWrite(path, content)),
    remove: (path) => app.person(() => disk.userDelete(path)),
    rename: (from, to) => app.person(() => disk.userRename(from, to)),
    mkdir: (path) => app.person(() => disk.userMkdir(path)),
    link: (path) => app.person(() => disk.userLink(path)),
    beforeReplace: (then) => void (app.adapter.beforeReplace = then),
    failNext: (what) =>
      what === 'trash'
        ? disk.failNext('trash', systemError('EXDEV'))
        : disk.failNext('write', systemError(what === 'disk-full' ? 'ENOSPC' : 'EACCES')),
    lock: (path) => app.person(() => disk.unreadableFolders.add(path)),
    dispose: () => harness.vault.close(),
  }
  return harness
}
