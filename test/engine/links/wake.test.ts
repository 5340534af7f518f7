import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LanFinder } from '../../../src/engine/lan-finder.ts'
import { CROSSING_MS } from '../../../src/peers/duplicate-link.ts'
import { RawPeer } from '../../support/raw-peer.ts'
import { recordOf, TestNetwork, type TestDevice } from '../../support/two-devices.ts'

let net: TestNetwork
beforeEach(() => void (net = new TestNetwork({ latencyMs: 20 })))
afterEach(async () => expect(await net.stop()).toBe(0)) // L9

/** Two devices in step over a link that the first of them dialled, `ageMs` ago. */
async function linked(dialler: 1 | 2 | 'both', ageMs: number): Promise<[TestDevice, TestDevice]> {
  const [a, b] = net.pair()
  if (dialler === 2) a.records = [recordOf(b, { autoConnect: false })]
  if (dialler === 1) b.records = [recordOf(a, { autoConnect: false })]
  await Promise.all([a.start(), b.start()])
  await net.until(() => a.peer(b)!.current && b.peer(a)!.current, 'in step')
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const)
    await one.peers.updatePeer(other.id, { autoConnect: true })
  await net.clock.advance(ageMs)
  return [a, b]
}

/** Virtual ms until an edit of one device has reached the other. */
async function editTakes(from: TestDevice, to: TestDevice): Promise<number> {
  const began = net.clock.now()
  const text = `written at ${began}`
  from.write('edit.md', text)
  await net.until(() => to.text('edit.md') === text, 'the edit arrives', 120_000)
  return net.clock.now() - began
}

describe('addresses that went dead under a live link', () => {
  it.each([
    ['the lower id', 1, 'the lower id', 0],
    ['the lower id', 1, 'the higher id', 1],
    ['the higher id', 2, 'the lower id', 0],
    ['the higher id', 2, 'the higher id', 1],
  ] as const)(
    '[L4] are mended within 5 s of a network change: dialled by %s (%d), noticed by %s',
    async (_dialler, dialler, _noticer, noticer) => {
      const devices = await linked(dialler, CROSSING_MS)
      const [one, other] = [devices[noticer], devices[1 - noticer]!]
      net.network.strand(one.id, other.id)
      one.peers.wake()
      expect(await editTakes(one, other)).toBeLessThan(5_000)
      expect(await editTakes(other, one)).toBeLessThan(1_000)
      // Who noticed tells of it; for the other one link took the place of another (L3).
      expect([one.connects(other), other.connects(one)]).toEqual([2, 1])
      expect(net.network.connections(one.id, other.id)).toBe(1)
      await net.clock.advance(60_000)
      expect([one.connects(other), other.connects(one)]).toEqual([2, 1])
    },
  )

  it('[L6] are noticed after 30 s when nobody says a word', async () => {
    const [a, b] = await linked('both', CROSSING_MS)
    net.network.strand(a.id, b.id)
    expect(await editTakes(a, b)).toBeGreaterThan(20_000)
  })

  it('[L3] are mended soon also when the link was so young that it might have crossed the new one', async () => {
    for (const dialler of [1, 2] as const) {
      net = new TestNetwork({ latencyMs: 20 })
      const [a, b] = await linked(dialler, 0)
      net.network.strand(a.id, b.id)
      a.peers.wake()
      expect(await editTakes(a, b)).toBeLessThan(20_000) // the waits between attempts are drawn at random
      if (dialler === 1) expect(await net.stop()).toBe(0)
    }
  })

  it('[L3] [L4] are mended to one link when both devices notice at once, in 30 races', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      net = new TestNetwork({ seed, latencyMs: 1 + (seed % 3) * 60 })
      const [a, b] = await linked('both', seed % 2 ? 0 : CROSSING_MS)
      net.network.strand(a.id, b.id)
      a.peers.wake()
      await net.clock.advance((seed % 5) * 40)
      b.peers.wake()
      expect(await editTakes(a, b)).toBeLessThan(5_500) // up to 3 s for the probe, a dial, and three round trips of 0.3 s for the edit
      await net.clock.advance(30_000)
      expect([seed, a.connects(b), net.network.connections(a.id, b.id)]).toEqual([seed, 2, 1])
      expect([1, 2]).toContain(b.connects(a)) // 1 when the new link was there before it gave the old one up
      expect([a.peer(b)!.state.lastError, b.peer(a)!.state.lastError]).toEqual([null, null])
      if (seed < 30) expect(await net.stop()).toBe(0)
    }
  })

  it('[L4] are mended when the local network says that it changed', async () => {
    const [a, b] = await linked('both', CROSSING_MS)
    let changed = (): void => undefined
    const finder = new LanFinder({
      discovery: {
        start: () => Promise.resolve(),
        query: () => undefined,
        onFound: () => () => undefined,
        onNetworkChange: (listener) => {
          changed = listener
          return () => undefined
        },
        close: () => Promise.resolve(),
      },
      clock: net.clock,
      transport: { id: a.id, address: () => ({ id: a.id, direct: [a.address] }) },
      peers: a.peers,
    })
    await finder.start()
    net.network.strand(a.id, b.id)
    changed()
    expect(await editTakes(a, b)).toBeLessThan(5_000)
    await finder.stop()
  })

  it('[L4] are mended when the machine slept, although nothing else says so', async () => {
    const [a, b] = await linked('both', CROSSING_MS)
    net.network.strand(a.id, b.id)
    net.clock.suspend(16_000)
    expect(await editTakes(a, b)).toBeLessThan(5_000)
  })
})

