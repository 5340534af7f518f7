import type { Codec } from '../objects/codec.ts'
import { hashObject } from '../objects/hash.ts'
import type { Oid } from '../objects/oid.ts'
import { encodeTree } from '../objects/tree.ts'
import type { TreeEntry } from '../objects/tree.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import { checkDepth, isTree } from './file-entry.ts'
import type { FileEntry } from './file-entry.ts'
import { BREATH, readTogether, readTree } from './reading.ts'
import type { NewObject, Reading, TreeReader } from './reading.ts'

/** Per path the file to put there, or null to remove the file that is there. */
export type TreeEdits = ReadonlyMap<VaultPath, FileEntry | null>

export interface EditedTree {
  readonly tree: Oid
  /** The trees that were made, each once, folders before what holds them. The empty tree is among them when it is the result. */
  readonly objects: readonly NewObject[]
}

/** The edits below one name. */
interface EditNode {
  edit: FileEntry | null | undefined
  below: Map<string, EditNode> | undefined
}

/**
 * Applies edits to a tree (null: the empty one) and makes anew only the trees on their paths. Folders left without
 * files vanish. Removing takes files only: null at a folder's path leaves the folder alone, as `null` says "no file here".
 * @throws RangeError when the result would hold a file and a folder of one name: the caller's mistake.
 */
export function* editTree(
  codec: Codec,
  tree: Oid | null,
  edits: TreeEdits,
  read: TreeReader = readTree,
): Reading<EditedTree> {
  const made = new Map<Oid, NewObject>()
  const putTree = (entries: readonly TreeEntry[]): Oid => {
    const content = encodeTree(entries)
    const oid = hashObject(codec, 'tree', content)
    if (!made.has(oid)) made.set(oid, { type: 'tree', content, oid })
    return oid
  }
  if (edits.size === 0 && tree !== null) return { tree, objects: [] }
  yield BREATH
  const byName = yield* editsByName(edits)
  yield BREATH
  const result = (yield* editFolder(tree, byName, 0, { read, put: putTree, entries: 0 })) ?? putTree([])
  return { tree: result, objects: [...made.values()] }
}

/** Entries of trees that are made in between two breaths: some milliseconds of work. */
const ENTRIES_PER_BREATH = 500

interface TreeAccess {
  readonly read: TreeReader
  readonly put: (entries: readonly TreeEntry[]) => Oid
  /** Of the trees made since the last breath. */
  entries: number
}

/** Edits that are sorted in between two breaths. */
const EDITS_PER_BREATH = 500

function* editsByName(edits: TreeEdits): Reading<Map<string, EditNode>> {
  const root = new Map<string, EditNode>()
  let sorted = 0
  for (const [path, edit] of edits) {
    const names = path.split('/')
    let folder = root
    names.forEach((name, i) => {
      let node = folder.get(name)
      if (node === undefined) folder.set(name, (node = { edit: undefined, below: undefined }))
      if (i === names.length - 1) node.edit = edit
      else folder = node.below ??= new Map()
    })
    if (++sorted % EDITS_PER_BREATH === 0) yield BREATH
  }
  return root
}

/** The folder's new oid, or null when nothing is left in it. */
function* editFolder(
  oid: Oid | null,
  edits: ReadonlyMap<string, EditNode>,
  depth: number,
  trees: TreeAccess,
): Reading<Oid | null> {
  checkDepth(depth)
  const before = oid === null ? [] : yield* trees.read(oid)
  const byName = new Map(before.map((entry) => [entry.name, entry]))
  const named = [...edits]
  const folders = yield* readTogether(named.map(([name, node]) => editBelow(byName.get(name), node, depth, trees)))
  let changed = false
  named.forEach(([name, { edit }], i) => {
    const old = byName.get(name)
    const folder = folders[i]!
    let entry: TreeEntry | undefined
    if (edit) {
      if (folder !== null) throw new RangeError(`a file and a folder of one name: ${name}`)
      entry = { mode: edit.mode, name, oid: edit.oid }
    } else if (folder !== null) entry = { mode: '40000', name, oid: folder }
    else if (edit === undefined && old !== undefined && !isTree(old)) entry = old
    if (entry?.oid === old?.oid && entry?.mode === old?.mode) return
    changed = true
    if (entry) byName.set(name, entry)
    else byName.delete(name)
  })
  if (byName.size === 0) return null
  trees.entries += byName.size
  if (trees.entries > ENTRIES_PER_BREATH) {
    trees.entries = 0
    yield BREATH
  }
  return changed || oid === null ? trees.put([...byName.values()]) : oid
}

function* editBelow(old: TreeEntry | undefined, node: EditNode, depth: number, trees: TreeAccess): Reading<Oid | null> {
  const folder = isTree(old) ? old!.oid : null
  if (node.below === undefined) return folder
  return yield* editFolder(folder, node.below, depth + 1, trees)
}
