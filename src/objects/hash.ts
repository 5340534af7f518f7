import { asciiBytes } from './bytes.ts'
import type { Codec } from './codec.ts'
import { parseOid } from './oid.ts'
import type { ObjectType, Oid } from './oid.ts'

/** The bytes that git hashes before an object's content: `type SP size NUL`, size in decimal bytes. */
export function objectHeader(type: ObjectType, size: number): Uint8Array {
  return asciiBytes(`${type} ${size}\0`)
}

/** The object's id: SHA-1 over header and content. */
export function hashObject(codec: Codec, type: ObjectType, content: Uint8Array): Oid {
  return parseOid(codec.sha1().update(objectHeader(type, content.length)).update(content).hex())
}
