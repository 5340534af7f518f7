import { backoffMs } from '../peers/backoff.ts'
import { decodePeerAddress } from '../peers/peer-address.ts'
import type { PeerStates } from '../peers/peer-states.ts'
import type { Clock } from '../ports/clock.ts'
import { TransportError } from '../ports/errors.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import type { Connection, PeerAddress, Transport } from '../ports/transport.ts'
import { CLOSE } from '../protocol/close-codes.ts'
import type { Peer } from './peer.ts'
import { peerFault } from './peer-fault.ts'

/** A dial that has not succeeded by then is given up: the network library itself has no such setting. */
const DIAL_MS = 30_000
/** A device that is off all night: after this many failures in a row only every tenth is logged, one in five minutes. */
const LOGGED_FAILURES = 6
const LOGGED_EVERY = 10

/** An attempt that has had no answer for so long may be asking addresses that a change of the network made useless. */
const STALE_DIAL_MS = 3_000

export interface DiallerOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly states: PeerStates
  readonly logger: Logger
  /** A link to it is greeting or open: no second one is dialled. */
  readonly isLinked: (peer: Peer) => boolean
  readonly connected: (connection: Connection) => void
}

/** Dials peers: at once, or after a wait, for as long as they want it (L4). */
export class Dialler {
  readonly #o: DiallerOptions
  /** When each attempt began, ms. */
  readonly #since = new WeakMap<AbortController, number>()
  #stopped = false

  constructor(options: DiallerOptions) {
    this.#o = options
  }

  /** After a failure, if it was one, in words: the next attempt waits longer than the last. */
  again(peer: Peer, failure?: string): void {
    const waitMs = backoffMs(peer.failures++, this.#o.random.fraction())
    this.soon(peer, waitMs)
    const { failures, cancelRetry } = peer
    if (!failure || !cancelRetry || (failures > LOGGED_FAILURES && failures % LOGGED_EVERY)) return
    this.#o.logger.log('info', 'link.retry', `not reached: ${failure}; next try in ${Math.ceil(waitMs / 1000)} s`, {
      peer: peer.record.nodeId,
      failures,
      waitMs,
    })
  }

  /** Replaces an attempt that waits. Does nothing for a peer that is linked, being dialled, or not to be dialled. */
  soon(peer: Peer, waitMs: number): void {
    if (peer.dialing || !this.#mayDial(peer)) return this.stopWaiting(peer)
    peer.cancelRetry?.()
    peer.cancelRetry = null
    if (waitMs === 0) return void this.#dial(peer)
    this.#o.states.update(peer.record.nodeId, { retryAt: this.#o.clock.now() + waitMs })
    peer.cancelRetry = this.#o.clock.after(waitMs, () => void this.#dial(peer))
  }

  /** At once and once, because a person asks for it: also a peer that is not dialled by itself. */
  asked(peer: Peer): void {
    this.stopWaiting(peer)
    if (!peer.dialing && this.#canDial(peer)) void this.#dial(peer)
  }

  /** At once, after a change of the network: an attempt that has been waiting for an answer since before begins anew. */
  now(peer: Peer): void {
    const isStale = peer.dialing && this.#o.clock.now() - this.#since.get(peer.dialing)! >= STALE_DIAL_MS
    if (isStale && this.#mayDial(peer)) this.cancel(peer)
    this.soon(peer, 0)
  }

  #mayDial(peer: Peer): boolean {
    return peer.record.autoConnect && this.#canDial(peer)
  }

  #canDial(peer: Peer): boolean {
    return !this.#stopped && !peer.held && !peer.blocked && !this.#o.isLinked(peer)
  }

  /** No attempt waits any more, and nobody is told of one; one that is under way goes on. */
  stopWaiting(peer: Peer): void {
    const { states } = this.#o
    peer.cancelRetry?.()
    peer.cancelRetry = null
    if (states.get(peer.record.nodeId)?.retryAt) states.update(peer.record.nodeId, { retryAt: null })
  }

  cancel(peer: Peer): void {
    this.stopWaiting(peer)
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
    this.#since.set(attempt, clock.now())
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
      const fault = peerFault(reason, clock.now())
      states.update(peer.record.nodeId, { link: 'disconnected', lastError: fault })
      this.again(peer, fault.message)
    } finally {
      endDeadline()
    }
  }
}

function addressOf(peer: Peer): PeerAddress {
  const address = decodePeerAddress(peer.record.ticket)
  return { ...address, direct: [...new Set([...peer.hints, ...address.direct])] }
}
