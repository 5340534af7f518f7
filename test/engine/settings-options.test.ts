import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RawPeer } from '../support/raw-peer.ts'
import { recordOf, TestNetwork } from '../support/two-devices.ts'

let net: TestNetwork
beforeEach(() => void (net = new TestNetwork({ latencyMs: 1 })))
afterEach(async () => expect(await net.stop()).toBe(0)) // L9

describe('a device with settings of its own', () => {
  it('[L6] with a heartbeat of 2 s calls a silent peer unhealthy after 6 s, and closes after 12 s', async () => {
    const a = net.device(1, { settings: { heartbeatMs: 2_000 } })
    const raw = new RawPeer(net, 9)
    a.records = [recordOf(raw, { autoConnect: false })]
    await a.start()
    await raw.join(a)
    const heard = net.clock.now()
    await net.clock.advance(5_900)
    expect(a.peer(raw)!.state.health).toBe('healthy')
    await net.until(() => a.peer(raw)!.state.health === 'unhealthy', 'unhealthy')
    expect(net.clock.now() - heard).toBeLessThanOrEqual(7_100)
    expect(await raw.isClosed()).toMatchObject({ code: 4005 })
    expect(net.clock.now() - heard).toBeGreaterThanOrEqual(11_900)
    expect(net.clock.now() - heard).toBeLessThanOrEqual(13_100)
  })

  it('[L6] stays connected to one with another heartbeat: each is answered on its own pings', async () => {
    const [a, b] = net.pair({ settings: { heartbeatMs: 2_000 } }, { settings: { heartbeatMs: 10_000 } })
    await a.start()
    await b.start()
    await net.until(() => a.isConnectedTo(b) && b.isConnectedTo(a), 'connected')
    await net.clock.advance(120_000)
    expect([a.connects(b), b.connects(a)]).toEqual([1, 1])
    expect([a.peer(b)!.state.health, b.peer(a)!.state.health]).toEqual(['healthy', 'healthy'])
  })

  it('[C11] pairs with as many devices as its setting says', async () => {
    const a = await net.device(1, { settings: { maxPeers: 1 } }).start()
    await a.peers.addPeer(recordOf({ id: net.device(2).id, address: '10.0.0.2:1' }, { autoConnect: false }))
    await expect(
      a.peers.addPeer(recordOf({ id: net.device(3).id, address: '10.0.0.3:1' }, { autoConnect: false })),
    ).rejects.toMatchObject({ code: 'too-many-peers', data: { limit: 1 } })
  })

  it('commits after its own quiet time', async () => {
    const a = await net.device(1, { settings: { debounceMs: 2_000 } }).start()
    a.write('Note.md', 'hello')
    await net.clock.advance(1_900)
    expect(a.share.state().heads.size).toBe(0)
    await net.clock.advance(300)
    expect(a.share.state().heads.size).toBe(1)
  })
})
