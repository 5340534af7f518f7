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

const HEX_DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))
/** Filled anew by each call: one string made of 40 codes costs a seventh of 20 joined ones. */
const hexCodes: number[] = new Array<number>(40).fill(0)

/** Reads the 20 raw bytes of an oid that start at `offset`. */
export function oidFromBytes(bytes: Uint8Array, offset = 0): Oid {
  if (offset + 20 > bytes.length) throw new CorruptObjectError('bad-oid', 'an object id is cut short')
  for (let i = 0; i < 20; i++) {
    const byte = bytes[offset + i]!
    hexCodes[2 * i] = HEX_DIGITS[byte >> 4]!
    hexCodes[2 * i + 1] = HEX_DIGITS[byte & 0xf]!
  }
  return String.fromCharCode.apply(null, hexCodes) as Oid
}

/** The 20 raw bytes of an oid, as trees and packs hold them. */
export function oidToBytes(oid: Oid): Uint8Array {
  const bytes = new Uint8Array(20)
  writeOid(oid, bytes, 0)
  return bytes
}

/** Writes the 20 raw bytes of an oid to `bytes` from `at` on. */
export function writeOid(oid: Oid, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 20; i++) bytes[at + i] = (nibble(oid, 2 * i) << 4) | nibble(oid, 2 * i + 1)
}

/** The value of a hex digit: `0` is 0x30, `a` is 0x61. */
function nibble(oid: Oid, at: number): number {
  const code = oid.charCodeAt(at)
  return code < 0x61 ? code - 0x30 : code - 0x57
}
