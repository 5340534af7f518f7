import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeFrame, MAX_FRAME } from '../../../src/protocol/frames.ts'
import { encodeMessage, MAX_REFS, type LinkMessage, type SendableMessage } from '../../../src/protocol/messages.ts'
import { QUEUE_OPTIONS } from '../../../src/protocol/send-queue.ts'
import type { EndpointId } from '../../../src/ports/transport.ts'
import { nobodys } from '../../support/hostile-objects.ts'
import { RawPeer } from '../../support/raw-peer.ts'
import { aHello, damaged, someMessage } from '../../support/sample-messages.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { recordOf, TestNetwork, type TestDevice } from '../../support/two-devices.ts'

/** One honest message of every kind; one that is new in the protocol has to be named here. */
const EVERY: { readonly [K in SendableMessage['kind']]: Extract<SendableMessage, { kind: K }> } = {
  hello: { kind: 'hello', hello: aHello(9) },
  'pair-proof': { kind: 'pair-proof', mac: new Uint8Array(32) },
  'pair-confirm': { kind: 'pair-confirm', accepted: true },
  'pair-listing': { kind: 'pair-listing', files: [], last: true },
  'pair-more': { kind: 'pair-more' },
  'pair-agree': { kind: 'pair-agree', accepted: true },
  'pair-done': { kind: 'pair-done' },
  directory: { kind: 'directory', share: 'vault', heads: new Map(), applied: nobodys(5) },
  subscribe: { kind: 'subscribe', shares: ['vault'] },
  update: { kind: 'update', share: 'vault', heads: new Map(), pack: new Uint8Array() },
  applied: { kind: 'applied', share: 'vault', view: nobodys(5) },
  'share-offer': { kind: 'share-offer', share: 'vault', title: 'a folder', write: true },
  'share-revoked': { kind: 'share-revoked', share: 'vault' },
  'sync-response': { kind: 'sync-response', share: 'vault', answer: 'update' },
  ping: { kind: 'ping', at: 5 },
  pong: { kind: 'pong', at: 5 },
  bye: { kind: 'bye', reason: 'shutdown' },
  refusal: { kind: 'refusal', code: 'no', message: 'no', share: 'vault' },
}
const KINDS = Object.keys(EVERY) as SendableMessage['kind'][]
const ALL = KINDS.map((kind) => [kind, EVERY[kind]] as const)
const isPairing = (kind: string) => kind.startsWith('pair-')

let net: TestNetwork
let a: TestDevice
let b: TestDevice
let raw: RawPeer
let files: string
/** `a` holds a note, has an honest peer `b` in step with it, and a hostile one that it knows. */
beforeEach(async () => {
  net = new TestNetwork({ latencyMs: 1 })
  ;[a, b] = net.pair()
  raw = new RawPeer(net, 9)
  a.records = [...a.records, recordOf(raw, { autoConnect: false })]
  a.write('mine.md', 'mine\n')
  await Promise.all([a.start(), b.start()])
  await net.until(() => a.peer(b)!.current && b.peer(a)!.current, 'in step')
  files = vaultOf(a)
})

/** Whatever came: nothing in the vault was touched, memory is bounded, the honest peer noticed nothing, nobody's code threw. */
afterEach(async () => {
  expect(vaultOf(a)).toBe(files)
  expectBounded()
  await honestEdit()
  expect([a.connects(b), b.connects(a)]).toEqual([1, 1])
  expect([...a.refs.keys()].filter((name) => name.includes(raw.id))).toEqual([])
  expect(a.log.filter((r) => r.level === 'error')).toEqual([])
  expect(await net.stop()).toBe(0) // L9
})

const vaultOf = (device: TestDevice) =>
  JSON.stringify([...device.disk.files()].map(([path, content]) => [path, Buffer.from(content).toString('hex')]).sort())

function expectBounded(): void {
  const { queueDepth, queuedBytes } = a.peer(raw)!.traffic
  expect(queueDepth).toBeLessThanOrEqual(2 * QUEUE_OPTIONS.limit + 8)
  expect(queuedBytes).toBeLessThan(256 * 1024)
}

