import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { concatBytes } from '../../../src/objects/bytes.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import type { EndpointId } from '../../../src/ports/transport.ts'
import { encodeFetchReply, encodeFetchRequest, type FetchReply } from '../../../src/protocol/fetch-messages.ts'
import { encodeFrame, FrameReader } from '../../../src/protocol/frames.ts'
import type { SendableMessage } from '../../../src/protocol/messages.ts'
import { history, nobodys, rawTree, vault } from '../../support/hostile-objects.ts'
import { aBlob, oidOf, packOf } from '../../support/object-samples.ts'
import { RawPeer } from '../../support/raw-peer.ts'
import { anId } from '../../support/sample-messages.ts'
import { recordOf, TestNetwork, type TestDevice } from '../../support/two-devices.ts'

let net: TestNetwork
let a: TestDevice
let b: TestDevice
let raw: RawPeer
/** `a` has a good peer `b`, and a peer that speaks by hand; both links are open. */
beforeEach(async () => {
  net = new TestNetwork({ latencyMs: 1 })
  ;[a, b] = net.pair()
  raw = new RawPeer(net, 9)
  a.records = [...a.records, recordOf(raw, { autoConnect: false })]
  a.write('mine.md', 'mine\n')
  await Promise.all([a.start(), b.start()])
  await net.until(() => a.peer(b)!.current, 'in step')
  await raw.join(a)
})
/** Whatever the hostile one did: the others are undisturbed, and no timer is left. */
afterEach(async () => {
  a.write('after.md', 'after\n')
  await net.until(() => b.text('after.md') === 'after\n' && a.peer(b)!.current, 'the others are in step')
  expect([a.connects(b), a.text('mine.md')]).toEqual([1, 'mine\n'])
  expect(await net.stop()).toBe(0) // L9
})

const offer = (
  device: EndpointId,
  oid: Oid,
  pack: Uint8Array = new Uint8Array(),
  share = 'vault',
): SendableMessage => ({ kind: 'update', share, heads: new Map([[device, oid]]), pack })
const refOf = (id: EndpointId) => a.refs.get(`refs/devices/${id}`)
const fault = () => a.peer(raw)?.state.lastError

/** Answers every stream that the device opens, one after the other, with these bytes; ends each of them. */
async function answerFetches(answer: (round: number) => Uint8Array | null): Promise<void> {
  for (let round = 0; ; round++) {
    const stream = await raw.connection.acceptStream()
    if (!stream) return
    await new FrameReader(stream).frame()
    const bytes = answer(round)
    if (!bytes) continue // no answer, ever
    await stream.write(bytes).catch(() => undefined)
    await stream.finish().catch(() => undefined)
  }
}
const reply = (...replies: (FetchReply | Uint8Array)[]) =>
  concatBytes(replies.map((r) => (r instanceof Uint8Array ? r : encodeFrame(encodeFetchReply(r)))))

describe('garbage on the control stream', () => {
  it.each([
    ['noise', encodeFrame(new Uint8Array(40).fill(0xff))],
    ['an oversized frame', Uint8Array.of(0xff, 0xff, 0xff, 0xff)],
    ['a frame one byte too large', Uint8Array.of(0, 0x10, 0, 1)],
    ['a message with an oid of three bytes', encodeFrame(Uint8Array.of(0x42, 5, 0x12, 3, 1, 2, 3))],
  ])('[T8] %s ends the link with 4004 and a reason', async (_what, bytes) => {
    await raw.send(bytes)
    const reason = await raw.isClosed()
    expect([reason.code, reason.reason.length > 10]).toEqual([4004, true])
    expect(fault()?.message.length).toBeGreaterThan(10)
  })

  it('[L5] a second hello ends the link', async () => {
    await raw.send({ kind: 'hello', hello: raw.hello() })
    expect((await raw.isClosed()).code).toBe(4004)
  })

  it('pairing messages on an open link end it', async () => {
    await raw.send({ kind: 'pair-done' })
    expect((await raw.isClosed()).code).toBe(4004)
  })

  it('is not needed to say something: a close reason shows no control characters either', async () => {
    raw.connection.close(4007, 'bad\u001b[2J\u202eluck')
    await net.until(() => fault() !== null, 'told')
    expect(fault()?.message).toBe('the other device closed the connection (bad[2Jluck)')
  })

  it('after its goodbye is not read', async () => {
    const good = vault({ 'x.md': 'x' })
    await raw.send({ kind: 'bye', reason: 'shutdown' }, offer(raw.id, good.commit, good.pack)).catch(() => undefined)
    await raw.isClosed()
    expect(refOf(raw.id)).toBeUndefined()
  })

  it('an empty frame, and a message from the future, are ignored', async () => {
    await raw.send(encodeFrame(new Uint8Array()), encodeFrame(Uint8Array.of(0x9a, 0x06, 0x02, 0x08, 0x01)))
    await net.clock.advance(1_000)
    expect(raw.closed).toBeNull()
  })
})

