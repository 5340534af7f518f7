import type { Oid } from '../objects/oid.ts'
import type { FetchArguments } from '../protocol/git/fetch-arguments.ts'
import type { ObjectFilter } from '../protocol/git/object-filter.ts'
import { listObjects } from './object-list.ts'
import type { ListedObject } from './object-list.ts'
import { walkNewEntries } from './tree-walk.ts'
import type { WalkedObjects } from './tree-walk.ts'
import type { GitRepository, VisibleHistory } from './visible-history.ts'

/** One entry of a pack to be: `base` is in the pack before it, or the receiver holds it (thin). */
export interface PlannedEntry {
  readonly oid: Oid
  readonly base: Oid | undefined
}

/** Receivers of ours refuse longer chains (T8); an object that changes often starts a new one before that. */
const MAX_CHAIN = 40
/** Objects between two calls of the progress. */
const PROGRESS_OBJECTS = 1024

/**
 * The order and the deltas of a pack, before any of its contents is read: a pack says first how many entries it holds.
 * Bases come before what is made from them; what the receiver is trusted to hold as a base is never sent, so no circle can close.
 */
export class PackPlan {
  readonly entries: PlannedEntry[] = []
  readonly #added = new Set<Oid>()
  readonly #held = new Set<Oid>()
  readonly #depth = new Map<Oid, number>()
  readonly #thin: (kind: ListedObject['kind']) => boolean

  /** `thin`: whether an object of this kind may be a delta of one that the receiver holds. */
  constructor(thin: (kind: ListedObject['kind']) => boolean) {
    this.#thin = thin
  }

  add({ oid, kind, base }: ListedObject): void {
    if (this.#added.has(oid) || this.#held.has(oid)) return
    this.#added.add(oid)
    this.entries.push({ oid, base: kind === 'commit' ? undefined : this.#baseOf(oid, kind, base) })
  }

  addWhole(oid: Oid): void {
    if (this.#held.has(oid) || this.#added.has(oid)) return
    this.#added.add(oid)
    this.entries.push({ oid, base: undefined })
  }

  has(oid: Oid): boolean {
    return this.#added.has(oid)
  }

  #baseOf(oid: Oid, kind: ListedObject['kind'], base: Oid | undefined): Oid | undefined {
    if (base === undefined) return undefined
    const inside = this.#added.has(base)
    if (!inside && !this.#thin(kind)) return undefined
    const depth = (this.#depth.get(base) ?? 0) + 1
    if (depth > MAX_CHAIN) return undefined
    this.#depth.set(oid, depth)
    if (!inside) this.#held.add(base)
    return base
  }
}

/** What a client lacks of its wants (all of them visible), given the commits that it has. `onProgress` is where others get their turn. */
export async function planFetchPack(
  repository: GitRepository,
  history: VisibleHistory,
  { wants, common, filter, thinPack, includeTag }: FetchArguments,
  onProgress: (planned: number) => Promise<void>,
): Promise<PackPlan> {
  // A partial clone lacks blobs that its commits name, and one without trees may lack anything: no bases for a delta.
  const plan = new PackPlan(
    (kind) => thinPack && filter.kind !== 'no-trees' && (kind === 'tree' || filter.kind === 'none'),
  )
  const commits: Oid[] = []
  const others: Oid[] = []
  for (const oid of wants) {
    for (const tag of history.tags.get(oid)?.tags ?? []) plan.addWhole(tag)
    const commit = history.commitOf(oid)
    if (commit) commits.push(commit)
    else if (!plan.has(oid)) others.push(oid)
  }
  const keeps = await filterOf(repository, filter)
  // Asked for by name: sent whatever the filter says, and whole, for the client may lack what lies beside it.
  const seen: WalkedObjects = new Map()
  for (const oid of others) await addAskedFor(repository, plan, oid, keeps, seen)
  const blobs = filter.kind === 'none' || filter.kind === 'blob-limit'
  const haves = repository.graph.maximal(common)
  const below: ListedObject[] = []
  let listed = 0
  for await (const object of listObjects(repository, commits, haves, { blobs })) {
    if (await keeps(object)) {
      // Commits first, as git does: whoever is cut after them can tell from the trees that came which of them are missing.
      if (object.kind === 'commit') plan.add(object)
      else below.push(object)
    }
    if (++listed % PROGRESS_OBJECTS === 0) await onProgress(listed)
  }
  for (const object of below) plan.add(object)
  if (includeTag) {
    for (const { tags, commit } of history.tags.values())
      if (plan.has(commit)) for (const tag of tags) plan.addWhole(tag)
  }
  return plan
}

type Keeps = (object: Pick<ListedObject, 'kind' | 'oid'>) => Promise<boolean>

async function filterOf(repository: GitRepository, filter: ObjectFilter): Promise<Keeps> {
  switch (filter.kind) {
    case 'none':
      return async () => true
    case 'no-blobs':
      return async ({ kind }) => kind !== 'blob'
    case 'no-trees':
      return async ({ kind }) => kind === 'commit'
    case 'blob-limit':
      return async ({ kind, oid }) =>
        kind !== 'blob' || ((await repository.objects.info(oid))?.size ?? Infinity) < filter.size
  }
}

/** `seen`: what was below another tree that was asked for. */
async function addAskedFor(
  repository: GitRepository,
  plan: PackPlan,
  oid: Oid,
  keeps: Keeps,
  seen: WalkedObjects,
): Promise<void> {
  plan.addWhole(oid)
  if ((await repository.objects.info(oid))?.type !== 'tree') return
  const below: ListedObject[] = []
  await walkNewEntries(
    (tree) => repository.readTree(tree),
    oid,
    [],
    seen,
    ({ kind, oid: entry }) => void below.push({ kind, oid: entry, base: undefined }),
  )
  for (const object of below) if (await keeps(object)) plan.add(object)
}
