import type { PeerReport } from '../engine/device.ts'
import type { ShareReport } from '../engine/folder-shares.ts'
import { totalOf, type DeviceMetrics, type PeerMetrics, type TotalMetrics } from '../engine/metrics.ts'
import type { Share } from '../engine/share.ts'
import type { PeerRecord } from '../ports/data-store.ts'
import { VAULT_SHARE } from '../engine/app.ts'
import type { EngineHost } from './engine-host.ts'
import type { StateFolder } from '../adapters/node/state-folder.ts'

/** Paths listed in a status; the counts tell the rest. */
const LISTED = 100

/** The whole state of a device as plain JSON: what `tandem status --json` prints. */
export interface DeviceStatus {
  readonly running: boolean
  readonly device: { readonly id: string; readonly name: string }
  readonly vault: string
  readonly repository: string
  readonly settled: boolean
  readonly share: ShareStatus | null
  /** Folders that are shares of their own; none while nothing runs. */
  readonly folders: readonly FolderStatus[]
  readonly peers: readonly PeerStatusLine[]
  /** All peers together (L10); null while nothing runs. */
  readonly total: TotalMetrics | null
}

/** A folder share: with whom, and how it stands. */
export interface FolderStatus extends ShareReport {
  /** Null: it could not be opened. */
  readonly status: ShareStatus | null
}

export interface ShareStatus {
  readonly files: number
  readonly view: string | null
  readonly consent: {
    readonly direction: string
    readonly deletes: number
    readonly overwrites: number
    readonly paths: readonly string[]
  } | null
  readonly issues: readonly { readonly kind: string; readonly path: string; readonly reason: string }[]
  readonly error: string | null
}

export interface PeerStatusLine {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly current: boolean
  readonly health: string
  readonly lastSyncAt: number | null
  readonly lastError: { readonly at: number; readonly code: string; readonly message: string } | null
  readonly retryAt: number | null
  readonly roundTripMs: number | null
  readonly path: { readonly kind: string; readonly address: string } | null
  readonly traffic: Readonly<Record<string, number>>
  readonly autoConnect: boolean
  /** Null while nothing runs. */
  readonly metrics: PeerMetrics | null
}

export async function deviceStatus({ device, state }: EngineHost): Promise<DeviceStatus> {
  const share = device.shares.get(VAULT_SHARE)
  const metrics = await device.metrics()
  return {
    running: true,
    device: { id: device.id, name: device.name },
    vault: state.vault,
    repository: state.repository,
    settled: device.isSettled,
    share: share ? shareStatus(share) : null,
    folders: device.folders.report().flatMap((report) => {
      const folder = device.shares.get(report.id)
      return report.id === VAULT_SHARE ? [] : [{ ...report, status: folder ? shareStatus(folder) : null }]
    }),
    peers: device.peerReports().map((report) => peerLine(report, metrics)),
    total: metrics.total,
  }
}

/** The same for a device whose engine does not run: its records are all that is known. */
export function restingStatus(state: StateFolder, peers: readonly PeerRecord[]): DeviceStatus {
  return {
    running: false,
    device: { id: state.deviceId, name: state.settings.deviceName },
    vault: state.vault,
    repository: state.repository,
    settled: false,
    share: null,
    folders: [],
    peers: peers.map((record) => ({
      id: record.nodeId,
      name: record.name,
      status: 'disconnected',
      current: false,
      health: 'healthy',
      lastSyncAt: record.lastSyncAt,
      lastError: null,
      retryAt: null,
      roundTripMs: null,
      path: null,
      traffic: {},
      autoConnect: record.autoConnect,
      metrics: null,
    })),
    total: null,
  }
}

/** The metrics of a device whose engine does not run: who is known, and when they were last in step. */
export function restingMetrics(records: readonly PeerRecord[], at: number): DeviceMetrics {
  const nothing = {
    bytesSent: 0,
    bytesReceived: 0,
    wireBytesSent: 0,
    wireBytesReceived: 0,
    messagesSent: 0,
    messagesReceived: 0,
    queueDepth: 0,
    drops: 0,
    reconnects: 0,
  }
  const peers = records.map(({ nodeId, name, lastSyncAt }): PeerMetrics => ({
    id: nodeId,
    name,
    status: 'disconnected',
    health: 'healthy',
    connectedSince: null,
    ...nothing,
    roundTripMs: null,
    path: null,
    lastSuccessAt: lastSyncAt,
    lastError: null,
    files: null,
  }))
  return { at, total: totalOf(peers), peers }
}

function shareStatus({ tree, lastError }: Share): ShareStatus {
  const { consent } = tree
  const issues = Object.entries(tree.issues).flatMap(([kind, list]) =>
    (list as { path: string; reason: string }[]).map(({ path, reason }) => ({ kind, path, reason })),
  )
  return {
    files: tree.fileCount,
    view: tree.applied,
    consent: consent && {
      direction: consent.direction,
      deletes: consent.deletes.length,
      overwrites: consent.overwrites.length,
      paths: [...consent.deletes, ...consent.overwrites].slice(0, LISTED),
    },
    issues: issues.slice(0, LISTED),
    error: lastError?.message ?? null,
  }
}

function peerLine(
  { id, name, status, current, state, record, traffic }: PeerReport,
  metrics: DeviceMetrics,
): PeerStatusLine {
  return {
    id,
    name,
    status,
    current,
    health: state.health,
    lastSyncAt: record.lastSyncAt,
    lastError: state.lastError,
    retryAt: state.retryAt,
    roundTripMs: state.roundTripMs,
    path: state.path && { kind: state.path.kind, address: state.path.address },
    traffic: { ...traffic },
    autoConnect: record.autoConnect,
    metrics: metrics.peers.find((peer) => peer.id === id) ?? null,
  }
}
