import type { PeerReport } from '../../engine/device.ts'
import type { PeerFault } from '../../peers/peer-states.ts'
import type { PathInfo } from '../../ports/transport.ts'
import { formatAgo, formatWait } from './format.ts'
import { filesSentence, type SyncProgress } from './sync-progress.ts'

/** Of a report, what the sentence needs. */
export type PeerFacts = Pick<PeerReport, 'state' | 'current'> & {
  readonly record: Pick<PeerReport['record'], 'lastSyncAt' | 'autoConnect'>
}

/** How a peer stands, in one plain sentence. */
export function peerSentence(report: PeerFacts, now: number, progress?: SyncProgress): string {
  const { state } = report
  switch (state.link) {
    case 'connecting':
      return 'Connecting…'
    case 'disconnecting':
      return 'Disconnecting…'
    case 'connected':
      if (state.health === 'unhealthy') return 'Not answering'
      return `${connectedBy(state.path)} · ${activity(report, progress)}`
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

function activity({ state, current }: PeerFacts, progress: SyncProgress | undefined): string {
  if (progress && progress.filesTotal > 0) return `receiving ${filesSentence(progress)}`
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

function absence({ state, record }: PeerFacts, now: number): string {
  const lasting = state.lastError && lastingFault(state.lastError)
  if (lasting) return lasting
  const waits = state.retryAt !== null && state.retryAt > now
  // Nobody tries, and nothing went wrong: a person said so.
  if (!waits && (!record.autoConnect || (state.lastError === null && record.lastSyncAt !== null)))
    return 'Disconnected by you'
  const seen = record.lastSyncAt === null ? 'Never connected yet' : `Last seen ${formatAgo(record.lastSyncAt, now)}`
  return waits ? `${seen} · retrying in ${formatWait(state.retryAt - now)}` : seen
}
