import { IdbIndexStore } from '../adapters/idb/idb-index-store.ts'
import { IdbObjectStore } from '../adapters/idb/idb-object-store.ts'
import { IdbRefStore } from '../adapters/idb/idb-ref-store.ts'
import { ShareDatabase } from '../adapters/idb/share-database.ts'
import type { Codec } from '../objects/codec.ts'
import type { Breathe } from '../ports/clock.ts'
import type { ShareStores } from './host-parts.ts'

/** The history of one share in the database of that name, which is made when it is not there. @throws StoreError */
export async function openIdbStores(
  name: string,
  codec: Codec,
  breathe: Breathe,
  onDamagedIndex: () => void,
): Promise<ShareStores> {
  const database = new ShareDatabase(name, indexedDB, breathe)
  try {
    return {
      objects: await IdbObjectStore.open(codec, database),
      refs: new IdbRefStore(database),
      index: new IdbIndexStore(database, { onDamaged: onDamagedIndex }),
      close: () => database.close(),
    }
  } catch (error) {
    await database.close()
    throw error
  }
}
