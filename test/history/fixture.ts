import fc from 'fast-check'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { editTree } from '../../src/history/edit-tree.ts'
import type { FileEntry, LeafMode } from '../../src/history/file-entry.ts'
import { CommitGraph } from '../../src/history/commit-graph.ts'
import type { ConflictOrigin } from '../../src/history/conflict-name.ts'
import type { OriginOf } from '../../src/history/merge-conflict.ts'
import { runReadingSync } from '../../src/history/reading.ts'
import type { NewObject, Reading, ReadRequest } from '../../src/history/reading.ts'
import { flattenTree } from '../../src/history/tree-diff.ts'
import { mergeTrees } from '../../src/history/tree-merge.ts'
import type { MergedTree } from '../../src/history/tree-merge.ts'
import { viewOf } from '../../src/history/view.ts'
import type { View } from '../../src/history/view.ts'
import { encodeCommit } from '../../src/objects/commit.ts'
import { MissingObjectError } from '../../src/objects/errors.ts'
import { hashObject } from '../../src/objects/hash.ts'
import type { GitObject, ObjectType, Oid } from '../../src/objects/oid.ts'
import { parseVaultPath } from '../../src/objects/vault-path.ts'
import type { VaultPath } from '../../src/objects/vault-path.ts'

/** A vault's files in a test: text by path, or an entry for what is no plain text file. */
export type Files = Readonly<Record<string, string | Uint8Array | FileEntry>>

/** 2026-11-21 15:20:00 UTC. */
export const AFTERNOON = Date.UTC(2026, 10, 21, 15, 20) / 1000

/** Objects and history in memory, with the shortest ways to make and to look at them. */
export class History {
  readonly objects = new Map<Oid, GitObject>()
  readonly graph = new CommitGraph()
  readonly requests: ReadRequest[] = []

  run<R>(reading: Reading<R>): R {
    return runReadingSync(reading, (request) => {
      if (request.oids.length > 0) this.requests.push(request) // a breath asks for nothing
      return request.oids.map((oid) => {
        const object = this.objects.get(oid)
        if (!object) throw new MissingObjectError(oid)
        return object.content.length > (request.maxSize ?? Infinity) ? null : object
      })
    })
  }

  put(type: ObjectType, content: Uint8Array): Oid {
    const oid = hashObject(nodeCodec, type, content)
    this.objects.set(oid, { type, content })
    return oid
  }

  store(objects: readonly NewObject[]): void {
    for (const { oid, type, content } of objects) {
      if (this.put(type, content) !== oid) throw new Error(`an object that is not ${oid}`)
    }
  }

  blob(content: string | Uint8Array): Oid {
    return this.put('blob', typeof content === 'string' ? new TextEncoder().encode(content) : content)
  }

  file(content: string | Uint8Array, mode: LeafMode = '100644'): FileEntry {
    return { mode, oid: this.blob(content) }
  }

  tree(files: Files): Oid {
    const edits = new Map<VaultPath, FileEntry>()
    for (const [path, file] of Object.entries(files)) {
      const entry = typeof file === 'string' || file instanceof Uint8Array ? this.file(file) : file
      edits.set(parseVaultPath(path), entry)
    }
    const { tree, objects } = this.run(editTree(nodeCodec, null, edits))
    this.store(objects)
    return tree
  }

  /** Text by path; for what is no regular file `mode oid`. */
  files(tree: Oid): Record<string, string> {
    const files: Record<string, string> = {}
    for (const [path, { mode, oid }] of this.run(flattenTree(tree))) {
      const regular = mode === '100644' || mode === '100755'
      files[path] = regular ? new TextDecoder().decode(this.objects.get(oid)!.content) : `${mode} ${oid}`
    }
    return files
  }

  commit(
    tree: Oid | Files,
    parents: readonly Oid[] = [],
    { device = 'Laptop', seconds = AFTERNOON, zoneMinutes = 0, message = 'edit\n' } = {},
  ): Oid {
    const author = { name: device, email: 'device@tandem.invalid', seconds, zoneMinutes }
    const treeOid = typeof tree === 'string' ? tree : this.tree(tree)
    const oid = this.put('commit', encodeCommit({ tree: treeOid, parents, author, committer: author, message }))
    this.graph.add(oid, { parents, tree: treeOid, seconds })
    return oid
  }

  treeOf(commit: Oid): Oid {
    return this.graph.node(commit).tree
  }

  merge(base: Oid | null, left: Oid | null, right: Oid | null, originOf: OriginOf = bySide): MergedTree {
    const merged = this.run(mergeTrees(nodeCodec, { base, left, right }, originOf))
    this.store(merged.objects)
    return merged
  }

  /** Merges files and gives files. */
  mergeFiles(base: Files, left: Files, right: Files, originOf?: OriginOf): Record<string, string> {
    const merged = this.merge(this.tree(base), this.tree(left), this.tree(right), originOf)
    return this.files(merged.tree)
  }

  /** The view of heads, stored and in the graph, as a device would have it. */
  view(...heads: Oid[]): View {
    const view = this.run(viewOf(nodeCodec, this.graph, heads))
    if (!view) throw new Error('no view')
    this.store(view.objects)
    this.graph.add(view.commit, { parents: view.parents, tree: view.tree, seconds: view.seconds })
    return view
  }
}

export const LEFT: ConflictOrigin = { device: 'Phone', seconds: AFTERNOON, zoneMinutes: 60 }
export const RIGHT: ConflictOrigin = { device: 'Laptop', seconds: AFTERNOON + 60, zoneMinutes: 0 }

/** The left side is a phone's, the right side a laptop's. */
export function* bySide(side: 'left' | 'right'): Reading<ConflictOrigin> {
  return side === 'left' ? LEFT : RIGHT
}

/** {@link bySide} for a merge with its sides swapped. */
export function* bySideSwapped(side: 'left' | 'right'): Reading<ConflictOrigin> {
  return side === 'left' ? RIGHT : LEFT
}

export function path(text: string): VaultPath {
  return parseVaultPath(text)
}

/** Small vaults in which names collide often, also between files and folders. */
export const vaults: fc.Arbitrary<Record<string, string>> = fc
  .uniqueArray(
    fc.tuple(
      fc.array(fc.constantFrom('a', 'b', 'a.md', 'é'), { minLength: 1, maxLength: 3 }),
      fc.constantFrom('1', '2', '3'),
    ),
    {
      maxLength: 6,
      selector: ([names]) => names.join('/'),
    },
  )
  .map((entries) => {
    const files: Record<string, string> = {}
    for (const [names, text] of entries) {
      const file = names.join('/')
      const clash = Object.keys(files).some((other) => other.startsWith(`${file}/`) || file.startsWith(`${other}/`))
      if (!clash) files[file] = text
    }
    return files
  })