describe('a link that is fine', () => {
  it('[L4] outlives every wake-up without an event, and is only asked', async () => {
    const [a, b] = await linked('both', CROSSING_MS)
    const before = [a, b].map((device) => [...device.transitions])
    for (let i = 0; i < 50; i++) {
      for (const device of [a, b]) device.peers.wake()
      await net.clock.advance(i * 20)
    }
    await net.clock.advance(10_000)
    expect([a, b].map((device) => device.transitions)).toEqual(before)
    expect([a.dials.length + b.dials.length, net.network.connections(a.id, b.id)]).toEqual([2, 1])
    expect(await editTakes(a, b)).toBeLessThan(1_000)
  })

  it('[L7] is asked once, however often the window comes to front', async () => {
    const [a, b] = await linked('both', CROSSING_MS)
    const before = a.peer(b)!.traffic.messagesSent
    for (let i = 0; i < 1_000; i++) a.peers.wake()
    await net.clock.advance(200)
    expect(a.peer(b)!.traffic.messagesSent - before).toBeLessThanOrEqual(2)
  })

  it('[L4] with a peer that takes 2 s to answer is left alone', async () => {
    const [a, b] = await linked('both', CROSSING_MS)
    net.network.stall(b.id)
    a.peers.wake()
    await net.clock.advance(2_000)
    net.network.resume(b.id)
    await net.clock.advance(30_000)
    expect([a.connects(b), b.connects(a)]).toEqual([1, 1])
  })
})

describe('a link on which no answer comes', () => {
  it.each([
    ['is kept while a transfer moves on it: its bytes hold the answer up', 20, null],
    ['is closed when the last bytes were on their way before', 1, 4005],
  ])('[L4] %s', async (_what, pieces, code) => {
    const a = net.device(1)
    const slow = new RawPeer(net, 9)
    a.records = [recordOf(slow, { autoConnect: false })]
    await a.start()
    await slow.join(a)
    const stream = await slow.connection.openStream()
    await stream.write(Uint8Array.of(0, 0, 1, 0)) // a request of 256 bytes, which come one by one
    await net.clock.advance(50)
    a.peers.wake()
    for (let piece = 0; piece < 20; piece++) {
      if (piece < pieces) await stream.write(new Uint8Array(1))
      await net.clock.advance(200)
    }
    expect([slow.closed?.code ?? null, a.isConnectedTo(slow)]).toEqual([code, code === null])
    if (code === null) slow.connection.close(4007, 'over')
    await net.clock.advance(100)
  })
})

