import type { RefPlan } from '../history/sync-plan.ts'
import type { Oid } from '../objects/oid.ts'
import { MirrorError } from '../ports/mirror-error.ts'
import type { RefName, Refs } from '../ports/ref-store.ts'
import {
  damaged,
  DEVICES,
  exchangeOptions,
  expectRelated,
  isViewOf,
  MAIN,
  MAX_PACK_BYTES,
  MIRRORED,
  mirrorPeer,
  withMirror,
} from './mirror-refs.ts'
import type { MirrorOptions } from './mirror-refs.ts'
import type { Repository } from './repository.ts'
import { syncWithPeer } from './sync-with-peer.ts'
import type { LocalRefs, SyncReport } from './sync-with-peer.ts'

export interface MirrorReport {
  /** What the vault shows; null while it has no history. */
  readonly main: Oid | null
  /** Refs that were moved or made. */
  readonly pushed: readonly RefName[]
  /** Refs that hold more there than here, from other devices that keep the same mirror. */
  readonly ahead: readonly RefName[]
}

/**
 * Brings a mirror to what this device knows: the refs of all devices, and `main` (T3, in one direction). Nothing that the mirror holds is
 * lost by it: each device's ref moves forward only, and `main` forward, or from one view to another of more (V3).
 * @throws MirrorError `not-forward`, after everything else was pushed, `unrelated`, `refused`, `damaged`; TransportError; the signal's reason
 */
export async function pushToMirror(repository: Repository, options: MirrorOptions): Promise<MirrorReport> {
  if (!(await repository.view())) return { main: null, pushed: [], ahead: [] }
  const report = await withMirror(options, () =>
    syncWithPeer(repository, mirrorPeer(options), {
      ...exchangeOptions(options),
      local: mirrorable(repository),
      prefixes: MIRRORED,
      maxPackBytes: MAX_PACK_BYTES,
      direction: 'push',
      strategy: 'conflict',
      onRefs: (remote) => expectRelated(repository, remote),
      settle: (ref, remote) => settleMain(repository, ref, remote),
    }),
  )
  const view = (await repository.view())!.commit
  return { main: view, ...expectMirrored(repository, view, report) }
}

/** What of ours belongs on a mirror. Nothing of it is moved by a push. */
function mirrorable(repository: Repository): LocalRefs {
  return {
    async list() {
      const devices = [...repository.heads()].map(([device, oid]): [RefName, Oid] => [`${DEVICES}${device}`, oid])
      const view = await repository.view()
      return new Map([...devices, ...(view ? [[MAIN, view.commit] as const] : [])])
    },
    compareAndSwap: async () => false,
  }
}

/** Views stand for the heads behind them: of two, the one that knows of more replaces the other (V3). */
async function settleMain(
  repository: Repository,
  { name, local, remote }: RefPlan,
  refs: Refs,
): Promise<'push' | 'fetch' | null> {
  if (name !== MAIN) return null
  const [view, main] = [local!, remote!]
  if (await isViewOf(repository, main, [view])) return 'push'
  const theirs = [...refs].filter(([other]) => other.startsWith(DEVICES)).map(([, oid]) => oid)
  const isTheirs = theirs.some((tip) => repository.graph.isAncestor(main, tip))
  return isTheirs || (await isViewOf(repository, main, [view, ...theirs])) ? 'fetch' : null
}

function expectMirrored(
  repository: Repository,
  view: Oid,
  { refs, plan }: SyncReport,
): Pick<MirrorReport, 'pushed' | 'ahead'> {
  const named = (wanted: string): RefName[] =>
    [...refs].filter(([, { result }]) => result === wanted).map(([name]) => name)
  for (const [name, ref] of refs) if (ref.result === 'unusable') throw damaged(name, ref)
  for (const [name, ref] of refs)
    if (ref.result === 'refused') throw new MirrorError('refused', `${name}: ${ref.reason}`, { ref: name })
  const apart = named('conflict')
  if (apart.length > 0) throw notForward(repository, apart)
  const remote = new Map(plan.refs.map((ref) => [ref.name, ref.remote]))
  // A device that we have never heard of, and yet all it made: nothing more than we have.
  const isMore = (name: RefName): boolean => !repository.graph.isAncestor(remote.get(name)!, view)
  return { pushed: named('pushed'), ahead: named('ahead-there').filter((name) => name === MAIN || isMore(name)) }
}

function notForward(repository: Repository, names: readonly RefName[]): MirrorError {
  const own: RefName = `${DEVICES}${repository.self}`
  const message = names.includes(own)
    ? 'the mirror holds edits of this very device that it does not have any more'
    : 'the mirror holds edits that no device of this vault made'
  return new MirrorError('not-forward', message, { refs: names.slice(0, 5) })
}
