import { describe, expect, it } from 'vitest'
import { MAX_PAYLOAD, type Frame } from '../../../src/adapters/port/port-frames.ts'
import { MAX_STREAMS } from '../../../src/adapters/port/port-streams.ts'
import { MAX_UNDER_WAY } from '../../../src/adapters/port/send-window.ts'
import { FRAME_COST, WINDOW } from '../../../src/adapters/port/stream-credit.ts'
import type { CloseReason } from '../../../src/ports/transport.ts'
import { failureOf, pattern, readAll, readExactly, same } from '../../contracts/transport.contract.ts'
import { PortScene } from '../../support/port-scene.ts'

/** How a connection ended, if it did by now. */
function ending({ closed }: { readonly closed: Promise<CloseReason> }): { reason?: CloseReason } {
  const seen: { reason?: CloseReason } = {}
  void closed.then((reason) => (seen.reason = reason))
  return seen
}

const open = (stream: number): Frame => ({ type: 'open', stream })
const data = (stream: number, size = 1): Frame => ({ type: 'data', stream, payload: new Uint8Array(size) })
const word = (type: 'finish' | 'finished' | 'reset' | 'stop' | 'release', stream: number): Frame => ({ type, stream })

describe('[T6] a port without flow control', () => {
  it('whose other side is silent while chunks wait is given up after 30 s', async () => {
    const scene = new PortScene()
    const { dialer } = await scene.connected()
    const stream = await dialer.openStream()
    for (const port of scene.ports[0]!) port.isDead = true
    await stream.write(Uint8Array.of(1))
    const end = ending(dialer)
    await scene.clock.advance(29_999)
    expect(end.reason).toBeUndefined()
    await scene.clock.advance(1)
    expect(end.reason).toEqual({ by: 'network', reason: 'timed out' })
    expect((await failureOf(stream.finish())).code).toBe('disconnected')
  })

  it('that died is noticed after 30 s, when nothing was under way too', async () => {
    const scene = new PortScene()
    const { dialer, acceptor } = await scene.connected()
    await scene.clock.advance(300_000)
    const ends = [ending(dialer), ending(acceptor)]
    for (const port of scene.ports[0]!) port.isDead = true
    await scene.clock.advance(19_000)
    expect(ends.map(({ reason }) => reason)).toEqual([undefined, undefined])
    await scene.clock.advance(11_000)
    expect(ends.map(({ reason }) => reason?.by)).toEqual(['network', 'network'])
  })

  it('lives as long as it carries: a reader that takes nothing for an hour is no dead port', async () => {
    const scene = new PortScene()
    const { dialer, acceptor } = await scene.connected()
    const near = await dialer.openStream()
    const bytes = pattern(20 * MAX_PAYLOAD, 3)
    const writing = near.write(bytes).then(() => near.finish())
    const far = (await acceptor.acceptStream())!
    await scene.clock.advance(3_600_000)
    const [got] = await Promise.all([readAll(far), writing])
    expect(same(got, bytes)).toBe(true)
  })

  it('gives up an other side that speaks and acknowledges nothing', async () => {
    const scene = new PortScene()
    const { raw, connection } = await scene.raw()
    await (await connection.openStream()).write(Uint8Array.of(1))
    const end = ending(connection)
    for (let second = 0; second < 29; second++) {
      raw.say({ type: 'pong' })
      await scene.clock.advance(1000)
    }
    expect(end.reason).toBeUndefined()
    await scene.clock.advance(1000)
    expect(end.reason).toEqual({ by: 'network', reason: 'timed out' })
  })

  it(`holds no more than ${MAX_UNDER_WAY} chunks that have not arrived, of all streams together, each at most 64 KiB`, async () => {
    const scene = new PortScene()
    const { raw, connection } = await scene.raw()
    const streams = await Promise.all(Array.from({ length: 10 }, () => connection.openStream()))
    for (const stream of streams) stream.write(new Uint8Array(4 * MAX_PAYLOAD)).catch(() => undefined)
    await scene.clock.settle()
    expect(raw.count('data')).toBe(MAX_UNDER_WAY)
    raw.say({ type: 'received' }, { type: 'received' })
    await scene.clock.settle()
    expect(raw.count('data')).toBe(MAX_UNDER_WAY + 2)
    const largest = Math.max(...raw.port.other.sent.map(({ length }) => length))
    expect(largest).toBe(64 * 1024)
    connection.close(0, '')
  })

  it('sends no more than four chunks that the reader did not take, and takes turns among streams', async () => {
    const scene = new PortScene()
    const { raw, connection } = await scene.raw()
    const [first, second] = [await connection.openStream(), await connection.openStream()]
    first.write(new Uint8Array(10 * MAX_PAYLOAD)).catch(() => undefined)
    await scene.clock.settle()
    for (let i = 0; i < 4; i++) raw.say({ type: 'received' })
    await scene.clock.settle()
    expect(raw.count('data')).toBe(4)
    await second.write(Uint8Array.of(1))
    await scene.clock.settle()
    expect(raw.count('data')).toBe(5)
    raw.say({ type: 'credit', stream: 2, cost: MAX_PAYLOAD + FRAME_COST })
    await scene.clock.settle()
    expect(raw.count('data')).toBe(6)
    connection.close(0, '')
  })

  it('that takes in far more than it lets go of is given up', async () => {
    const scene = new PortScene()
    const { raw, connection } = await scene.raw()
    raw.port.other.bufferedAmount = 9 * 1024 * 1024
    raw.say({ type: 'ping' })
    expect(await connection.closed).toEqual({ by: 'network', reason: 'the port is full' })
  })

  it('is asked after 10 s of silence, and answers one question in a second', async () => {
    const scene = new PortScene()
    const { raw } = await scene.raw()
    await scene.clock.advance(10_000)
    expect(raw.count('ping')).toBe(1)
    for (let i = 0; i < 100; i++) raw.say({ type: 'ping' })
    await scene.clock.settle()
    expect(raw.count('pong')).toBe(1)
    await scene.clock.advance(1000)
    raw.say({ type: 'ping' })
    await scene.clock.settle()
    expect(raw.count('pong')).toBe(2)
  })
})

