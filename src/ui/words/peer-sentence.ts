import type { PeerReport } from '../../engine/device.ts'
import type { PeerFault } from '../../peers/peer-states.ts'
import type { PathInfo } from '../../ports/transport.ts'
import { formatAgo, formatWait } from './format.ts'
import { transfersSentence, type PeerTransfers } from './sync-progress.ts'

/** Of a report, what the sentence needs. */
export type PeerFacts = Pick<PeerReport, 'state' | 'current' | 'held'> & {
  readonly record: Pick<PeerReport['record'], 'lastSyncAt'>
}

/** How a peer stands, in one plain sentence. */
export function peerSentence(report: PeerFacts, now: number, transfers: PeerTransfers = {}): string {
  const { state } = report
  switch (state.link) {
    case 'connecting':
      return 'Connecting…'
    case 'disconnecting':
      return 'Disconnecting…'
    case 'connected':
      if (state.health === 'unhealthy') return 'Not answering'
      return `${connectedBy(state.path)} · ${activity(report, transfers)}`
    case 'disconnected':
      return absence(report, now)
  }
}

/** Whether a person has to do something about this peer. */
export function needsAttention({ state }: PeerFacts): boolean {
  return state.link === 'disconnected' && state.lastError !== null && lastingFault(state.lastError) !== null
}

function connectedBy(path: PathInfo | null): string {
  switch (path?.kind) {
    case 'direct':
      return 'Connected directly'
    case 'relay':
      return 'Connected through a relay'
    case 'local':
      return 'Connected on the local network'
    case undefined:
      return 'Connected'
  }
}

function activity({ state, current }: PeerFacts, transfers: PeerTransfers): string {
  const moving = transfersSentence(transfers)
  if (moving) return moving
  if (state.activity === 'syncing') return 'syncing'
  return current ? 'up to date' : 'catching up'
}

/** Faults that no further attempt heals. */
function lastingFault({ code, message }: Pick<PeerFault, 'code' | 'message'>): string | null {
  switch (code) {
    case 'version':
      return `Needs an update on ${/update Tandem on (.+)$/u.exec(message)?.[1] ?? 'that device'}`
    case 'declined':
      return 'Removed this device: pair again'
    case 'mismatch':
    case 'unauthorised':
      return 'Does not know this device any more: pair again'
    case 'identity':
      return 'Is not the device it says it is: remove it and pair again'
    default:
      return null
  }
}

function absence({ state, held, record }: PeerFacts, now: number): string {
  const lasting = state.lastError && lastingFault(state.lastError)
  if (lasting) return lasting
  if (held) return 'Disconnected by you'
  const waits = state.retryAt !== null && state.retryAt > now
  const seen = record.lastSyncAt === null ? 'Not in step yet' : `Last seen ${formatAgo(record.lastSyncAt, now)}`
  return waits ? `${seen} · retrying in ${formatWait(state.retryAt - now)}` : seen
}
