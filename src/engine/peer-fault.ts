import type { PeerFault } from '../peers/peer-states.ts'
import { TandemError } from '../ports/errors.ts'
import type { CloseReason } from '../ports/transport.ts'

/** An error as a peer's state keeps it. */
export function peerFault(error: unknown, at: number): PeerFault {
  const code = error instanceof TandemError ? error.code : 'error'
  return { at, code, message: error instanceof Error ? error.message : String(error) }
}

/** Why a connection ended, in words. */
export function closeSentence(reason: CloseReason): string {
  if (reason.by === 'peer') return reason.reason ? `the other device closed the connection (${reason.reason})` : 'the other device closed the connection'
  if (reason.by === 'network') return 'the connection was lost'
  return reason.reason || 'closed here'
}
