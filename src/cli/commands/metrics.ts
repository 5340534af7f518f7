import type { Counters, DeviceMetrics, PeerMetrics } from '../../engine/metrics.ts'
import type { Context } from '../context.ts'
import { formatBytes, formatDuration, formatNumber, formatRelativeTime } from '../format.ts'
import { printable } from '../printable.ts'
import { restingMetrics } from '../status.ts'
import { renderTable, type TableColumn } from '../table.ts'

/** `tandem metrics`: traffic, queues, round-trip times and distances, per device and in total (L10). */
export async function metrics(context: Context): Promise<void> {
  const { output } = context
  const state = context.openState()
  const running = await context.isRunning()
  const report = running
    ? ((await context.call('metrics', {})) as DeviceMetrics)
    : restingMetrics(await state.loadPeers(), Date.now())
  output.object({ running, ...report })
  if (!report.peers.length) {
    output.human('No devices are paired yet. To pair one:')
    return output.human(`  ${output.style.bold(context.commandLine('invite'))}`)
  }
  if (!running)
    output.human(
      `${output.style.yellow('Not running')}, so nothing is counted. Start it with: ${output.style.bold(context.commandLine('up'))}\n`,
    )
  output.human(standingTable(context, report))
  if (running) output.human(`\n${trafficTable(context, report)}`)
  for (const { name, lastError } of report.peers)
    if (lastError)
      output.human(
        `\nLast trouble with ${printable(name)}, ${formatRelativeTime(lastError.at, report.at)}: ${printable(lastError.message)}`,
      )
}

/** What is not known, or does not apply. */
const NONE = '–'

function right(title: string): TableColumn {
  return { title, align: 'right' }
}

function standingTable({ output }: Context, { peers, at }: DeviceMetrics): string {
  const rows = peers.map((peer) => [
    peer.name,
    standing(peer, at),
    peer.path?.kind ?? NONE,
    peer.roundTripMs === null ? NONE : formatDuration(peer.roundTripMs),
    peer.files ? formatNumber(peer.files.ahead) : NONE,
    peer.files ? formatNumber(peer.files.behind) : NONE,
    peer.lastSuccessAt === null ? 'never' : formatRelativeTime(peer.lastSuccessAt, at),
  ])
  const device = { title: 'Device', shrinks: true }
  const numbers = ['Round trip', 'Ahead', 'Behind'].map(right)
  const columns = [device, { title: 'State', shrinks: true }, { title: 'Path' }, ...numbers, { title: 'In step' }]
  return renderTable(columns, rows, output.style, output.columns)
}

function standing({ status, health, connectedSince }: PeerMetrics, at: number): string {
  if (status !== 'connected' && status !== 'syncing') return status
  const words = health === 'unhealthy' ? 'not answering' : status
  return connectedSince === null ? words : `${words} for ${formatDuration(at - connectedSince)}`
}

function trafficTable({ output }: Context, { peers, total }: DeviceMetrics): string {
  const row = (name: string, counters: Counters): string[] => [
    name,
    formatBytes(counters.bytesSent),
    formatBytes(counters.bytesReceived),
    formatNumber(counters.messagesSent),
    formatNumber(counters.messagesReceived),
    formatNumber(counters.queueDepth),
    formatNumber(counters.drops),
    formatNumber(counters.reconnects),
  ]
  const titles = ['Sent', 'Received', 'Messages out', 'in', 'Waiting', 'Dropped', 'Reconnects']
  const rows = [...peers.map((peer) => row(peer.name, peer)), ...(peers.length > 1 ? [row('All', total)] : [])]
  return renderTable([{ title: 'Device', shrinks: true }, ...titles.map(right)], rows, output.style, output.columns)
}
