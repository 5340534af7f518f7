import { findMoves, needsConsent, type CheckoutPlan } from '../history/checkout-plan.ts'
import { foldersOf } from '../history/folders-of.ts'
import type { Codec } from '../objects/codec.ts'
import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { PlannedLoss } from './mass-change.ts'

/** E3: a change that takes or replaces so much of the share that a person must say yes. */
export interface PendingConsent {
  /** `incoming`: other devices ask it of this vault. `local`: this vault asks it of the others. */
  readonly direction: 'incoming' | 'local'
  readonly deletes: readonly VaultPath[]
  readonly overwrites: readonly VaultPath[]
  /** Names exactly this plan; a yes to another plan does not count for it. */
  readonly key: string
}

/** A name for one plan: changes when any path or content in it does. */
function consentKey(
  codec: Codec,
  direction: PendingConsent['direction'],
  changes: Iterable<readonly [VaultPath, Oid | null]>,
): string {
  const lines = [...changes].map(([path, oid]) => `${path}\0${oid ?? ''}`).sort()
  const digest = codec.sha1().update(new TextEncoder().encode([direction, ...lines].join('\n')))
  return digest.hex()
}

/**
 * What waits for a person's word, and the word when it is given (E3). A yes counts once, and for exactly the plan that was shown. Both
 * directions may wait at once: they are asked one after the other, deletions of this device first.
 */
export class ConsentDesk {
  readonly #codec: Codec
  #local: PendingConsent | null = null
  #incoming: PendingConsent | null = null
  #approved: PendingConsent | null = null
  /** The look that is under way found deletions that must wait. */
  #found = false

  constructor(codec: Codec) {
    this.#codec = codec
  }

  get pending(): PendingConsent | null {
    return this.#local ?? this.#incoming
  }

  /** Files that are gone here, and whose deletion waits. */
  get heldDeletions(): readonly VaultPath[] | null {
    return this.#local?.deletes ?? null
  }

  /** False when nothing waits. */
  approve(): boolean {
    this.#approved = this.pending
    return this.#approved !== null
  }

  /** The answer was no: gives what it was about. */
  reject(): PendingConsent | null {
    const { pending } = this
    if (this.#local) this.#local = null
    else this.#incoming = null
    return pending
  }

  /** A full look at the disk begins: only that can tell whether files are still gone. What waited waits until it has ended. */
  lookBegins(): void {
    this.#found = false
  }

  /** … and has ended, with the deletions committed that were agreed to. */
  lookEnded(): void {
    if (!this.#found) this.#local = null
    if (this.#approved?.direction === 'local') this.#approved = null
  }

  /** Whether a person said yes to the deletion of exactly these files; else that is asked. */
  mayDelete(deletes: readonly VaultPath[]): boolean {
    const key = consentKey(
      this.#codec,
      'local',
      deletes.map((path) => [path, null] as const),
    )
    if (key === this.#approved?.key) return true
    this.#found = true
    this.#local = { direction: 'local', deletes, overwrites: [], key }
    return false
  }

  /** E3 on the side where files vanished: the deletions wait, the rest goes on. */
  holdMassDeletion(
    edits: ReadonlyMap<VaultPath, Oid | null>,
    index: ReadonlyMap<VaultPath, { readonly oid: Oid }>,
  ): ReadonlyMap<VaultPath, Oid | null> {
    if (![...edits.values()].includes(null)) return edits
    const added = [...edits].filter(([, oid]) => oid !== null)
    const folders = foldersOf(added.map(([path]) => path))
    const gone = [...edits].filter(([path, oid]) => oid === null && !folders.has(path)).map(([path]) => path) // a file that made room for a folder must go
    const deletions = gone.map((path) => ({ path, expect: index.get(path)!.oid }))
    const moved = new Set(
      findMoves(
        deletions,
        added.map(([, oid]) => ({ oid: oid! })),
      ),
    )
    const deletes = deletions.filter((deletion) => !moved.has(deletion)).map(({ path }) => path)
    if (!needsConsent({ deletes: deletes.length, overwrites: 0, moves: 0 }, index.size)) return edits
    if (this.mayDelete(deletes)) return edits
    const held = new Set<string>(deletes)
    const stay = foldersOf(held)
    return new Map([...edits].filter(([path]) => !held.has(path) && !stay.has(path)))
  }

  /** Whether a checkout may begin: it takes little, or a person said yes to exactly this one. Else it is asked. */
  mayCheckOut(plan: CheckoutPlan, { asks, deletes, overwrites }: PlannedLoss): boolean {
    if (!asks) {
      this.#incoming = null
      return true
    }
    const affected = plan.steps.filter((step) => step.expect !== null)
    const key = consentKey(
      this.#codec,
      'incoming',
      affected.map((step) => [step.path, step.kind === 'write' ? step.oid : null] as const),
    )
    const approved = this.#approved?.direction === 'incoming' && key === this.#approved.key
    this.#approved = null // a yes counts once, and for exactly this plan
    this.#incoming = approved ? null : { direction: 'incoming', deletes, overwrites, key }
    return approved
  }
}
