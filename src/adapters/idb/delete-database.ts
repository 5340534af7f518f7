import { idbFailure } from './idb-failure.ts'

/** Deletes a database that is closed here; also one that is not there. @throws StoreError `unwritable` */
export async function deleteDatabase(name: string, factory: IDBFactory = indexedDB): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      const request = factory.deleteDatabase(name)
      request.onsuccess = () => resolve()
      request.onerror = () => reject(request.error ?? new DOMException('not deleted', 'UnknownError'))
    })
  } catch (error) {
    throw idbFailure(error, 'write')
  }
}
