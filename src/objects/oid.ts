import { CorruptObjectError } from './errors.ts'

declare const oidBrand: unique symbol

/** A git object id: SHA-1 as 40 lower-case hex digits. */
export type Oid = string & { readonly [oidBrand]: true }

/** The four kinds of git objects, in git's own words. */
export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag'

/** An object's type and its content, without the `type size\0` header. */
export interface GitObject {
  readonly type: ObjectType
  readonly content: Uint8Array
}

const HEX40 = /^[0-9a-f]{40}$/

export function isOid(text: string): text is Oid {
  return HEX40.test(text)
}

/** @throws CorruptObjectError `bad-oid` when the text is not 40 lower-case hex digits. */
export function parseOid(text: string): Oid {
  if (!isOid(text)) throw new CorruptObjectError('bad-oid', `not an object id: ${JSON.stringify(text.slice(0, 60))}`)
  return text
}

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

/** Reads the 20 raw bytes of an oid that start at `offset`. */
export function oidFromBytes(bytes: Uint8Array, offset = 0): Oid {
  if (offset + 20 > bytes.length) throw new CorruptObjectError('bad-oid', 'an object id is cut short')
  let text = ''
  for (let i = offset; i < offset + 20; i++) text += HEX[bytes[i]!]
  return text as Oid
}

/** The 20 raw bytes of an oid, as trees and packs hold them. */
export function oidToBytes(oid: Oid): Uint8Array {
  const bytes = new Uint8Array(20)
  for (let i = 0; i < 20; i++) bytes[i] = (nibble(oid, 2 * i) << 4) | nibble(oid, 2 * i + 1)
  return bytes
}

/** The value of a hex digit: `0` is 0x30, `a` is 0x61. */
function nibble(oid: Oid, at: number): number {
  const code = oid.charCodeAt(at)
  return code < 0x61 ? code - 0x30 : code - 0x57
}
