import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RawPeer } from '../../support/raw-peer.ts'
import { recordOf, TestNetwork, type TestDevice } from '../../support/two-devices.ts'

let net: TestNetwork
let a: TestDevice
let b: TestDevice
beforeEach(() => {
  net = new TestNetwork({ latencyMs: 1 })
  ;[a, b] = net.pair()
})
afterEach(async () => expect(await net.stop()).toBe(0)) // L9

async function connected(): Promise<void> {
  await net.until(() => a.isConnectedTo(b) && b.isConnectedTo(a), 'connected')
}

/** Waits between dials, ms. */
const gaps = (times: readonly number[]) => times.slice(1).map((at, i) => at - times[i]!)

describe('a peer that cannot be reached', () => {
  it('[L4] is dialled after 1, 2, 4, 8, 16, 30, 30 … s with jitter, and never given up', async () => {
    // Somebody else has its address and refuses at once.
    net.network.transport('77'.repeat(32) as never, { address: b.address })
    await a.start()
    await net.clock.advance(300_000)
    const waits = gaps(a.dials)
    const steps = [1_000, 2_000, 4_000, 8_000, 16_000, ...Array.from({ length: waits.length - 5 }, () => 30_000)]
    expect(waits.length).toBeGreaterThanOrEqual(12)
    for (const [i, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(0.75 * steps[i]!)
      expect(wait).toBeLessThanOrEqual(steps[i]! + 10)
    }
    expect(new Set(waits.slice(5)).size).toBeGreaterThan(1)
    expect(a.peer(b)).toMatchObject({ status: 'disconnected', state: { lastError: { code: 'unreachable' } } })
    expect(a.peer(b)!.state.retryAt).toBeGreaterThan(net.clock.now())
  })

  it('[L4] that does not answer at all is given 30 s each time', async () => {
    await a.start()
    await net.clock.advance(29_000)
    expect([a.dials.length, a.peer(b)?.status]).toEqual([1, 'connecting'])
    await net.clock.advance(1_500)
    expect(a.peer(b)).toMatchObject({ status: 'disconnected', state: { lastError: { code: 'timeout' } } })
    await net.clock.advance(1_000)
    expect(a.dials.length).toBe(2)
  })

  it('[L4] is tried at once on waking up, on focus and on a network change', async () => {
    const squatter = net.network.transport('77'.repeat(32) as never, { address: b.address })
    await a.start()
    await net.clock.advance(100_000)
    await net.complete(squatter.close())
    await b.start()
    const before = a.dials.length
    net.network.partition(a.id, b.id) // b's own dial must not be what connects them
    a.peers.connectAll()
    expect(a.dials.length).toBe(before + 1)
    net.network.heal(a.id, b.id)
    await net.until(() => a.isConnectedTo(b), 'connected', 1_000)
  })
})

describe('a link that ended', () => {
  it('[L4] is dialled again after 5 s when the peer left in order', async () => {
    await Promise.all([a.start(), b.start()])
    await connected()
    const before = a.dials.length
    const left = net.clock.now() - net.startedAt
    await net.complete(b.stop())
    await net.until(() => a.dials.length > before, 'dialled')
    expect(a.dials.at(-1)! - left).toBeGreaterThanOrEqual(4_900)
    expect(a.dials.at(-1)! - left).toBeLessThanOrEqual(5_200)
    expect(a.peer(b)!.state.lastError).toBeNull()
  })

  it('[L4] goes on with the steps when it lived less than 30 s, and anew when it lived longer', async () => {
    a.records = []
    const raw = new RawPeer(net, 9)
    a.records = [recordOf(raw)]
    await a.start()
    const wait = async (livesMs: number): Promise<number> => {
      await raw.answer()
      await raw.send({ kind: 'hello', hello: raw.hello() })
      await net.until(() => a.isConnectedTo(raw), 'connected')
      for (let lived = 0; lived < livesMs; lived += 5_000) {
        await net.clock.advance(5_000)
        await raw.send({ kind: 'ping', at: 1 })
      }
      net.network.cut(a.id, raw.id)
      const lost = net.clock.now() - net.startedAt
      const before = a.dials.length
      await net.until(() => a.dials.length > before, 'dialled again')
      return a.dials.at(-1)! - lost
    }
    const within = (ms: number, step: number) =>
      expect(ms >= 0.75 * step - 10 && ms <= step + 20, `${ms} for a step of ${step}`).toBe(true)
    within(await wait(0), 1_000)
    within(await wait(0), 2_000)
    within(await wait(5_000), 4_000)
    within(await wait(35_000), 1_000)
    within(await wait(0), 2_000)
  })

  it('is dialled again without an event in between for the cut: disconnected, then connected', async () => {
    await Promise.all([a.start(), b.start()])
    await connected()
    net.network.cut(a.id, b.id)
    await net.clock.settle()
    expect(a.peer(b)).toMatchObject({ status: 'disconnected', state: { lastError: { code: 'disconnected' } } })
    await connected()
    expect(a.peer(b)!.state.lastError).toBeNull()
    expect(a.peer(b)!.traffic.reconnects).toBe(1)
  })
})

describe('an explicit disconnect', () => {
  it('[L4] stays, although the other device dials', async () => {
    await Promise.all([a.start(), b.start()])
    await connected()
    await net.complete(a.peers.disconnectPeer(b.id))
    const [dials, attempts] = [a.dials.length, b.dials.length]
    await net.clock.advance(300_000)
    expect([a.isConnectedTo(b), b.isConnectedTo(a), a.dials.length, a.connects(b)]).toEqual([false, false, dials, 1])
    expect(b.dials.length - attempts).toBeGreaterThan(5) // or it was not put to the test
    expect(a.peer(b)?.state.lastError).toBeNull()
    a.peers.connectAll() // nor does anything but a person
    for (const device of [a, b]) device.peers.wake()
    await net.clock.advance(60_000)
    expect(a.isConnectedTo(b)).toBe(false)
    a.peers.connectToPeer(b.id)
    await net.until(() => a.isConnectedTo(b) && b.isConnectedTo(a), 'connected again', 2_000)
  })

  it('[L4] stays when it comes while we dial, or while we greet', async () => {
    await b.start()
    await a.start()
    for (let ms = 0; ms < 12; ms++) {
      a.peers.connectToPeer(b.id)
      await net.clock.advance(ms)
      await net.complete(a.peers.disconnectPeer(b.id))
      await net.clock.advance(20_000)
      expect([ms, a.isConnectedTo(b), a.peer(b)?.status, a.peer(b)?.state.lastError]).toEqual([
        ms,
        false,
        'disconnected',
        null,
      ])
    }
  })
})

describe('a device that is not dialled from here', () => {
  it('[L4] is let in when it dials, and after every loss it is the one that dials again', async () => {
    a.records = [recordOf(b, { autoConnect: false })]
    a.write('n.md', 'from a')
    await Promise.all([a.start(), b.start()])
    await connected()
    await net.until(() => b.text('n.md') === 'from a' && a.peer(b)!.current, 'in step')
    net.network.cut(a.id, b.id)
    await net.clock.settle()
    await connected()
    a.peers.wake()
    a.peers.connectAll()
    await net.clock.advance(60_000)
    expect([a.dials, b.dials.length, a.connects(b)]).toEqual([[], 2, 2])
  })

  it('[L4] is let in also while it is not dialled on either side, once a person asks for it', async () => {
    a.records = [recordOf(b, { autoConnect: false })]
    b.records = [recordOf(a, { autoConnect: false })]
    await Promise.all([a.start(), b.start()])
    await net.clock.advance(60_000)
    expect([a.dials, b.dials]).toEqual([[], []])
    await b.peers.updatePeer(a.id, { autoConnect: true })
    await connected()
    expect(a.dials).toEqual([])
  })
})

describe('a peer without autoConnect', () => {
  it('[L4] is dialled once when a person asks for it, and not again when that fails', async () => {
    a.records = [recordOf(b, { autoConnect: false })]
    net.network.transport('77'.repeat(32) as never, { address: b.address })
    await a.start()
    a.peers.connectToPeer(b.id)
    expect(a.peer(b)!.status).toBe('connecting')
    await net.clock.advance(300_000)
    expect(a.dials).toHaveLength(1)
    expect(a.peer(b)).toMatchObject({
      status: 'disconnected',
      state: { retryAt: null, lastError: { code: 'unreachable' } },
    })
  })

  it('[L4] is not dialled any more from the moment at which that is switched off, and on again at once', async () => {
    net.network.transport('77'.repeat(32) as never, { address: b.address })
    await a.start()
    await net.clock.advance(20_000)
    expect(a.peer(b)!.state.retryAt).not.toBeNull()
    const dials = a.dials.length
    await a.peers.updatePeer(b.id, { autoConnect: false })
    expect(a.peer(b)!.state.retryAt).toBeNull()
    await net.clock.advance(120_000)
    expect(a.dials.length).toBe(dials)
    await a.peers.updatePeer(b.id, { autoConnect: true })
    expect(a.dials.length).toBe(dials + 1)
  })
})

describe('every wait for a peer', () => {
  /** Timers of a device beyond those that it has without peers. */
  const baseline = async (): Promise<number> => {
    a.records = []
    await a.start()
    await net.clock.advance(1_000)
    return a.timers
  }

  it.each([
    ['removed', () => a.peers.removePeer(b.id)],
    ['disconnected by hand', () => a.peers.disconnectPeer(b.id)],
  ])('[L4] [L9] ends when the peer is %s: in an attempt, between two, on a link', async (_how, end) => {
    const without = await baseline()
    for (const wait of ['dial', 'retry', 'link'] as const) {
      const squatter = wait === 'retry' ? net.network.transport('77'.repeat(32) as never, { address: b.address }) : null
      if (wait === 'link') await b.start()
      await a.peers.addPeer(recordOf(b))
      a.peers.connectToPeer(b.id)
      await net.clock.advance(5_000)
      expect([wait, a.timers > without]).toEqual([wait, true])
      expect([wait, a.peer(b)!.status]).toEqual([
        wait,
        { dial: 'connecting', retry: 'disconnected', link: 'connected' }[wait],
      ])
      await net.complete(end())
      await net.clock.advance(100)
      const dials = a.dials.length
      expect([wait, a.timers]).toEqual([wait, without])
      expect(a.peers.getPeers().every((p) => a.peers.states.get(p.nodeId)!.retryAt === null)).toBe(true)
      await net.clock.advance(120_000)
      expect([wait, a.dials.length]).toEqual([wait, dials])
      await squatter?.close()
    }
  })

  it('[L9] ends when the device stops, at whatever moment', async () => {
    net.network.transport('77'.repeat(32) as never, { address: b.address })
    for (const ms of [0, 1, 2, 3, 500, 1_500, 31_000]) {
      await a.start()
      await net.clock.advance(ms)
      await net.complete(a.stop())
      expect([ms, a.timers]).toEqual([ms, 0])
      const dials = a.dials.length
      await net.clock.advance(120_000)
      expect([ms, a.dials.length]).toEqual([ms, dials])
    }
  })
})

describe('removing a peer', () => {
  it('[P5] says so: the other device stops dialling, forgets nothing, and says why', async () => {
    a.write('n.md', 'kept')
    await Promise.all([a.start(), b.start()])
    await net.until(() => b.text('n.md') === 'kept', 'in step')
    await net.complete(a.peers.removePeer(b.id))
    await net.clock.advance(1_000)
    expect([a.peers.getPeers(), a.records, a.peers.states.all(), a.engine!.peerReports()]).toEqual([[], [], [], []])
    const dials = b.dials.length
    await net.clock.advance(300_000)
    b.peers.connectAll()
    await net.clock.advance(60_000)
    expect([b.dials.length, b.text('n.md')]).toEqual([dials, 'kept'])
    expect(b.peer(a)).toMatchObject({
      status: 'disconnected',
      state: { lastError: { message: expect.stringContaining('removed') } },
    })
  })

  it('[P5] while the other device is away: at its return it is turned away, stops dialling and says why', async () => {
    await Promise.all([a.start(), b.start()])
    await connected()
    await net.complete(b.stop())
    await net.complete(a.peers.removePeer(b.id))
    await b.start()
    await net.clock.advance(10_000)
    const dials = b.dials.length
    await net.clock.advance(300_000)
    expect(b.dials.length).toBe(dials)
    expect(b.peer(a)).toMatchObject({
      status: 'disconnected',
      state: { lastError: { message: expect.stringContaining('not paired') } },
    })
  })

  it('[P5] at any moment of a dial leaves nothing of it', async () => {
    await b.start()
    for (let ms = 0; ms < 10; ms++) {
      if (!a.engine) await a.start()
      await net.complete(a.peers.removePeer(b.id))
      await a.peers.addPeer(recordOf(b))
      a.peers.connectToPeer(b.id)
      await net.clock.advance(ms)
      await net.complete(a.peers.removePeer(b.id))
      await net.clock.advance(20_000)
      expect([ms, a.peers.getPeers(), a.peers.states.all(), a.peers.states.connected()]).toEqual([ms, [], [], []])
      await a.peers.addPeer(recordOf(b))
    }
  })

  it('of an unknown id is a mistake of the caller', async () => {
    await a.start()
    await expect(a.peers.removePeer('55'.repeat(32) as never)).rejects.toBeInstanceOf(RangeError)
    expect(() => a.peers.connectToPeer('55'.repeat(32) as never)).toThrow(RangeError)
  })
})

describe('the list of peers', () => {
  it('[P6] takes no harm from our own id in it, or the same id twice', async () => {
    a.records = [recordOf(a), recordOf(b), recordOf(b, { name: 'twin' })]
    await Promise.all([a.start(), b.start()])
    await connected()
    expect(a.peers.getPeers().map((r) => r.nodeId)).toEqual([b.id])
    await expect(a.peers.addPeer(recordOf(a))).rejects.toMatchObject({ code: 'self' })
  })

  it('keeps a peer with an unreadable ticket, says what is wrong, and can be reached by it', async () => {
    a.records = [recordOf(b, { ticket: 'nonsense' })]
    await a.start()
    await net.clock.advance(100)
    expect(a.peer(b)).toMatchObject({ status: 'disconnected', state: { lastError: { code: 'bad-ticket' } } })
    await b.start()
    await connected()
    expect(a.records[0]!.ticket).toBe(recordOf(b).ticket) // L5
  })

  it('does not dial who is not to be dialled', async () => {
    a.records = [recordOf(b, { autoConnect: false })]
    await a.start()
    await net.clock.advance(60_000)
    expect(a.dials).toEqual([])
    await a.peers.updatePeer(b.id, { autoConnect: true })
    expect(a.dials).toHaveLength(1)
  })
})
