import { CorruptObjectError, MissingObjectError } from '../objects/errors.ts'
import { isOid, type Oid } from '../objects/oid.ts'
import type { ObjectStore } from '../ports/object-store.ts'

/** What was asked of a store and was damaged or gone when it was to be read: to be written anew from the disk, or fetched from a peer. */
export class LostObjects {
  readonly #lost = new Set<Oid>()

  constructor(private readonly objects: Pick<ObjectStore, 'missing'>) {}

  add(oid: Oid): void {
    this.#lost.add(oid)
  }

  /** Whether reading `oid` failed for what the store holds; then it, and the object that the error names, are lost. */
  note(error: unknown, oid?: Oid): boolean {
    const isLoss =
      error instanceof MissingObjectError || (error instanceof CorruptObjectError && error.code !== 'too-large')
    if (!isLoss) return false
    const named = error instanceof MissingObjectError ? error.oid : error.data.oid
    if (oid) this.#lost.add(oid)
    if (typeof named === 'string' && isOid(named)) this.#lost.add(named)
    return true
  }

  /** Those that the store still lacks. */
  async list(): Promise<readonly Oid[]> {
    if (!this.#lost.size) return []
    const asked = [...this.#lost] // what is noted meanwhile stays
    const lost = new Set(await this.objects.missing(asked))
    for (const oid of asked) if (!lost.has(oid)) this.#lost.delete(oid)
    return [...lost]
  }
}
