import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ByteStream } from '../../../src/ports/transport.ts'
import { encodeFetchRequest } from '../../../src/protocol/fetch-messages.ts'
import { encodeFrame } from '../../../src/protocol/frames.ts'
import { anOid } from '../../support/sample-messages.ts'
import { RawPeer } from '../../support/raw-peer.ts'
import { recordOf, TestNetwork, type TestDevice } from '../../support/two-devices.ts'

let net: TestNetwork
let a: TestDevice
beforeEach(() => void (net = new TestNetwork({ latencyMs: 1 })))
afterEach(async () => expect(await net.stop()).toBe(0)) // L9

async function withRaw(...numbers: number[]): Promise<RawPeer[]> {
  a = net.device(1)
  const raws = numbers.map((n) => new RawPeer(net, n))
  a.records = raws.map((raw) => recordOf(raw, { autoConnect: false }))
  await a.start()
  return raws
}

describe('a peer whose event loop hangs', () => {
  it('[L6] is unhealthy after 15 s and closed after 30 s', async () => {
    const [raw] = await withRaw(9)
    await raw!.join(a)
    const heard = net.clock.now()
    await net.clock.advance(14_900)
    expect(a.peer(raw!)!.state.health).toBe('healthy')
    await net.until(() => a.peer(raw!)!.state.health === 'unhealthy', 'unhealthy')
    expect(net.clock.now() - heard).toBeLessThanOrEqual(15_010)
    expect(a.isConnectedTo(raw!)).toBe(true)
    expect(await raw!.isClosed()).toMatchObject({ code: 4005 })
    expect(net.clock.now() - heard).toBeGreaterThanOrEqual(29_900)
    expect(net.clock.now() - heard).toBeLessThanOrEqual(30_010)
    expect(a.peer(raw!)).toMatchObject({
      status: 'disconnected',
      state: { health: 'healthy', lastError: { message: expect.stringMatching(/^nothing heard for 3[01] s$/) } },
    })
  })

  it('[L6] is healthy again at its next sign of life', async () => {
    const [raw] = await withRaw(9)
    await raw!.join(a)
    await net.until(() => a.peer(raw!)!.state.health === 'unhealthy', 'unhealthy')
    await raw!.send({ kind: 'ping', at: 1 })
    await net.clock.advance(10)
    expect(a.peer(raw!)!.state.health).toBe('healthy')
  })

  it('[L6] is replaced, and is back in step when it reads again', async () => {
    const [x, b] = net.pair()
    a = x
    await Promise.all([a.start(), b.start()])
    await net.until(() => a.isConnectedTo(b) && b.isConnectedTo(a), 'connected')
    net.network.stall(b.id)
    await net.until(() => !a.isConnectedTo(b), 'given up', 32_000)
    a.write('n.md', 'meanwhile')
    net.network.resume(b.id)
    await net.until(() => b.text('n.md') === 'meanwhile' && a.peer(b)!.current, 'back in step', 90_000)
  })
})

describe('a slow peer', () => {
  it('[L7] that reads nothing slows no other, and costs a bounded queue', async () => {
    const [mute] = await withRaw(9)
    const b = net.device(2)
    await a.peers.addPeer(recordOf(b))
    b.records = [recordOf(a)]
    await b.start()
    await mute!.dial(a, { read: false })
    await mute!.send({ kind: 'hello', hello: mute!.hello() })
    await net.until(() => a.isConnectedTo(mute!), 'the mute one is connected')
    await mute!.send({ kind: 'subscribe', shares: ['vault'] })
    for (let i = 0; i < 60; i++) {
      a.write(`note ${i % 7}.md`, `version ${i} ${'x'.repeat(200 * i)}`)
      await net.until(
        () => b.text(`note ${i % 7}.md`)?.startsWith(`version ${i} `) ?? false,
        `edit ${i} arrives`,
        2_000,
      )
      await mute!.send({ kind: 'ping', at: i }) // it lives, but does not read
    }
    expect(a.peer(mute!)!.traffic.queueDepth).toBeLessThanOrEqual(101)
    expect(a.isConnectedTo(mute!)).toBe(true)
  })

  it('[L5] that sends its hello a byte a second is closed after 10 s', async () => {
    const [slow] = await withRaw(9)
    await slow!.dial(a)
    const began = net.clock.now()
    for (let i = 0; i < 12 && !slow!.closed; i++) {
      await slow!.send(Uint8Array.of(0)).catch(() => undefined)
      await net.clock.advance(1_000)
    }
    expect([slow!.closed?.code, net.clock.now() - began <= 12_000]).toEqual([4004, true])
  })

  it('[L6] that sends pings only is answered, one pong for those that wait', async () => {
    const [raw] = await withRaw(9)
    await raw!.join(a)
    for (let i = 0; i < 2_000; i++) void raw!.control.write(pingFrame)
    await net.clock.advance(1_000)
    expect(raw!.kinds().filter((kind) => kind === 'pong').length).toBeGreaterThan(0)
    expect([a.isConnectedTo(raw!), a.peer(raw!)!.traffic.queueDepth]).toEqual([true, 0])
  })

  it('[T8] that fetches on very many streams at once is turned away on those, and served again when some have ended', async () => {
    const [greedy] = await withRaw(9)
    await greedy!.join(a)
    const request = encodeFrame(encodeFetchRequest({ share: 'vault', oid: anOid(1), offset: 0 }))
    const ask = async (bytes: Uint8Array): Promise<{ stream: ByteStream; outcome: Promise<string> }> => {
      const stream = await greedy!.connection.openStream()
      await stream.write(bytes)
      return {
        stream,
        outcome: stream.read().then(
          () => 'answered',
          () => 'turned away',
        ),
      }
    }
    const held = await Promise.all(Array.from({ length: 60 }, () => ask(request.subarray(0, 3)))) // the rest never comes
    const last = await ask(request)
    expect(await net.complete(last.outcome)).toBe('turned away')
    for (const { stream } of held) stream.abort()
    await net.clock.advance(100)
    expect(await net.complete((await ask(request)).outcome)).toBe('answered')
    expect(a.isConnectedTo(greedy!)).toBe(true)
  })

  it('[T8] that opens 1,000 streams keeps nobody else from being served', async () => {
    const [greedy] = await withRaw(9)
    const b = net.device(2)
    await a.peers.addPeer(recordOf(b))
    b.records = [recordOf(a)]
    await b.start()
    await greedy!.join(a)
    for (let i = 0; i < 1_000; i++) {
      void greedy!.connection
        .openStream()
        .then((stream) => stream.write(Uint8Array.of(0)))
        .catch(() => undefined)
    }
    a.write('n.md', 'still there')
    await net.until(() => b.text('n.md') === 'still there', 'the others are served')
    expect(a.isConnectedTo(greedy!)).toBe(true)
    await net.complete(a.peers.removePeer(greedy!.id))
  })
})

/** A frame with the ping of time 1. */
const pingFrame = Uint8Array.of(0, 0, 0, 4, 0x4a, 2, 8, 1)
