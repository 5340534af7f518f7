import { describe, expect, it } from 'vitest'
import { MAX_STREAMS } from '../../src/adapters/memory/memory-connection.ts'
import { WINDOW } from '../../src/adapters/memory/memory-pipe.ts'
import { MemoryNetwork, type MemoryNetworkOptions } from '../../src/adapters/memory/memory-transport.ts'
import type { ByteStream, Connection, EndpointId, Transport } from '../../src/ports/transport.ts'
import {
  drain,
  failureOf,
  pattern,
  readAll,
  readExactly,
  same,
  transportContract,
  writeForEver,
  type TransportHarness,
} from '../contracts/transport.contract.ts'
import { systemClock } from '../../src/adapters/node/system-clock.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const anId = (n: number): EndpointId => n.toString(16).padStart(64, '0') as EndpointId
const [A, B] = [anId(1), anId(2)]

function makeHarness(options: Partial<MemoryNetworkOptions>): TransportHarness {
  const network = new MemoryNetwork({ clock: systemClock, ...options })
  const transports: Transport[] = []
  return {
    open: () => {
      const transport = network.transport(anId(transports.length + 1))
      transports.push(transport)
      return Promise.resolve(transport)
    },
    silentAddress: () => Promise.resolve({ id: anId(999), direct: [`mem:${anId(999)}`] }),
    cut: (writer, reader) => network.cut(writer.remoteId, reader.remoteId),
    dispose: async () => {
      for (const transport of transports) await transport.close()
    },
  }
}

transportContract('a MemoryNetwork', () => makeHarness({}))
transportContract('a MemoryNetwork with latency and jitter', () =>
  makeHarness({ latencyMs: 0.2, random: seededRandom(7), bytesPerMs: 500_000 }),
)

interface Scene {
  readonly clock: VirtualClock
  readonly network: MemoryNetwork
  readonly a: Transport
  readonly b: Transport
  readonly dialer: Connection
  readonly acceptor: Connection
  readonly near: ByteStream
  readonly far: ByteStream
}

/** Two endpoints on a virtual clock with a connection and a stream that has carried one byte. */
async function aScene(options: Partial<MemoryNetworkOptions> = {}): Promise<Scene> {
  const clock = new VirtualClock()
  const network = new MemoryNetwork({ clock, latencyMs: 5, ...options })
  const [a, b] = [network.transport(A), network.transport(B)]
  const [dialing, accepting] = [a.connect(b.address()), b.accept()]
  await clock.advance(100)
  const [dialer, acceptor] = [await dialing, (await accepting)!]
  const near = await dialer.openStream()
  await near.write(Uint8Array.of(1))
  await clock.advance(100)
  const far = (await acceptor.acceptStream())!
  await readExactly(far, 1)
  return { clock, network, a, b, dialer, acceptor, near, far }
}

/** What a promise has come to so far. */
function watch<T>(work: Promise<T>): { state: 'pending' | 'done' | string; value?: T } {
  const seen: { state: string; value?: T } = { state: 'pending' }
  work.then(
    (value) => Object.assign(seen, { state: 'done', value }),
    (error: { code: string }) => Object.assign(seen, { state: error.code }),
  )
  return seen
}

