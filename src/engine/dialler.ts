import { backoffMs } from '../peers/backoff.ts'
import { decodePeerAddress } from '../peers/peer-address.ts'
import type { PeerStates } from '../peers/peer-states.ts'
import type { Clock } from '../ports/clock.ts'
import { TransportError } from '../ports/errors.ts'
import type { Random } from '../ports/random.ts'
import type { Connection, PeerAddress, Transport } from '../ports/transport.ts'
import { CLOSE } from '../protocol/close-codes.ts'
import type { Peer } from './peer.ts'
import { peerFault } from './peer-fault.ts'

/** A dial that has not succeeded by then is given up: the network library itself has no such setting. */
const DIAL_MS = 30_000

export interface DiallerOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly states: PeerStates
  /** A link to it is greeting or open: no second one is dialled. */
  readonly isLinked: (peer: Peer) => boolean
  readonly connected: (connection: Connection) => void
}

/** Dials peers: at once, or after a wait, for as long as they want it (L4). */
export class Dialler {
  readonly #o: DiallerOptions
  #stopped = false

  constructor(options: DiallerOptions) {
    this.#o = options
  }

  /** After a failure: the next attempt waits longer than the last. */
  again(peer: Peer): void {
    this.soon(peer, backoffMs(peer.failures++, this.#o.random.fraction()))
  }

  /** Replaces an attempt that waits. Does nothing for a peer that is linked, being dialled, or not to be dialled. */
  soon(peer: Peer, waitMs: number): void {
    peer.cancelRetry?.()
    peer.cancelRetry = null
    const willing = peer.record.autoConnect && !peer.held && !peer.blocked
    if (this.#stopped || !willing || peer.dialing || this.#o.isLinked(peer)) return
    if (waitMs === 0) return void this.#dial(peer)
    this.#o.states.update(peer.record.nodeId, { retryAt: this.#o.clock.now() + waitMs })
    peer.cancelRetry = this.#o.clock.after(waitMs, () => void this.#dial(peer))
  }

  cancel(peer: Peer): void {
    peer.cancelRetry?.()
    peer.cancelRetry = null
    peer.dialing?.abort()
    peer.dialing = null
  }

  stop(): void {
    this.#stopped = true
  }

  async #dial(peer: Peer): Promise<void> {
    const { clock, transport, states } = this.#o
    peer.cancelRetry = null
    const attempt = (peer.dialing = new AbortController())
    const endDeadline = clock.after(DIAL_MS, () =>
      attempt.abort(new TransportError('timeout', `no answer within ${DIAL_MS / 1000} s`)),
    )
    states.update(peer.record.nodeId, { link: 'connecting', retryAt: null })
    try {
      const connection = await transport.connect(addressOf(peer), attempt.signal)
      if (peer.dialing !== attempt || this.#stopped) return connection.close(CLOSE.duplicate, 'another link was faster')
      peer.dialing = null
      this.#o.connected(connection)
    } catch (error) {
      if (peer.dialing !== attempt) return // somebody else decided meanwhile
      peer.dialing = null
      const reason: unknown = attempt.signal.aborted ? attempt.signal.reason : error
      states.update(peer.record.nodeId, { link: 'disconnected', lastError: peerFault(reason, clock.now()) })
      this.again(peer)
    } finally {
      endDeadline()
    }
  }
}

function addressOf(peer: Peer): PeerAddress {
  const address = decodePeerAddress(peer.record.ticket)
  return { ...address, direct: [...new Set([...peer.hints, ...address.direct])] }
}
