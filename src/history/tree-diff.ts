import type { Oid } from '../objects/oid.ts'
import type { TreeEntry } from '../objects/tree.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import { checkDepth, fileEntry, isTree, sameEntry, treePath } from './file-entry.ts'
import type { FileEntry } from './file-entry.ts'
import { compareText } from './oid-order.ts'
import { BREATH, readTogether, readTree } from './reading.ts'
import type { Reading, TreeReader } from './reading.ts'

/** A path at which two trees differ; null stands for no file there. */
export interface TreeChange {
  readonly path: VaultPath
  readonly left: FileEntry | null
  readonly right: FileEntry | null
}

/**
 * The files that differ between two trees (null: the empty tree), by path. A folder that became a file is the deletion
 * of its files and the addition of one. Equal subtrees are not read. `read` may remember trees.
 * @throws CorruptObjectError for a name that no vault may hold, and for trees too deep.
 */
export function* diffTrees(left: Oid | null, right: Oid | null, read: TreeReader = readTree): Reading<TreeChange[]> {
  const changes: TreeChange[] = []
  if (left !== right) yield* diffFolder(left, right, '', 0, changes, read)
  yield BREATH
  return changes.sort((a, b) => compareText(a.path, b.path))
}

/** Every file of a tree, by path. @throws as {@link diffTrees}. */
export function* flattenTree(tree: Oid | null): Reading<Map<VaultPath, FileEntry>> {
  const changes = yield* diffTrees(null, tree)
  yield BREATH
  return new Map(changes.map(({ path, right }) => [path, right!]))
}

/** What a tree holds at a path, file or folder; null when nothing. `read` may remember trees. */
export function* entryAt(tree: Oid | null, path: VaultPath, read: TreeReader = readTree): Reading<TreeEntry | null> {
  let folder = tree
  let found: TreeEntry | null = null
  for (const name of path.split('/')) {
    if (folder === null) return null
    const entries = yield* read(folder)
    found = entries.find((entry) => entry.name === name) ?? null
    if (found === null) return null
    folder = isTree(found) ? found.oid : null
  }
  return found
}

function* diffFolder(
  left: Oid | null,
  right: Oid | null,
  prefix: string,
  depth: number,
  changes: TreeChange[],
  read: TreeReader,
): Reading<void> {
  checkDepth(depth)
  const [leftEntries, rightEntries] = yield* readPair(left, right, read)
  const rightByName = new Map(rightEntries.map((entry) => [entry.name, entry]))
  const below: Reading<void>[] = []
  const compare = (name: string, a: TreeEntry | undefined, b: TreeEntry | undefined) => {
    if (a?.oid === b?.oid && a?.mode === b?.mode) return
    const path = treePath(prefix, name)
    const change = { path, left: fileEntry(a), right: fileEntry(b) }
    if (!sameEntry(change.left, change.right)) changes.push(change)
    const leftTree = isTree(a) ? a!.oid : null
    const rightTree = isTree(b) ? b!.oid : null
    if (leftTree !== rightTree) below.push(diffFolder(leftTree, rightTree, `${path}/`, depth + 1, changes, read))
  }
  for (const entry of leftEntries) {
    compare(entry.name, entry, rightByName.get(entry.name))
    rightByName.delete(entry.name)
  }
  for (const entry of rightByName.values()) compare(entry.name, undefined, entry)
  yield* readTogether(below)
}

function* readPair(
  left: Oid | null,
  right: Oid | null,
  read: TreeReader,
): Reading<[readonly TreeEntry[], readonly TreeEntry[]]> {
  const entries = yield* readTogether([left, right].filter((oid) => oid !== null).map((oid) => read(oid)))
  return [left === null ? [] : entries[0]!, right === null ? [] : entries.at(-1)!]
}
