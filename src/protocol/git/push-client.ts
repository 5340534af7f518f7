import { FLUSH_PKT } from '../../objects/pkt-line.ts'
import { isOid } from '../../objects/oid.ts'
import { decodeCapabilities, encodeCapabilities } from './capabilities.ts'
import type { Capabilities } from './capabilities.ts'
import { serverText } from './fetch-client.ts'
import { MAX_REFS } from './git-refs.ts'
import type { GitRef } from './git-refs.ts'
import { ask, quoted, readLine, refuse, write } from './git-session.ts'
import type { GitSession } from './git-session.ts'
import { readPushReport } from './push-report.ts'
import type { PushReport } from './push-report.ts'
import { encodeCommands, NULL_OID } from './receive-commands.ts'
import type { RefCommand } from './receive-commands.ts'

/*
 * Pushing to any `git receive-pack` (git: gitprotocol-pack, versions 0 and 1), the client's side.
 */

export type PushClientRequest =
  /** What to ask for, given the server's refs; none: the session ends. Answered by RefCommands. */
  | { readonly kind: 'commands'; readonly refs: readonly GitRef[] }
  /** Write the pack for these, raw, right on the stream. */
  | {
      readonly kind: 'pack'
      readonly commands: readonly RefCommand[]
      readonly refs: readonly GitRef[]
      readonly ofsDelta: boolean
    }
  /** From now on lines come out of band 1 of sideband lines. */
  | { readonly kind: 'unband' }

export interface PushClientOptions {
  readonly agent: string
  readonly atomic: boolean
}

/** Null when there was nothing to push. @throws ProtocolError: `refused` with what the server said, `bad-message`, `limit` */
export function* pushClient({ agent, atomic }: PushClientOptions): GitSession<PushClientRequest, PushReport | null> {
  const { refs, capabilities } = yield* readAdvertisement()
  const commands = yield* ask<PushClientRequest, readonly RefCommand[]>({ kind: 'commands', refs })
  if (commands.length === 0) {
    yield* write(FLUSH_PKT)
    return null
  }
  if (!capabilities.has('report-status')) throw refuse('refused', 'the other side would not say how the push went')
  if (atomic && !capabilities.has('atomic')) throw refuse('refused', 'the other side does not support atomic pushes')
  if (commands.some(({ to }) => to === null) && !capabilities.has('delete-refs')) {
    throw refuse('refused', 'the other side deletes no refs')
  }
  const banded = capabilities.has('side-band-64k')
  const wish: [string, string | null][] = [['report-status', null]]
  if (banded) wish.push(['side-band-64k', null])
  if (atomic) wish.push(['atomic', null])
  if (capabilities.has('object-format')) wish.push(['object-format', 'sha1'])
  if (capabilities.has('agent')) wish.push(['agent', agent])
  yield* write(...encodeCommands(commands, encodeCapabilities(wish)), FLUSH_PKT)
  if (commands.some(({ to }) => to !== null)) {
    yield* ask<PushClientRequest, void>({ kind: 'pack', commands, refs, ofsDelta: capabilities.has('ofs-delta') })
  }
  if (banded) yield* ask<PushClientRequest, void>({ kind: 'unband' })
  return yield* readPushReport()
}

function* readAdvertisement(): GitSession<never, { refs: readonly GitRef[]; capabilities: Capabilities }> {
  const refs: GitRef[] = []
  let capabilities: Capabilities | undefined
  for (let lines = 0; ; lines++) {
    const line = yield* readLine()
    if (line === null) throw refuse('refused', 'the other side ended before it said anything')
    if (line.kind === 'flush') break
    if (lines > MAX_REFS) throw refuse('limit', `more than ${MAX_REFS} refs`)
    const text = serverText(line)
    if (lines === 0 && text === 'version 1') continue
    const [ref = '', words] = text.split('\0', 2)
    capabilities ??= decodeCapabilities(words ?? '')
    const [oid, name] = [ref.slice(0, 40), ref.slice(41)]
    if (!isOid(oid) || name === '') throw refuse('bad-message', `a line that is no ref: '${quoted(ref)}'`)
    if (oid !== NULL_OID && name !== '.have') refs.push({ name, oid })
  }
  const format = capabilities?.get('object-format') ?? 'sha1'
  if (format !== 'sha1') throw refuse('refused', `the repository is of the format ${quoted(format)}, not sha1`)
  return { refs, capabilities: capabilities ?? new Map() }
}
