import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'
import { conflictPath, familyOf, inFamily } from './conflict-name.ts'
import type { ConflictOrigin } from './conflict-name.ts'
import { isTree } from './file-entry.ts'
import type { FileEntry } from './file-entry.ts'
import type { Side } from './merge-slot.ts'
import { compareOids, compareText } from './oid-order.ts'
import type { Reading, TreeReader } from './reading.ts'
import { entryAt } from './tree-diff.ts'

/** A place where two versions did not merge, and where the one that does not stand there went (V6). */
export interface Conflict {
  readonly path: VaultPath
  /** `content`: both versions are files. `folder`: the other side has a folder of that name. */
  readonly reason: 'content' | 'folder'
  /** The file that holds the other version. */
  readonly copy: VaultPath
  readonly copyOid: Oid
  /** Who wrote the version in the copy. */
  readonly origin: ConflictOrigin
}

/** A version that found no place at its path. */
export interface DisplacedFile {
  readonly path: VaultPath
  readonly reason: Conflict['reason']
  readonly entry: FileEntry
  /** The sides that hold it, and where in their trees. */
  readonly heldBy: readonly { readonly side: Side; readonly path: VaultPath }[]
}

/** Tells who wrote a side's version of a file, and when. Must be a function of the merged history alone (V3). */
export type OriginOf = (side: Side, path: VaultPath, oid: Oid) => Reading<ConflictOrigin>

/**
 * Finds each displaced file a place beside its note and puts it into `results`. A copy with the same content that the
 * family of that note has already is as good: none is added then (pitfall: copies that multiply).
 */
export function* placeDisplaced(
  displaced: readonly DisplacedFile[],
  results: Map<VaultPath, FileEntry | null>,
  base: Oid | null,
  originOf: OriginOf,
  read: TreeReader,
): Reading<Conflict[]> {
  const conflicts: Conflict[] = []
  const folders = new Map<string, ResultFolder>()
  const inOrder = [...displaced].sort((a, b) => compareText(a.path, b.path) || compareOids(a.entry.oid, b.entry.oid))
  for (const { path, reason, entry, heldBy } of inOrder) {
    const family = familyOf(path)
    let folder = folders.get(family.folder)
    if (!folder) folders.set(family.folder, (folder = yield* readResultFolder(family.folder, results, base, read)))
    const origin = yield* earliestOrigin(heldBy, entry.oid, originOf)
    let copy = folder.byOid.get(entry.oid)?.find((other) => inFamily(other, family))
    for (let count = 1; copy === undefined; count++) {
      const candidate = conflictPath(family, origin, count)
      if (folder.taken.has(candidate) || results.get(candidate)) continue
      copy = candidate
      results.set(copy, entry)
      addFile(folder, copy, entry.oid)
    }
    conflicts.push({ path, reason, copy, copyOid: entry.oid, origin })
  }
  return conflicts
}

/** What the merged tree holds in one folder. */
interface ResultFolder {
  /** Files and folders. */
  readonly taken: Set<string>
  readonly byOid: Map<Oid, VaultPath[]>
}

/** The base's folder with the results on top: what neither side changed is as it was. */
function* readResultFolder(
  folder: string,
  results: ReadonlyMap<VaultPath, FileEntry | null>,
  base: Oid | null,
  read: TreeReader,
): Reading<ResultFolder> {
  const found: ResultFolder = { taken: new Set(), byOid: new Map() }
  const tree = folder === '' ? base : yield* folderTree(base, folder, read)
  for (const entry of tree === null ? [] : yield* read(tree)) {
    const path = (folder + entry.name) as VaultPath
    if (isTree(entry)) found.taken.add(path)
    else if (!results.has(path)) addFile(found, path, entry.oid)
  }
  for (const [path, entry] of results) {
    if (entry === null || !path.startsWith(folder)) continue
    const slash = path.indexOf('/', folder.length)
    if (slash < 0) addFile(found, path, entry.oid)
    else found.taken.add(path.slice(0, slash))
  }
  for (const paths of found.byOid.values()) paths.sort(compareText)
  return found
}

function addFile(folder: ResultFolder, path: VaultPath, oid: Oid): void {
  folder.taken.add(path)
  const paths = folder.byOid.get(oid)
  if (paths) paths.push(path)
  else folder.byOid.set(oid, [path])
}

function* folderTree(base: Oid | null, folder: string, read: TreeReader): Reading<Oid | null> {
  const entry = yield* entryAt(base, folder.slice(0, -1) as VaultPath, read)
  return entry !== null && isTree(entry) ? entry.oid : null
}

/** One name for a version that both sides hold. */
function* earliestOrigin(heldBy: DisplacedFile['heldBy'], oid: Oid, originOf: OriginOf): Reading<ConflictOrigin> {
  const origins: ConflictOrigin[] = []
  for (const { side, path } of heldBy) origins.push(yield* originOf(side, path, oid))
  origins.sort((a, b) => a.seconds - b.seconds || compareText(a.device, b.device) || a.zoneMinutes - b.zoneMinutes)
  return origins[0]!
}
