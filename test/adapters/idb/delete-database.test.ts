import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { deleteDatabase } from '../../../src/adapters/idb/delete-database.ts'
import { IdbRefStore } from '../../../src/adapters/idb/idb-ref-store.ts'
import { ShareDatabase } from '../../../src/adapters/idb/share-database.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import type { RefName } from '../../../src/ports/ref-store.ts'

const HEAD = 'a'.repeat(40) as unknown as Oid
const MAIN = 'refs/heads/main' as RefName

describe('a share that has ended', () => {
  it('leaves nothing behind, and another one of that name begins empty (E2)', async () => {
    const factory = new IDBFactory()
    const first = new ShareDatabase('share', factory)
    await new IdbRefStore(first).compareAndSwap(MAIN, null, HEAD)
    await first.close()
    await deleteDatabase('share', factory)
    expect((await factory.databases()).map(({ name }) => name)).toEqual([])
    const second = new ShareDatabase('share', factory)
    expect((await new IdbRefStore(second).list()).size).toBe(0)
    await second.close()
  })

  it('may never have been there', async () => {
    await expect(deleteDatabase('nothing', new IDBFactory())).resolves.toBeUndefined()
  })

  it('[StoreError] cannot be deleted: that is told with its code', async () => {
    const factory = {
      deleteDatabase: () => {
        const request = { error: new DOMException('no', 'UnknownError') } as IDBOpenDBRequest
        queueMicrotask(() => request.onerror?.(new Event('error')))
        return request
      },
    } as unknown as IDBFactory
    await expect(deleteDatabase('share', factory)).rejects.toMatchObject({ code: 'unwritable' })
  })
})
