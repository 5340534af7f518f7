import { FLUSH_PKT } from '../../objects/pkt-line.ts'
import type { GitRef } from './git-refs.ts'
import { ask, sayingErrors, textLine, write } from './git-session.ts'
import type { GitOutcome, GitSession } from './git-session.ts'
import { encodePushReport } from './push-report.ts'
import { isRefUpdate, NULL_OID, readCommands } from './receive-commands.ts'
import type { CommandList, RefUpdate } from './receive-commands.ts'
import { BandWriter } from './sideband.ts'

/*
 * `git receive-pack` in versions 0 and 1 of the protocol (there is no 2 for it; git: gitprotocol-pack), the server's side.
 *   [version 1,] OID SP NAME NUL capabilities, OID SP NAME …, flush
 *   the client's commands, then a pack unless all of them delete, then our report
 * Order of work (T2): the pack into quarantine, every ref checked against it, the objects kept, the refs moved, the report.
 */

/** By ref: null when it may be, or was, moved; else the reason, in git's words where it has some. */
export type RefReasons = ReadonlyMap<string, string | null>

export type ReceivePackRequest =
  | { readonly kind: 'refs' }
  /** Take in the pack that follows on the stream, into quarantine. Answered by null, or by what is wrong with it. */
  | { readonly kind: 'quarantine' }
  /** Whether each may be moved: rights, old value, connectivity. Answered by RefReasons. Nothing is moved yet. */
  | { readonly kind: 'check'; readonly updates: readonly RefUpdate[] }
  /** Move the refs, after what is in quarantine became part of the store. Answered by RefReasons. */
  | { readonly kind: 'update'; readonly updates: readonly RefUpdate[]; readonly atomic: boolean }

export interface ReceivePackOptions {
  /** `tandem/0.1.0`. */
  readonly agent: string
  /** The version that the client asked for; 2 means 0 here, as with git. */
  readonly version: number
}

const CAPABILITIES = 'report-status delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1'

/** Serves one push. What the session itself refuses is the outcome; what happened to the refs is in the report alone. */
export function receivePack(options: ReceivePackOptions): GitSession<ReceivePackRequest, GitOutcome> {
  return sayingErrors(serve(options))
}

function* serve({ agent, version }: ReceivePackOptions): GitSession<ReceivePackRequest, void> {
  if (version === 1) yield* write(textLine('version 1'))
  yield* advertise(yield* ask<ReceivePackRequest, readonly GitRef[]>({ kind: 'refs' }), agent)
  const list = yield* readCommands()
  if (list.commands.length === 0) return
  const { capabilities } = list
  const isPackComing = list.commands.some(({ to }) => to !== null)
  const unpack = isPackComing ? yield* ask<ReceivePackRequest, string | null>({ kind: 'quarantine' }) : null
  const refs =
    unpack === null ? yield* moveRefs(list) : new Map(list.commands.map(({ name }) => [name, UNPACKER_ERROR]))
  if (!capabilities.has('report-status')) return
  const report = encodePushReport({ unpack, refs })
  if (!capabilities.has('side-band-64k')) return yield* write(report)
  const bands = new BandWriter()
  yield* write(...bands.push(report), ...bands.flush(), FLUSH_PKT)
}

const UNPACKER_ERROR = 'unpacker error'
const ATOMIC_FAILURE = 'atomic push failure'

function* advertise(refs: readonly GitRef[], agent: string): GitSession<never, void> {
  const capabilities = `${CAPABILITIES} agent=${agent}`
  let first = true
  for (const { name, oid } of refs) {
    if (oid === null || name === 'HEAD') continue
    yield* write(textLine(`${oid} ${name}${first ? `\0${capabilities}` : ''}`))
    first = false
  }
  if (first) yield* write(textLine(`${NULL_OID} capabilities^{}\0${capabilities}`))
  yield* write(FLUSH_PKT)
}

function* moveRefs({ commands, capabilities }: CommandList): GitSession<ReceivePackRequest, RefReasons> {
  const reasons = new Map<string, string | null>()
  const met = new Set<string>()
  for (const command of commands) {
    const twice = met.has(command.name)
    met.add(command.name)
    if (!isRefUpdate(command)) reasons.set(command.name, 'funny refname')
    else if (twice) reasons.set(command.name, `multiple updates for ref '${command.name}' not allowed`)
    else if (command.from === null && command.to === null) reasons.set(command.name, 'nothing to do')
  }
  const open = () => commands.filter(isRefUpdate).filter(({ name }) => !reasons.get(name))
  note(reasons, yield* ask<ReceivePackRequest, RefReasons>({ kind: 'check', updates: open() }))
  const atomic = capabilities.has('atomic')
  if (atomic && [...reasons.values()].some((reason) => reason !== null)) {
    for (const { name } of open()) reasons.set(name, ATOMIC_FAILURE)
  }
  const updates = open()
  if (updates.length > 0) note(reasons, yield* ask<ReceivePackRequest, RefReasons>({ kind: 'update', updates, atomic }))
  return new Map(commands.map(({ name }) => [name, reasons.get(name) ?? null]))
}

function note(reasons: Map<string, string | null>, more: RefReasons): void {
  for (const [name, reason] of more) if (!reasons.get(name)) reasons.set(name, reason)
}
