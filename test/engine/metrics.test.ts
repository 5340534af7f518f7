import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeviceMetrics, PeerMetrics } from '../../src/engine/metrics.ts'
import { recordOf, TestNetwork, type TestDevice } from '../support/two-devices.ts'

let net: TestNetwork
let a: TestDevice
let b: TestDevice
beforeEach(() => {
  net = new TestNetwork({ latencyMs: 5 })
  ;[a, b] = net.pair({ name: 'Laptop' }, { name: 'Phone' })
})
afterEach(async () => expect(await net.stop()).toBe(0)) // L9

const read = (device: TestDevice): Promise<DeviceMetrics> => net.complete(device.engine!.metrics())
const ofPeer = async (device: TestDevice, other: TestDevice): Promise<PeerMetrics> =>
  (await read(device)).peers.find(({ id }) => id === other.id)!

async function inStep(): Promise<void> {
  await Promise.all([a.start(), b.start()])
  await net.until(() => [a.peer(b), b.peer(a)].every((peer) => peer?.current === true), 'in step')
}

describe('[L10] the metrics of a device', () => {
  it('are plain JSON, the same before and after', async () => {
    await inStep()
    const metrics = await read(a)
    expect(JSON.parse(JSON.stringify(metrics))).toEqual(metrics)
  })

  it('count bytes and messages each way: what one sent, the other received', async () => {
    await inStep()
    a.write('note.md', 'x'.repeat(5_000))
    await net.until(() => b.text('note.md') !== undefined && a.peer(b)!.current, 'arrived')
    await net.clock.advance(100)
    const [there, here] = [await ofPeer(a, b), await ofPeer(b, a)]
    expect(here.bytesReceived).toBe(there.bytesSent)
    expect(here.messagesReceived).toBe(there.messagesSent)
    expect(there.messagesSent).toBeGreaterThan(0)
    expect(there.wireBytesSent).toBeGreaterThanOrEqual(there.bytesSent)
    expect([there.queueDepth, there.drops]).toEqual([0, 0])
  })

  it('count the bytes of a transfer on both sides', async () => {
    const noise = Array.from({ length: 40_000 }, () => String.fromCharCode(33 + net.random.fraction() * 90)).join('')
    a.write('large.md', noise)
    await a.start()
    await net.complete(a.share.settle())
    await b.start()
    await net.until(() => b.text('large.md') === noise && a.peer(b)!.current, 'arrived')
    expect((await ofPeer(a, b)).bytesSent).toBeGreaterThan(20_000)
    expect((await ofPeer(b, a)).bytesReceived).toBeGreaterThan(20_000)
  })

  it('go on counting over a lost link: nothing counted is forgotten', async () => {
    await inStep()
    const before = await ofPeer(a, b)
    net.network.cut(a.id, b.id)
    await net.until(() => !a.isConnectedTo(b), 'lost')
    const lost = await ofPeer(a, b)
    expect(lost).toMatchObject({ status: 'disconnected', reconnects: 1, connectedSince: null, path: null })
    expect(lost.lastError?.message).toBe('the connection was lost')
    await net.until(() => a.isConnectedTo(b) && a.peer(b)!.current, 'back')
    const after = await ofPeer(a, b)
    expect(after.bytesSent).toBeGreaterThan(before.bytesSent)
    expect(after.wireBytesReceived).toBeGreaterThan(before.wireBytesReceived)
    expect(after.connectedSince).toBeGreaterThan(before.connectedSince!)
    expect(after.lastError).toEqual(lost.lastError) // and says when it was
    expect(a.peer(b)!.state.lastError).toBeNull()
  })

  it('tell since when and how: connected, path, round trip, last success', async () => {
    await inStep()
    await net.clock.advance(20_000)
    const { at, peers } = await read(a)
    expect(peers[0]).toMatchObject({
      id: b.id,
      status: 'connected',
      health: 'healthy',
      path: { kind: expect.stringMatching(/direct|local/) as string },
      lastSuccessAt: at,
      lastError: null,
    })
    expect(at - peers[0]!.connectedSince!).toBeGreaterThanOrEqual(20_000)
    expect(peers[0]!.roundTripMs).toBeGreaterThanOrEqual(10)
  })

  it('know when a peer that is away was last in step: until it was last heard, not since it first was', async () => {
    await inStep()
    await net.clock.advance(600_000)
    const heard = net.clock.now()
    b.crash()
    await net.until(() => !a.isConnectedTo(b), 'given up')
    const { lastSuccessAt } = await ofPeer(a, b)
    expect(Math.abs(lastSuccessAt! - heard)).toBeLessThanOrEqual(5_100) // a ping apart
    expect(a.records[0]!.lastSyncAt).toBe(lastSuccessAt)
  })

  it('tell how many files are newer here while the other one is away, and none when it is back', async () => {
    await inStep()
    expect((await ofPeer(a, b)).files).toEqual({ ahead: 0, behind: 0 })
    net.network.partition(a.id, b.id)
    for (const name of ['one', 'two', 'three']) a.write(`${name}.md`, name)
    await net.until(() => a.share.isSettled, 'committed')
    await net.until(() => !a.isConnectedTo(b), 'given up')
    await net.clock.advance(5_000)
    // Nothing had been written by anybody before, so there was nothing that the other one could show.
    expect((await ofPeer(a, b)).files).toBeNull()
    net.network.heal(a.id, b.id)
    await net.until(() => a.isConnectedTo(b) && a.peer(b)!.current && b.text('one.md') === 'one', 'back')
    expect((await ofPeer(a, b)).files).toEqual({ ahead: 0, behind: 0 })
    net.network.partition(a.id, b.id)
    a.write('one.md', 'edited')
    a.write('four.md', 'four')
    await net.clock.advance(5_000)
    expect((await ofPeer(a, b)).files).toEqual({ ahead: 2, behind: 0 })
    await net.until(() => !a.isConnectedTo(b), 'given up')
    expect((await ofPeer(a, b)).files).toEqual({ ahead: 2, behind: 0 })
  })

  it('tell how many files are newer there while a change of many waits for consent here', async () => {
    const names = Array.from({ length: 80 }, (_, i) => `note ${i}.md`)
    for (const name of names) a.write(name, name)
    await inStep()
    for (const name of names.slice(0, 70)) b.disk.userDelete(name)
    await net.until(() => b.share.tree.consent !== null, 'it asks there')
    await net.complete(b.share.answerConsent(true))
    await net.until(() => a.share.tree.consent !== null, 'it asks here')
    expect((await ofPeer(a, b)).files).toEqual({ ahead: 0, behind: 70 })
    await net.complete(a.share.answerConsent(true))
    await net.until(() => a.peer(b)!.current, 'in step')
    expect((await ofPeer(a, b)).files).toEqual({ ahead: 0, behind: 0 })
  })

  it('in total are the sums over all peers', async () => {
    const c = net.device(3)
    await inStep()
    await a.peers.addPeer(recordOf(c))
    c.records = [recordOf(a)]
    await c.start()
    await net.until(() => a.isConnectedTo(c) && a.peer(c)!.current, 'the third')
    net.network.cut(a.id, b.id)
    await net.until(() => !a.isConnectedTo(b), 'lost')
    const { total, peers } = await read(a)
    expect(total).toMatchObject({ peers: 2, connected: 1, reconnects: 1 })
    expect(total.bytesSent).toBe(peers.reduce((sum, peer) => sum + peer.bytesSent, 0))
    expect(total.lastError).toEqual(peers.find(({ id }) => id === b.id)!.lastError)
  })

  it('of a device without peers are empty, and not an error', async () => {
    const alone = net.device(4)
    await alone.start()
    expect(await read(alone)).toMatchObject({
      peers: [],
      total: { peers: 0, connected: 0, bytesSent: 0, lastSuccessAt: null, lastError: null },
    })
  })

  it('forget a peer that was removed', async () => {
    await inStep()
    net.network.cut(a.id, b.id)
    await net.until(() => !a.isConnectedTo(b), 'lost')
    await net.complete(a.peers.removePeer(b.id))
    expect((await read(a)).peers).toEqual([])
    await a.peers.addPeer(recordOf(b, { autoConnect: false }))
    expect((await ofPeer(a, b)).lastError).toBeNull()
  })
})
