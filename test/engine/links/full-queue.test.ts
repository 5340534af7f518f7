import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WINDOW } from '../../../src/adapters/memory/memory-pipe.ts'
import { Link, type LinkOwner } from '../../../src/engine/link.ts'
import type { ByteStream, CloseReason } from '../../../src/ports/transport.ts'
import { encodeFrame, FrameReader } from '../../../src/protocol/frames.ts'
import { decodeMessage, encodeMessage, type LinkMessage, type SendableMessage } from '../../../src/protocol/messages.ts'
import { QUEUE_OPTIONS, type QueueOptions } from '../../../src/protocol/send-queue.ts'
import { RawPeer } from '../../support/raw-peer.ts'
import { aHello, anId, anOid } from '../../support/sample-messages.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { recordOf, TestNetwork } from '../../support/two-devices.ts'

const { limit, waitMs } = QUEUE_OPTIONS
let net: TestNetwork
beforeEach(() => void (net = new TestNetwork({ latencyMs: 1 })))
afterEach(async () => expect(await net.stop()).toBe(0)) // L9

const refusal = (n: number, message = ''): SendableMessage => ({
  kind: 'refusal',
  code: String(n),
  message,
  share: 'vault',
})
/** More than the stream takes while nobody reads: everything after it waits in the queue. */
const plug = refusal(-1, 'x'.repeat(2 * WINDOW))
const heads = (n: number) => new Map([[anId(1), anOid(n)]])
const state = (n: number) => ({ heads: heads(n), applied: anOid(n) })

/** An open link of ours to a device that reads when the test says so. */
class SlowReader {
  readonly heard: LinkMessage[] = []
  closed: CloseReason | null = null

  private constructor(
    readonly link: Link,
    readonly control: ByteStream,
  ) {}

  static async open(queue?: QueueOptions): Promise<SlowReader> {
    const [ours, theirs] = [net.network.transport(anId(1)), net.network.transport(anId(9))]
    const connection = await net.complete(theirs.connect(ours.address()))
    const accepted = (await net.complete(ours.accept()))!
    const owner: Partial<LinkOwner> = {
      greeted: (link) => link.dispatch({ kind: 'admit', local: new Map([['vault', state(1)]]), now: net.clock.now() }),
      closed: (_link, reason) => void (reader.closed = reason),
      opened: () => undefined,
      changed: () => undefined,
      offer: () => undefined,
      rights: () => ({ reveal: () => true, write: () => true }),
      buildUpdate: () => Promise.resolve(new Uint8Array()),
    }
    const link = new Link(accepted, aHello(1), owner as LinkOwner, net.clock, undefined, queue)
    void link.run()
    const reader = new SlowReader(link, await connection.openStream())
    void reader.#listen().catch(() => undefined)
    await reader.send({ kind: 'hello', hello: aHello(9) })
    await net.until(() => reader.kinds().includes('directory'), 'open')
    expect(reader.kinds()).toEqual(['hello', 'subscribe', 'directory'])
    reader.heard.length = 0
    return reader
  }