describe('an update', () => {
  it('of a peer that plays by the rules arrives (or the tests here prove nothing)', async () => {
    const good = vault({ 'theirs.md': 'theirs\n' })
    await raw.send(offer(raw.id, good.commit, good.pack))
    await net.until(() => a.text('theirs.md') === 'theirs\n' && b.text('theirs.md') === 'theirs\n', 'arrived')
    expect(refOf(raw.id)).toBe(good.commit)
  })

  it.each([
    ['a truncated pack', (pack: Uint8Array) => pack.subarray(0, pack.length - 30)],
    [
      'a pack with a wrong byte in an object',
      (pack: Uint8Array) => pack.map((byte, i) => (i === 40 ? byte ^ 0x55 : byte)),
    ],
    [
      'a pack with a wrong checksum',
      (pack: Uint8Array) => pack.map((byte, i) => (i === pack.length - 1 ? byte ^ 1 : byte)),
    ],
    ['noise for a pack', () => new Uint8Array(500).fill(7)],
  ])('[T2] with %s moves nothing and ends the link with 4004', async (_what, damage) => {
    const good = vault({ 'theirs.md': 'theirs\n' })
    await raw.send(offer(raw.id, good.commit, damage(good.pack)))
    expect((await raw.isClosed()).code).toBe(4004)
    await net.clock.advance(2_000)
    expect([refOf(raw.id), a.text('theirs.md'), a.objects.objects.has(good.commit)]).toEqual([
      undefined,
      undefined,
      false,
    ])
    expect(fault()?.message).toMatch(/\w/)
  })

  it.each(['..', '.', '.git', '.GIT', 'git~1', 'a/b', 'cafe\u0301.md', 'a\nb.md', '.g\u200cit', ''])(
    '[E6] with the name %j in a tree moves nothing and ends the link with 4004',
    async (name) => {
      const blob = aBlob('evil\n')
      const evil = history(rawTree([{ name, oid: oidOf(nodeCodec, blob) }]), [blob])
      const files = [...a.disk.files().keys()].sort()
      await raw.send(offer(raw.id, evil.commit, evil.pack))
      expect((await raw.isClosed()).code).toBe(4004)
      await net.clock.advance(5_000)
      expect([refOf(raw.id), [...a.disk.files().keys()].sort(), a.share.state().heads.has(raw.id)]).toEqual([
        undefined,
        files,
        false,
      ])
    },
  )

  it('[E6] with such a name in a folder is refused alike', async () => {
    const blob = aBlob('evil\n')
    const inner = rawTree([{ name: '.git', oid: oidOf(nodeCodec, blob) }])
    const outer = rawTree([{ mode: '40000', name: 'notes', oid: oidOf(nodeCodec, inner) }])
    const evil = history(outer, [inner, blob])
    await raw.send(offer(raw.id, evil.commit, evil.pack))
    expect([(await raw.isClosed()).code, refOf(raw.id)]).toEqual([4004, undefined])
  })

  it('[T2] whose head is a blob or a tree moves nothing', async () => {
    const good = vault({ 'x.md': 'x' })
    const tree = oidOf(nodeCodec, good.objects[1]!)
    await raw.send(offer(raw.id, tree, good.pack))
    expect([(await raw.isClosed()).code, refOf(raw.id)]).toEqual([4004, undefined])
  })

  it('for an unknown share is ignored, and nothing is remembered', async () => {
    const good = vault({ 'x.md': 'x' })
    await raw.send(offer(raw.id, good.commit, good.pack, 'secret share'))
    await net.clock.advance(2_000)
    expect([raw.closed, a.refs.size, a.objects.objects.has(good.commit)]).toEqual([null, b.refs.size, false])
  })

  it('[V2] that moves a ref backwards is refused, the old value stays, and both are told', async () => {
    const first = vault({ 'x.md': '1' })
    const second = vault({ 'x.md': '2' }, [first.commit])
    await raw.send(offer(raw.id, second.commit, packOf(nodeCodec, [...first.objects, ...second.objects])))
    await net.until(() => refOf(raw.id) === second.commit, 'forward')
    await raw.send(offer(raw.id, first.commit))
    await net.clock.advance(2_000)
    expect(refOf(raw.id)).toBe(second.commit)
    const aside = vault({ 'x.md': 'another life' }, [first.commit])
    await raw.send(offer(raw.id, aside.commit, aside.pack))
    await net.until(() => raw.kinds().includes('refusal'), 'told')
    expect(raw.heard.find((m) => m.kind === 'refusal')).toMatchObject({ code: 'not-forward', share: 'vault' })
    expect(a.log.some((r) => r.event === 'ref.refused')).toBe(true)
    expect([refOf(raw.id), raw.closed]).toEqual([second.commit, null])
  })

  it('[V2] of somebody else’s ref that is not forward is refused, too', async () => {
    const before = refOf(b.id) ?? refOf(a.id)!
    const other = vault({ 'x.md': 'not by b' })
    b.write('b.md', 'b\n')
    await net.until(() => a.text('b.md') === 'b\n', 'b has a ref')
    const real = refOf(b.id)!
    await raw.send(offer(b.id, other.commit, other.pack))
    await net.until(() => raw.kinds().includes('refusal'), 'told')
    expect([refOf(b.id), before === undefined]).toEqual([real, false])
  })

  it('[V8] of our own ref ahead of us is taken: our store had lost it', async () => {
    const own = refOf(a.id)!
    const ahead = vault(
      { 'mine.md': 'mine\n', 'forgotten.md': 'I wrote this before the disk died\n' },
      [own],
      1_800_000_000,
    )
    await raw.send(offer(a.id, ahead.commit, ahead.pack))
    await net.until(() => a.text('forgotten.md') !== undefined && b.text('forgotten.md') !== undefined, 'everywhere')
    expect(refOf(a.id)).toBe(ahead.commit)
  })

  it('[V8] of our own ref beside ours loses neither', async () => {
    const twin = vault({ 'mine.md': 'mine\n', 'twin.md': 'from a restored backup\n' }, [], 1_800_000_000)
    await raw.send(offer(a.id, twin.commit, twin.pack))
    await net.until(() => a.text('twin.md') !== undefined && b.text('twin.md') !== undefined, 'everywhere')
    expect(a.text('mine.md')).toBe('mine\n')
  })
})

