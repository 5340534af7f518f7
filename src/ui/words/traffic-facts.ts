import type { Counters, PeerMetrics } from '../../engine/metrics.ts'
import type { PeerFault } from '../../peers/peer-states.ts'
import { formatAgo, formatBytes, formatNumber } from './format.ts'

/** Of the counters, what people see: those of a peer, or of all. */
export type TrafficNumbers = Pick<
  Counters,
  'bytesSent' | 'bytesReceived' | 'messagesSent' | 'messagesReceived' | 'queueDepth' | 'drops' | 'reconnects'
>

/** What was counted since the engine started, a row each. */
export const TRAFFIC_FACTS: readonly { readonly name: string; readonly read: (numbers: TrafficNumbers) => string }[] = [
  { name: 'Transferred', read: (n) => `${formatBytes(n.bytesReceived)} received, ${formatBytes(n.bytesSent)} sent` },
  {
    name: 'Messages',
    read: (n) => `${formatNumber(n.messagesReceived)} received, ${formatNumber(n.messagesSent)} sent`,
  },
  { name: 'Messages that wait to be sent', read: (n) => formatNumber(n.queueDepth) },
  { name: 'Messages dropped from a full queue', read: (n) => formatNumber(n.drops) },
  { name: 'Reconnections', read: (n) => formatNumber(n.reconnects) },
]

/** How far two vaults are apart, seen from this device. */
export function distanceSentence(files: PeerMetrics['files'] | undefined): string {
  if (!files) return 'Not known'
  if (files.ahead === 0 && files.behind === 0) return 'None'
  return `${formatNumber(files.ahead)} ahead, ${formatNumber(files.behind)} behind`
}

export function lastStepSentence(at: number | null, now: number): string {
  return at === null ? 'Never yet' : formatAgo(at, now)
}

export function lastErrorSentence(fault: PeerFault | null | undefined, now: number): string {
  if (!fault) return 'None'
  const words = fault.message.charAt(0).toUpperCase() + fault.message.slice(1).replace(/\.$/, '')
  return `${words} (${formatAgo(fault.at, now)})`
}
