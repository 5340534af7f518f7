import type { Codec } from '../../src/objects/codec.ts'
import { encodeUtf8 } from '../../src/objects/bytes.ts'
import { encodeCommit } from '../../src/objects/commit.ts'
import { createDelta } from '../../src/objects/create-delta.ts'
import { hashObject } from '../../src/objects/hash.ts'
import type { GitObject, Oid } from '../../src/objects/oid.ts'
import { encodePack } from '../../src/objects/pack.ts'
import type { PackEntry } from '../../src/objects/pack.ts'
import { encodeTree } from '../../src/objects/tree.ts'
import { seededRandom } from './seeded-random.ts'

export function aBlob(text: string): GitObject {
  return { type: 'blob', content: encodeUtf8(text) }
}

/** Bytes that no deflater makes smaller. */
export function noise(size: number, seed = 1): Uint8Array {
  return seededRandom(seed).bytes(size)
}

export function aTree(codec: Codec, files: Readonly<Record<string, GitObject>>): GitObject {
  const entries = Object.entries(files).map(([name, file]) => ({
    mode: file.type === 'tree' ? ('40000' as const) : ('100644' as const),
    name,
    oid: oidOf(codec, file),
  }))
  return { type: 'tree', content: encodeTree(entries) }
}

export function aCommit(codec: Codec, tree: GitObject, parents: readonly GitObject[] = []): GitObject {
  const who = { name: 'Ada', email: 'ada@example.org', seconds: 1_700_000_000, zoneMinutes: 60 }
  const commit = { tree: oidOf(codec, tree), parents: parents.map((parent) => oidOf(codec, parent)) }
  return { type: 'commit', content: encodeCommit({ ...commit, author: who, committer: who, message: 'Edit\n' }) }
}

export function aTag(codec: Codec, target: GitObject): GitObject {
  const text = `object ${oidOf(codec, target)}\ntype ${target.type}\ntag v1\ntagger Ada <ada@example.org> 1700000000 +0100\n\nfirst\n`
  return { type: 'tag', content: encodeUtf8(text) }
}

export function oidOf(codec: Codec, object: GitObject): Oid {
  return hashObject(codec, object.type, object.content)
}

export function wholeEntry(codec: Codec, { type, content }: GitObject): PackEntry {
  return { kind: 'full', type, size: content.length, deflated: codec.deflate(content, 1) }
}

/** A delta by oid; the base may lie in the same pack or not. */
export function deltaEntry(codec: Codec, base: GitObject, target: GitObject): PackEntry {
  const delta = createDelta(base.content, target.content)
  if (!delta) throw new Error('these two have nothing in common')
  return { kind: 'ref-delta', base: oidOf(codec, base), size: delta.length, deflated: codec.deflate(delta, 1) }
}

export function packOf(codec: Codec, objects: readonly GitObject[]): Uint8Array {
  return encodePack(
    codec,
    objects.map((object) => wholeEntry(codec, object)),
  )
}

/** Many small notes, all different. */
export function notes(count: number, label = 'note'): GitObject[] {
  return Array.from({ length: count }, (_, i) =>
    aBlob(`# ${label} ${i}\n\n${'Some text that repeats. '.repeat(i % 7)}\n`),
  )
}

export async function* inChunks(bytes: Uint8Array, size = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export async function collected(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk.slice())
  return Uint8Array.from(Buffer.concat(parts))
}