describe('a fetch', () => {
  const lost = (n: number): SendableMessage => ({
    kind: 'directory',
    share: 'vault',
    heads: new Map([[raw.id, nobodys(n)]]),
    applied: null,
  })

  it('of refs that nobody has is given up; the fault is shown', async () => {
    void answerFetches(() => reply({ kind: 'done', large: [], absent: [nobodys(1)] }))
    await raw.send(lost(1))
    await net.until(() => fault()?.code === 'refused', 'the fault is shown')
    expect([raw.closed, refOf(raw.id), a.peer(raw)?.status]).toEqual([null, undefined, 'connected'])
  })

  it('that is refused shows why', async () => {
    void answerFetches(() => reply({ kind: 'refusal', code: 'no-share', message: 'there is no such share here' }))
    await raw.send(lost(1))
    await net.until(() => fault() !== null, 'the fault is shown')
    expect(fault()?.message).toContain('there is no such share here')
  })

  it('[T5] that is never answered ends after 30 s of silence, is tried again, and is given up', async () => {
    let asked = 0
    void answerFetches(() => (asked++, null))
    const pings = setPings()
    await raw.send(lost(1))
    await net.clock.advance(29_000)
    expect([asked, a.peer(raw)?.status]).toEqual([1, 'syncing'])
    await net.until(() => a.peer(raw)?.state.lastError?.code === 'timeout', 'given up', 200_000)
    expect([asked, a.peer(raw)?.status]).toEqual([4, 'connected'])
    pings()
  })

  it('that is answered for ever with what was not asked for is given up', async () => {
    const useless = packOf(nodeCodec, [aBlob('nothing that you want')])
    let asked = 0
    void answerFetches(
      () => (
        asked++,
        reply({ kind: 'piece', size: useless.length, objects: 1 }, useless, { kind: 'done', large: [], absent: [] })
      ),
    )
    await raw.send(lost(1))
    await net.until(() => fault()?.code === 'refused', 'given up', 10_000)
    expect(asked).toBeLessThanOrEqual(3)
  })

  it('that is answered with large files that were not asked for takes none of them', async () => {
    const good = vault({ 'theirs.md': 'theirs\n' })
    const [commit, tree] = good.objects
    const pack = packOf(nodeCodec, [commit!, tree!])
    void answerFetches((round) =>
      round === 0
        ? reply({ kind: 'piece', size: pack.length, objects: 2 }, pack, { kind: 'done', large: [], absent: [] })
        : reply({ kind: 'done', large: [{ oid: nobodys(7), size: 2 ** 50 }], absent: [] }),
    )
    await raw.send({ kind: 'directory', share: 'vault', heads: new Map([[raw.id, good.commit]]), applied: null })
    await net.until(() => fault()?.code === 'refused', 'given up')
    expect(a.objects.partials.size).toBe(0)
  })

  it.each([
    ['noise', () => encodeFrame(new Uint8Array(20).fill(0xff))],
    ['an oversized frame', () => Uint8Array.of(0xff, 0, 0, 0)],
    ['an end in the middle', () => Uint8Array.of(0, 0, 1)],
    ['a piece that is cut', () => reply({ kind: 'piece', size: 1000, objects: 1 }, new Uint8Array(10))],
    ['a piece that is no pack', () => reply({ kind: 'piece', size: 1000, objects: 1 }, new Uint8Array(1000))],
    ['a piece of nothing', () => reply({ kind: 'piece', size: 0, objects: 9 })],
    ['a large file unasked', () => reply({ kind: 'large', oid: nobodys(1), size: 5, offset: 0 }, new Uint8Array(5))],
  ])('that is answered with %s ends in a fault, and moves nothing', async (_what, bytes) => {
    void answerFetches(bytes).catch(() => undefined)
    await raw.send(lost(1))
    await net.until(() => fault() !== null, 'the fault is shown', 30_000)
    expect([refOf(raw.id), a.objects.partials.size]).toEqual([undefined, 0])
  })

  /** Keeps the raw peer's link alive. */
  function setPings(): () => void {
    let on = true
    const next = (): void => {
      if (!on || raw.closed) return
      void raw.send({ kind: 'ping', at: 1 }).catch(() => undefined)
      net.clock.after(5_000, next)
    }
    next()
    return () => void (on = false)
  }
})