let edits = 0
/** An edit reaches the honest peer in the time in which it always does. */
async function honestEdit(): Promise<void> {
  const text = `edit ${++edits}`
  a.write('edit.md', text)
  await net.until(() => b.text('edit.md') === text && a.peer(b)!.current, 'the honest peer is in step', 1_500)
  a.disk.userDelete('edit.md')
  await net.until(() => b.text('edit.md') === undefined && a.peer(b)!.current, 'and again', 1_500)
}

/** The code with which the link ended; null: it is still there. */
async function outcome(): Promise<number | null> {
  await net.clock.advance(500)
  return raw.closed?.code ?? null
}
const tell = (...messages: (SendableMessage | Uint8Array)[]) => raw.send(...messages).catch(() => undefined)
/** What was said about anything but the heartbeat. */
const told = () => raw.heard.filter(({ kind }) => kind !== 'ping' && kind !== 'pong')

/** The bytes of a message that may say anything. */
const frameOf = (message: SendableMessage) => encodeFrame(encodeMessage(message))

describe('every message', () => {
  it.each(ALL.filter(([kind]) => kind !== 'hello'))(
    '[L5] %s before the hello ends the link, or is not heard',
    async (kind, message) => {
      await raw.dial(a)
      await tell(message)
      expect(await outcome()).toBe(kind === 'bye' ? 4000 : kind === 'refusal' ? null : 4004)
      expect([raw.heard, a.isConnectedTo(raw)]).toEqual([[], false])
      if (!raw.closed) expect((await raw.isClosed(12_000)).code).toBe(4004) // no hello within 10 s
    },
  )

  it.each(ALL)('[L9] %s after the goodbye is not heard', async (_kind, message) => {
    await raw.join(a)
    const before = told().length
    await tell(EVERY.bye, message, { ...EVERY.directory, heads: new Map([[raw.id, nobodys(1)]]) })
    expect([await outcome(), told().length]).toEqual([4000, before])
    expect(a.peer(raw)!.status).toBe('disconnected')
  })

  it.each(ALL)('%s a hundred times over does no more than once', async (kind, message) => {
    await raw.join(a)
    for (let i = 0; i < 100; i++) await tell(message)
    const ends = kind === 'hello' || isPairing(kind) ? 4004 : kind === 'bye' ? 4000 : null
    expect(await outcome()).toBe(ends)
    expectBounded()
  })

  it.each(ALL.filter(([, message]) => 'share' in message || message.kind === 'subscribe'))(
    '[S5] %s for a share that is not here gets no answer but that it is not, and no more is remembered than that it was wanted',
    async (kind, message) => {
      await raw.join(a)
      const before = told().length
      const elsewhere = 'share' in message ? { ...message, share: 'secret' } : { ...message, shares: ['secret'] }
      for (let i = 0; i < 20; i++) await tell(elsewhere)
      const answers = kind === 'subscribe' ? [{ kind: 'sync-response', share: 'secret', answer: 'unavailable' }] : []
      expect([await outcome(), told().slice(before)]).toEqual([null, answers])
      expect(a.peers.remoteSharesOf(raw.id).has('secret')).toBe(kind === 'subscribe')
    },
  )

  it.each(ALL)('[T8] %s cut off by the end of the stream ends the link', async (_kind, message) => {
    const frame = frameOf(message)
    for (const length of new Set([1, 4, Math.floor(frame.length / 2), frame.length - 1])) {
      if (length >= frame.length) continue
      await raw.join(a)
      await tell(frame.subarray(0, length))
      void raw.control.finish().catch(() => undefined)
      expect(await outcome()).toBe(4004)
    }
  })

  it.each(ALL)(
    '[T8] %s cut short inside its frame ends the link, or is the shorter message',
    async (_kind, message) => {
      const payload = encodeMessage(message)
      for (let length = 0; length < payload.length; length += Math.ceil(payload.length / 12)) {
        if (!raw.heard.length || raw.closed) await raw.join(a)
        await tell(encodeFrame(payload.subarray(0, length)))
        expect([null, 4000, 4004]).toContain(await outcome())
      }
    },
  )
})