  async #listen(): Promise<void> {
    const frames = new FrameReader(this.control)
    for (let frame = await frames.frame(); frame; frame = await frames.frame()) this.heard.push(decodeMessage(frame))
  }

  async send(message: SendableMessage): Promise<void> {
    await this.control.write(encodeFrame(encodeMessage(message)))
    await net.clock.advance(10)
  }

  /** Reads nothing any more; what the stream itself takes is used up. */
  async stops(): Promise<void> {
    net.network.stall(anId(9))
    this.link.send(plug)
    await net.clock.advance(20)
    expect(this.link.queueDepth).toBe(0)
  }

  async readsAgain(): Promise<void> {
    net.network.resume(anId(9))
    await net.clock.advance(50)
  }

  kinds(): string[] {
    return this.heard.map((message) => message.kind)
  }

  /** The refusals that came, by number, without the plug. */
  codes(): number[] {
    return this.heard.flatMap((m) => (m.kind === 'refusal' && m.code !== '-1' ? [Number(m.code)] : []))
  }

  async close(): Promise<void> {
    this.link.close(4000, 'over')
    await net.clock.advance(100)
    expect([this.closed?.code, net.clock.pending]).toEqual([4000, 0]) // L9
  }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe('a link whose queue is full', () => {
  it.each(['oldest', 'newest'] as const)('[L7] loses nothing when there is room in time (%s)', async (drop) => {
    const peer = await SlowReader.open({ limit, waitMs, drop })
    await peer.stops()
    for (const n of numbers(0, limit + 20)) peer.link.send(refusal(n))
    await net.clock.advance(waitMs - 100)
    expect([peer.link.queueDepth, peer.link.dropped]).toEqual([limit + 20, 0])
    await peer.readsAgain()
    expect([peer.codes(), peer.link.dropped, peer.link.queueDepth]).toEqual([numbers(0, limit + 20), 0, 0])
    expect(peer.kinds()).not.toContain('directory') // nothing to make up for
    await peer.close()
  })

  it.each([
    ['oldest', numbers(20, limit + 20)],
    ['newest', numbers(0, limit)],
  ] as const)('[L7] drops the %s after a second without room, and counts it', async (drop, left) => {
    const peer = await SlowReader.open({ limit, waitMs, drop })
    await peer.stops()
    for (const n of numbers(0, limit + 20)) peer.link.send(refusal(n))
    await net.clock.advance(waitMs - 10)
    expect(peer.link.dropped).toBe(0)
    await net.clock.advance(20)
    expect([peer.link.queueDepth, peer.link.dropped]).toEqual([limit, 20])
    await peer.readsAgain()
    expect(peer.codes()).toEqual(left)
    await peer.close()
  })

  it('[L7] [L8] makes up for a drop with a directory of what is so by now, as soon as there is room', async () => {
    const peer = await SlowReader.open()
    await peer.stops()
    for (const n of numbers(0, limit + 5)) peer.link.send(refusal(n))
    peer.link.dispatch({ kind: 'local', share: 'vault', state: state(1) })
    await net.clock.advance(waitMs + 10)
    expect(peer.link.dropped).toBe(5)
    // What our side of the share became meanwhile is what the peer is told.
    await peer.send({ kind: 'subscribe', shares: ['vault'] })
    peer.link.dispatch({ kind: 'local', share: 'vault', state: state(2) })
    await peer.readsAgain()
    const directories = peer.heard.filter((m) => m.kind === 'directory')
    expect(directories).toEqual([{ kind: 'directory', share: 'vault', heads: heads(2), applied: anOid(2) }])
    await net.clock.advance(10_000)
    expect(peer.kinds().filter((kind) => kind === 'directory')).toHaveLength(1) // once
    await peer.close()
  })

  it('[L7] lets announcements of one share replace each other instead of each other’s neighbours', async () => {
    const peer = await SlowReader.open()
    await peer.stops()
    for (const n of numbers(0, limit - 1)) peer.link.send(refusal(n))
    for (const n of numbers(0, 1_000)) peer.link.send({ kind: 'directory', share: 'vault', ...state(n) })
    await net.clock.advance(waitMs * 2)
    expect([peer.link.queueDepth, peer.link.dropped]).toEqual([limit, 0])
    await peer.readsAgain()
    expect(peer.heard.filter((m) => m.kind === 'directory')).toEqual([
      { kind: 'directory', share: 'vault', ...state(999) },
    ])
    await peer.close()
  })

  it('[L7] answers a ping before anything else, and says goodbye', async () => {
    const peer = await SlowReader.open()
    await peer.stops()
    for (const n of numbers(0, limit * 3)) peer.link.send(refusal(n))
    await peer.send({ kind: 'ping', at: 77 })
    const left = peer.link.leave('disconnect', 4007)
    await peer.readsAgain()
    const kinds = peer.kinds().filter((kind) => kind !== 'ping') // our own heartbeat
    expect(kinds.slice(0, 3)).toEqual(['refusal', 'pong', 'bye']) // the first was on its way already
    await net.complete(left)
    expect([peer.closed?.code, net.clock.pending]).toEqual([4007, 0])
  })

  it('[T8] costs bounded memory, whatever is to be said', async () => {
    const peer = await SlowReader.open()
    await peer.stops()
    for (const n of numbers(0, 20_000)) {
      peer.link.send(refusal(n, 'y'.repeat(400)))
      if (n % 1_000 === 0) await net.clock.advance(100)
      if (n === 10_000) await peer.send({ kind: 'ping', at: 1 })
    }
    expect(peer.link.queueDepth).toBeLessThanOrEqual(2 * limit + 2)
    expect(peer.link.queuedBytes).toBeLessThan(2 * limit * 600)
    expect(peer.link.dropped).toBeGreaterThan(19_000)
    await peer.close()
  })

  it('[L9] leaves no timer behind when it ends with messages that wait', async () => {
    const peer = await SlowReader.open()
    await peer.stops()
    for (const n of numbers(0, limit + 5)) peer.link.send(refusal(n))
    peer.link.probe()
    await peer.close()
    peer.link.send(refusal(1))
    peer.link.probe()
    expect(net.clock.pending).toBe(0)
  })
})

