import { isOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'
import { ask, lineText, quoted, readLine, refuse } from './git-session.ts'
import type { GitSession } from './git-session.ts'
import { decodeFilter, isKnownFilter, NO_FILTER } from './object-filter.ts'
import type { ObjectFilter } from './object-filter.ts'

/** Asks which of these commits are there, among what the peer may see; answered by their oids. */
export interface CommonRequest {
  readonly kind: 'common'
  readonly oids: readonly Oid[]
}

/** What a client said in one `fetch` command. */
export interface FetchArguments {
  readonly wants: readonly Oid[]
  /** Of the client's haves those that we have too; nobody keeps the others. */
  readonly common: ReadonlySet<Oid>
  /** Lines of `have`, common or not. */
  readonly haves: number
  readonly done: boolean
  readonly waitForDone: boolean
  readonly thinPack: boolean
  readonly ofsDelta: boolean
  readonly noProgress: boolean
  readonly includeTag: boolean
  readonly filter: ObjectFilter
}

export interface FetchLimits {
  readonly wants: number
  readonly haves: number
}

/** Haves that are looked up at a time: what a request holds in memory does not grow with the number of its haves. */
const LOOK_UP = 1024

type Switch = 'done' | 'waitForDone' | 'thinPack' | 'ofsDelta' | 'noProgress' | 'includeTag'
const SWITCHES: ReadonlyMap<string, Switch> = new Map([
  ['done', 'done'],
  ['wait-for-done', 'waitForDone'],
  ['thin-pack', 'thinPack'],
  ['ofs-delta', 'ofsDelta'],
  ['no-progress', 'noProgress'],
  ['include-tag', 'includeTag'],
])

/** Reads the arguments up to the flush. @throws ProtocolError `bad-message`, `refused`, in git's words; `limit` */
export function* readFetchArguments(limits: FetchLimits): GitSession<CommonRequest, FetchArguments> {
  const switches: Record<Switch, boolean> = {
    done: false,
    waitForDone: false,
    thinPack: false,
    ofsDelta: false,
    noProgress: false,
    includeTag: false,
  }
  const wants = new Set<Oid>()
  const common = new Set<Oid>()
  let filter: ObjectFilter = NO_FILTER
  let pending: Oid[] = []
  let haves = 0
  function* lookUp(): GitSession<CommonRequest, void> {
    for (const oid of yield* ask<CommonRequest, readonly Oid[]>({ kind: 'common', oids: pending })) common.add(oid)
    pending = []
  }
  for (;;) {
    const line = yield* readLine()
    if (line?.kind === 'flush') break
    if (line?.kind !== 'data') throw refuse('bad-message', 'expected flush after fetch arguments')
    const text = lineText(line.data)
    const name = SWITCHES.get(text)
    if (name) switches[name] = true
    else if (text.startsWith('want ')) {
      const oid = text.slice('want '.length)
      if (!isOid(oid)) {
        throw refuse('bad-message', `git upload-pack: protocol error, expected to get oid, not '${quoted(text)}'`)
      }
      wants.add(oid)
      if (wants.size > limits.wants) throw refuse('limit', `more than ${limits.wants} wants in one request`)
    } else if (text.startsWith('have ')) {
      const oid = text.slice('have '.length)
      if (!isOid(oid)) throw refuse('bad-message', `git upload-pack: expected SHA1 object, got '${quoted(oid)}'`)
      if (++haves > limits.haves) throw refuse('limit', 'too many haves in one session')
      pending.push(oid)
      if (pending.length === LOOK_UP) yield* lookUp()
    } else if (text.startsWith('filter ')) filter = filterOf(text.slice('filter '.length))
    else throw refuse('bad-message', `unexpected line: '${quoted(text)}'`)
  }
  if (pending.length > 0) yield* lookUp()
  return { wants: [...wants], common, haves, filter, ...switches }
}

function filterOf(spec: string): ObjectFilter {
  const filter = decodeFilter(spec)
  if (filter) return filter
  if (isKnownFilter(spec)) throw refuse('refused', `filter '${quoted(spec.split(/[:=]/)[0]!)}' not supported`)
  throw refuse('bad-message', `invalid filter-spec '${quoted(spec)}'`)
}