describe('a message that is too large', () => {
  const long = 'x'.repeat(900_000)
  const many = (count: number) =>
    new Map(Array.from({ length: count }, (_, n) => [n.toString(16).padStart(64, '0') as EndpointId, nobodys(n)]))

  it('[T8] is refused by its length alone, before any of it is read', async () => {
    await raw.join(a)
    const before = a.peer(raw)!.traffic.bytesReceived
    // A hello with a name of 10 MB: the claim is enough.
    const claim = new Uint8Array(4)
    new DataView(claim.buffer).setUint32(0, 10 * MAX_FRAME)
    await tell(claim)
    expect(await outcome()).toBe(4004)
    expect(a.peer(raw)!.traffic.bytesReceived).toBe(before)
    expect(a.peer(raw)!.state.lastError?.message).toMatch(/limit is 1048576/)
  })

  it.each([
    ['a device name', { ...EVERY.hello, hello: aHello(9, { deviceName: long }) }],
    ['a version', { ...EVERY.hello, hello: aHello(9, { appVersion: long }) }],
    ['a ticket', { ...EVERY.hello, hello: aHello(9, { ticket: long }) }],
    ['a feature', { ...EVERY.hello, hello: aHello(9, { features: [long] }) }],
    ['a boot id', { ...EVERY.hello, hello: aHello(9, { bootId: new Uint8Array(900_000) }) }],
    ['a nonce', { ...EVERY.hello, hello: aHello(9, { nonce: new Uint8Array(900_000) }) }],
  ] as const)('[T8] in %s of a hello ends the link before it opens', async (_what, message) => {
    await raw.dial(a)
    await tell(message)
    expect([await outcome(), raw.heard, a.isConnectedTo(raw)]).toEqual([4004, [], false])
  })

  it.each([
    ['the name of a share', { ...EVERY.directory, share: long }],
    ['the name of an applied share', { ...EVERY.applied, share: long }],
    ['a list of refs', { ...EVERY.directory, heads: many(MAX_REFS + 1) }],
    ['a list of moved refs', { ...EVERY.update, heads: many(MAX_REFS + 1) }],
    ['a list of subscriptions', { kind: 'subscribe', shares: Array.from({ length: 1_001 }, String) }],
    ['the name of a subscription', { kind: 'subscribe', shares: [long] }],
    ['a proof', { kind: 'pair-proof', mac: new Uint8Array(900_000) }],
    [
      'a pack of nothing',
      { ...EVERY.update, heads: new Map([['99'.repeat(32) as EndpointId, nobodys(1)]]), pack: new Uint8Array(900_000) },
    ],
    ['the code of a refusal', { ...EVERY.refusal, code: long }],
  ] as const)('[T8] in %s ends the link', async (_what, message) => {
    await raw.join(a)
    await tell(message)
    expect(await outcome()).toBe(4004)
  })

  it('[T8] with 100,000 features is cut to size, and the link opens', async () => {
    await raw.dial(a)
    await tell({ ...EVERY.hello, hello: raw.hello({ features: new Array<string>(100_000).fill('f') }) })
    expect(await outcome()).toBeNull()
    expect(a.isConnectedTo(raw)).toBe(true)
  })

  it('[T8] in the words of a refusal is cut before it is kept', async () => {
    await raw.join(a)
    await tell({ ...EVERY.refusal, message: `bad\u001b[2J\u202e${long}` })
    expect(await outcome()).toBeNull()
    const said = a.log.filter((r) => r.event === 'peer.refused').map((r) => r.message)
    expect([said.length, said[0]!.length < 600, /[\p{Cc}\p{Cf}]/u.test(said[0]!)]).toEqual([1, true, false])
  })
})

