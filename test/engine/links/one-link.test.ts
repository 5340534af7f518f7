import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../support/seeded-random.ts'
import { TestNetwork } from '../../support/two-devices.ts'

describe('two devices that dial each other at once', () => {
  it('[L3] keep one link, and each tells of one "connected", in 200 races', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed)
      const net = new TestNetwork({ seed, latencyMs: Math.floor(random.fraction() * 3) * 40 + 1 })
      const [a, b] = net.pair()
      for (const device of [a, b]) device.records = device.records.map((record) => ({ ...record, autoConnect: false }))
      await Promise.all([a.start(), b.start()])
      const [first, second] = random.fraction() < 0.5 ? [a, b] : [b, a]
      await first.peers.updatePeer(second.id, { autoConnect: true })
      if (seed % 3) await net.clock.advance(Math.floor(random.fraction() * 300))
      await second.peers.updatePeer(first.id, { autoConnect: true })
      await net.until(() => a.isConnectedTo(b) && b.isConnectedTo(a), `race ${seed}`)
      await net.clock.advance(8_000)
      expect([seed, a.connects(b), b.connects(a), a.isConnectedTo(b), b.isConnectedTo(a)]).toEqual([
        seed,
        1,
        1,
        true,
        true,
      ])
      expect([seed, net.network.connections(a.id, b.id)]).toEqual([seed, 1])
      expect([a, b].flatMap((d) => d.log.filter((r) => r.event === 'link.down'))).toEqual([])
      expect([a.peer(b)?.state.lastError, b.peer(a)?.state.lastError]).toEqual([null, null])
      a.write('n.md', 'x')
      await net.until(() => b.text('n.md') === 'x', `race ${seed}: in step`)
      expect(await net.stop()).toBe(0)
    }
  }, 120_000)

  it('[L3] keep one link when both lose it and come back at the same moment, again and again', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const net = new TestNetwork({ seed, latencyMs: 20 })
      const [a, b] = net.pair()
      await Promise.all([a.start(), b.start()])
      for (let round = 0; round < 5; round++) {
        await net.until(() => a.isConnectedTo(b) && b.isConnectedTo(a), `seed ${seed}, round ${round}`)
        await net.clock.advance(3_000)
        expect([seed, round, a.connects(b), b.connects(a)]).toEqual([seed, round, round + 1, round + 1])
        expect([seed, round, net.network.connections(a.id, b.id)]).toEqual([seed, round, 1])
        net.network.cut(a.id, b.id)
        await net.clock.settle()
        a.peers.connectAll()
        b.peers.connectAll()
      }
      expect(await net.stop()).toBe(0)
    }
  })
})

describe('a device that was killed and is back', () => {
  it.each([
    ['higher', 2],
    ['lower', 1],
  ])('[L3] replaces its corpse at once, when its id is the %s one', async (_which, victim) => {
    const net = new TestNetwork({ latencyMs: 5 })
    const [a, b] = net.pair()
    const [dead, other] = victim === 1 ? [a, b] : [b, a]
    await Promise.all([a.start(), b.start()])
    await net.until(() => a.isConnectedTo(b) && b.isConnectedTo(a), 'connected')
    dead.crash()
    await net.clock.advance(2_000)
    expect(other.isConnectedTo(dead)).toBe(true) // nobody told it
    await dead.start()
    await net.until(() => dead.isConnectedTo(other), 'back', 1_000)
    dead.write('new.md', 'from the new life')
    await net.until(() => other.text('new.md') === 'from the new life', 'in step over the new link', 3_000)
    await net.clock.advance(60_000)
    expect([other.connects(dead), other.isConnectedTo(dead), other.peer(dead)?.state.lastError]).toEqual([
      1,
      true,
      null,
    ])
    expect(await net.stop()).toBe(0)
  })
})
