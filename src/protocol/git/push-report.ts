import { concatBytes } from '../../objects/bytes.ts'
import { FLUSH_PKT } from '../../objects/pkt-line.ts'
import { lineText, quoted, readLine, refuse, textLine } from './git-session.ts'
import type { GitSession } from './git-session.ts'

/*
 * How a push went (git: gitprotocol-pack, "Report Status"):
 *   unpack ok|REASON, then for each ref: ok NAME | ng NAME REASON, flush
 */

export interface PushReport {
  /** Null when the pack was taken in. */
  readonly unpack: string | null
  /** For each ref null, or why it was not moved. */
  readonly refs: ReadonlyMap<string, string | null>
}

const MAX_REFS_IN_REPORT = 100_000

export function encodePushReport({ unpack, refs }: PushReport): Uint8Array {
  const lines = [textLine(`unpack ${unpack === null ? 'ok' : oneLine(unpack)}`)]
  for (const [name, reason] of refs)
    lines.push(textLine(reason === null ? `ok ${name}` : `ng ${name} ${oneLine(reason)}`))
  return concatBytes([...lines, FLUSH_PKT])
}

/** @throws ProtocolError `bad-message`, `limit` */
export function* readPushReport(): GitSession<never, PushReport> {
  const refs = new Map<string, string | null>()
  let unpack: string | null | undefined
  for (;;) {
    const line = yield* readLine()
    if (line?.kind === 'flush') break
    if (line?.kind !== 'data') throw refuse('bad-message', 'the report of a push ended early')
    const text = lineText(line.data)
    const [word = '', name = '', ...reason] = text.split(' ')
    if (unpack === undefined) {
      if (word !== 'unpack') throw refuse('bad-message', `not the report of a push: '${quoted(text)}'`)
      unpack = name === 'ok' ? null : quoted(text.slice('unpack '.length))
    } else if (word === 'ok') refs.set(name, null)
    else if (word === 'ng') refs.set(name, quoted(reason.join(' ')) || 'failed')
    else if (word !== 'option') throw refuse('bad-message', `not the report of a push: '${quoted(text)}'`)
    if (refs.size > MAX_REFS_IN_REPORT) throw refuse('limit', 'a report of too many refs')
  }
  if (unpack === undefined) throw refuse('bad-message', 'the report of a push is empty')
  return { unpack, refs }
}

/** A reason ends where its line does. */
function oneLine(text: string): string {
  return quoted(text.replace(/\s+/g, ' '))
}