describe('a hello', () => {
  it.each([
    ['control characters', 'Eve\u0000\u001b[31m\r\nroot\u202egnp.exe\u2028', 'Eve[31mrootgnp.exe'],
    ['nothing to be seen', '\u200b\u0007 \u2060', 'unnamed device'],
    ['256 characters', '🦊'.repeat(128), '🦊'.repeat(60)],
  ])('with %s in its name is shown without them', async (_what, deviceName, shown) => {
    await raw.join(a, { deviceName })
    const said = a.log.filter((r) => r.event === 'link.up' && r.data?.peer === raw.id).map((r) => r.message)
    expect(said).toEqual([`connected to ${shown}`])
  })

  it('[L5] of another major version says which side to update, with the longest of names, in words that fit', async () => {
    await raw.dial(a)
    await tell({ kind: 'hello', hello: raw.hello({ protocol: 99, deviceName: '🦊'.repeat(128) }) })
    expect(await outcome()).toBe(4002)
    expect(raw.closed!.reason).toContain('update Tandem on 🦊')
    expect(a.peer(raw)!.state.lastError?.message).toContain('update Tandem on 🦊')
  })

  it('[L2] with a foreign id teaches nothing about that device', async () => {
    const before = JSON.stringify([a.peers.getPeers(), a.peer(b)!.state])
    await raw.dial(a)
    await tell({ kind: 'hello', hello: raw.hello({ endpointId: b.id, ticket: recordOf(raw).ticket }) })
    expect(await outcome()).toBe(4004)
    expect(JSON.stringify([a.peers.getPeers(), a.peer(b)!.state])).toBe(before)
  })
})

describe('noise', () => {
  /** The same each time: `count` values of an arbitrary. */
  const sample = <T>(arbitrary: fc.Arbitrary<T>, count: number) =>
    fc.sample(arbitrary, { numRuns: count, seed: 20_260_115 })
  /** Not what names a real object or device: what would be fetched is asked for elsewhere. */
  const harmless = (message: LinkMessage) =>
    message.kind !== 'bye' && !(message.kind === 'update' && message.pack.length > 0)

  it('[T8] in 300 mutated messages on an open link only ever ends that link', async () => {
    const codes = new Set<number | null>()
    for (const bytes of sample(damaged(someMessage.map(encodeMessage)), 300)) {
      if (!raw.heard.length || raw.closed) await raw.join(a)
      await tell(encodeFrame(bytes))
      await net.clock.advance(5)
      codes.add(raw.closed?.code ?? null)
      expectBounded()
    }
    for (const code of codes) expect([null, 4000, 4004]).toContain(code)
    expect([codes.has(null), codes.has(4004)]).toEqual([true, true])
  })

  it('[T8] in 200 mutated hellos never opens a link to somebody else', async () => {
    const codes = new Set<number | null>()
    for (const bytes of sample(damaged(fc.constant(encodeMessage({ kind: 'hello', hello: raw.hello() }))), 200)) {
      await raw.dial(a)
      await tell(encodeFrame(bytes))
      await net.clock.advance(5)
      codes.add(raw.closed?.code ?? null)
      if (a.isConnectedTo(raw)) expect(a.peers.getPeers().map((p) => p.nodeId)).toEqual([b.id, raw.id])
      raw.connection.close(4000, 'next')
      await net.clock.advance(5)
    }
    expect(codes.has(4004)).toBe(true)
    for (const code of codes) expect([null, 4000, 4002, 4003, 4004]).toContain(code)
  })

  it('in 40 conversations out of order only ever ends the link', async () => {
    for (const messages of sample(fc.array(someMessage, { minLength: 5, maxLength: 15 }), 40)) {
      await raw.dial(a)
      const at = Math.floor(messages.length / 3)
      await tell(...messages.slice(0, at % 2).filter(harmless), { kind: 'hello', hello: raw.hello() })
      await tell(...messages.filter(harmless))
      await net.clock.advance(20)
      expect([null, 4000, 4003, 4004]).toContain(raw.closed?.code ?? null)
      raw.connection.close(4000, 'next')
      await net.clock.advance(5)
    }
  })
})

