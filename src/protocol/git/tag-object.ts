import { decodeUtf8 } from '../../objects/bytes.ts'
import { isOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'

/*
 * An annotated tag's content: object OID LF, type TYPE LF, tag NAME LF, [tagger IDENTITY LF,] LF, message.
 */

/** What a tag object names; undefined when it is malformed. */
export function tagTarget(content: Uint8Array): Oid | undefined {
  const head = decodeUtf8(content, 0, Math.min(content.length, 48)) ?? ''
  const oid = head.slice('object '.length, 'object '.length + 40)
  return head.startsWith('object ') && head[47] === '\n' && isOid(oid) ? oid : undefined
}