describe('a MemoryNetwork on a virtual clock', () => {
  it('takes two latencies to connect and one to deliver', async () => {
    const clock = new VirtualClock()
    const network = new MemoryNetwork({ clock, latencyMs: 10 })
    const [a, b] = [network.transport(A), network.transport(B)]
    const dial = watch(a.connect(b.address()))
    await clock.advance(19)
    expect(dial.state).toBe('pending')
    await clock.advance(1)
    expect(dial.state).toBe('done')
    const stream = await dial.value!.openStream()
    await stream.write(Uint8Array.of(1))
    const arrived = watch((await b.accept())!.acceptStream())
    await clock.advance(9)
    expect(arrived.state).toBe('pending')
    await clock.advance(1)
    expect(arrived.state).toBe('done')
    stream.abort()
  })

  it('lets bytes pass at the rate given', async () => {
    const { clock, near, far } = await aScene({ bytesPerMs: 100 })
    const reading = watch(readExactly(far, 1000))
    await near.write(new Uint8Array(1000))
    await clock.advance(14)
    expect(reading.state).toBe('pending')
    await clock.advance(1)
    expect(reading.state).toBe('done')
  })

  it('gives up an address that does not answer after 30 s', async () => {
    const { clock, a } = await aScene()
    const dial = watch(a.connect({ id: anId(9), direct: [`mem:${anId(9)}`] }))
    await clock.advance(29_999)
    expect(dial.state).toBe('pending')
    await clock.advance(1)
    expect(dial.state).toBe('timeout')
  })

  it('reaches a device that comes up while it is being dialled', async () => {
    const { clock, network, a } = await aScene()
    const dial = watch(a.connect({ id: anId(9), direct: [`mem:${anId(9)}`] }))
    await clock.advance(10_000)
    network.transport(anId(9))
    await clock.advance(10)
    expect(dial.state).toBe('done')
  })

  it('routes by an address of the usual form when one is given', async () => {
    const { clock, network, a } = await aScene()
    const c = network.transport(anId(3), { address: '10.0.0.3:4433' })
    expect(c.address().direct).toEqual(['10.0.0.3:4433'])
    const dial = watch(a.connect(c.address()))
    await clock.advance(10)
    expect(dial.value?.remoteId).toBe(c.id)
  })

  it('a writer waits when 256 KiB are unread, and no sooner', async () => {
    const { clock, near, far } = await aScene()
    let written = 0
    const writing = failureOf(writeForEver(near, (size) => (written += size)))
    await clock.advance(1000)
    expect(written).toBe(WINDOW)
    await readExactly(far, 64 * 1024)
    await clock.advance(1000)
    expect(written).toBe(WINDOW + 64 * 1024)
    near.abort()
    expect((await writing).code).toBe('aborted')
  })

  it(`opens at most ${MAX_STREAMS} streams until both sides ended one`, async () => {
    const { clock, dialer, acceptor, near, far } = await aScene()
    const more: ByteStream[] = []
    while (more.length < MAX_STREAMS - 1) more.push(await dialer.openStream())
    const next = watch(dialer.openStream())
    near.abort()
    await clock.advance(100)
    expect(next.state).toBe('pending')
    expect((await failureOf(far.read())).code).toBe('reset')
    far.abort()
    await clock.advance(100)
    expect(next.state).toBe('done')
    const blocked = watch(dialer.openStream())
    acceptor.close(0, '')
    await clock.advance(100)
    expect(blocked.state).toBe('disconnected')
  })

  it('a partition that heals in time loses nothing', async () => {
    const { clock, network, near, far } = await aScene()
    network.partition(A, B)
    const data = pattern(10_000, 1)
    const reading = watch(readAll(far))
    await near.write(data)
    const finishing = watch(near.finish())
    await clock.advance(29_000)
    expect([reading.state, finishing.state]).toEqual(['pending', 'pending'])
    network.heal(B, A)
    await clock.advance(100)
    expect([reading.state, finishing.state]).toEqual(['done', 'done'])
    expect(same(reading.value!, data)).toBe(true)
    await clock.advance(60_000)
    expect(watch(far.write(Uint8Array.of(1))).state).toBe('pending')
  })

  it('[T2] a partition that lasts kills the connection after 30 s, as the network does', async () => {
    const { clock, network, near, far, dialer, acceptor } = await aScene()
    network.partition(A, B)
    await near.write(Uint8Array.of(1, 2, 3))
    const reading = watch(drain(far))
    await clock.advance(30_000)
    expect(reading.state).toBe('disconnected')
    for (const side of [dialer, acceptor]) expect(await side.closed).toEqual({ by: 'network', reason: 'timed out' })
  })

  it('a dial across a partition waits for it to heal, at most 30 s', async () => {
    const { clock, network, a, b } = await aScene()
    network.partition(A, B)
    const [early, late] = [watch(a.connect(b.address())), watch(a.connect(b.address()))]
    await clock.advance(10_000)
    network.heal(A, B)
    await clock.advance(10)
    expect([early.state, late.state]).toEqual(['done', 'done'])
    network.partition(A, B)
    const never = watch(a.connect(b.address()))
    await clock.advance(30_000)
    expect(never.state).toBe('timeout')
  })

  it('a cut is noticed by both sides at once, and leaves other pairs alone', async () => {
    const { clock, network, a, dialer, acceptor } = await aScene()
    const c = network.transport(anId(3))
    const dialing = a.connect(c.address())
    await clock.advance(10)
    const other = watch((await dialing).closed)
    network.cut(B, A)
    for (const side of [dialer, acceptor]) expect((await side.closed).by).toBe('network')
    expect(other.state).toBe('pending')
  })

  it.each([0, 1, 999, 70_000])(
    '[T2] a stream cut after %i bytes gives those bytes and then an error',
    async (bytes) => {
      const { clock, network, dialer, acceptor } = await aScene()
      network.cutAfterBytes(bytes)
      const near = await dialer.openStream()
      await near.write(pattern(100_000, 1))
      const accepting = acceptor.acceptStream()
      await clock.advance(100)
      const far = await accepting
      expect((await acceptor.closed).by).toBe('network')
      if (bytes === 0) return expect(far === null || (await failureOf(far.read())).code).toBe(far && 'disconnected')
      expect(same(await readExactly(far!, bytes), pattern(100_000, 1).subarray(0, bytes))).toBe(true)
      expect((await failureOf(far!.read())).code).toBe('disconnected')
    },
  )

  it('counts the bytes of both directions towards a cut', async () => {
    const { clock, network, dialer, acceptor } = await aScene()
    network.cutAfterBytes(50)
    const near = await dialer.openStream()
    await near.write(new Uint8Array(20))
    const accepting = acceptor.acceptStream()
    await clock.advance(100)
    const far = (await accepting)!
    await far.write(new Uint8Array(100))
    await clock.advance(100)
    await readExactly(near, 30)
    expect((await failureOf(near.read())).code).toBe('disconnected')
  })

  it('a stalled device reads nothing, acknowledges, and reads all of it when it resumes', async () => {
    const { clock, network, near, far } = await aScene()
    network.stall(B)
    const reading = watch(readAll(far))
    await near.write(new Uint8Array(1000))
    const finishing = watch(near.finish())
    await clock.advance(60_000)
    expect([reading.state, finishing.state]).toEqual(['pending', 'done'])
    network.resume(B)
    await clock.advance(10)
    expect(reading.value?.length).toBe(1000)
  })

  it('[T2] a crashed device is missed after 30 s, and can come back under its id', async () => {
    const { clock, network, a, near, far, acceptor } = await aScene()
    await near.write(new Uint8Array(1000))
    network.crash(A)
    expect((await failureOf(near.write(new Uint8Array(1)))).code).toBe('disconnected')
    expect((await failureOf(a.connect({ id: B, direct: [`mem:${B}`] }))).code).toBe('closed')
    const reading = watch(drain(far))
    network.heal(A, B)
    await clock.advance(29_000)
    expect(reading.state).toBe('pending')
    const again = network.transport(A)
    const dial = watch(again.connect({ id: B, direct: [`mem:${B}`] }))
    await clock.advance(100)
    expect(dial.state).toBe('done')
    await a.close()
    await clock.advance(1000)
    expect(reading.state).toBe('disconnected')
    expect((await acceptor.closed).by).toBe('network')
    expect(watch(dial.value!.closed).state).toBe('pending')
  })

  it('closing loses what has not arrived, as with QUIC', async () => {
    const { clock, dialer, near, far } = await aScene()
    await near.write(new Uint8Array(1000))
    dialer.close(3, 'too soon')
    await clock.advance(100)
    const error = await failureOf(drain(far))
    expect([error.code, error.data.code]).toEqual(['disconnected', 3])
  })

  it('turns away the 65th connection that nobody took, as busy', async () => {
    const { clock, a, b } = await aScene()
    const dials = Array.from({ length: 65 }, () => a.connect(b.address()))
    await clock.advance(100)
    const connections = await Promise.all(dials)
    await clock.advance(100)
    expect(await connections[64]!.closed).toEqual({ by: 'peer', code: 4008, reason: 'busy' })
    expect(watch(connections[63]!.closed).state).toBe('pending')
  })

  it('leaves no timer behind', async () => {
    const { clock, network, a, b, near } = await aScene()
    near.abort()
    network.partition(A, B)
    void failureOf(a.connect(b.address()))
    await clock.settle()
    await a.close()
    await b.close()
    await clock.advance(100)
    expect(clock.pending).toBe(0)
  })

  it('is the same twice with the same seed', async () => {
    const run = async (): Promise<string[]> => {
      const { clock, near, far } = await aScene({ latencyMs: 3, bytesPerMs: 700, random: seededRandom(42) })
      const log: string[] = []
      const reading = (async () => {
        for (let piece = await far.read(); piece; piece = await far.read()) log.push(`${clock.now()}: ${piece.length}`)
      })()
      const writing = near.write(pattern(400_000, 1)).then(() => near.finish())
      await clock.runUntilIdle(60_000)
      await Promise.all([reading, writing])
      return log
    }
    const first = await run()
    expect(first.length).toBeGreaterThan(5)
    expect(await run()).toEqual(first)
  })
})
