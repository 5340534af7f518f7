import { systemClock } from '../../adapters/node/system-clock.ts'
import { bridgeStreams } from '../../engine/bridge-streams.ts'
import { dialGit } from '../../engine/dial-git.ts'
import type { PeerManager } from '../../engine/peer-manager.ts'
import type { ServiceRequest } from '../../protocol/git/service-request.ts'
import type { HandOver } from '../control-server.ts'
import { findPeer } from '../find-peer.ts'
import { UsageError } from '../usage-error.ts'

/** Longest path that is asked for; a share's name is shorter. */
const MAX_PATH = 4096

/**
 * The control request `git-stream` {peer, service, path, version}: the running engine dials the peer and hands the connection over
 * as a stream to that peer's git. @throws UsageError, TransportError
 */
export async function serveGitRequest(
  peers: PeerManager,
  params: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
  handOver: HandOver | undefined,
): Promise<unknown> {
  const request = decodeRequest(params)
  if (typeof params.peer !== 'string' || !handOver) throw new UsageError('usage', 'a git stream needs a peer')
  const { nodeId } = findPeer(peers.getPeers(), params.peer)
  const stream = await dialGit(peers, systemClock, nodeId, request, signal)
  try {
    await bridgeStreams(handOver({}), stream)
  } catch (error) {
    stream.abort()
    throw error
  }
  return {}
}

function decodeRequest({ service, path, version }: Readonly<Record<string, unknown>>): ServiceRequest {
  if (service !== 'git-upload-pack' && service !== 'git-receive-pack')
    throw new UsageError('usage', 'a git stream is for git-upload-pack or git-receive-pack')
  if (typeof path !== 'string' || path.length > MAX_PATH || path.includes('\0'))
    throw new UsageError('usage', 'a git stream needs the path of a share')
  return { service, path, version: version === 1 || version === 2 ? version : 0 }
}