describe('a fetch from us', () => {
  const ask = async (request: Uint8Array): Promise<Uint8Array | null | string> => {
    const stream = await raw.connection.openStream()
    await stream.write(request)
    const frames = new FrameReader(stream)
    return net.complete(frames.frame().catch((error: { code: string }) => error.code))
  }

  it('[S5] of a share that we do not have is refused', async () => {
    const bytes = await ask(encodeFrame(encodeFetchRequest({ share: 'other', kind: 'objects', oids: [nobodys(1)] })))
    expect(Buffer.from(bytes as Uint8Array).toString()).toContain('no such share')
  })

  it('of objects that we lack says so', async () => {
    expect(
      await ask(
        encodeFrame(
          encodeFetchRequest({
            share: 'vault',
            kind: 'history',
            commits: [nobodys(1)],
            trees: [nobodys(2)],
            haves: [nobodys(3)],
          }),
        ),
      ),
    ).toBeInstanceOf(Uint8Array)
  })

  it('[T8] of one object 40,000 times is answered with it once', async () => {
    const oid = refOf(a.id)!
    const before = a.peer(raw)!.traffic.bytesSent
    const stream = await raw.connection.openStream()
    await net.complete(
      stream.write(
        encodeFrame(encodeFetchRequest({ share: 'vault', kind: 'objects', oids: new Array<Oid>(40_000).fill(oid) })),
      ),
    )
    await net.complete(
      (async () => {
        while (await stream.read());
      })(),
    )
    expect(a.peer(raw)!.traffic.bytesSent - before).toBeLessThan(1_000)
  })

  it.each([
    ['noise', encodeFrame(new Uint8Array(20).fill(0xff))],
    ['an oversized frame', Uint8Array.of(0x7f, 0, 0, 0)],
    ['a request for nothing', encodeFrame(new Uint8Array())],
  ])('[T8] by %s ends the link with 4004', async (_what, bytes) => {
    await ask(bytes)
    expect((await raw.isClosed()).code).toBe(4004)
  })

  it('[T2] of a tree that is a file breaks that stream alone', async () => {
    const blob = [...a.objects.objects].find(([, object]) => object.type === 'blob')![0]
    await ask(
      encodeFrame(encodeFetchRequest({ share: 'vault', kind: 'history', commits: [], trees: [blob], haves: [] })),
    )
    await net.clock.advance(1_000)
    expect(raw.closed).toBeNull()
  })
})

describe('heads without end', () => {
  it('[T8] are bounded, directory by directory', async () => {
    void answerFetches(() => reply({ kind: 'done', large: [], absent: [] }))
    for (let i = 0; i < 5; i++) {
      const heads = new Map(
        Array.from({ length: 10_000 }, (_, j) => [
          (i * 10_000 + j).toString(16).padStart(64, '0') as EndpointId,
          nobodys(j),
        ]),
      )
      await raw.send({ kind: 'directory', share: 'vault', heads, applied: null })
    }
    await net.clock.advance(3_000)
    expect([...a.refs.keys()].filter((name) => name.startsWith('refs/devices/')).length).toBeLessThanOrEqual(3)
    expect(a.refs.has(`refs/devices/${anId(0)}`)).toBe(false)
  })
})
