/** What the gallery shows: devices in every state, a vault with conflicts, a history, a log. Times are fixed, so that pictures are. */
import type { PeerReport } from '../../../src/engine/device.ts'
import type { OpenOffer, ShareReport } from '../../../src/engine/folder-shares.ts'
import { totalOf, type DeviceMetrics } from '../../../src/engine/metrics.ts'
import type { VaultComparison } from '../../../src/history/compare-vaults.ts'
import type { PairingOffer } from '../../../src/peers/pairing-link.ts'
import { peerStatus, type PeerState } from '../../../src/peers/peer-states.ts'
import type { LogRecord } from '../../../src/ports/logger.ts'
import type { EndpointId } from '../../../src/ports/transport.ts'
import type { HistoryStep } from './gallery-share.ts'

export const NOW = Date.UTC(2026, 10, 21, 15, 20)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export function anId(number: number): EndpointId {
  return (number + 0x3a).toString(16).padStart(2, '0').repeat(32) as EndpointId
}

type PeerChoices = Partial<Omit<PeerState, 'id'>> & {
  readonly lastSyncAt?: number | null
  readonly autoConnect?: boolean
  readonly held?: boolean
}

export function aPeer(number: number, name: string, choices: PeerChoices = {}): PeerReport {
  const { lastSyncAt = NOW - 2 * HOUR, autoConnect = true, held = false, ...changes } = choices
  const id = anId(number)
  const state: PeerState = {
    id,
    link: 'disconnected',
    health: 'healthy',
    activity: 'idle',
    lastError: null,
    connectedAt: null,
    retryAt: null,
    path: null,
    roundTripMs: null,
    current: false,
    ...changes,
  }
  const record = { nodeId: id, name, ticket: '', addedAt: NOW - 30 * DAY, lastSyncAt, autoConnect }
  const traffic = {
    messagesSent: 812,
    messagesReceived: 745,
    bytesSent: 48_200_000,
    bytesReceived: 3_140_000,
    reconnects: 2,
    queueDepth: 3,
    dropped: 0,
  }
  return {
    id,
    name,
    status: peerStatus(state),
    state,
    current: state.current,
    held,
    record,
    traffic,
  } as unknown as PeerReport
}

/** The engine's numbers of devices; each is 3 files ahead and 12 behind while it is not in step and connected. */
export function metricsOf(reports: readonly PeerReport[]): DeviceMetrics {
  const peers = reports.map(({ id, name, status, state, current, record, traffic: { dropped, ...traffic } }) => ({
    ...{ id, name, status, health: state.health, connectedSince: state.connectedAt, ...traffic, drops: dropped },
    ...{ wireBytesSent: 0, wireBytesReceived: 0, roundTripMs: state.roundTripMs, path: state.path },
    lastSuccessAt: current ? NOW : record.lastSyncAt,
    lastError: state.lastError,
    files: current ? { ahead: 0, behind: 0 } : status === 'disconnected' ? null : { ahead: 3, behind: 12 },
  }))
  return { at: NOW, total: totalOf(peers), peers }
}

const LINKED = { link: 'connected', connectedAt: NOW - HOUR, roundTripMs: 12, current: true } as const
const fault = (code: string, message: string) => ({ at: NOW - 5 * MINUTE, code, message })

/** A device as most people have them. */
export const FEW_PEERS: readonly PeerReport[] = [
  aPeer(1, 'Laptop', { ...LINKED, path: { kind: 'local', address: '192.168.1.20:41641' } }),
  aPeer(2, 'Studio', {
    ...LINKED,
    current: false,
    activity: 'syncing',
    path: { kind: 'relay', address: 'relay.example.org' },
  }),
  aPeer(3, 'Home server', { retryAt: NOW + 20_000, lastError: fault('timeout', 'no answer within 30 s') }),
]

/** One device in each state. */
export const ALL_PEERS: readonly PeerReport[] = [
  aPeer(1, 'Direct', { ...LINKED, path: { kind: 'direct', address: '203.0.113.5:41641' } }),
  FEW_PEERS[1]!,
  aPeer(4, 'Local', { ...LINKED, path: { kind: 'local', address: '192.168.1.20:41641' } }),
  aPeer(5, 'Connecting', { link: 'connecting' }),
  FEW_PEERS[2]!,
  aPeer(6, 'Silent', { ...LINKED, health: 'unhealthy' }),
  aPeer(7, 'Old', { lastError: fault('version', 'protocol 200 and 100 do not fit') }),
  aPeer(8, 'Gone', { lastError: fault('declined', 'that device removed this one') }),
  aPeer(9, 'Held', { held: true }),
  aPeer(10, 'New', { lastSyncAt: null, retryAt: NOW + 4_000, lastError: fault('unreachable', 'no route') }),
]

/** Somebody else: has a folder, or shares one, and does not see the rest of the vault. */
export const BOB = {
  ...FEW_PEERS[0]!,
  id: anId(11),
  name: 'Bob’s laptop',
  record: {
    ...FEW_PEERS[0]!.record,
    nodeId: anId(11),
    name: 'Bob’s laptop',
    grants: { 'id-of-Plan': 'write' as const },
  },
  state: { ...FEW_PEERS[0]!.state, id: anId(11), path: { kind: 'direct' as const, address: '203.0.113.77:41641' } },
}
export const CAROL = aPeerWith(aPeer(12, 'Carol'), { 'id-of-Plan': 'read' })

function aPeerWith(peer: PeerReport, grants: Readonly<Record<string, 'read' | 'write'>>): PeerReport {
  return { ...peer, record: { ...peer.record, grants } }
}

