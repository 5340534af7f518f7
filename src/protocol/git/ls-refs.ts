import { FLUSH_PKT } from '../../objects/pkt-line.ts'
import { isOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'
import { MAX_REF_NAME } from './git-refs.ts'
import type { GitRef } from './git-refs.ts'
import { lineText, quoted, readLine, refuse, textLine } from './git-session.ts'
import type { GitSession } from './git-session.ts'

/*
 * The command `ls-refs` of protocol version 2 (git: gitprotocol-v2).
 *   arguments: peel, symrefs, unborn, ref-prefix PREFIX
 *   answer:    OID|unborn SP NAME [SP symref-target:NAME] [SP peeled:OID] LF …, flush
 */

export interface LsRefsArguments {
  readonly peel: boolean
  readonly symrefs: boolean
  readonly unborn: boolean
  /** Empty: all refs. */
  readonly prefixes: readonly string[]
}

/** Git's own limit; above it, it sends all refs rather than compare them with so many prefixes. */
const MAX_PREFIXES = 65_536
/** Text of prefixes that we hold; a client that names more gets all refs too. */
const MAX_PREFIX_TEXT = 1024 * 1024

/** Reads the arguments up to the flush. @throws ProtocolError `bad-message`, in git's words */
export function* readLsRefs(): GitSession<never, LsRefsArguments> {
  const found = { peel: false, symrefs: false, unborn: false }
  let prefixes: string[] | null = []
  let length = 0
  for (;;) {
    const line = yield* readLine()
    if (line?.kind === 'flush') return { ...found, prefixes: prefixes ?? [] }
    if (line?.kind !== 'data') throw refuse('bad-message', 'expected flush after ls-refs arguments')
    const text = lineText(line.data)
    if (text === 'peel') found.peel = true
    else if (text === 'symrefs') found.symrefs = true
    else if (text === 'unborn') found.unborn = true
    else if (text.startsWith('ref-prefix ')) {
      length += text.length
      if (prefixes && prefixes.length < MAX_PREFIXES && length <= MAX_PREFIX_TEXT) {
        prefixes.push(text.slice('ref-prefix '.length))
      } else prefixes = null
    } else throw refuse('bad-message', `unexpected line: '${quoted(text)}'`)
  }
}

export function encodeLsRefs(
  refs: readonly GitRef[],
  { peel, symrefs, unborn, prefixes }: LsRefsArguments,
): Uint8Array[] {
  const lines: Uint8Array[] = []
  for (const ref of refs) {
    if (ref.oid === null && !(unborn && ref.target !== undefined)) continue
    if (prefixes.length > 0 && !prefixes.some((prefix) => ref.name.startsWith(prefix))) continue
    let text = `${ref.oid ?? 'unborn'} ${ref.name}`
    if (symrefs && ref.target !== undefined) text += ` symref-target:${ref.target}`
    if (peel && ref.peeled !== undefined) text += ` peeled:${ref.peeled}`
    lines.push(textLine(text))
  }
  lines.push(FLUSH_PKT)
  return lines
}

/** One line of the answer. @throws ProtocolError `bad-message` */
export function decodeRefLine(text: string): GitRef {
  const [first = '', name = '', ...attributes] = text.split(' ')
  if (!(isOid(first) || first === 'unborn') || name === '' || name.length > MAX_REF_NAME) {
    throw refuse('bad-message', `a line that is no ref: '${quoted(text)}'`)
  }
  const ref: { name: string; oid: Oid | null; target?: string; peeled?: Oid } = {
    name,
    oid: isOid(first) ? first : null,
  }
  for (const attribute of attributes) {
    const value = attribute.slice(attribute.indexOf(':') + 1)
    if (attribute.startsWith('symref-target:')) ref.target = value
    else if (attribute.startsWith('peeled:') && isOid(value)) ref.peeled = value
  }
  return ref
}
