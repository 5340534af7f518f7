import { createHash } from 'node:crypto'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { encodeUtf8 } from '../../src/objects/bytes.ts'
import { encodeCommit } from '../../src/objects/commit.ts'
import { encodeTree, type FileMode } from '../../src/objects/tree.ts'
import { oidToBytes, type GitObject, type Oid } from '../../src/objects/oid.ts'
import { aBlob, oidOf, packOf } from './object-samples.ts'

/** A tree as an attacker may write it: any name in any order, and nothing is checked. */
export function rawTree(
  entries: readonly { readonly mode?: FileMode | string; readonly name: string; readonly oid: Oid }[],
): GitObject {
  const parts = entries.flatMap(({ mode = '100644', name, oid }) => [
    Buffer.from(`${mode} ${name}\0`),
    Buffer.from(oidToBytes(oid)),
  ])
  return { type: 'tree', content: Uint8Array.from(Buffer.concat(parts)) }
}

/** A commit on a tree, with the pack that holds all of it. */
export function history(
  tree: GitObject,
  blobs: readonly GitObject[],
  parents: readonly Oid[] = [],
  seconds = 1_700_000_000,
): { commit: Oid; pack: Uint8Array; objects: readonly GitObject[] } {
  const who = { name: 'Raw', email: 'raw@example.org', seconds, zoneMinutes: 0 }
  const commit: GitObject = {
    type: 'commit',
    content: encodeCommit({ tree: oidOf(nodeCodec, tree), parents, author: who, committer: who, message: 'Edit\n' }),
  }
  const objects = [commit, tree, ...blobs]
  return { commit: oidOf(nodeCodec, commit), pack: packOf(nodeCodec, objects), objects }
}

/** A vault of one folder. */
export function vault(
  files: Readonly<Record<string, string>>,
  parents: readonly Oid[] = [],
  seconds?: number,
): ReturnType<typeof history> {
  const blobs = Object.values(files).map(aBlob)
  const entries = Object.keys(files).map((name, i) => ({
    mode: '100644' as const,
    name,
    oid: oidOf(nodeCodec, blobs[i]!),
  }))
  return history({ type: 'tree', content: encodeTree(entries) }, blobs, parents, seconds)
}

/** An oid that nobody has an object for. */
export function nobodys(n: number): Oid {
  return createHash('sha1')
    .update(encodeUtf8(`nobody's ${n}`))
    .digest('hex') as Oid
}
