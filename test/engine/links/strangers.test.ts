import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RawPeer } from '../../support/raw-peer.ts'
import { recordOf, TestNetwork, type TestDevice } from '../../support/two-devices.ts'

let net: TestNetwork
let a: TestDevice
beforeEach(async () => {
  net = new TestNetwork({ latencyMs: 5 })
  a = net.device(1, { name: 'Ada’s laptop' })
  a.write('secret plans.md', 'secret\n')
  await a.start()
})
afterEach(async () => expect(await net.stop()).toBe(0)) // L9

describe('an unknown device', () => {
  it('[P4] is closed with 4003, learns nothing at all, and is logged', async () => {
    const stranger = await new RawPeer(net, 9).dial(a)
    await stranger.send({ kind: 'hello', hello: stranger.hello() })
    expect(await stranger.isClosed()).toMatchObject({ by: 'peer', code: 4003 })
    expect(stranger.heard).toEqual([])
    expect(a.log.filter((r) => r.event === 'link.stranger').map((r) => r.data?.peer)).toEqual([stranger.id])
    expect([a.records, a.transitions]).toEqual([[], []])
  })

  it('[P4] gets nothing on a stream of its own, before or after its hello', async () => {
    const stranger = await new RawPeer(net, 9).dial(a)
    const stream = await stranger.connection.openStream()
    await stream.write(new Uint8Array(10))
    await expect(net.complete(stream.read())).rejects.toMatchObject({ name: 'TransportError' })
    await stranger.isClosed()
    expect(stranger.heard).toEqual([])
  })

  it('[P4] that wants to pair while no invitation is open is treated alike', async () => {
    const stranger = await new RawPeer(net, 9).dial(a)
    await stranger.send({ kind: 'hello', hello: stranger.hello({ pairing: true }) })
    expect([(await stranger.isClosed()).code, stranger.heard]).toEqual([4003, []])
  })

  it('[L5] that says nothing is closed after 10 s, with or without a stream', async () => {
    const silent = await new RawPeer(net, 9).dial(a)
    const connection = await net.complete(new RawPeer(net, 8).transport.connect({ id: a.id, direct: [a.address] }))
    const began = net.clock.now()
    const reasons = await net.complete(Promise.all([silent.connection.closed, connection.closed]))
    expect(reasons.map((r) => r.code)).toEqual([4004, 4004])
    expect(net.clock.now() - began).toBeGreaterThanOrEqual(9_900)
    expect(net.clock.now() - began).toBeLessThanOrEqual(11_500)
  })

  it('[T8] that opens connections without end is told to wait, and one of ours still gets in', async () => {
    const b = net.device(2)
    b.records = [recordOf(a)]
    a.records = [recordOf(b)]
    await net.complete(a.stop())
    await a.start()
    const strangers = Array.from({ length: 80 }, (_, i) => new RawPeer(net, 20 + i))
    for (const stranger of strangers) await stranger.dial(a)
    await net.clock.advance(1_000)
    expect(strangers.some((s) => s.closed?.code === 4008)).toBe(true)
    await b.start()
    await net.until(() => a.isConnectedTo(b), 'a peer gets in')
  })
})

describe('a hello', () => {
  const pairedRaw = async (): Promise<RawPeer> => {
    const raw = new RawPeer(net, 9)
    await a.peers.addPeer(recordOf(raw, { autoConnect: false }))
    return raw.dial(a)
  }

  it.each([
    ['[L2] of another id', { endpointId: '07'.repeat(32) as never }, 4004, 'another device'],
    ['[L5] of an older major version', { protocol: 99 }, 4002, 'update Tandem on raw 9'],
    ['[L5] of a newer major version', { protocol: 200 }, 4002, 'update Tandem on Ada’s laptop'],
  ])('%s ends the link in words', async (_what, change, code, words) => {
    const raw = await pairedRaw()
    await raw.send({ kind: 'hello', hello: raw.hello(change) })
    const reason = await raw.isClosed()
    expect([reason.code, a.transitions]).toEqual([code, []])
    expect(reason.reason).toContain(words)
    expect(a.peer(raw)?.state.lastError?.message).toContain(words)
    expect(a.peer(raw)?.state.lastError?.code === 'version').toBe(code === 4002)
  })

  it('[L5] brings the other device’s present address, if it is its own', async () => {
    const raw = await pairedRaw()
    const ticketOf = (id: number) => recordOf(new RawPeer(net, id)).ticket
    await raw.send({ kind: 'hello', hello: raw.hello({ ticket: ticketOf(33) }) }) // another device's
    await net.until(() => a.isConnectedTo(raw), 'connected')
    expect(a.peers.getPeers()[0]!.ticket).toBe(recordOf(raw).ticket)
    raw.connection.close(4000, 'again')
    await net.until(() => !a.isConnectedTo(raw), 'disconnected')
    const moved = recordOf({ id: raw.id, address: '10.9.9.9:1' }).ticket
    await raw.join(a, { ticket: moved })
    expect([a.peers.getPeers()[0]!.ticket, a.records[0]!.ticket]).toEqual([moved, moved])
  })

  it('with a long name of ours is still one that others take', async () => {
    const b = net.device(2, { name: 'x'.repeat(5_000) })
    b.records = [recordOf(a)]
    await a.peers.addPeer(recordOf(b, { autoConnect: false }))
    await b.start()
    await net.until(() => a.isConnectedTo(b), 'connected')
  })
})
