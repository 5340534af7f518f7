import { describe, expect, it } from 'vitest'
import { decodeFrame, encodeFrame, type Frame } from '../../../src/adapters/port/port-frames.ts'
import { greet, welcome } from '../../../src/adapters/port/port-handshake.ts'
import { webIdentity, type PortIdentity } from '../../../src/adapters/port/port-identity.ts'
import { PortInbox } from '../../../src/adapters/port/port-inbox.ts'
import { failureOf } from '../../contracts/transport.contract.ts'
import { anIdentity, PortScene } from '../../support/port-scene.ts'
import { portPair, type MemoryPort } from '../../support/port-pair.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const [A, B, C] = [await anIdentity(1), await anIdentity(2), await anIdentity(3)]

/** Both parts over one port; each side's failure, or null. `a` and `b` end a part by closing its port, as the transport does. */
async function shake(dialer: PortIdentity, expected: PortIdentity, acceptor: PortIdentity, [near, far] = portPair()) {
  const close = (port: MemoryPort) => (error: { code: string }) => {
    port.close()
    return error.code
  }
  const [a, b] = [new PortInbox(near), new PortInbox(far)]
  return Promise.all([
    greet({ inbox: a, identity: dialer, random: seededRandom(1) }, expected.id).catch(close(near)),
    welcome({ inbox: b, identity: acceptor, random: seededRandom(2) }).catch(close(far)),
  ])
}

/** Says it is `claimed`, and signs as `real`. */
const impostor = (claimed: PortIdentity, real: PortIdentity): PortIdentity => ({ ...real, id: claimed.id })

describe('[L2] the handshake on a port', () => {
  it('proves both sides to each other', async () => {
    expect(await shake(A, B, B)).toEqual([undefined, A.id])
  })

  it('knows an acceptor that is another device, before anything is proven to it', async () => {
    const ports = portPair()
    expect(await shake(A, B, C, ports)).toEqual(['unreachable', 'unreachable'])
    expect(ports[0].sent.map((message) => decodeFrame(message)?.type)).toEqual(['hello'])
  })

  it('knows an acceptor that only claims to be the device', async () => {
    expect((await shake(A, B, impostor(B, C)))[0]).toBe('unreachable')
  })

  it('knows a dialler that only claims to be a device, and proves nothing to it', async () => {
    const ports = portPair()
    expect(await shake(impostor(A, C), B, B, ports)).toEqual(['unreachable', 'unreachable'])
    expect(ports[1].sent.map((message) => decodeFrame(message)?.type)).toEqual(['hello'])
  })

  it('refuses the device itself, and a copy of it', async () => {
    expect((await shake(B, B, B))[1]).toBe('unreachable')
  })

  it('is no good twice: a proof that was overheard is refused', async () => {
    const ports = portPair()
    await shake(A, B, B, ports)
    const [hello, proof] = ports[0].sent
    const [near, far] = portPair()
    const outcome = failureOf(welcome({ inbox: new PortInbox(far), identity: B, random: seededRandom(3) }))
    near.post(hello)
    near.post(proof)
    expect((await outcome).code).toBe('unreachable')
  })

  it("does not take one's own words for another's", async () => {
    const [near, far] = portPair()
    far.listen({ message: (data) => far.post(data), gone: () => undefined })
    const greeting = greet({ inbox: new PortInbox(near), identity: A, random: seededRandom(1) }, A.id)
    expect((await failureOf(greeting)).code).toBe('unreachable')
  })

  it('tells when somebody stands between two channels: their certificates are part of the proof', async () => {
    const ports = portPair()
    for (const port of ports) port.binding = Uint8Array.of(1, 2, 3)
    expect(await shake(A, B, B, ports)).toEqual([undefined, A.id])
    const between = portPair()
    between[0].binding = Uint8Array.of(1, 2, 3)
    between[1].binding = Uint8Array.of(1, 2, 4)
    expect(await shake(A, B, B, between)).toEqual(['unreachable', 'unreachable'])
  })

  it.each<[string, Uint8Array | string]>([
    ['something else', Uint8Array.of(12)],
    ['text', 'hello'],
    [
      'another version',
      encodeFrame({ type: 'hello', version: 2, role: 'dialer', id: A.id, nonce: new Uint8Array(32) }),
    ],
    [
      'the same role',
      encodeFrame({ type: 'hello', version: 1, role: 'acceptor', id: A.id, nonce: new Uint8Array(32) }),
    ],
  ])('ends when it begins with %s', async (_, message) => {
    const [near, far] = portPair()
    const outcome = failureOf(welcome({ inbox: new PortInbox(far), identity: B, random: seededRandom(3) }))
    near.post(message)
    expect((await outcome).code).toBe('unreachable')
  })

  it('[T8] closes the port of a stranger who says more than a hello and a proof', async () => {
    const [near, far] = portPair()
    void new PortInbox(far)
    near.post(new Uint8Array(2000))
    await new PortScene().clock.settle()
    expect(far.isClosed).toBe(true)
  })
})

