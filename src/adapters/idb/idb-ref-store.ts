import { get, update } from 'idb-keyval'
import type { Oid } from '../../objects/oid.ts'
import type { RefName, Refs, RefStore } from '../../ports/ref-store.ts'
import { checkRefFits } from '../memory/memory-ref-store.ts'
import { idbFailure } from './idb-failure.ts'
import type { ShareDatabase } from './share-database.ts'

const KEY = 'refs'

/** All refs of a share in one record, changed within one transaction: two swaps at once, of any two instances, come one after the other. */
export class IdbRefStore implements RefStore {
  readonly #database: ShareDatabase

  constructor(database: ShareDatabase) {
    this.#database = database
  }

  async list(): Promise<Refs> {
    try {
      return (await get<Map<RefName, Oid>>(KEY, this.#database.quick)) ?? new Map()
    } catch (error) {
      throw idbFailure(error, 'read')
    }
  }

  async read(name: RefName): Promise<Oid | null> {
    return (await this.list()).get(name) ?? null
  }

  async compareAndSwap(name: RefName, from: Oid | null, to: Oid | null): Promise<boolean> {
    let won = false
    const swap = (stored: Map<RefName, Oid> | undefined): Map<RefName, Oid> => {
      const refs = stored ?? new Map<RefName, Oid>()
      checkRefFits(name, refs)
      won = (refs.get(name) ?? null) === from
      if (!won) return refs
      if (to === null) refs.delete(name)
      else refs.set(name, to)
      return refs
    }
    try {
      await update<Map<RefName, Oid>>(KEY, swap, this.#database.durable)
    } catch (error) {
      throw idbFailure(error, 'write')
    }
    return won
  }
}
