import type { CommitGraph } from '../history/commit-graph.ts'
import { decodeCommit, type Commit } from '../objects/commit.ts'
import { CorruptObjectError, MissingObjectError } from '../objects/errors.ts'
import type { GitObject, Oid } from '../objects/oid.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { walkNewEntries } from './tree-walk.ts'
import type { WalkedObjects } from './tree-walk.ts'

/** What a walk needs of a store. */
export type ObjectReader = Pick<ObjectStore, 'has' | 'missing' | 'read'>

export interface FreshCommit {
  readonly oid: Oid
  readonly commit: Commit
}

/** What stands between us and a set of commits. Nothing missing: `fresh` can join the graph, and refs may name the tips (T2). */
export interface Connectivity {
  /** Commits that are in the store and not yet in the graph, parents first. */
  readonly fresh: readonly FreshCommit[]
  readonly missingCommits: readonly Oid[]
  readonly missingTrees: readonly Oid[]
  readonly missingBlobs: readonly Oid[]
}

export function isConnected(c: Connectivity): boolean {
  return c.missingCommits.length + c.missingTrees.length + c.missingBlobs.length === 0
}

/**
 * Walks from `tips` to what is known to be whole (the graph), through what the store holds.
 * The same walk serves the first fetch, a fetch that goes on after a cut, and the proof before a ref moves.
 *
 * @throws CorruptObjectError when an object is not of the kind that its place asks for, or a name may not be in a vault.
 */
export async function checkConnectivity(
  store: ObjectReader,
  graph: CommitGraph,
  tips: Iterable<Oid>,
): Promise<Connectivity> {
  const commits = new Map<Oid, Commit>()
  const missingCommits: Oid[] = []
  const queue = [...new Set(tips)]
  const met = new Set<Oid>(queue)
  while (queue.length) {
    const oid = queue.pop()!
    if (graph.has(oid)) continue
    const commit = await readCommit(store, oid)
    if (!commit) {
      missingCommits.push(oid)
      continue
    }
    commits.set(oid, commit)
    for (const parent of commit.parents) {
      if (met.has(parent)) continue
      met.add(parent)
      queue.push(parent)
    }
  }
  const fresh = parentsFirst(commits)
  const treeOf = (oid: Oid): Oid | undefined => graph.get(oid)?.tree ?? commits.get(oid)?.tree
  const trees: Oid[] = []
  const blobs: Oid[] = []
  const seen: WalkedObjects = new Map()
  const absent = new Set<Oid>()
  const readTree = async (oid: Oid): Promise<Uint8Array | null> => {
    if (absent.has(oid)) return null
    const object = await readIfThere(store, oid)
    if (!object) {
      absent.add(oid)
      return null
    }
    if (object.type !== 'tree')
      throw new CorruptObjectError('bad-object', `${oid} is a ${object.type} where a tree belongs`)
    return object.content
  }
  for (const { commit } of fresh) {
    const bases = commit.parents.map(treeOf).filter((t) => t !== undefined)
    await walkNewEntries(
      readTree,
      commit.tree,
      bases,
      seen,
      ({ kind, oid }) => void (kind === 'blob' ? blobs : trees).push(oid),
    )
  }
  // Asked for all: a read may come from a store's memory, while a person's git has pruned what no ref named.
  const gone = new Set(await store.missing([...commits.keys(), ...trees, ...blobs]))
  for (const oid of commits.keys()) if (gone.has(oid)) missingCommits.push(oid)
  return {
    fresh: fresh.filter(({ oid }) => !gone.has(oid)),
    missingCommits,
    missingTrees: trees.filter((oid) => absent.has(oid) || gone.has(oid)),
    missingBlobs: blobs.filter((oid) => gone.has(oid)),
  }
}

/** Null when it is not there. Asking first would be a second search for each object. */
async function readIfThere(store: ObjectReader, oid: Oid): Promise<GitObject | null> {
  try {
    return await store.read(oid)
  } catch (error) {
    if (error instanceof MissingObjectError && error.oid === oid) return null
    throw error
  }
}

export async function readCommit(store: ObjectReader, oid: Oid): Promise<Commit | null> {
  const object = await readIfThere(store, oid)
  if (!object) return null
  if (object.type !== 'commit')
    throw new CorruptObjectError('bad-object', `${oid} is a ${object.type} where a commit belongs`)
  return decodeCommit(object.content)
}

/** Orders commits so that each comes after those of its parents that are among them. Iterative: histories are long. */
function parentsFirst(commits: ReadonlyMap<Oid, Commit>): FreshCommit[] {
  const out: FreshCommit[] = []
  const placed = new Set<Oid>()
  for (const start of commits.keys()) {
    const stack = [start]
    while (stack.length) {
      const oid = stack[stack.length - 1]!
      const commit = commits.get(oid)!
      const waiting = placed.has(oid) ? [] : commit.parents.filter((p) => commits.has(p) && !placed.has(p))
      if (waiting.length) {
        stack.push(...waiting)
        continue
      }
      stack.pop()
      if (!placed.has(oid)) {
        placed.add(oid)
        out.push({ oid, commit })
      }
    }
  }
  return out
}
