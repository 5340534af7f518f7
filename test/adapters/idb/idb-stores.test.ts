import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { IdbIndexStore } from '../../../src/adapters/idb/idb-index-store.ts'
import { IdbObjectStore } from '../../../src/adapters/idb/idb-object-store.ts'
import { IdbRefStore } from '../../../src/adapters/idb/idb-ref-store.ts'
import { ShareDatabase } from '../../../src/adapters/idb/share-database.ts'
import { createWebCodec } from '../../../src/adapters/web/web-codec.ts'
import { indexStoreContract } from '../../contracts/index-store.contract.ts'
import { damaged, objectStoreContract } from '../../contracts/object-store.contract.ts'
import { refStoreContract } from '../../contracts/ref-store.contract.ts'

/** A connection of its own per instance, on the same data. */
function aPlace<T>(open: (database: ShareDatabase) => Promise<T>) {
  const factory = new IDBFactory()
  const databases: ShareDatabase[] = []
  return {
    open() {
      const database = new ShareDatabase('share', factory)
      databases.push(database)
      return open(database)
    },
    async damage() {
      const database = new ShareDatabase('share', factory)
      const records: [key: string, value: unknown][] = []
      await database.forEach('data/', (...record) => records.push(record))
      await database.write(database.durable, (store) => {
        for (const [key, bytes] of records) store.put(damaged(bytes as Uint8Array), key)
      })
      await database.close()
    },
    async dispose() {
      for (const database of databases) await database.close()
    },
  }
}

const codec = createWebCodec()

refStoreContract('idb', async () => aPlace(async (database) => new IdbRefStore(database)))
indexStoreContract('idb', async () => aPlace(async (database) => new IdbIndexStore(database)))
objectStoreContract(
  'idb',
  () => codec,
  async () => aPlace(async (database) => IdbObjectStore.open(await codec, database)),
)
