import type { Oid } from '../objects/oid.ts'
import type { RefName, Refs } from '../ports/ref-store.ts'
import type { CommitGraph } from './commit-graph.ts'

/** What to do with a ref that both sides moved (T3). The last two keep what loses under a backup ref. */
export type SyncStrategy = 'merge' | 'conflict' | 'prefer-local' | 'prefer-remote'

/**
 * What is to happen with one ref.
 *
 * `up-to-date`: nothing. `fetch`, `push`: the other, or this, side has more, and the ref moves forward.
 * `learn`: the remote commit is not here yet; its history has to be fetched before ancestry can be asked (then plan again).
 * `merge`: both moved; fetch, merge, push. `conflict`: both moved, and a person must say.
 * `take-remote`, `keep-local`: both moved, and the strategy has decided; the loser stays under `backup`.
 */
export type RefAction = 'up-to-date' | 'fetch' | 'push' | 'learn' | 'merge' | 'conflict' | 'take-remote' | 'keep-local'

export interface RefPlan {
  readonly name: RefName
  readonly local: Oid | null
  readonly remote: Oid | null
  readonly action: RefAction
  /** Where the commit that loses stays reachable: on the side that loses it. */
  readonly backup?: RefName
}

export interface SyncPlan {
  /** Every ref of either side, by name. */
  readonly refs: readonly RefPlan[]
  /** Commits to fetch, without repeats. */
  readonly toFetch: readonly Oid[]
  /** Commits to push, without repeats. */
  readonly toPush: readonly Oid[]
  /** Refs that nothing is done about until a person decides. */
  readonly conflicts: readonly RefName[]
  readonly needsSync: boolean
}

const FETCHES: ReadonlySet<RefAction> = new Set(['fetch', 'learn', 'merge', 'take-remote'])
const PUSHES: ReadonlySet<RefAction> = new Set(['push', 'merge', 'keep-local'])

/**
 * Compares two sets of refs and says what brings them together (T3). Pure: the same refs give the same plan; `plan(a, b)` fetches
 * what `plan(b, a)` pushes. `graph` holds the local history.
 */
export function planBidirectionalSync(
  local: Refs,
  remote: Refs,
  graph: Pick<CommitGraph, 'has' | 'isAncestor'>,
  strategy: SyncStrategy = 'merge',
): SyncPlan {
  const names = [...new Set([...local.keys(), ...remote.keys()])].sort()
  const refs = names.map((name) => planRef(name, local.get(name) ?? null, remote.get(name) ?? null, graph, strategy))
  const commits = (kinds: ReadonlySet<RefAction>, side: 'local' | 'remote') => [
    ...new Set(refs.flatMap((ref) => (kinds.has(ref.action) && ref[side] !== null ? [ref[side]] : []))),
  ]
  return {
    refs,
    toFetch: commits(FETCHES, 'remote').filter((oid) => !graph.has(oid)),
    toPush: commits(PUSHES, 'local'),
    conflicts: refs.filter(({ action }) => action === 'conflict').map(({ name }) => name),
    needsSync: refs.some(({ action }) => action !== 'up-to-date'),
  }
}

function planRef(
  name: RefName,
  local: Oid | null,
  remote: Oid | null,
  graph: Pick<CommitGraph, 'has' | 'isAncestor'>,
  strategy: SyncStrategy,
): RefPlan {
  const plan = (action: RefAction, backup?: RefName): RefPlan => ({
    name,
    local,
    remote,
    action,
    ...(backup === undefined ? {} : { backup }),
  })
  if (local === remote) return plan('up-to-date')
  if (local === null) return plan('fetch')
  if (remote === null) return plan('push')
  if (!graph.has(remote)) return plan('learn')
  if (graph.isAncestor(local, remote)) return plan('fetch')
  if (graph.isAncestor(remote, local)) return plan('push')
  if (strategy === 'prefer-local') return plan('keep-local', backupName(name, remote))
  if (strategy === 'prefer-remote') return plan('take-remote', backupName(name, local))
  return plan(strategy)
}

/** One per losing commit, so that no backup ever replaces another. */
function backupName(name: RefName, loser: Oid): RefName {
  return `refs/backup/${name.slice('refs/'.length)}/${loser.slice(0, 12)}`
}
