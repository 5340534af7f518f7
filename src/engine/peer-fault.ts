import type { PeerFault } from '../peers/peer-states.ts'
import { TandemError } from '../ports/errors.ts'
import type { CloseReason } from '../ports/transport.ts'
import { cleanText } from '../protocol/messages.ts'

/** An error as a peer's state keeps it. */
export function peerFault(error: unknown, at: number): PeerFault {
  const code = error instanceof TandemError ? error.code : 'error'
  return { at, code, message: error instanceof Error ? error.message : String(error) }
}

/** Why a connection ended, in words. */
export function closeSentence(reason: CloseReason): string {
  if (reason.by === 'peer') {
    const words = cleanText(reason.reason, 200)
    return words ? `the other device closed the connection (${words})` : 'the other device closed the connection'
  }
  if (reason.by === 'network') return 'the connection was lost'
  return reason.reason || 'closed here'
}