describe('[T8] an other side that breaks the protocol', () => {
  const full = data(1, MAX_PAYLOAD)
  const cases: [string, (Frame | string | Uint8Array | number)[]][] = [
    ['with an unknown frame', [Uint8Array.of(99)]],
    ['with an empty message', [new Uint8Array(0)]],
    ['with text', ['ping']],
    ['with a number', [7]],
    ['with a part of a larger buffer', [Uint8Array.of(12).subarray(0, 0)]],
    ['with a frame that is too short', [Uint8Array.of(6, 0, 0, 1)]],
    ['with a frame that is too long', [Uint8Array.of(12, 0)]],
    ['with a message of more than 64 KiB', [open(1), data(1, MAX_PAYLOAD + 1)]],
    ['with data of no bytes', [open(1), Uint8Array.of(4, 0, 0, 0, 1)]],
    ['with a second hello', [new Uint8Array(67).fill(1)]],
    ['with data of a stream that is not open', [data(1)]],
    ['with a stream that leaves a number out', [open(3)]],
    ['with the same stream twice', [open(1), open(1)]],
    ['with a stream of our numbers', [open(2)]],
    ['with data of a stream that we never opened', [data(2)]],
    ['with data beyond its credit', [open(1), full, full, full, full, data(1)]],
    ['with data after its finish', [open(1), word('finish', 1), data(1)]],
    ['with data after its reset', [open(1), word('reset', 1), data(1)]],
    ['with two finishes', [open(1), word('finish', 1), word('finish', 1)]],
    ['with a reset after its finish', [open(1), word('finish', 1), word('reset', 1)]],
    ['with an end that was not asked for', [open(1), word('finished', 1)]],
    ['with credit for nothing', [open(1), { type: 'credit', stream: 1, cost: 1 }]],
    ['with an acknowledgement of nothing', [{ type: 'received' }]],
    ['with the release of its own stream', [open(1), word('release', 1)]],
    ['with the release of no stream', [word('release', 2)]],
    ['with a stop of no stream', [word('stop', 1)]],
    ['with a close reason of 201 bytes', [{ type: 'close', code: 1, reason: 'x'.repeat(201) }]],
    ['with a close reason that is not UTF-8', [Uint8Array.of(14, 0, 0, 0, 1, 0xff)]],
    [`with ${MAX_STREAMS + 1} streams`, Array.from({ length: MAX_STREAMS + 1 }, (_, i) => open(2 * i + 1))],
    [
      `with streams that it gives up itself, when we ended none of ${MAX_STREAMS}`,
      Array.from({ length: MAX_STREAMS + 1 }, (_, i) => [open(2 * i + 1), word('reset', 2 * i + 1)]).flat(),
    ],
    [
      'with so many single bytes that what they cost is beyond its credit',
      [open(1), ...Array.from({ length: Math.floor(WINDOW / (FRAME_COST + 1)) + 1 }, () => data(1))],
    ],
  ]
  it.each(cases)('%s is told so, and the connection ends', async (_, messages) => {
    const scene = new PortScene()
    const { raw, connection } = await scene.raw()
    for (const message of messages) {
      if (typeof message !== 'object' || message instanceof Uint8Array) raw.port.post(message)
      else raw.say(message)
    }
    expect(await connection.closed).toEqual({ by: 'us', code: 4004, reason: 'protocol error' })
    await scene.clock.settle()
    expect(raw.heard.at(-1)).toEqual({ type: 'close', code: 4004, reason: 'protocol error' })
    expect(raw.port.other.isClosed).toBe(true)
  })

  it(`cannot have more than ${MAX_STREAMS} streams of which we ended none, taken or not`, async () => {
    const { raw, connection } = await new PortScene().raw()
    for (let i = 0; i < MAX_STREAMS; i++) raw.say(open(2 * i + 1))
    for (let i = 0; i < MAX_STREAMS; i++) expect(await connection.acceptStream()).not.toBeNull()
    raw.say(open(2 * MAX_STREAMS + 1))
    expect((await connection.closed).code).toBe(4004)
  })

  it('cannot release our stream before it has said its last word on it', async () => {
    const { raw, connection } = await new PortScene().raw()
    const stream = await connection.openStream()
    await stream.write(Uint8Array.of(1))
    raw.say(word('release', 2))
    expect((await connection.closed).code).toBe(4004)
  })

  it('is no one who used its credit to the last byte', async () => {
    const scene = new PortScene()
    const { raw, connection } = await scene.raw()
    raw.say(open(1), full, full, full, full)
    const stream = (await connection.acceptStream())!
    await readExactly(stream, 4 * MAX_PAYLOAD)
    await scene.clock.settle()
    raw.say(full, word('finish', 1))
    await readExactly(stream, MAX_PAYLOAD)
    expect(await stream.read()).toBeNull()
    expect(raw.count('close')).toBe(0)
  })

  it('is no one whose credit and stop cross our last word', async () => {
    const scene = new PortScene()
    const { raw, connection } = await scene.raw()
    raw.say(open(1), data(1))
    const stream = (await connection.acceptStream())!
    await stream.write(Uint8Array.of(1))
    stream.abort()
    raw.say(word('reset', 1))
    await scene.clock.settle()
    expect(raw.count('release')).toBe(1)
    raw.say({ type: 'received' }, { type: 'credit', stream: 1, cost: 1 }, word('stop', 1), open(3))
    expect(await connection.acceptStream()).not.toBeNull()
    expect(raw.count('close')).toBe(0)
  })
})

