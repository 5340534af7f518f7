import { createHash } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { concatBytes } from '../../src/objects/bytes.ts'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { hashObject } from '../../src/objects/hash.ts'
import { oidToBytes } from '../../src/objects/oid.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { encodeEntryHeader, encodePackHeader } from '../../src/objects/pack.ts'

/** An entry as an attacker may write it: nothing has to fit. */
export interface RawEntry {
  /** Index of the base in the list, for an ofs-delta; or its oid, for a ref-delta; absent for a blob. */
  readonly base?: number | Oid
  /** Bytes between this entry and its base, instead of a place in the list. */
  readonly distance?: number
  readonly content: Uint8Array
  /** The size in the header; the true one unless given. */
  readonly size?: number
  /** The zlib stream, instead of the content's. */
  readonly deflated?: Uint8Array
}

export function rawPack(entries: readonly RawEntry[], count = entries.length): Uint8Array {
  const parts: Uint8Array[] = [encodePackHeader(count)]
  const offsets: number[] = []
  let offset = 12
  for (const { base, distance, content, size = content.length, deflated = deflateSync(content) } of entries) {
    offsets.push(offset)
    const isOffset = typeof base === 'number' || distance !== undefined
    const kind = isOffset ? 'ofs-delta' : base === undefined ? 'blob' : 'ref-delta'
    const entry = [encodeEntryHeader(kind, size)]
    if (isOffset) entry.push(encodeDistance(distance ?? offset - offsets[base as number]!))
    else if (base !== undefined) entry.push(oidToBytes(base))
    entry.push(deflated)
    parts.push(...entry)
    offset += concatBytes(entry).length
  }
  return withTrailer(concatBytes(parts))
}

/** The bytes with their SHA-1 at the end. */
export function withTrailer(body: Uint8Array): Uint8Array {
  return concatBytes([body, createHash('sha1').update(body).digest()])
}

export function blobOid(content: Uint8Array): Oid {
  return hashObject(nodeCodec, 'blob', content)
}

function encodeDistance(distance: number): Uint8Array {
  const bytes = [distance & 0x7f]
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest--
    bytes.unshift((rest & 0x7f) | 0x80)
  }
  return Uint8Array.from(bytes)
}
