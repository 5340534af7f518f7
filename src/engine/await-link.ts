import { TransportError } from '../ports/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { EndpointId } from '../ports/transport.ts'
import type { PeerManager } from './peer-manager.ts'

/** Dialling, greeting and what a relay takes. */
const WITHIN_MS = 40_000

/**
 * Dials a peer at once, unless it is connected, and resolves when its link is open.
 * @throws TransportError `unreachable` with the reason of the attempt, `timeout`; RangeError for an unknown peer; the signal's reason
 */
export function awaitLink(peers: PeerManager, clock: Clock, id: EndpointId, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const name = peers.getPeers().find(({ nodeId }) => nodeId === id)?.name
    if (name === undefined) throw new RangeError(`no device ${id} is paired`)
    const end = (settle: () => void): void => {
      stopListening()
      stopWaiting()
      signal.removeEventListener('abort', onAbort)
      settle()
    }
    const onAbort = (): void => {
      const reason: unknown = signal.reason
      end(() => reject(reason instanceof Error ? reason : new TransportError('aborted', 'dialling was given up')))
    }
    const look = (tried: boolean): void => {
      const state = peers.states.get(id)
      if (state?.link === 'connected') end(resolve)
      else if (tried && (!state || state.link === 'disconnected')) {
        const why = state?.lastError?.message ?? 'it does not answer'
        end(() => reject(new TransportError('unreachable', `${name}: ${why}`)))
      }
    }
    const stopListening = peers.onPeerStateChange(({ state }) => {
      if (state.id === id) look(true)
    })
    const stopWaiting = clock.after(WITHIN_MS, () =>
      end(() => reject(new TransportError('timeout', `${name} did not answer within ${WITHIN_MS / 1000} s`))),
    )
    signal.addEventListener('abort', onAbort, { once: true })
    look(false)
    if (peers.states.get(id)?.link !== 'connected') peers.connectToPeer(id)
  })
}
