import { createMemoryIndexDisk, MemoryIndexStore } from '../../src/adapters/memory/memory-index-store.ts'
import { createMemoryObjectDisk, MemoryObjectStore } from '../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore, type MemoryRefDisk } from '../../src/adapters/memory/memory-ref-store.ts'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import type { FolderHost } from '../../src/engine/folder-shares.ts'
import { SubfolderVaultFiles } from '../../src/engine/subfolder-vault-files.ts'
import type { VaultPath } from '../../src/objects/vault-path.ts'
import type { ShareRecord } from '../../src/ports/share-record.ts'
import type { VaultFiles } from '../../src/ports/vault-files.ts'

/** The folder shares of one device in memory: what outlives a restart. */
export class MemoryFolders {
  records: readonly ShareRecord[] = []
  readonly #stores = new Map<string, ReturnType<typeof newStores>>()

  /** For one life of the device. */
  host(vault: VaultFiles, life: { readonly dead: boolean }): FolderHost {
    const faults = () => (life.dead ? new Promise<void>(() => undefined) : undefined)
    return {
      store: {
        loadShares: async () => this.records,
        saveShares: async (records) => {
          if (!life.dead) this.records = records
        },
      },
      open: async ({ id, folder }) => {
        const { objects, refs, index } = this.stores(id)
        return {
          name: id,
          objects: new MemoryObjectStore(nodeCodec, objects, faults),
          refs: new MemoryRefStore(refs, faults),
          index: new MemoryIndexStore(index, faults),
          files: new SubfolderVaultFiles(vault, folder as VaultPath),
        }
      },
      forget: async ({ id }) => {
        if (!life.dead) this.#stores.delete(id)
      },
      look: async (folder) => {
        if (!vault.inScope(folder)) return 'not-synced'
        const { files, errors, skipped } = await vault.scanBelow(folder)
        return files.length + errors.length + skipped.length ? 'taken' : 'free'
      },
    }
  }

  all(): readonly ReturnType<typeof newStores>[] {
    return [...this.#stores.values()]
  }

  stores(id: string) {
    let stores = this.#stores.get(id)
    if (!stores) this.#stores.set(id, (stores = newStores()))
    return stores
  }
}

function newStores() {
  return { objects: createMemoryObjectDisk(), refs: new Map() as MemoryRefDisk, index: createMemoryIndexDisk() }
}
