import type { PeerRecord } from '../ports/data-store.ts'
import { UsageError } from './usage-error.ts'

/** The paired devices of this name, or whose id begins like this. */
export function peersCalled(peers: readonly PeerRecord[], name: string): readonly PeerRecord[] {
  return peers.filter((peer) => peer.nodeId.startsWith(name) || peer.name === name)
}

/** The one of them. @throws UsageError when there is none, or more than one. */
export function findPeer(peers: readonly PeerRecord[], name: string): PeerRecord {
  const found = peersCalled(peers, name)
  const [peer] = found
  if (!peer) throw new UsageError('usage', `no device is called ${name}; "tandem peers" lists them`)
  if (found.length > 1) throw new UsageError('usage', `${found.length} devices are called ${name}; give more of the id`)
  return peer
}