describe('devices with the smallest of queues', () => {
  it.each(['oldest', 'newest'] as const)('[L7] [L8] get in step all the same, dropping the %s', async (drop) => {
    const queue = { limit: 1, waitMs: 0, drop }
    const [a, b] = net.pair({ queue }, { queue })
    await Promise.all([a.start(), b.start()])
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (let n = 0; n < 10; n++) {
        from.write(`${n}.md`, `${n} by ${from.number}`)
        // Long before the next minute's directory.
        await net.until(() => to.text(`${n}.md`) === `${n} by ${from.number}`, `edit ${n}`, 2_000)
      }
    }
    await net.until(() => a.peer(b)!.current && b.peer(a)!.current, 'current', 10_000)
    expect(a.peer(b)!.traffic.dropped + b.peer(a)!.traffic.dropped).toBeGreaterThan(0) // or this proves nothing
    expect([a.connects(b), b.connects(a)]).toEqual([1, 1])
  })
})

describe('a peer that reads nothing', () => {
  it('[L7] costs another peer no time at all: an edit arrives at the very moment at which it would', async () => {
    const took: number[] = []
    for (const withMute of [false, true]) {
      const alone = new TestNetwork({ latencyMs: 1 })
      const [a, b] = alone.pair()
      const mute = new RawPeer(alone, 9)
      a.records = [recordOf(mute, { autoConnect: false }), ...a.records]
      await Promise.all([a.start(), b.start()])
      await alone.until(() => a.peer(b)!.current, 'in step')
      if (withMute) {
        await mute.dial(a, { read: false })
        await mute.send({ kind: 'hello', hello: mute.hello() }, { kind: 'subscribe', shares: ['vault'] })
        await alone.until(() => a.isConnectedTo(mute), 'the mute one is connected')
        // Its stream is full of edits that it does not take.
        for (let n = 0; n < 12; n++) {
          a.disk.userWrite('big.md', seededRandom(n).bytes(60_000))
          await alone.clock.advance(2_000)
          await mute.send({ kind: 'ping', at: n })
        }
        expect(a.peer(mute)!.traffic.queueDepth).toBeGreaterThan(0)
      }
      const began = alone.clock.now()
      a.write('note.md', 'hello')
      while (b.text('note.md') !== 'hello' && alone.clock.now() - began < 60_000) await alone.clock.advance(1)
      took.push(alone.clock.now() - began)
      expect(a.isConnectedTo(mute)).toBe(withMute)
      expect(await alone.stop()).toBe(0)
    }
    // The quiet time after an edit, and a few ms on the way, each of which may stretch to two.
    expect(Math.abs(took[1]! - took[0]!)).toBeLessThanOrEqual(10)
  })
})
