import { decodeCommit } from '../objects/commit.ts'
import type { Commit } from '../objects/commit.ts'
import { CorruptObjectError } from '../objects/errors.ts'
import type { GitObject, ObjectType, Oid } from '../objects/oid.ts'
import { decodeTree } from '../objects/tree.ts'
import type { TreeEntry } from '../objects/tree.ts'

/** A tree of more entries than this is refused (T8): nobody's folder, yet costly to walk. */
export const MAX_TREE_ENTRIES = 100_000

/**
 * Asks for objects. With `maxSize` (bytes) an object that is larger is answered by null. One that asks for nothing is a
 * {@link BREATH}.
 */
export interface ReadRequest {
  readonly oids: readonly Oid[]
  readonly maxSize?: number
}

/**
 * A computation that asks for git objects and knows nothing of the store: pure and synchronous itself, so that the
 * same code runs over an asynchronous store, over a map in a test, and step by step in a worker.
 * The answer to a request lists the objects in the request's order.
 */
export type Reading<R> = Generator<ReadRequest, R, readonly (GitObject | null)[]>

/** A place in long work where whoever runs the reading may let others have a turn. */
export const BREATH: ReadRequest = { oids: [] }
/** Bytes of objects that are taken in between two breaths: some milliseconds of work. */
const BYTES_PER_BREATH = 32 * 1024

/** An object that a computation made and nobody has stored yet. */
export interface NewObject extends GitObject {
  readonly oid: Oid
}

/** Runs a reading over an asynchronous source. What `read` throws is thrown inside the reading. */
export async function runReading<R>(
  reading: Reading<R>,
  read: (request: ReadRequest) => Promise<readonly (GitObject | null)[]>,
): Promise<R> {
  let step = reading.next()
  while (!step.done) {
    let answer: readonly (GitObject | null)[]
    try {
      answer = await read(step.value)
    } catch (error) {
      step = reading.throw(error)
      continue
    }
    step = reading.next(answer)
  }
  return step.value
}

/** Runs a reading over a synchronous source. */
export function runReadingSync<R>(
  reading: Reading<R>,
  read: (request: ReadRequest) => readonly (GitObject | null)[],
): R {
  let step = reading.next()
  while (!step.done) {
    let answer: readonly (GitObject | null)[]
    try {
      answer = read(step.value)
    } catch (error) {
      step = reading.throw(error)
      continue
    }
    step = reading.next(answer)
  }
  return step.value
}

/** The entries of a tree. @throws CorruptObjectError `bad-object` when it is no tree, `bad-tree`, `too-large`. */
export function* readTree(oid: Oid): Reading<TreeEntry[]> {
  return decodeEntries(yield* readObject(oid, 'tree'), oid)
}

/** @throws CorruptObjectError `bad-object` when it is no commit, `bad-commit`. */
export function* readCommit(oid: Oid): Reading<Commit> {
  return decodeCommit(yield* readObject(oid, 'commit'))
}

/** The contents of blobs, in order; null for one above `maxSize` bytes. @throws CorruptObjectError `bad-object`. */
export function* readBlobs(oids: readonly Oid[], maxSize: number): Reading<(Uint8Array | null)[]> {
  if (oids.length === 0) return []
  const objects = yield { oids, maxSize }
  return oids.map((oid, i) => {
    const object = objects[i] ?? null
    return object === null ? null : contentOf(object, oid, 'blob')
  })
}

function* readObject(oid: Oid, type: ObjectType): Reading<Uint8Array> {
  const [object] = yield { oids: [oid] }
  if (!object) throw new CorruptObjectError('bad-object', `a read of ${oid} was answered with nothing`)
  return contentOf(object, oid, type)
}

function contentOf(object: GitObject, oid: Oid, type: ObjectType): Uint8Array {
  if (object.type !== type) {
    throw new CorruptObjectError('bad-object', `${oid} is a ${object.type} where a ${type} belongs`)
  }
  return object.content
}

function decodeEntries(content: Uint8Array, oid: Oid): TreeEntry[] {
  const entries = decodeTree(content)
  if (entries.length > MAX_TREE_ENTRIES) {
    throw new CorruptObjectError('too-large', `tree ${oid} has ${entries.length} entries`, { entries: entries.length })
  }
  return entries
}

/**
 * Runs several readings side by side: what they ask for at the same time becomes one request (one per `maxSize`),
 * so that the folders of one level are read together. Breaths are passed on at once. Results in the order of the readings.
 */
export function* readTogether<R>(readings: readonly Reading<R>[]): Reading<R[]> {
  if (readings.length === 1) return [yield* readings[0]!]
  const results = new Array<R>(readings.length)
  let bytes = 0
  let waiting: { index: number; request: ReadRequest }[] = []
  const advance = function* (index: number, first: IteratorResult<ReadRequest, R>): Reading<void> {
    let step = first
    while (!step.done && step.value.oids.length === 0) {
      yield BREATH
      step = readings[index]!.next([])
    }
    if (step.done) results[index] = step.value
    else waiting.push({ index, request: step.value })
  }
  for (const [index, reading] of readings.entries()) yield* advance(index, reading.next())
  while (waiting.length > 0) {
    const { maxSize } = waiting[0]!.request
    const asking = waiting.filter(({ request }) => request.maxSize === maxSize)
    waiting = waiting.filter(({ request }) => request.maxSize !== maxSize)
    const oids = asking.flatMap(({ request }) => request.oids)
    const objects = yield maxSize === undefined ? { oids } : { oids, maxSize }
    let from = 0
    for (const { index, request } of asking) {
      const answer = objects.slice(from, from + request.oids.length)
      from += request.oids.length
      yield* advance(index, readings[index]!.next(answer))
      for (const object of answer) bytes += object?.content.length ?? 0
      if (bytes < BYTES_PER_BREATH) continue
      bytes = 0
      yield BREATH
    }
  }
  return results
}

/** Runs a reading that may ask for objects which are not stored yet: those in `made` are answered from there. */
export function* readingWith<R>(made: ReadonlyMap<Oid, GitObject>, reading: Reading<R>): Reading<R> {
  let step = reading.next()
  while (!step.done) {
    const { oids, maxSize } = step.value
    if (oids.length === 0) yield BREATH
    const elsewhere = oids.filter((oid) => !made.has(oid))
    const fetched =
      elsewhere.length === 0 ? [] : yield maxSize === undefined ? { oids: elsewhere } : { oids: elsewhere, maxSize }
    let next = 0
    const answer = oids.map((oid) => {
      const object = made.get(oid)
      if (object === undefined) return fetched[next++] ?? null
      return maxSize !== undefined && object.content.length > maxSize ? null : object
    })
    step = reading.next(answer)
  }
  return step.value
}

/** Reads trees. */
export type TreeReader = (oid: Oid) => Reading<readonly TreeEntry[]>

/**
 * A {@link TreeReader} that remembers up to `budget` entries in all (oldest out first), for walks over many commits
 * that share most of their trees.
 */
export function rememberingTreeReader(budget = 100_000): TreeReader {
  const trees = new Map<Oid, readonly TreeEntry[]>()
  let held = 0
  return function* (oid) {
    const known = trees.get(oid)
    if (known !== undefined) return known
    const entries = yield* readTree(oid)
    if (trees.has(oid)) return entries
    trees.set(oid, entries)
    held += entries.length
    for (const [oldest, old] of trees) {
      if (held <= budget) break
      trees.delete(oldest)
      held -= old.length
    }
    return entries
  }
}
