import type { TandemFace } from './face.ts'
import type { TransferWatch } from './transfer-watch.ts'
import { statusSummary, type StatusFacts, type StatusSummary } from './words/status-summary.ts'

export function statusFacts(face: TandemFace, transfers: TransferWatch): StatusFacts {
  return {
    condition: face.condition,
    peers: face.device?.peerReports() ?? [],
    consent: face.share?.tree.consent ?? null,
    shareError: face.share?.lastError ?? null,
    progress: transfers.total(),
  }
}

export function currentStatus(face: TandemFace, transfers: TransferWatch): StatusSummary {
  return statusSummary(statusFacts(face, transfers))
}
