import type { Oid } from '../../objects/oid.ts'
import { StoreError } from '../../ports/errors.ts'
import { isRefName } from '../../ports/ref-store.ts'
import type { RefName, Refs, RefStore } from '../../ports/ref-store.ts'
import { noFaults } from './faults.ts'
import type { Faults } from './faults.ts'

/** What outlives an instance: open the same disk again for a restarted device. */
export type MemoryRefDisk = Map<RefName, Oid>

/** Refs in a map. Operations for `faults`: `refs.list`, `refs.read`, `refs.compareAndSwap`. */
export class MemoryRefStore implements RefStore {
  readonly #disk: MemoryRefDisk
  readonly #faults: Faults

  constructor(disk: MemoryRefDisk = new Map(), faults: Faults = noFaults) {
    this.#disk = disk
    this.#faults = faults
  }

  async list(): Promise<Refs> {
    await this.#faults('refs.list')
    return new Map(this.#disk)
  }

  async read(name: RefName): Promise<Oid | null> {
    await this.#faults('refs.read')
    return this.#disk.get(name) ?? null
  }

  async compareAndSwap(name: RefName, from: Oid | null, to: Oid | null): Promise<boolean> {
    await this.#faults('refs.compareAndSwap')
    checkRefFits(name, this.#disk)
    if ((this.#disk.get(name) ?? null) !== from) return false
    if (to === null) this.#disk.delete(name)
    else this.#disk.set(name, to)
    await this.#faults('refs.compareAndSwap:done')
    return true
  }
}

/**
 * Git keeps refs as files: `refs/a` and `refs/a/b` cannot both be.
 * @throws StoreError `bad-ref` when the name is none, or a ref of `refs` is in its way.
 */
export function checkRefFits(name: string, refs: Refs): asserts name is RefName {
  if (!isRefName(name))
    throw new StoreError('bad-ref', `not a ref name: ${JSON.stringify(name.slice(0, 200))}`, { ref: name })
  if (refs.has(name)) return
  for (const other of refs.keys()) {
    if (other.startsWith(`${name}/`) || name.startsWith(`${other}/`)) {
      throw new StoreError('bad-ref', `${name} cannot be beside ${other}`, { ref: name, other })
    }
  }
}
