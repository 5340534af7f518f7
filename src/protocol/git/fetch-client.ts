import { DELIM_PKT, FLUSH_PKT } from '../../objects/pkt-line.ts'
import type { PktLine } from '../../objects/pkt-line.ts'
import { isOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'
import { decodeCapabilities } from './capabilities.ts'
import { MAX_REFS } from './git-refs.ts'
import type { GitRef } from './git-refs.ts'
import { ask, lineText, quoted, readLine, refuse, textLine, write } from './git-session.ts'
import type { GitSession } from './git-session.ts'
import { decodeRefLine } from './ls-refs.ts'
import { encodeFilter } from './object-filter.ts'
import type { ObjectFilter } from './object-filter.ts'

/*
 * Fetching with version 2 of the protocol (git: gitprotocol-v2), the client's side, from any `git upload-pack`: look at the
 * refs, say what is wanted, name what is here in growing rounds until the server is ready, take the pack.
 */

export type FetchClientRequest =
  /** What to fetch of these; none: the session ends. Answered by oids. */
  | { readonly kind: 'wants'; readonly refs: readonly GitRef[] }
  /**
   * The next commits of ours to tell the server of, at most so many. `common` are those that it acknowledged since the last question:
   * what they descend from need not be named. Answered by oids; none when there are no more.
   */
  | { readonly kind: 'haves'; readonly count: number; readonly common: readonly Oid[] }
  /** Take in the pack that follows in sideband lines, up to the flush. */
  | { readonly kind: 'pack' }

export interface FetchClientOptions {
  readonly agent: string
  /** Of the refs, those whose names begin so; empty: all. */
  readonly refPrefixes: readonly string[]
  readonly filter: ObjectFilter
  /** Whether the pack may build on what is here. Not when much is missing here that a commit names (a partial clone). */
  readonly thinPack: boolean
  readonly includeTag: boolean
  readonly progress: boolean
  /**
   * Asks for the refs before the server has said what it can: one round trip less. Only of a server that reads on when it refuses, lest
   * the refusal be lost.
   */
  readonly listsAtOnce?: boolean
}

export interface FetchSummary {
  readonly refs: readonly GitRef[]
  /** Whether a pack came. */
  readonly fetched: boolean
}

const FIRST_HAVES = 16
/** As git's: doubling up to here keeps the number of rounds small, and each of them bounded. */
const MOST_HAVES = 16_384
/** Haves after which nothing new in common is expected any more. */
const IN_VAIN = 256
const MAX_LINES = 1_000_000

/** @throws ProtocolError: `refused` with what the server said, `version`, `bad-message`, `limit` */
export function* fetchClient(options: FetchClientOptions): GitSession<FetchClientRequest, FetchSummary> {
  // No capability is named that the server has not offered yet: such a request every server of version 2 takes.
  if (options.listsAtOnce) yield* askForRefs(options, [], [])
  const features = yield* readAdvertisement()
  const preamble = [`agent=${options.agent}`, ...(features.has('object-format') ? ['object-format=sha1'] : [])]
  const unborn = features.get('ls-refs')?.split(',').includes('unborn')
  if (!options.listsAtOnce) yield* askForRefs(options, preamble, unborn ? ['unborn'] : [])
  const refs = yield* readRefs()
  const wants = yield* ask<FetchClientRequest, readonly Oid[]>({ kind: 'wants', refs })
  if (wants.length > 0) yield* fetchPack(options, features, preamble, wants)
  yield* write(FLUSH_PKT)
  return { refs, fetched: wants.length > 0 }
}

/** What the server offers: a command's features, or a capability's value, by name. */
export type Features = ReadonlyMap<string, string | null>

/** Reads what a server of version 2 says first. @throws ProtocolError `version`, `refused`, `bad-message` */
export function* readAdvertisement(): GitSession<never, Features> {
  const first = yield* readLine()
  if (first === null) throw refuse('refused', 'the other side ended before it said anything')
  if (first.kind !== 'data' || serverText(first) !== 'version 2') {
    throw refuse('version', "the other side does not speak version 2 of git's protocol")
  }
  const lines: string[] = []
  for (;;) {
    const line = yield* readLine()
    if (line?.kind === 'flush') break
    if (line?.kind !== 'data' || lines.length === 100) throw refuse('bad-message', 'an advertisement that does not end')
    lines.push(serverText(line).replaceAll(' ', ','))
  }
  const features = decodeCapabilities(lines.join(' '))
  const format = features.get('object-format') ?? 'sha1'
  if (format !== 'sha1') throw refuse('refused', `the repository is of the format ${quoted(format)}, not sha1`)
  return features
}

function* askForRefs(
  { refPrefixes }: FetchClientOptions,
  preamble: readonly string[],
  more: readonly string[],
): GitSession<never, void> {
  const wishes = ['peel', 'symrefs', ...more, ...refPrefixes.map((prefix) => `ref-prefix ${prefix}`)]
  const lines = ['command=ls-refs', ...preamble]
  yield* write(...lines.map(textLine), DELIM_PKT, ...wishes.map(textLine), FLUSH_PKT)
}

function* readRefs(): GitSession<never, readonly GitRef[]> {
  const refs: GitRef[] = []
  for (;;) {
    const line = yield* readLine()
    if (line?.kind === 'flush') return refs
    if (line?.kind !== 'data') throw refuse('bad-message', 'the list of refs ended early')
    if (refs.length === MAX_REFS) throw refuse('limit', `more than ${MAX_REFS} refs`)
    refs.push(decodeRefLine(serverText(line)))
  }
}

function* fetchPack(
  options: FetchClientOptions,
  features: Features,
  preamble: readonly string[],
  wants: readonly Oid[],
): GitSession<FetchClientRequest, void> {
  const filter = encodeFilter(options.filter)
  if (filter !== null && !features.get('fetch')?.split(',').includes('filter')) {
    throw refuse('refused', 'the other side offers no partial fetch')
  }
  const head = [
    ...['command=fetch', ...preamble].map(textLine),
    DELIM_PKT,
    ...(options.thinPack ? [textLine('thin-pack')] : []),
    ...(options.progress ? [] : [textLine('no-progress')]),
    ...(options.includeTag ? [textLine('include-tag')] : []),
    textLine('ofs-delta'),
    ...(filter === null ? [] : [textLine(`filter ${filter}`)]),
    ...wants.map((oid) => textLine(`want ${oid}`)),
  ]
  const common = new Set<Oid>()
  let news: Oid[] = []
  let inVain = 0
  for (let count = FIRST_HAVES; ; count = Math.min(2 * count, MOST_HAVES)) {
    const haves = yield* ask<FetchClientRequest, readonly Oid[]>({ kind: 'haves', count, common: news })
    const done = haves.length === 0 || (common.size > 0 && inVain >= IN_VAIN)
    yield* write(...head, ...[...common, ...(done ? [] : haves)].map((oid) => textLine(`have ${oid}`)))
    yield* write(...(done ? [textLine('done')] : []), FLUSH_PKT)
    const asked = new Set(haves)
    const answer = yield* readAcknowledgments(asked, common)
    if (answer.section === 'packfile') return yield* ask<FetchClientRequest, void>({ kind: 'pack' })
    if (done) throw refuse('bad-message', 'the server sends no pack')
    news = answer.acknowledged.filter((oid) => !common.has(oid))
    inVain = news.length > 0 ? 0 : inVain + haves.length
    for (const oid of news) common.add(oid)
  }
}

/** Reads up to the pack, or to the flush after which the next round begins. */
function* readAcknowledgments(
  asked: ReadonlySet<Oid>,
  common: ReadonlySet<Oid>,
): GitSession<never, { section: 'packfile' | 'none'; acknowledged: Oid[] }> {
  const acknowledged: Oid[] = []
  let section = ''
  for (let lines = 0; lines < MAX_LINES; lines++) {
    const line = yield* readLine()
    if (line === null) throw refuse('bad-message', 'the remote end hung up unexpectedly')
    if (line.kind === 'flush') {
      if (section === 'acknowledgments') return { section: 'none', acknowledged }
      throw refuse('bad-message', 'the answer to a fetch ended early')
    }
    if (line.kind === 'delim') {
      section = ''
      continue
    }
    const text = serverText(line)
    if (section === '') {
      if (text === 'packfile') return { section: 'packfile', acknowledged }
      if (text !== 'acknowledgments') throw refuse('bad-message', `a section nobody asked for: '${quoted(text)}'`)
      section = text
    } else if (text.startsWith('ACK ')) {
      const oid = text.slice('ACK '.length)
      if (!isOid(oid) || !(asked.has(oid) || common.has(oid))) {
        throw refuse('bad-message', `an acknowledgment of what we do not have: '${quoted(text)}'`)
      }
      acknowledged.push(oid)
    } else if (text !== 'NAK' && text !== 'ready') {
      throw refuse('bad-message', `unexpected acknowledgment line: '${quoted(text)}'`)
    }
  }
  throw refuse('limit', 'too many acknowledgments')
}

/** A line's text. @throws ProtocolError `refused` when it is an error that the server tells, or no text at all */
export function serverText(line: PktLine): string {
  if (line.kind !== 'data') throw refuse('bad-message', 'a sign where a line belongs')
  const text = lineText(line.data)
  if (text.startsWith('ERR ')) throw refuse('refused', quoted(text.slice('ERR '.length)))
  return text
}
