import { TransportError } from '../ports/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { ByteStream, EndpointId } from '../ports/transport.ts'
import { encodeServiceRequest } from '../protocol/git/service-request.ts'
import type { ServiceRequest } from '../protocol/git/service-request.ts'
import { awaitLink } from './await-link.ts'
import { peekStream } from './peeked-stream.ts'
import type { PeerManager } from './peer-manager.ts'

/** A link is open here a moment before it is open there: until then a stream is turned away. */
const TRIES = 5
const BETWEEN_MS = 200

/**
 * A stream to a peer on which git's server has begun to speak: what the client says goes in, what the server says comes out.
 * @throws TransportError, as {@link awaitLink}; RangeError for an unknown peer; the signal's reason
 */
export async function dialGit(
  peers: PeerManager,
  clock: Clock,
  id: EndpointId,
  request: ServiceRequest,
  signal: AbortSignal,
): Promise<ByteStream> {
  for (let tries = 1; ; tries++) {
    await awaitLink(peers, clock, id, signal)
    let stream: ByteStream | null = null
    try {
      stream = await peers.openStream(id)
      await stream.write(encodeServiceRequest(request))
      return (await peekStream(stream)).stream
    } catch (error) {
      stream?.abort()
      if (!(error instanceof TransportError) || !error.retryable || tries === TRIES) throw error
    }
    await clock.sleep(BETWEEN_MS, signal)
  }
}
