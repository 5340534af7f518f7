import { beforeEach, describe, expect, it } from 'vitest'
import { LanFinder } from '../../src/engine/lan-finder.ts'
import { lanToken } from '../../src/peers/lan-token.ts'
import { PeerStates } from '../../src/peers/peer-states.ts'
import type { PeerRecord } from '../../src/ports/data-store.ts'
import type { Discovery, LanFound, LanSelf } from '../../src/ports/discovery.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const self = '11'.repeat(32) as EndpointId
const anna = 'aa'.repeat(32) as EndpointId
const ben = 'bb'.repeat(32) as EndpointId
const stranger = 'cc'.repeat(32) as EndpointId

/** A network whose every word the test says itself. */
class ScriptedDiscovery implements Discovery {
  self: LanSelf | null = null
  /** When somebody was asked for, ms. */
  readonly queries: number[] = []
  found: (found: LanFound) => void = () => undefined
  changed: () => void = () => undefined
  closed = false

  constructor(private readonly clock: VirtualClock) {}

  start(said: LanSelf): Promise<void> {
    this.self = said
    return Promise.resolve()
  }
  query(): void {
    this.queries.push(this.clock.now())
  }
  onFound(listener: (found: LanFound) => void): () => void {
    this.found = listener
    return () => (this.found = () => undefined)
  }
  onNetworkChange(listener: () => void): () => void {
    this.changed = listener
    return () => (this.changed = () => undefined)
  }
  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }
}

let clock: VirtualClock
let discovery: ScriptedDiscovery
let states: PeerStates
let hints: [EndpointId, readonly string[]][]
let wakes: number
let finder: LanFinder

beforeEach(async () => {
  clock = new VirtualClock()
  discovery = new ScriptedDiscovery(clock)
  states = new PeerStates()
  hints = []
  wakes = 0
  for (const id of [anna, ben]) states.add(id)
  finder = new LanFinder({
    discovery,
    clock,
    transport: { id: self, address: () => ({ id: self, direct: ['10.0.0.1:1'] }) },
    peers: {
      states,
      getPeers: () => [anna, ben].map((nodeId) => ({ nodeId, autoConnect: true }) as PeerRecord),
      hint: (id, direct) => hints.push([id, direct]),
      wake: () => wakes++,
      onPeerStateChange: (listener) => states.onChange(listener),
    },
  })
  await finder.start()
})

const seconds = (times: readonly number[], since: number) => times.map((time) => (time - since) / 1000)
const connectBoth = () => {
  for (const id of [anna, ben]) states.update(id, { link: 'connected' })
}

describe('on the local network we', () => {
  it('go by the name of the time', async () => {
    const first = discovery.self!.token()
    expect(first).toBe(lanToken(self, clock.now()))
    await clock.advance(10 * 60_000)
    expect(discovery.self!.token()).not.toBe(first)
    expect(discovery.self!.direct()).toEqual(['10.0.0.1:1'])
  })

  it('pass on where a paired device is, and nothing about strangers or ourselves', () => {
    for (const id of [stranger, self, anna])
      discovery.found({ token: lanToken(id, clock.now()), direct: ['10.0.0.2:5'] })
    discovery.found({ token: 'noise', direct: ['10.0.0.3:5'] })
    expect(hints).toEqual([[anna, ['10.0.0.2:5']]])
  })

  it('pass the same on again only after 5 s', async () => {
    const found = { token: lanToken(anna, clock.now()), direct: ['10.0.0.2:5'] }
    discovery.found(found)
    await clock.advance(4999)
    discovery.found(found)
    expect(hints).toHaveLength(1)
    await clock.advance(1)
    discovery.found(found)
    expect(hints).toHaveLength(2)
  })

  it('dial no more than four places in 5 s for somebody who repeats a name with invented addresses', () => {
    for (let n = 1; n < 200; n++) discovery.found({ token: lanToken(anna, clock.now()), direct: [`10.0.0.${n}:5`] })
    expect(hints).toHaveLength(4)
    discovery.found({ token: lanToken(ben, clock.now()), direct: ['10.0.0.2:5'] })
    expect(hints.at(-1)![0]).toBe(ben)
  })

  it('ask at start and then less and less often, once a minute in the end, while somebody is missing', async () => {
    const start = clock.now()
    await clock.advance(200_000)
    expect(seconds(discovery.queries, start)).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183])
  })

  it('do not ask while everybody is connected, and ask at once when somebody is lost', async () => {
    connectBoth()
    await clock.advance(60_000)
    const before = discovery.queries.length
    await clock.advance(600_000)
    expect(discovery.queries).toHaveLength(before)
    const lost = clock.now()
    states.update(anna, { link: 'disconnected' })
    await clock.advance(2000)
    expect(seconds(discovery.queries.slice(before), lost)).toEqual([0, 1])
  })

  it('[L4] ask, and say so to who keeps the links, at once when the network changed', async () => {
    await clock.advance(40_000)
    const before = discovery.queries.length
    discovery.changed()
    expect([discovery.queries.length, wakes]).toEqual([before + 1, 1])
  })

  it('[L9] leave nothing behind', async () => {
    await finder.stop()
    expect([clock.pending, discovery.closed]).toEqual([0, true])
    states.update(anna, { link: 'connected' })
    states.update(anna, { link: 'disconnected' })
    discovery.changed()
    await clock.advance(120_000)
    expect([clock.pending, discovery.queries.length, wakes]).toEqual([0, 1, 0])
  })
})
