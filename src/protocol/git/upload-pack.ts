import { DELIM_PKT, FLUSH_PKT } from '../../objects/pkt-line.ts'
import type { PktLine } from '../../objects/pkt-line.ts'
import type { Oid } from '../../objects/oid.ts'
import { readFetchArguments } from './fetch-arguments.ts'
import type { CommonRequest, FetchArguments } from './fetch-arguments.ts'
import type { GitRef } from './git-refs.ts'
import { ask, lineText, quoted, readLine, refuse, sayingErrors, textLine, write } from './git-session.ts'
import type { GitOutcome, GitSession } from './git-session.ts'
import { encodeLsRefs, readLsRefs } from './ls-refs.ts'
import { encodeObjectInfo, readObjectInfoArguments } from './object-info.ts'

/*
 * `git upload-pack` in version 2 of the protocol (git: gitprotocol-v2), the server's side: whoever fetches or clones is on the other.
 *   advertisement: version 2, agent=…, ls-refs=unborn, fetch=wait-for-done filter, object-format=sha1,
 *     object-info, flush
 *   then any number of requests: command=NAME, capabilities, delim, arguments, flush
 *   until the client sends a lone flush or ends its half.
 * Shallow clones are not offered.
 */

export type UploadPackRequest =
  /** The refs that the peer may see, HEAD first, then by name. */
  | { readonly kind: 'refs' }
  | CommonRequest
  /** Answered by the first of these oids that is reachable from no ref that the peer may see; null when all are. */
  | { readonly kind: 'not-ours'; readonly oids: readonly Oid[] }
  /** Whether each wanted commit descends from one of these, so that a pack would be about as small as it gets. */
  | { readonly kind: 'ready'; readonly wants: readonly Oid[]; readonly common: ReadonlySet<Oid> }
  /** Answered by the size of each object, in the order asked; null for one that is not there, or that the peer may not see. */
  | { readonly kind: 'sizes'; readonly oids: readonly Oid[] }
  /** Write the pack in sideband lines, without the flush behind it. */
  | { readonly kind: 'pack'; readonly fetch: FetchArguments }

export interface UploadPackOptions {
  /** `tandem/0.1.0`. */
  readonly agent: string
  /** The version that the client asked for. */
  readonly version: number
  readonly limits?: Partial<UploadPackLimits>
}

export interface UploadPackLimits {
  /** In one request. A partial clone asks for all the blobs of a checkout at once. */
  readonly wants: number
  /** In one session, counted as they are sent: git repeats the common ones in each request. */
  readonly haves: number
  readonly requests: number
}

export const UPLOAD_PACK_LIMITS: UploadPackLimits = { wants: 250_000, haves: 4_000_000, requests: 4_096 }

const MAX_CAPABILITY_LINES = 100

/** Serves one client until it has what it came for. Refusals are said in git's words, and are the outcome. */
export function uploadPack(options: UploadPackOptions): GitSession<UploadPackRequest, GitOutcome> {
  return sayingErrors(serve(options))
}

function* serve({ agent, version, limits: given }: UploadPackOptions): GitSession<UploadPackRequest, void> {
  const limits = { ...UPLOAD_PACK_LIMITS, ...given }
  if (version !== 2) {
    throw refuse('version', "only version 2 of git's protocol is spoken here: try git -c protocol.version=2")
  }
  for (const line of [
    'version 2',
    `agent=${agent}`,
    'ls-refs=unborn',
    'fetch=wait-for-done filter',
    'object-format=sha1',
    'object-info',
  ]) {
    yield* write(textLine(line))
  }
  yield* write(FLUSH_PKT)
  let haves = 0
  for (let requests = 0; ; requests++) {
    const request = yield* readCommand()
    if (!request) return
    if (requests === limits.requests) throw refuse('limit', `more than ${limits.requests} requests in one session`)
    if (request.command === 'ls-refs') {
      const wish = request.hasArguments ? yield* readLsRefs() : ALL_REFS
      const refs = yield* ask<UploadPackRequest, readonly GitRef[]>({ kind: 'refs' })
      yield* write(...encodeLsRefs(refs, wish))
    } else if (request.command === 'object-info') {
      const oids = request.hasArguments ? yield* readObjectInfoArguments(limits.wants) : null
      if (!oids) {
        yield* write(FLUSH_PKT)
        continue
      }
      const sizes = yield* ask<UploadPackRequest, readonly (number | null)[]>({ kind: 'sizes', oids })
      yield* write(encodeObjectInfo(oids, sizes))
    } else if (request.hasArguments) {
      const fetch = yield* readFetchArguments({ wants: limits.wants, haves: limits.haves - haves })
      haves += fetch.haves
      yield* answerFetch(fetch)
    }
  }
}

const ALL_REFS = { peel: false, symrefs: false, unborn: false, prefixes: [] }

function* answerFetch(fetch: FetchArguments): GitSession<UploadPackRequest, void> {
  const { wants, common, done, waitForDone } = fetch
  const hidden = wants.length > 0 ? yield* ask<UploadPackRequest, Oid | null>({ kind: 'not-ours', oids: wants }) : null
  if (hidden) throw refuse('refused', `upload-pack: not our ref ${hidden}`)
  // Who wants nothing asks for acknowledgments at most.
  if (wants.length === 0 && !waitForDone) return
  if (fetch.haves > 0 && !done) {
    yield* write(textLine('acknowledgments'))
    if (common.size === 0) yield* write(textLine('NAK'))
    for (const oid of common) yield* write(textLine(`ACK ${oid}`))
    const ready =
      !waitForDone && common.size > 0 && (yield* ask<UploadPackRequest, boolean>({ kind: 'ready', wants, common }))
    if (!ready) return yield* write(FLUSH_PKT)
    yield* write(textLine('ready'), DELIM_PKT)
  }
  if (wants.length === 0) return
  yield* write(textLine('packfile'))
  yield* ask<UploadPackRequest, void>({ kind: 'pack', fetch })
  yield* write(FLUSH_PKT)
}

const COMMANDS = ['ls-refs', 'fetch', 'object-info'] as const
type Command = (typeof COMMANDS)[number]

/** The head of a request; null when the client is done. */
function* readCommand(): GitSession<never, { command: Command; hasArguments: boolean } | null> {
  let command: Command | null = null
  for (let lines = 0; ; lines++) {
    const line: PktLine | null = yield* readLine()
    if (line === null || line.kind !== 'data') {
      if (lines === 0 && (line === null || line.kind === 'flush')) return null
      if (line === null) throw refuse('bad-message', 'the remote end hung up unexpectedly')
      if (!command) throw refuse('bad-message', 'no command requested')
      return { command, hasArguments: line.kind === 'delim' }
    }
    if (lines === MAX_CAPABILITY_LINES) throw refuse('limit', 'too many capabilities in one request')
    const text = lineText(line.data)
    if (text.startsWith('command=')) {
      const name = text.slice('command='.length)
      const known = COMMANDS.find((each) => each === name)
      if (!known) throw refuse('bad-message', `invalid command '${quoted(name)}'`)
      if (command) {
        throw refuse('bad-message', `command '${name}' requested after already requesting command '${command}'`)
      }
      command = known
    } else checkCapability(text)
  }
}

function checkCapability(text: string): void {
  if (text.startsWith('agent=')) return
  if (text.startsWith('object-format=')) {
    const format = text.slice('object-format='.length)
    if (format === 'sha1') return
    throw refuse('bad-message', `mismatched object format: server sha1; client ${quoted(format)}`)
  }
  throw refuse('bad-message', `unknown capability '${quoted(text)}'`)
}
