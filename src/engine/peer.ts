import type { PeerRecord } from '../ports/data-store.ts'
import type { Link, LinkTraffic } from './link.ts'

/** Everything that belongs to one paired device while we run; what is connected stands in PeerStates alone (L1). */
export interface Peer {
  record: PeerRecord
  /** The one link of the pair, once it is open. */
  link: Link | null
  dialing: AbortController | null
  cancelRetry: (() => void) | null
  /** Attempts in a row that did not lead to a link that lived (L4). */
  failures: number
  /** The other side removed us: dialling again is pointless until a person acts. */
  blocked: boolean
  /** A person disconnected it: until an explicit connect. */
  held: boolean
  reconnects: number
  /** Addresses seen on the local network in this run, newest first; tried before those of the ticket. */
  hints: readonly string[]
  /** Of links that are over. */
  readonly traffic: LinkTraffic
}

export function newPeer(record: PeerRecord): Peer {
  return {
    record,
    link: null,
    dialing: null,
    cancelRetry: null,
    failures: 0,
    blocked: false,
    held: false,
    reconnects: 0,
    hints: [],
    traffic: { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0 },
  }
}

/** Adds what a link moved to a sum. */
export function addTraffic(sum: LinkTraffic, more: LinkTraffic): void {
  sum.messagesSent += more.messagesSent
  sum.messagesReceived += more.messagesReceived
  sum.bytesSent += more.bytesSent
  sum.bytesReceived += more.bytesReceived
}
