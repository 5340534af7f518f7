import { LanTokenIndex, lanToken } from '../peers/lan-token.ts'
import type { Clock } from '../ports/clock.ts'
import type { Discovery, LanFound } from '../ports/discovery.ts'
import type { EndpointId, Transport } from '../ports/transport.ts'
import type { PeerManager } from './peer-manager.ts'

/** Between two questions while a peer is missing: doubled from the first to the last. */
const FIRST_WAIT_MS = 1000
const LAST_WAIT_MS = 60_000
/** The same hint is not passed on again within this. */
const HINT_PAUSE_MS = 5000
/** Hints per peer in one such time. Whoever heard a name can repeat it with any address, and each new one is dialled. */
const MAX_HINTS = 4

export interface LanFinderOptions {
  readonly discovery: Discovery
  readonly clock: Clock
  readonly transport: Pick<Transport, 'id' | 'address'>
  readonly peers: Pick<PeerManager, 'getPeers' | 'hint' | 'wake' | 'onPeerStateChange' | 'states'>
}

/**
 * Lets paired devices recognise us on the local network and tells the peer manager where they are. Asks while a willing peer is
 * not connected; answers always.
 */
export class LanFinder {
  readonly #o: LanFinderOptions
  readonly #tokens = new LanTokenIndex()
  readonly #hints = new Map<EndpointId, { since: number; seen: Set<string> }>()
  readonly #unsubscribe: (() => void)[] = []
  #wait = FIRST_WAIT_MS
  #cancelLook: (() => void) | null = null
  #running = false

  constructor(options: LanFinderOptions) {
    this.#o = options
  }

  async start(): Promise<void> {
    const { discovery, clock, transport, peers } = this.#o
    this.#running = true
    this.#unsubscribe.push(
      discovery.onFound((found) => this.#found(found)),
      discovery.onNetworkChange(() => {
        peers.wake() // L4
        this.#lookAfresh()
      }),
      peers.onPeerStateChange(({ before, state }) => {
        if (before.link === 'connected' && state.link !== 'connected') this.#lookAfresh()
        else if (!this.#cancelLook) this.#look()
      }),
    )
    await discovery.start({
      token: () => lanToken(transport.id, clock.now()),
      direct: () => transport.address().direct,
    })
    this.#lookAfresh()
  }

  async stop(): Promise<void> {
    this.#running = false
    this.#cancelLook?.()
    this.#cancelLook = null
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe()
    await this.#o.discovery.close()
  }

  #lookAfresh(): void {
    this.#wait = FIRST_WAIT_MS
    this.#look()
  }

  #look(): void {
    this.#cancelLook?.()
    this.#cancelLook = null
    const { discovery, clock, peers } = this.#o
    const isMissing = peers
      .getPeers()
      .some(({ nodeId, autoConnect }) => autoConnect && peers.states.get(nodeId)?.link !== 'connected')
    if (!this.#running || !isMissing) return
    discovery.query()
    this.#cancelLook = clock.after(this.#wait, () => this.#look())
    this.#wait = Math.min(this.#wait * 2, LAST_WAIT_MS)
  }

  #found({ token, direct }: LanFound): void {
    const { clock, peers } = this.#o
    const now = clock.now()
    const ids = peers.getPeers().map(({ nodeId }) => nodeId)
    const id = this.#tokens.find(token, ids, now)
    if (!id) return
    let hints = this.#hints.get(id)
    if (!hints || now - hints.since >= HINT_PAUSE_MS || now < hints.since)
      this.#hints.set(id, (hints = { since: now, seen: new Set() }))
    const hint = direct.join()
    if (hints.seen.has(hint) || hints.seen.size >= MAX_HINTS) return
    hints.seen.add(hint)
    peers.hint(id, direct)
  }
}
