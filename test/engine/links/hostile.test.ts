import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { concatBytes } from '../../../src/objects/bytes.ts'
import type { GitObject, Oid } from '../../../src/objects/oid.ts'
import { encodePack } from '../../../src/objects/pack.ts'
import { FLUSH_PKT } from '../../../src/objects/pkt-line.ts'
import type { ByteStream, EndpointId } from '../../../src/ports/transport.ts'
import { encodeFetchReply, encodeFetchRequest } from '../../../src/protocol/fetch-messages.ts'
import { encodeFrame, FrameReader } from '../../../src/protocol/frames.ts'
import { encodeFetchCommand } from '../../../src/protocol/git/fetch-command.ts'
import { textLine } from '../../../src/protocol/git/git-session.ts'
import { encodeObjectInfoCommand } from '../../../src/protocol/git/object-info.ts'
import { encodeServiceRequest } from '../../../src/protocol/git/service-request.ts'
import type { SendableMessage } from '../../../src/protocol/messages.ts'
import { answerBulk, bands, type GitAnswers } from '../../support/git-answers.ts'
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

/** Answers what the device fetches, by hand. */
const answer = (answers: GitAnswers): void => void answerBulk(raw.connection, answers).catch(() => undefined)
/** Has nothing of what it is asked for. */
const hasNothing: GitAnswers = { pack: () => null, notOurs: ([oid]) => oid ?? null }

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
    answer(hasNothing)
    await raw.send(lost(1))
    await net.until(() => fault()?.code === 'refused', 'the fault is shown')
    expect([raw.closed, refOf(raw.id), a.peer(raw)?.status]).toEqual([null, undefined, 'connected'])
  })

  it('that is refused shows why', async () => {
    const line = textLine('ERR access denied or repository not exported: /vault')
    void refuseStreams(line)
    await raw.send(lost(1))
    await net.until(() => fault() !== null, 'the fault is shown')
    expect(fault()?.message).toContain('access denied or repository not exported')
  })

  it('[T5] that is never answered ends after 30 s of silence, is tried again, and is given up', async () => {
    let asked = 0
    answer({ pack: () => (asked++, null) })
    const pings = setPings()
    await raw.send(lost(1))
    await net.clock.advance(29_000)
    expect([asked, a.peer(raw)?.status]).toEqual([1, 'syncing'])
    await net.until(() => a.peer(raw)?.state.lastError?.code === 'timeout', 'given up', 200_000)
    expect([asked, a.peer(raw)?.status]).toEqual([4, 'connected'])
    pings()
  })

  it('that is answered for ever with what was not asked for is given up', async () => {
    const { objects } = vault({ 'nothing that you want.md': 'x' })
    let asked = 0
    answer({ pack: () => (asked++, packOf(nodeCodec, objects.slice(0, 2))) })
    await raw.send(lost(1))
    await net.until(() => fault()?.code === 'refused', 'given up', 10_000)
    expect(asked).toBeLessThanOrEqual(3)
    expect([raw.closed, refOf(raw.id)]).toEqual([null, undefined])
  })

  it('of history that is answered with files takes none of them', async () => {
    const nothing = aBlob('nothing that you want')
    answer({ pack: () => packOf(nodeCodec, [nothing]) })
    await raw.send(lost(1))
    await net.until(() => fault()?.code === 'refused', 'given up', 10_000)
    expect(a.objects.objects.has(oidOf(nodeCodec, nothing))).toBe(false)
  })

  /** The history of a vault, and for its files whatever else is given. */
  const withHistory = (objects: readonly GitObject[], rest: Partial<GitAnswers>): GitAnswers => ({
    pack: (fetch, round) =>
      fetch.filter.kind === 'none' ? (rest.pack?.(fetch, round) ?? null) : packOf(nodeCodec, objects.slice(0, 2)),
    ...(rest.sizes ? { sizes: rest.sizes } : {}),
    ...(rest.other ? { other: rest.other } : {}),
  })
  const directoryOf = (commit: Oid): SendableMessage => ({
    kind: 'directory',
    share: 'vault',
    heads: new Map([[raw.id, commit]]),
    applied: null,
  })

  it('by hand that is answered well arrives (or the tests here prove nothing)', async () => {
    const good = vault({ 'theirs.md': 'theirs\n' })
    answer(withHistory(good.objects, { pack: () => packOf(nodeCodec, good.objects.slice(2)) }))
    await raw.send(directoryOf(good.commit))
    await net.until(() => a.text('theirs.md') === 'theirs\n', 'arrived')
    expect([refOf(raw.id), raw.closed]).toEqual([good.commit, null])
  })

  it.each([
    ['another file than the one asked for', () => packOf(nodeCodec, [aBlob('another')]), 'refused'],
    ['more files than were asked for', () => packOf(nodeCodec, [aBlob('theirs\n'), aBlob('another')]), 'refused'],
    ['no file at all', () => packOf(nodeCodec, []), 'refused'],
    ['more than a batch', () => new Uint8Array(9 * 1024 * 1024), 'limit'],
  ])('[T2] of a file that is answered with %s moves nothing', async (_what, pack, code) => {
    const good = vault({ 'theirs.md': 'theirs\n' })
    answer(withHistory(good.objects, { pack }))
    await raw.send(directoryOf(good.commit))
    await net.until(() => fault()?.code === code, 'given up', 60_000)
    expect([refOf(raw.id), raw.closed, a.text('theirs.md')]).toEqual([undefined, null, undefined])
  })

  it.each([
    ['a wrong byte in it', (pack: Uint8Array) => pack.map((byte, i) => (i === 20 ? byte ^ 0x55 : byte))],
    ['a wrong trailer', (pack: Uint8Array) => pack.map((byte, i) => (i === pack.length - 1 ? byte ^ 1 : byte))],
    ['a trailer that is missing', (pack: Uint8Array) => pack.subarray(0, pack.length - 20)],
    ['something behind its end', (pack: Uint8Array) => concatBytes([pack, new Uint8Array(7)])],
    ['noise in its place', () => new Uint8Array(1000).fill(7)],
  ])('[T2] whose pack has %s moves nothing and ends the link with 4004', async (_what, damage) => {
    const good = vault({ 'theirs.md': 'theirs\n' })
    answer(withHistory(good.objects, { pack: () => damage(packOf(nodeCodec, good.objects.slice(2))) }))
    await raw.send(directoryOf(good.commit))
    expect((await raw.isClosed()).code).toBe(4004)
    expect([refOf(raw.id), a.text('theirs.md')]).toEqual([undefined, undefined])
  })

  it.each([
    ['wrong trailer', (pack: Uint8Array) => pack.map((byte, i) => (i === pack.length - 1 ? byte ^ 1 : byte))],
    ['something behind its end', (pack: Uint8Array) => concatBytes([pack, new Uint8Array(7)])],
    ['a bomb', () => bomb(2 ** 40)],
    ['a bomb that hides its size', () => bomb(10)],
  ])('[T2] [T8] of history with %s keeps nothing of it and ends the link with 4004', async (_what, damage) => {
    const good = vault({ 'theirs.md': 'theirs\n' })
    const before = a.objects.objects.size
    answer({ pack: () => damage(packOf(nodeCodec, good.objects.slice(0, 2))) })
    await raw.send(directoryOf(good.commit))
    expect((await raw.isClosed()).code).toBe(4004)
    expect([refOf(raw.id), a.objects.objects.size]).toEqual([undefined, before])
  })

  it('[T8] of a large file that is another one than was announced takes nothing of it', async () => {
    const good = vault({ 'theirs.md': 'theirs\n' })
    const other = async (stream: ByteStream): Promise<void> => {
      const reply = encodeFrame(encodeFetchReply({ kind: 'large', oid: nobodys(7), size: 2 ** 50, offset: 0 }))
      await stream.write(concatBytes([reply, new Uint8Array(100)]))
    }
    answer(withHistory(good.objects, { sizes: (oids) => oids.map(() => 2 ** 49), other }))
    await raw.send(directoryOf(good.commit))
    await net.until(() => fault()?.code === 'refused', 'given up')
    expect([refOf(raw.id), [...a.objects.partials.values()].every((part) => part.length === 0)]).toEqual([
      undefined,
      true,
    ])
  })

  it.each([
    ['noise', new Uint8Array(20).fill(0xff)],
    ['a line that is too long', new TextEncoder().encode('ffff')],
    ['an end in the middle of a line', new TextEncoder().encode('00')],
    ['an end at once', new Uint8Array(0)],
    ['a pack that is cut', concatBytes([textLine('packfile'), bands(new Uint8Array(1000))[0]!])],
    ['a band that there is not', concatBytes([textLine('packfile'), textLine('\u0009what')])],
    ['something else than a pack', textLine('shallow-info')],
  ])('that is answered with %s ends in a fault, and moves nothing', async (_what, bytes) => {
    answer({ pack: () => ({ raw: bytes }) })
    await raw.send(lost(1))
    await net.until(() => fault() !== null, 'the fault is shown', 60_000)
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

/** Ends every stream that the device opens with one line. */
async function refuseStreams(line: Uint8Array): Promise<void> {
  for (let stream = await raw.connection.acceptStream(); stream; stream = await raw.connection.acceptStream()) {
    await stream.write(line).catch(() => undefined)
    await stream.finish().catch(() => undefined)
  }
}

/** A history of one commit whose zlib stream makes 20 MB, and which says that it makes `declared` bytes. */
function bomb(declared: number): Uint8Array {
  const deflated = nodeCodec.deflate(new Uint8Array(20 * 1024 * 1024), 1)
  return encodePack(nodeCodec, [{ kind: 'full', type: 'commit', size: declared, deflated }])
}

describe('a fetch from us', () => {
  const ask = async (request: Uint8Array): Promise<Uint8Array | null | string> => {
    const stream = await raw.connection.openStream()
    await stream.write(request)
    const frames = new FrameReader(stream)
    return net.complete(frames.frame().catch((error: { code: string }) => error.code))
  }
  /** All that is answered to these bytes on a stream for git, as text. */
  const askGit = async (share: string, ...parts: Uint8Array[]): Promise<string> => {
    const stream = await raw.connection.openStream()
    const service = encodeServiceRequest({ service: 'git-upload-pack', path: `/${share}`, version: 2 })
    await net.complete(stream.write(concatBytes([service, ...parts, FLUSH_PKT])))
    const said: Uint8Array[] = []
    for (let chunk = await net.complete(stream.read()); chunk; chunk = await net.complete(stream.read()))
      said.push(chunk)
    stream.abort()
    return Buffer.concat(said).toString('latin1')
  }
  const fetchOf = (...wants: Oid[]) =>
    encodeFetchCommand('tandem/raw', { wants, haves: [nobodys(3)], filter: { kind: 'no-blobs' }, thinPack: true })

  it('[S5] of a share that we do not have is refused', async () => {
    const bytes = await ask(encodeFrame(encodeFetchRequest({ share: 'other', oid: nobodys(1), offset: 0 })))
    expect(Buffer.from(bytes as Uint8Array).toString()).toContain('no such share')
    expect(await askGit('other', fetchOf(refOf(a.id)!))).toContain('ERR access denied or repository not exported')
  })

  it('of objects that we lack says so', async () => {
    expect(await askGit('vault', fetchOf(nobodys(1)))).toContain(`ERR upload-pack: not our ref ${nobodys(1)}`)
    const bytes = await ask(encodeFrame(encodeFetchRequest({ share: 'vault', oid: nobodys(1), offset: 0 })))
    expect(Buffer.from(bytes as Uint8Array).toString()).toContain('no such object')
  })

  it('[T1] of sizes gives them in the order asked, and none for what is not here', async () => {
    const [blob] = [...a.objects.objects].find(([, object]) => object.type === 'blob')!
    const said = await askGit('vault', encodeObjectInfoCommand('tandem/raw', [nobodys(1), blob]))
    expect(said.slice(said.indexOf('0009size'))).toBe(`0009size\n002e${nobodys(1)} \n002f${blob} 5\n0000`)
  })

  it('[T8] of one object 40,000 times is answered with it once', async () => {
    const [blob] = [...a.objects.objects].find(([, object]) => object.type === 'blob')!
    const before = a.peer(raw)!.traffic.bytesSent
    await askGit('vault', fetchOf(...new Array<Oid>(40_000).fill(blob)))
    expect(a.peer(raw)!.traffic.bytesSent - before).toBeGreaterThan(0)
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

  it('[T2] of a large file that is a commit is refused, and the link goes on', async () => {
    const bytes = await ask(encodeFrame(encodeFetchRequest({ share: 'vault', oid: refOf(a.id)!, offset: 0 })))
    expect(Buffer.from(bytes as Uint8Array).toString()).toContain('no such object')
    expect(raw.closed).toBeNull()
  })
})

describe('heads without end', () => {
  it('[T8] are bounded, directory by directory', async () => {
    answer(hasNothing)
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