describe('a peer that does not listen', () => {
  it.each(ALL.filter(([kind]) => kind !== 'hello' && kind !== 'bye' && !isPairing(kind)))(
    '[L7] and says %s 3,000 times fills no memory and slows nobody',
    async (_kind, message) => {
      await raw.dial(a, { read: false })
      await tell({ kind: 'hello', hello: raw.hello() }, { kind: 'subscribe', shares: ['vault'] })
      await net.until(() => a.isConnectedTo(raw), 'connected')
      const frame = frameOf(message)
      for (let i = 0; i < 3_000; i++) void raw.control.write(frame).catch(() => undefined)
      await net.clock.advance(100)
      expectBounded()
      await honestEdit()
      expect(a.peer(raw)!.traffic.messagesReceived).toBeGreaterThan(3_000)
    },
  )

  it('[L7] for minutes, while notes are edited, costs a bounded queue and is never called current', async () => {
    await raw.dial(a, { read: false })
    await tell({ kind: 'hello', hello: raw.hello() }, { kind: 'subscribe', shares: ['vault'] })
    await net.until(() => a.isConnectedTo(raw), 'connected')
    const random = seededRandom(5)
    for (let i = 0; i < 20; i++) {
      a.disk.userWrite('big.md', random.bytes(40_000))
      await net.clock.advance(3_000)
      await tell({ kind: 'ping', at: i })
      expectBounded()
      expect([a.peer(raw)!.current, a.peer(raw)!.state.health]).toEqual([false, 'healthy'])
      expect(vaultOf(b)).toBe(vaultOf(a))
    }
    expect([a.isConnectedTo(raw), a.peer(raw)!.traffic.queueDepth > 0]).toEqual([true, true])
    a.disk.userDelete('big.md')
    await net.clock.advance(2_000)
  })

  it('[L7] or reads a byte a second, slows nobody', async () => {
    await raw.dial(a, { read: false })
    await tell({ kind: 'hello', hello: raw.hello() }, { kind: 'subscribe', shares: ['vault'] })
    await net.until(() => a.isConnectedTo(raw), 'connected')
    for (let second = 0; second < 90; second++) {
      await net.complete(raw.control.read(1))
      await net.clock.advance(1_000)
      if (second % 5 === 0) await tell({ kind: 'ping', at: second })
      if (second % 30 === 0) await honestEdit()
    }
    expectBounded()
    expect([a.isConnectedTo(raw), a.peer(raw)!.current]).toEqual([true, false])
  })
})

it('[T8] a peer that refuses without end does not fill the log: a few of its words a minute are kept', async () => {
  await raw.join(a)
  const kept = () => a.log.filter((r) => r.event === 'peer.refused').length
  for (let i = 0; i < 2_000; i++) void raw.control.write(frameOf(EVERY.refusal)).catch(() => undefined)
  await net.clock.advance(1_000)
  expect(kept()).toBe(10)
  await net.clock.advance(25_000)
  await tell(EVERY.ping)
  await net.clock.advance(25_000)
  await tell(EVERY.ping)
  await net.clock.advance(10_000)
  await tell(EVERY.refusal)
  expect([await outcome(), kept()]).toEqual([null, 11])
})

describe('a peer that only pings', () => {
  it('[L6] [L8] is healthy, and not current, for as long as it says no more', async () => {
    await raw.join(a)
    for (let second = 0; second < 300; second += 5) {
      await tell({ kind: 'ping', at: second })
      await net.clock.advance(5_000)
      const { state, current } = a.peer(raw)!
      expect([second, state.link, state.health, current, state.current]).toEqual([
        second,
        'connected',
        'healthy',
        false,
        false,
      ])
    }
    expect(a.peers.getPeers().find((p) => p.nodeId === raw.id)!.lastSyncAt).toBeNull()
  })

  it('[L8] is current from the moment it says that it shows what we show, until our next change', async () => {
    await raw.join(a)
    const { heads, applied } = a.share.state()
    await tell({ kind: 'directory', share: 'vault', heads, applied: null })
    expect([await outcome(), a.peer(raw)!.current]).toEqual([null, false])
    await tell({ kind: 'applied', share: 'vault', view: applied })
    await net.clock.advance(100)
    expect(a.peer(raw)!.current).toBe(true)
    await honestEdit()
    expect(a.peer(raw)!.current).toBe(false)
  })

  it('[L6] with times from the future or the past moves no clock of ours', async () => {
    await raw.join(a)
    for (const at of [0, 1, Number.MAX_SAFE_INTEGER, net.clock.now() + 1e9])
      await tell({ kind: 'ping', at }, { kind: 'pong', at })
    await net.clock.advance(100)
    expect(a.peer(raw)!.state.roundTripMs).toBeGreaterThanOrEqual(0)
    expect(raw.heard.flatMap((m) => (m.kind === 'pong' ? [m.at] : [])).at(-1)).toBe(net.clock.now() - 100 + 1e9)
  })
})
