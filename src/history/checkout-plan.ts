import type { Oid } from '../objects/oid.ts'
import { caseKey } from '../objects/vault-path.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import type { CheckoutStep, DeleteStep, WriteStep } from '../ports/vault-files.ts'
import { isRegular } from './file-entry.ts'
import type { FileEntry } from './file-entry.ts'
import { compareText } from './oid-order.ts'

export interface CheckoutPlan {
  /** In an order in which each can be done: see {@link planCheckout}. */
  readonly steps: readonly CheckoutStep[]
  /** Write steps, overwriting ones included. */
  readonly writes: number
  /** Write steps that replace content. */
  readonly overwrites: number
  readonly deletes: number
  /** Delete steps whose content a write step puts elsewhere: a rename takes nothing from anybody (docs/decisions/0004). */
  readonly moves: number
  /** Symbolic links and submodules of the target: kept in the tree, never written here. What the disk has there stays. */
  readonly notHere: readonly VaultPath[]
}

/** E3: up to so many files may be deleted or overwritten unasked … */
const UNASKED_FILES = 50
/** … or up to this share of them all, whichever is more. */
const UNASKED_SHARE = 0.2

/**
 * The steps that bring the disk from what it is known to hold to the target. Each names the content that it replaces
 * (E1). First the deletions that make room: files where a folder must be, files of a folder where a file must be, and
 * names that differ from a new one in case only. Then the writes, then the other deletions, so that a
 * moved file is never nowhere; each by path. Nothing out of scope is touched (E2).
 */
export function planCheckout(
  known: ReadonlyMap<VaultPath, Oid>,
  target: ReadonlyMap<VaultPath, FileEntry>,
  inScope: (path: VaultPath) => boolean,
): CheckoutPlan {
  const writes: WriteStep[] = []
  const deletes: DeleteStep[] = []
  const notHere: VaultPath[] = []
  for (const [path, entry] of target) {
    if (!inScope(path)) continue
    const expect = known.get(path) ?? null
    if (!isRegular(entry)) notHere.push(path)
    else if (entry.oid !== expect) writes.push({ kind: 'write', path, expect, oid: entry.oid })
  }
  for (const [path, oid] of known) {
    if (!target.has(path) && inScope(path)) deletes.push({ kind: 'delete', path, expect: oid })
  }
  const inTheWay = roomNeeded(writes)
  const byPath = (a: CheckoutStep, b: CheckoutStep) => compareText(a.path, b.path)
  writes.sort(byPath)
  deletes.sort(byPath)
  const first = deletes.filter(inTheWay)
  const last = deletes.filter((step) => !inTheWay(step))
  return {
    steps: [...first, ...writes, ...last],
    writes: writes.length,
    overwrites: writes.filter((step) => step.expect !== null).length,
    deletes: deletes.length,
    moves: findMoves(deletes, writes).length,
    notHere: notHere.sort(compareText),
  }
}

/** The deletions that only move their content: pairs of a deletion and a write of the same content, each used once. */
export function findMoves<Deletion extends { readonly expect: Oid }>(
  deletes: readonly Deletion[],
  writes: readonly { readonly oid: Oid }[],
): Deletion[] {
  const written = new Map<Oid, number>()
  for (const { oid } of writes) written.set(oid, (written.get(oid) ?? 0) + 1)
  return deletes.filter(({ expect }) => {
    const left = written.get(expect) ?? 0
    written.set(expect, left - 1)
    return left > 0
  })
}

/** E3: whether a plan is so large that a person must agree first. Additions and moves don't count. */
export function needsConsent(
  plan: Pick<CheckoutPlan, 'deletes' | 'overwrites' | 'moves'>,
  filesInShare: number,
): boolean {
  return plan.deletes - plan.moves + plan.overwrites > Math.max(UNASKED_FILES, UNASKED_SHARE * filesInShare)
}

/** Whether a deletion must come before the writes. Case is folded: on many disks `Note` is in the way of `note`. */
function roomNeeded(writes: readonly WriteStep[]): (step: DeleteStep) => boolean {
  const files = new Set(writes.map((step) => caseKey(step.path)))
  const folders = new Set([...files].flatMap(foldersOf))
  return ({ path }) => {
    const key = caseKey(path)
    return files.has(key) || folders.has(key) || foldersOf(key).some((folder) => files.has(folder))
  }
}

function foldersOf(path: string): string[] {
  const folders: string[] = []
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1))
    folders.push(path.slice(0, slash))
  return folders
}
