import { findMoves, needsConsent, type CheckoutPlan } from '../history/checkout-plan.ts'
import { keepsMost } from '../history/kept-text.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { DeleteStep, WriteStep } from '../ports/vault-files.ts'
import type { Repository } from './repository.ts'

/** What a checkout would take from a vault (E3). */
export interface PlannedLoss {
  /** Whether that is so much that a person must say yes. */
  readonly asks: boolean
  /** Files that go, without those that only move. */
  readonly deletes: readonly VaultPath[]
  /** Files whose text goes: an edit that keeps most of the lines takes nothing (docs/decisions/0009). Only weighed when it matters. */
  readonly overwrites: readonly VaultPath[]
}

/** Weighs a plan for a share of so many files. Texts are read only when their number alone would be too many. */
export async function weighPlan(
  repository: Repository,
  plan: CheckoutPlan,
  filesInShare: number,
): Promise<PlannedLoss> {
  const deletes = plan.steps.filter((step): step is DeleteStep => step.kind === 'delete')
  const writes = plan.steps.filter((step): step is WriteStep => step.kind === 'write')
  const moved = new Set(findMoves(deletes, writes))
  const gone = deletes.filter((step) => !moved.has(step)).map(({ path }) => path)
  const asks = (overwrites: number) => needsConsent({ deletes: gone.length, overwrites, moves: 0 }, filesInShare)
  const replaced = writes.filter(({ expect }) => expect !== null)
  if (!asks(replaced.length)) return { asks: false, deletes: gone, overwrites: replaced.map(({ path }) => path) }
  const overwrites: VaultPath[] = []
  for (const { path, expect, oid } of replaced)
    if (!(await repository.run(keepsMost(expect!, oid)))) overwrites.push(path)
  return { asks: asks(overwrites.length), deletes: gone, overwrites }
}
