import { FETCH_FIRST } from '../../src/engine/git-receive.ts'
import type { ReceiveOptions } from '../../src/engine/git-receive.ts'
import { StoreError } from '../../src/ports/errors.ts'
import type { RefStore } from '../../src/ports/ref-store.ts'
import type { RefUpdate } from '../../src/protocol/git/receive-commands.ts'

/** An `update` for plain refs: compare-and-swap each. Atomic: what was moved before one failed is moved back. */
export function refUpdater(refs: RefStore): ReceiveOptions['update'] {
  return async (updates, atomic) => {
    const reasons = new Map<string, string | null>()
    const moved: RefUpdate[] = []
    for (const update of updates) {
      const reason = await moveRef(refs, update)
      reasons.set(update.name, reason)
      if (reason === null) moved.push(update)
      else if (atomic) {
        for (const { name, from, to } of moved.reverse()) await refs.compareAndSwap(name, to, from)
        return new Map(updates.map(({ name }) => [name, name === update.name ? reason : 'atomic push failure']))
      }
    }
    return reasons
  }
}

async function moveRef(refs: RefStore, { name, from, to }: RefUpdate): Promise<string | null> {
  try {
    return (await refs.compareAndSwap(name, from, to)) ? null : FETCH_FIRST
  } catch (error) {
    if (error instanceof StoreError) return 'failed to update ref'
    throw error
  }
}