const share = (title: string, choices: Partial<ShareReport>): ShareReport => ({
  id: `id-of-${title}`,
  title,
  folder: title,
  from: null,
  access: null,
  unsent: false,
  peers: [],
  ...choices,
})

/** A folder of ours that two have, one of somebody else that may only be read, and one that was taken back. */
export const SHARES: readonly ShareReport[] = [
  share('Plan', {
    folder: 'Projects/Plan',
    peers: [
      { id: BOB.id, name: BOB.name, grant: 'write' },
      { id: CAROL.id, name: CAROL.name, grant: 'read' },
    ],
  }),
  share('Recipes', {
    folder: 'From Bob/Recipes',
    from: BOB.id,
    access: 'read',
    unsent: true,
    peers: [{ id: BOB.id, name: BOB.name, grant: 'write' }],
  }),
  share('Choir', { from: CAROL.id, access: null }),
]

export const OFFERS: readonly OpenOffer[] = [
  { share: 'id-of-Boat', title: 'Boat', write: true, peer: BOB.id, peerName: BOB.name },
]

export const OFFER: PairingOffer = {
  address: {
    id: anId(0),
    direct: ['192.168.1.7:41641', '203.0.113.9:41641'],
    relay: 'https://euw1-1.relay.iroh.network/',
  },
  secret: Uint8Array.from({ length: 16 }, (_, i) => i * 15 + 7),
  share: 'vault',
  name: 'Writing desk',
}

const folder = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}/Note ${i + 1}.md`)

export const COMPARISON: VaultComparison = {
  onlyHere: [...folder('Journal', 84), 'Projects/Boat.md'],
  onlyThere: folder('Recipes', 32),
  different: ['Inbox.md', 'Projects/Garden.md', 'Reading list.md'],
  same: 1_204,
}

const GARDEN = [
  '# Garden plan',
  '',
  'Sketch of the beds for next spring.',
  '',
  '## Beds',
  '',
  '- North: beans and peas',
  '- East: lettuce',
  '- South: tomatoes',
  '- West: herbs',
  '',
  '## To buy',
  '',
  '- Seeds',
  '- Two bags of compost',
  '- Twine',
  '',
]
const garden = (changes: Readonly<Record<number, string>>): string =>
  GARDEN.map((line, i) => changes[i] ?? line).join('\n')

/** The vault as Obsidian shows it: two conflicts among its notes. */
export const VAULT: Readonly<Record<string, string>> = {
  'Projects/Garden.md': garden({ 8: '- South: tomatoes and basil', 14: '- Three bags of compost' }),
  'Projects/Garden (conflict Studio 2026-11-21 1512).md': garden({
    8: '- South: peppers',
    15: '- Twine\n- Watering can',
  }),
  'Inbox.md': 'Call the dentist.\n',
  'Inbox (conflict Laptop 2026-11-20 0905).md': 'Call the dentist on Monday.\n',
  'Journal/2026-11-21.md': 'Rain all day.\n',
  'Projects/Plan/Outline.md': '# Outline\n',
  'Projects/Plan/Budget.md': 'A table.\n',
  'Archive/Old.md': 'Old things.\n',
}

export const HISTORY_NOTE = 'Projects/Garden.md'

export const HISTORY: readonly HistoryStep[] = [
  {
    device: 'Writing desk',
    at: NOW - 9 * DAY,
    files: {
      [HISTORY_NOTE]: garden({ 7: '- East: empty', 14: '- Compost' }),
      'Projects/Shed.md': '# Shed\n\nIt leaks.\n',
      'Old idea.md': 'A garden on the roof.\n',
    },
  },
  { device: 'Studio', at: NOW - 3 * DAY, files: { [HISTORY_NOTE]: garden({ 7: '- East: empty' }) } },
  { device: 'Laptop', at: NOW - DAY, files: { [HISTORY_NOTE]: garden({}), 'Old idea.md': null } },
  {
    device: 'Writing desk',
    at: NOW - 8 * MINUTE,
    files: { [HISTORY_NOTE]: VAULT[HISTORY_NOTE]!, 'Projects/Shed.md': null },
  },
]

export const LOG: readonly LogRecord[] = [
  { at: NOW - 2 * DAY, level: 'info', event: 'peer.paired', peer: anId(3), message: 'paired with Home server' },
  { at: NOW - 5 * HOUR, level: 'info', event: 'link.up', peer: anId(3), message: 'connected to Home server' },
  {
    at: NOW - 2 * HOUR,
    level: 'info',
    event: 'link.down',
    peer: anId(3),
    message: 'disconnected: the connection was lost',
  },
  { at: NOW - HOUR, level: 'info', event: 'link.up', peer: anId(1), message: 'connected to Laptop' },
  {
    at: NOW - 40 * MINUTE,
    level: 'warn',
    event: 'link.stranger',
    peer: anId(90),
    message: 'an unknown device was turned away',
  },
  {
    at: NOW - 12 * MINUTE,
    level: 'error',
    event: 'share.error',
    message: 'Projects/Boat.md could not be written: the disk is full',
  },
  { at: NOW - 9 * MINUTE, level: 'info', event: 'share.settled', message: '3 notes were brought up to date' },
  { at: NOW - 8 * MINUTE, level: 'info', event: 'link.up', peer: anId(2), message: 'connected to Studio' },
  {
    at: NOW - MINUTE,
    level: 'warn',
    event: 'transfer.failed',
    peer: anId(2),
    message: 'a transfer was cut and goes on',
  },
]
