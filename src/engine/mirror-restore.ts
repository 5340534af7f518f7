import type { Oid } from '../objects/oid.ts'
import { MirrorError } from '../ports/mirror-error.ts'
import type { DeviceHeads } from '../protocol/messages.ts'
import { isViewOf, readMirror } from './mirror-refs.ts'
import type { MirrorOptions } from './mirror-refs.ts'
import type { Repository } from './repository.ts'
import type { Share } from './share.ts'

export interface RestoreReport {
  /** What the vault shows now. */
  readonly main: Oid
  /** Whether the mirror held anything that was not here. */
  readonly changed: boolean
  readonly files: number
  /** False: files could not be written yet, or a change of very many files waits for a yes (E3). */
  readonly settled: boolean
}

/** Files below it make no vault of another history: Obsidian writes them into every new one. */
const CONFIG = '.obsidian/'

/**
 * Takes a mirror's history as that of another device: its heads become known here, and the vault is brought to the view of all, as
 * always (E1, E3). Only into a vault that is empty but for Obsidian's settings, or has a history in common with the mirror (E9).
 * @throws MirrorError `nothing-there`, `unrelated`, `refused`, `damaged`; TransportError; what keeps the share from settling
 */
export async function restoreFromMirror(share: Share, options: MirrorOptions): Promise<RestoreReport> {
  const { repository } = share
  const files = await share.listing()
  const before = await repository.view()
  const isEmpty = files.every(({ path }) => path.startsWith(CONFIG))
  const { devices, main } = await readMirror(repository, options, { any: isEmpty })
  const tips = [...devices.values(), ...(main ? [main] : [])]
  if (tips.length === 0) throw new MirrorError('nothing-there', 'the mirror holds no history of a vault')
  if (!isEmpty && !(before && isRelated(repository, before.commit, tips)))
    throw new MirrorError('unrelated', 'the files of the vault have no history in common with the mirror')
  await receive(repository, devices)
  const view = await repository.view()
  if (main && !(view && (await isIn(repository, main, view.commit))))
    await receive(repository, new Map([[repository.self, main]])) // somebody pushed there, or has no device's ref: it becomes ours
  await share.settle()
  if (share.lastError) throw share.lastError
  const after = (await repository.view())!
  return {
    main: after.commit,
    changed: after.commit !== before?.commit,
    files: share.tree.fileCount,
    settled: isShown(share, after.commit),
  }
}

/** Also while the files just written are looked at once more. A vault's folder that is not there shows nothing (E2). */
function isShown({ tree }: Share, view: Oid): boolean {
  return tree.applied === view && !tree.consent && tree.issues.unreadable.every(({ path }) => path !== '')
}

function isRelated({ graph }: Repository, ours: Oid, theirs: readonly Oid[]): boolean {
  return theirs.some((tip) => graph.mergeBases([ours], [tip]).length > 0)
}

async function isIn(repository: Repository, main: Oid, view: Oid): Promise<boolean> {
  return repository.graph.isAncestor(main, view) || isViewOf(repository, main, [view])
}

async function receive(repository: Repository, heads: DeviceHeads): Promise<void> {
  const received = await repository.receive(heads)
  if (received.result === 'incomplete')
    throw new MirrorError('damaged', 'the mirror lacks a part of what its refs name')
}