describe('an identity by WebCrypto', () => {
  it('has the id of RFC 8032, test 1', async () => {
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
    const identity = await webIdentity(seed)
    expect(identity.id).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
  })

  it('verifies its own signature, and no other', async () => {
    const text = Uint8Array.of(1, 2, 3)
    const signature = await A.sign(text)
    expect(await B.verify(A.id, text, signature)).toBe(true)
    expect(await B.verify(C.id, text, signature)).toBe(false)
    expect(await B.verify(A.id, Uint8Array.of(1, 2), signature)).toBe(false)
    expect(await B.verify(A.id, text, signature.subarray(1))).toBe(false)
  })
})

describe('a port transport', () => {
  it('gives up a dial after 30 s', async () => {
    const scene = new PortScene()
    const dial = failureOf((await scene.open()).connect({ id: B.id, direct: ['port:9'] }))
    await scene.clock.advance(30_000)
    expect((await dial).code).toBe('timeout')
  })

  it('closes a port on which nobody says who they are for 10 s', async () => {
    const scene = new PortScene()
    const transport = await scene.open()
    const [near, far] = portPair()
    transport.take(far)
    await scene.clock.advance(9_999)
    expect(near.isClosed).toBe(false)
    await scene.clock.advance(1)
    expect(near.isClosed).toBe(true)
  })

  it('[T8] has 64 handshakes under way, and closes further ports at once', async () => {
    const transport = await new PortScene().open()
    const pairs = Array.from({ length: 65 }, () => portPair())
    for (const [, far] of pairs) transport.take(far)
    expect(pairs.map(([, far]) => far.isClosed)).toEqual([...Array<boolean>(64).fill(false), true])
  })

  it('turns away the 65th connection that nobody took, as busy', async () => {
    const scene = new PortScene()
    const [a, b] = [await scene.open(), await scene.open()]
    for (let i = 0; i < 64; i++) await a.connect(b.address())
    expect(await (await a.connect(b.address())).closed).toEqual({ by: 'peer', code: 4008, reason: 'busy' })
    expect((await b.accept())!.remoteId).toBe(a.id)
  })

  it('keeps one connection when a device answers at several addresses', async () => {
    const scene = new PortScene()
    const [a, b] = [await scene.open(), await scene.open()]
    const dialer = await a.connect({ id: b.id, direct: ['port:2', 'also:2', 'again:2'] })
    await scene.clock.settle()
    expect(scene.ports.filter(([near]) => !near.isClosed)).toHaveLength(1)
    const stream = await dialer.openStream()
    await stream.write(Uint8Array.of(1))
  })

  it('[L9] leaves no timer and no open port behind', async () => {
    const scene = new PortScene()
    const { a, b } = await scene.connected()
    await a.connect(b.address())
    const [near, far] = portPair()
    b.take(far)
    const dial = failureOf(b.connect({ id: C.id, direct: ['port:9'] }))
    await Promise.all([a.close(), b.close()])
    expect((await dial).code).toBe('closed')
    await scene.clock.settle()
    expect(scene.clock.pending).toBe(0)
    expect([...scene.ports.flat(), near].every((port) => port.isClosed)).toBe(true)
    expect((await failureOf(a.connect(b.address()))).code).toBe('closed')
  })
})

describe('frames', () => {
  const frames: Frame[] = [
    { type: 'hello', version: 1, role: 'acceptor', id: A.id, nonce: new Uint8Array(32).fill(7) },
    { type: 'proof', signature: new Uint8Array(64).fill(8) },
    { type: 'open', stream: 1 },
    { type: 'data', stream: 0xffffffff, payload: Uint8Array.of(1, 2) },
    { type: 'credit', stream: 2, cost: 0x80000001 },
    { type: 'finish', stream: 3 },
    { type: 'finished', stream: 3 },
    { type: 'reset', stream: 3 },
    { type: 'stop', stream: 3 },
    { type: 'release', stream: 3 },
    { type: 'received' },
    { type: 'ping' },
    { type: 'pong' },
    { type: 'close', code: 4001, reason: 'ü' },
  ]

  it.each(frames.map((frame, i) => [i + 1, frame.type, frame] as const))('have number %i: %s', (number, _, frame) => {
    const message = encodeFrame(frame)
    expect(message[0]).toBe(number)
    expect(decodeFrame(message)).toEqual(frame)
    expect(decodeFrame(Uint8Array.of(...message, 0))?.type).toBe(
      frame.type === 'data' || frame.type === 'close' ? frame.type : undefined,
    )
  })

  it('are none of any other number', () => {
    for (const number of [0, 15, 255]) expect(decodeFrame(new Uint8Array(9).fill(number))).toBeNull()
  })
})