describe('streams on a port', () => {
  it(`are ${MAX_STREAMS} at a time; one more waits until one is over on both sides`, async () => {
    const scene = new PortScene()
    const { dialer, acceptor } = await scene.connected()
    const all = await Promise.all(Array.from({ length: MAX_STREAMS }, () => dialer.openStream()))
    await all[0]!.write(Uint8Array.of(1))
    let opened = false
    const next = dialer.openStream().then(() => (opened = true))
    all[0]!.abort()
    const far = (await acceptor.acceptStream())!
    await scene.clock.settle()
    expect(opened).toBe(false)
    far.abort()
    await next
  })

  it('write in the order of the calls, and finish after all of them', async () => {
    const { dialer, acceptor } = await new PortScene().connected()
    const near = await dialer.openStream()
    const parts = [pattern(3 * MAX_PAYLOAD, 1), pattern(1, 2), pattern(MAX_PAYLOAD + 1, 3)]
    const done = Promise.all([...parts.map((part) => near.write(part)), near.finish()])
    const got = await readAll((await acceptor.acceptStream())!)
    await done
    expect(same(got, new Uint8Array(Buffer.concat(parts)))).toBe(true)
  })

  it('cut a close reason after 200 bytes, not inside a letter', async () => {
    const { dialer, acceptor } = await new PortScene().connected()
    dialer.close(1, `x${'ü'.repeat(150)}`)
    expect((await acceptor.closed).reason).toBe(`x${'ü'.repeat(99)}`)
    expect((await dialer.closed).reason).toBe(`x${'ü'.repeat(99)}`)
  })

  it('can be read to their end after the connection was closed', async () => {
    const scene = new PortScene()
    const { dialer, acceptor } = await scene.connected()
    const near = await dialer.openStream()
    await near.write(pattern(1000, 1))
    const far = (await acceptor.acceptStream())!
    await near.finish()
    dialer.close(0, '')
    await acceptor.closed
    expect(same(await readAll(far), pattern(1000, 1))).toBe(true)
  })
})
