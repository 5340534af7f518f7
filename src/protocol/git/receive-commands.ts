import { isOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'
import { isRefName } from '../../ports/ref-store.ts'
import type { RefName } from '../../ports/ref-store.ts'
import { decodeCapabilities } from './capabilities.ts'
import type { Capabilities } from './capabilities.ts'
import { lineText, quoted, readLine, refuse, textLine } from './git-session.ts'
import type { GitSession } from './git-session.ts'
import { MAX_REF_NAME } from './git-refs.ts'

/** What a push asks of one ref; null stands for absent. */
export interface RefCommand {
  /** As it was sent, perhaps no name that a ref may have. */
  readonly name: string
  readonly from: Oid | null
  readonly to: Oid | null
}

/** A command whose name is one that a ref may have. */
export interface RefUpdate extends RefCommand {
  readonly name: RefName
}

export interface CommandList {
  readonly commands: readonly RefCommand[]
  readonly capabilities: Capabilities
}

export const NULL_OID = '0'.repeat(40) as Oid
const MAX_COMMANDS = 10_000

/*
 * What a push begins with (git: gitprotocol-pack, "Reference Update Request and Packfile Transfer"):
 *   OLD SP NEW SP NAME NUL capabilities, OLD SP NEW SP NAME …, flush; forty zeros stand for absent
 */

/** Reads up to the flush; no commands when the client wants nothing after all. @throws ProtocolError `bad-message`, `limit`, `refused` */
export function* readCommands(): GitSession<never, CommandList> {
  const commands: RefCommand[] = []
  let capabilities: Capabilities = new Map()
  for (;;) {
    const line = yield* readLine()
    if (line?.kind === 'flush' || (line === null && commands.length === 0)) return { commands, capabilities }
    if (line?.kind !== 'data') throw refuse('bad-message', 'protocol error: expected old/new/ref, got a sign')
    const [text = '', words] = lineText(line.data).split('\0', 2)
    if (words !== undefined && commands.length === 0) capabilities = decodeCapabilities(words)
    if (text.startsWith('shallow ')) throw refuse('refused', 'shallow update not allowed')
    if (text.startsWith('push-cert')) throw refuse('refused', 'signed pushes are not taken here')
    if (commands.length === MAX_COMMANDS) throw refuse('limit', `more than ${MAX_COMMANDS} refs in one push`)
    commands.push(decodeCommand(text))
  }
}

function decodeCommand(text: string): RefCommand {
  const [from, to, name] = [text.slice(0, 40), text.slice(41, 81), text.slice(82)]
  if (!isOid(from) || !isOid(to) || text[40] !== ' ' || text[81] !== ' ' || name === '' || name.length > MAX_REF_NAME) {
    throw refuse('bad-message', `protocol error: expected old/new/ref, got '${quoted(text)}'`)
  }
  return { name, from: from === NULL_OID ? null : from, to: to === NULL_OID ? null : to }
}

export function encodeCommands(commands: readonly RefCommand[], capabilities: string): Uint8Array[] {
  return commands.map(({ name, from, to }, i) =>
    textLine(`${from ?? NULL_OID} ${to ?? NULL_OID} ${name}${i === 0 ? `\0 ${capabilities}` : ''}`),
  )
}

export function isRefUpdate(command: RefCommand): command is RefUpdate {
  return isRefName(command.name)
}
