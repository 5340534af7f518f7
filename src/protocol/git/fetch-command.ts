import { concatBytes } from '../../objects/bytes.ts'
import { DELIM_PKT, FLUSH_PKT } from '../../objects/pkt-line.ts'
import type { Oid } from '../../objects/oid.ts'
import { serverText } from './fetch-client.ts'
import { quoted, readLine, refuse, textLine } from './git-session.ts'
import type { GitSession } from './git-session.ts'
import { encodeFilter } from './object-filter.ts'
import type { ObjectFilter } from './object-filter.ts'

/*
 * One `fetch` command of protocol version 2 (git: gitprotocol-v2) for a client that knows what it wants, and says `done` at once:
 * no rounds of negotiation, so that several commands can be under way on one stream. Deltas name their bases by oid (no `ofs-delta`):
 * what comes is cut into packs of its own.
 */

export interface FetchCommand {
  readonly wants: readonly Oid[]
  /** Commits of ours whose histories are here, as far as the filter asks for them. */
  readonly haves: readonly Oid[]
  readonly filter: ObjectFilter
  /** Whether deltas may build on what the haves reach. */
  readonly thinPack: boolean
}

export function encodeFetchCommand(agent: string, { wants, haves, filter, thinPack }: FetchCommand): Uint8Array {
  const spec = encodeFilter(filter)
  return concatBytes([
    ...['command=fetch', `agent=${agent}`, 'object-format=sha1'].map(textLine),
    DELIM_PKT,
    ...(thinPack ? [textLine('thin-pack')] : []),
    textLine('no-progress'),
    ...(spec === null ? [] : [textLine(`filter ${spec}`)]),
    ...wants.map((oid) => textLine(`want ${oid}`)),
    ...haves.map((oid) => textLine(`have ${oid}`)),
    textLine('done'),
    FLUSH_PKT,
  ])
}

/** Reads up to the pack, which follows in sideband lines. @throws ProtocolError `refused` with the server's words, `bad-message` */
export function* readPackfileHeader(): GitSession<never, void> {
  const line = yield* readLine()
  if (!line) throw refuse('bad-message', 'the remote end hung up unexpectedly')
  const text = serverText(line)
  if (text !== 'packfile') throw refuse('bad-message', `a section nobody asked for: '${quoted(text)}'`)
}