describe('whoever has no link at a wake-up', () => {
  it('[L4] is dialled at once, and the waits begin anew', async () => {
    const [a, b] = net.pair()
    net.network.transport('77'.repeat(32) as never, { address: b.address }) // refuses at once
    await a.start()
    await net.clock.advance(100_000)
    const before = a.dials.length
    a.peers.wake()
    expect(a.dials.length).toBe(before + 1)
    await net.clock.advance(3_500)
    const waits = a.dials.slice(before).map((at, i, all) => at - (all[i - 1] ?? at))
    expect(waits.length).toBe(3)
    expect([waits[1]! <= 1_200, waits[2]! <= 2_200]).toEqual([true, true])
  })

  it('[L4] is dialled when the machine slept, not when its wait is over', async () => {
    const [a, b] = net.pair()
    net.network.transport('77'.repeat(32) as never, { address: b.address })
    await a.start()
    await net.clock.advance(100_000)
    const before = a.dials.length
    await net.until(() => a.dials.length > before, 'the next attempt')
    net.clock.suspend(17_000) // less than the wait
    await net.clock.advance(5_000)
    expect(a.dials.length).toBeGreaterThan(before + 1)
  })

  it('[L4] is dialled anew when an attempt has hung since before; a fresh one is left alone', async () => {
    const [a] = net.pair() // nobody answers
    await a.start()
    await net.clock.advance(2_900)
    a.peers.wake()
    expect(a.dials.length).toBe(1)
    await net.clock.advance(200)
    a.peers.wake()
    a.peers.wake()
    expect(a.dials.length).toBe(2)
    expect(a.transitions.map(([, link]) => link)).toEqual(['connecting'])
    await net.clock.advance(29_000)
    expect(a.dials.length).toBe(2) // the first attempt's deadline is gone with it
  })

  it('[L4] stays so when a person wants it, or the other device does', async () => {
    const [a, b] = await linked('both', 0)
    await net.complete(a.peers.disconnectPeer(b.id))
    const dials = a.dials.length
    a.peers.wake()
    await net.clock.advance(20_000)
    expect([a.dials.length, a.isConnectedTo(b)]).toEqual([dials, false])
    a.peers.connectToPeer(b.id)
    await net.until(() => a.isConnectedTo(b), 'connected')
    await net.complete(b.peers.removePeer(a.id))
    await net.clock.advance(1_000)
    const later = a.dials.length
    a.peers.wake()
    await net.clock.advance(20_000)
    expect(a.dials.length).toBe(later)
  })
})

it('[L4] a device that greets over an address that is gone is dialled anew', async () => {
  const [a, b] = net.pair()
  b.records = [recordOf(a, { autoConnect: false })]
  await b.start()
  net.network.stall(b.id)
  await a.start()
  await net.clock.advance(1_000)
  expect(a.peer(b)!.status).toBe('connecting')
  net.network.strand(a.id, b.id)
  net.network.resume(b.id)
  a.peers.wake()
  await net.until(() => a.isConnectedTo(b), 'connected', 5_000)
})

it('[P3] a pairing that waits is not asked for a sign of life: the other person may have put the phone away', async () => {
  const a = await net.device(1).start()
  a.peers.invite('vault')
  const guest = await new RawPeer(net, 9).dial(a)
  await guest.send({ kind: 'hello', hello: guest.hello({ pairing: true }) })
  a.peers.wake()
  await net.clock.advance(8_000)
  expect(guest.closed).toBeNull()
  guest.connection.close(4007, 'gone')
  await net.clock.advance(100)
})
