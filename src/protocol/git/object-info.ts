import { concatBytes } from '../../objects/bytes.ts'
import { DELIM_PKT, FLUSH_PKT } from '../../objects/pkt-line.ts'
import { isOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'
import { serverText } from './fetch-client.ts'
import { lineText, quoted, readLine, refuse, textLine } from './git-session.ts'
import type { GitSession } from './git-session.ts'

/*
 * The command `object-info` of protocol version 2 (git: gitprotocol-v2): how large objects are, before any of them is fetched.
 *   arguments: size, oid OID …
 *   answer:    size LF, then for each oid, in the order asked: OID SP [SIZE] LF; flush. No size: the object is not there.
 */

/** Reads the arguments up to the flush; null: no attribute that we know was asked for. @throws ProtocolError `bad-message`, `limit` */
export function* readObjectInfoArguments(maxOids: number): GitSession<never, readonly Oid[] | null> {
  let size = false
  const oids: Oid[] = []
  for (;;) {
    const line = yield* readLine()
    if (line?.kind === 'flush') return size ? oids : null
    if (line?.kind !== 'data') throw refuse('bad-message', 'object-info: expected flush after arguments')
    const text = lineText(line.data)
    const oid = text.slice('oid '.length)
    if (text === 'size') size = true
    else if (text.startsWith('oid ') && isOid(oid)) oids.push(oid)
    else throw refuse('bad-message', `object-info: unexpected line: '${quoted(text)}'`)
    if (oids.length > maxOids) throw refuse('limit', `more than ${maxOids} objects in one request`)
  }
}

/** `sizes` as they were asked for; null for an object that is not there. */
export function encodeObjectInfo(oids: readonly Oid[], sizes: readonly (number | null)[]): Uint8Array {
  return concatBytes([
    textLine('size'),
    ...oids.map((oid, i) => textLine(`${oid} ${String(sizes[i] ?? '')}`)),
    FLUSH_PKT,
  ])
}

export function encodeObjectInfoCommand(agent: string, oids: readonly Oid[]): Uint8Array {
  const head = ['command=object-info', `agent=${agent}`, 'object-format=sha1'].map(textLine)
  return concatBytes([...head, DELIM_PKT, textLine('size'), ...oids.map((oid) => textLine(`oid ${oid}`)), FLUSH_PKT])
}

/** Reads the answer to that: the sizes of those that are there. @throws ProtocolError `refused`, `bad-message` for anything else */
export function* readObjectInfo(oids: readonly Oid[]): GitSession<never, ReadonlyMap<Oid, number>> {
  const sizes = new Map<Oid, number>()
  const first = yield* readLine()
  if (!first || serverText(first) !== 'size') throw refuse('bad-message', 'an answer to object-info without sizes')
  for (const oid of oids) {
    const line = yield* readLine()
    const text = line ? serverText(line) : ''
    const match = /^([0-9a-f]{40}) ?(\d{0,15})$/.exec(text)
    if (match?.[1] !== oid) throw refuse('bad-message', `an answer to object-info that nobody asked: '${quoted(text)}'`)
    if (match[2] !== '') sizes.set(oid, Number(match[2]))
  }
  const end = yield* readLine()
  if (end?.kind !== 'flush') throw refuse('bad-message', 'an answer to object-info that does not end')
  return sizes
}
