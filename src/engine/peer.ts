import type { PeerRecord } from '../ports/data-store.ts'
import type { ShareName } from '../protocol/messages.ts'
import type { PeerShare } from '../protocol/subscription-state.ts'
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
  /** Of links that are over: messages that a full queue dropped, bytes as the network library counted them. */
  readonly past: { dropped: number; wireSent: number; wireReceived: number }
  /** What the peer said of its shares on its last link, while it has none. */
  lastSaid: ReadonlyMap<ShareName, PeerShare>
  /** S2: what it had subscribed to on a link that another one takes the place of; empty otherwise. */
  wanted: ReadonlySet<ShareName>
}

/** The shares of which a peer wants every update. */
export function subscribedTo(remote: ReadonlyMap<ShareName, PeerShare>): ReadonlySet<ShareName> {
  return new Set([...remote].filter(([, share]) => share.peerWantsUpdates).map(([name]) => name))
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
    past: { dropped: 0, wireSent: 0, wireReceived: 0 },
    lastSaid: new Map(),
    wanted: new Set(),
  }
}

/** Keeps what is asked about a link after it is over. */
export function rememberLink(peer: Peer, link: Link): void {
  const { sent, received } = link.wire()
  addTraffic(peer.traffic, link.traffic)
  peer.past.dropped += link.dropped
  peer.past.wireSent += sent
  peer.past.wireReceived += received
  if (link.state.remote.size) peer.lastSaid = link.state.remote
}

/** Adds what a link moved to a sum. */
export function addTraffic(sum: LinkTraffic, more: LinkTraffic): void {
  sum.messagesSent += more.messagesSent
  sum.messagesReceived += more.messagesReceived
  sum.bytesSent += more.bytesSent
  sum.bytesReceived += more.bytesReceived
}
