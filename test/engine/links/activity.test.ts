import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Link } from '../../../src/engine/link.ts'
import { ShareTraffic } from '../../../src/engine/share-traffic.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import { TransportError } from '../../../src/ports/errors.ts'
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
  await Promise.all([a.start(), b.start()])
  await net.until(() => [a.peer(b), b.peer(a)].every((peer) => peer?.current === true), 'in step')
}

const logged = (device: TestDevice, event: string) => device.log.filter((record) => record.event === event)
const kinds = (device: TestDevice) => device.log.map(({ event }) => event)

describe('[L10] the activity log', () => {
  it('tells that a link came up, and why it went down', async () => {
    await connected()
    net.network.cut(a.id, b.id)
    await net.until(() => !a.isConnectedTo(b), 'lost')
    expect(logged(a, 'link.up')).toMatchObject([{ level: 'info', data: { peer: b.id } }])
    expect(logged(a, 'link.down')).toMatchObject([
      { message: 'disconnected: the connection was lost', data: { peer: b.id } },
    ])
  })

  it('tells of retries with the reason and the wait, and does not fill itself with them', async () => {
    net.network.transport('77'.repeat(32) as never, { address: b.address }) // somebody else has its address
    await a.start()
    await net.clock.advance(60_000)
    const first = logged(a, 'link.retry')
    expect(first[0]).toMatchObject({
      message: expect.stringMatching(/^not reached: .+; next try in 1 s$/) as string,
      data: { peer: b.id, failures: 1 },
    })
    expect([a.dials.length, first.length]).toEqual([7, 6])
    await net.clock.advance(8 * 3_600_000)
    expect(a.dials.length).toBeGreaterThan(900)
    expect(logged(a, 'link.retry').length).toBeLessThan(130)
  })

  it('tells that a peer does not answer, and that it answers again', async () => {
    const raw = new RawPeer(net, 9)
    a.records = [recordOf(raw, { autoConnect: false })]
    await a.start()
    await raw.join(a)
    await net.until(() => a.peer(raw)!.state.health === 'unhealthy', 'unhealthy')
    await raw.send({ kind: 'ping', at: 1 })
    await net.clock.advance(10)
    expect(logged(a, 'link.unhealthy')).toMatchObject([
      {
        level: 'warn',
        message: expect.stringMatching(/^nothing heard for 1[56] s$/) as string,
        data: { peer: raw.id },
      },
    ])
    expect(logged(a, 'link.healthy')).toMatchObject([{ data: { peer: raw.id } }])
  })

  it('tells that two connections became one, and nothing of it as a disconnection (L3)', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const race = new TestNetwork({ seed, latencyMs: 40 })
      const [x, y] = race.pair()
      await Promise.all([x.start(), y.start()])
      await race.until(() => x.isConnectedTo(y) && y.isConnectedTo(x), 'connected')
      await race.clock.advance(3_000)
      const settled = [x, y].flatMap((device) => logged(device, 'link.duplicate'))
      expect(settled.length).toBeGreaterThan(0)
      expect([...kinds(x), ...kinds(y)]).not.toContain('link.down')
      expect(await race.stop()).toBe(0)
    }
  })

  it('tells of a transfer with its bytes and time', async () => {
    await connected()
    a.write('note.md', 'a note\n')
    await net.until(() => b.text('note.md') === 'a note\n', 'arrived')
    const [done] = logged(b, 'transfer.done')
    const { bytes, ms } = done!.data as { bytes: number; ms: number }
    expect(done).toMatchObject({ level: 'info', data: { peer: a.id, share: 'vault' } })
    expect(bytes).toBeGreaterThan(50)
    expect(ms).toBeGreaterThanOrEqual(0)
    expect(logged(a, 'transfer.done')).toEqual([])
  })

  it.each([
    ['failed on a link that lives', true, ['transfer.failed']],
    ['ended with its link, which is told elsewhere', false, []],
  ])('tells of a transfer that %s: %s', async (_, isOpen, expected) => {
    await a.start()
    const told: string[] = []
    const logger = { log: (_level: unknown, event: string) => void told.push(event) }
    let ended = false
    const traffic = new ShareTraffic(new Map([['vault', a.share]]), net.clock, logger, {
      rights: () => ({ reveal: () => true, write: () => true }),
      mayChange: () => true,
      syncing: (_link, active) => void (ended = !active),
      progress: () => undefined,
      fault: () => undefined,
    })
    const link = {
      remoteId: b.id,
      isOpen,
      traffic: { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0 },
      openStream: () => Promise.reject(new TransportError('disconnected', 'the link is closed')),
      close: () => undefined,
      send: () => undefined,
    } as unknown as Link
    traffic.offer(link, 'vault', new Map([[b.id, '1'.repeat(40) as Oid]]), new Uint8Array(0))
    await net.until(() => ended, 'given up')
    expect(told).toEqual(expected)
  })

  it('tells that a stranger was turned away, and that a device was removed', async () => {
    await connected()
    const stranger = await new RawPeer(net, 9).dial(a)
    await stranger.send({ kind: 'hello', hello: stranger.hello() })
    await stranger.isClosed()
    expect(logged(a, 'link.stranger')).toMatchObject([{ data: { peer: stranger.id } }])
    await net.complete(a.peers.removePeer(b.id))
    await net.clock.advance(100)
    expect(logged(a, 'peer.removed')).toMatchObject([{ data: { peer: b.id } }])
    expect(logged(b, 'link.down')).toMatchObject([{ data: { peer: a.id } }])
  })
})
