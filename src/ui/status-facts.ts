import type { PeerReport } from '../engine/device.ts'
import { screenClock } from './clock.ts'
import type { TandemFace } from './face.ts'
import { changesThatStay } from './shares/changes-that-stay.ts'
import { firstShareError, waitingChange } from './shares/all-shares.ts'
import type { TransferWatch } from './transfer-watch.ts'
import { peerSentence } from './words/peer-sentence.ts'
import { statusSummary, type StatusFacts, type StatusSummary } from './words/status-summary.ts'

export function statusFacts(face: TandemFace, transfers: TransferWatch): StatusFacts {
  return {
    condition: face.condition,
    peers: face.device?.peerReports() ?? [],
    consent: waitingChange(face)?.consent ?? null,
    shareError: firstShareError(face),
    progress: transfers.total(),
    writing: transfers.writing(),
    staysHere: changesThatStay(face),
  }
}

/** How a peer stands. While nothing can be connected, a peer's own last state would mislead. */
export function currentPeerSentence({ condition }: TandemFace, transfers: TransferWatch, report: PeerReport): string {
  switch (condition.kind) {
    case 'starting':
      return 'Sync is starting…'
    case 'paused':
      return 'Not connected while sync is paused'
    case 'failed':
    case 'offline':
      return 'Not connected while this device is offline'
    case 'running':
      return peerSentence(report, screenClock.now(), transfers.of(report.id))
  }
}

export function currentStatus(face: TandemFace, transfers: TransferWatch): StatusSummary {
  return statusSummary(statusFacts(face, transfers))
}
