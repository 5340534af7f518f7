import type { VaultPath } from '../../objects/vault-path.ts'
import type { Oid } from '../../objects/oid.ts'
import type { IndexChanges, IndexEntry, IndexState, IndexStore } from '../../ports/index-store.ts'
import { noFaults } from './faults.ts'
import type { Faults } from './faults.ts'

/** What outlives an instance: open the same disk again for a restarted device. */
export interface MemoryIndexDisk {
  readonly entries: Map<VaultPath, IndexEntry>
  base: Oid | null
  unfinished: readonly Oid[]
}

export function createMemoryIndexDisk(): MemoryIndexDisk {
  return { entries: new Map(), base: null, unfinished: [] }
}

/** The stat index in a map. Operations for `faults`: `index.load`, `index.save`. */
export class MemoryIndexStore implements IndexStore {
  readonly #disk: MemoryIndexDisk
  readonly #faults: Faults

  constructor(disk: MemoryIndexDisk = createMemoryIndexDisk(), faults: Faults = noFaults) {
    this.#disk = disk
    this.#faults = faults
  }

  async load(): Promise<IndexState> {
    await this.#faults('index.load')
    return { ...this.#disk, entries: new Map(this.#disk.entries) }
  }

  async save(changes: IndexChanges): Promise<void> {
    // What the iterables hold is taken before anything waits: they may be views of what the caller goes on changing.
    const put = [...(changes.put ?? [])]
    const remove = [...(changes.remove ?? [])]
    const taken = { ...changes, put, remove, ...(changes.unfinished ? { unfinished: [...changes.unfinished] } : {}) }
    await this.#faults('index.save')
    applyIndexChanges(this.#disk, taken)
    await this.#faults('index.save:done')
  }

  /** Nothing is open. */
  async close(): Promise<void> {}
}

/** Removals first: a path in both lists is there afterwards. */
export function applyIndexChanges(state: MemoryIndexDisk, changes: IndexChanges): void {
  for (const path of changes.remove ?? []) state.entries.delete(path)
  for (const [path, entry] of changes.put ?? []) state.entries.set(path, entry)
  if (changes.base !== undefined) state.base = changes.base
  if (changes.unfinished) state.unfinished = changes.unfinished
}
