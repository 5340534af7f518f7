import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodePairingLink, encodePairingLink, type PairingOffer } from '../../../src/peers/pairing-link.ts'
import { pairingProof } from '../../../src/peers/pairing-proof.ts'
import type { PeerRecord } from '../../../src/ports/data-store.ts'
import type { SendableMessage } from '../../../src/protocol/messages.ts'
import { Person } from '../../support/person.ts'
import { RawPeer } from '../../support/raw-peer.ts'
import { aListing, manyFiles } from '../../support/sample-messages.ts'
import { TestNetwork, type DeviceChoices, type TestDevice } from '../../support/two-devices.ts'

const no = () => Promise.resolve(false)

let net: TestNetwork
beforeEach(() => void (net = new TestNetwork({ latencyMs: 5 })))
afterEach(async () => expect(await net.stop()).toBe(0)) // L9

async function devices(inviter: DeviceChoices = {}, joiner: DeviceChoices = {}): Promise<[TestDevice, TestDevice]> {
  return [await net.device(1, inviter).start(), await net.device(2, joiner).start()]
}

const join = (device: TestDevice, offer: PairingOffer, signal = new AbortController().signal) =>
  net.complete(device.peers.join(offer, signal))
const codes = (device: TestDevice) => device.questions.flatMap((q) => (q.kind === 'code' ? [q.code] : []))
/** What a promise came to, without waiting for it. */
function outcome(promise: Promise<PeerRecord>): { value?: PeerRecord; code?: string } {
  const result: { value?: PeerRecord; code?: string } = {}
  promise.then(
    (value) => (result.value = value),
    (error: { code: string }) => (result.code = error.code),
  )
  return result
}

describe('pairing of two devices', () => {
  it('[P1] [P3] by a link: both people see the same code, both say yes, both are stored and in step', async () => {
    const [a, b] = await devices({ name: 'Ada’s laptop' }, { name: 'Bob’s phone' })
    a.write('note.md', 'hello\n')
    const invitation = a.peers.invite('vault')
    const record = await join(b, decodePairingLink(encodePairingLink(invitation.offer)))
    expect(record).toMatchObject({ nodeId: a.id, name: 'Ada’s laptop' })
    expect(await net.complete(invitation.paired)).toMatchObject({ nodeId: b.id, name: 'Bob’s phone' })
    expect([a.questions.length, codes(a)]).toEqual([1, codes(b)])
    expect(codes(a)[0]).toMatch(/^\d{3} \d{3}$/)
    expect([a.records.map((r) => r.nodeId), b.records.map((r) => r.nodeId)]).toEqual([[b.id], [a.id]])
    await net.until(() => b.text('note.md') === 'hello\n' && a.peer(b)!.current && b.peer(a)!.current, 'in step')
    expect([a.connects(b), b.connects(a)]).toEqual([1, 1])
  })

  it('[P3] moves no byte of the vault before both people said yes', async () => {
    let sayYes!: (yes: boolean) => void
    const [a, b] = await devices({ confirm: () => new Promise((resolve) => (sayYes = resolve)) })
    a.write('note.md', 'hello\n')
    const joined = outcome(b.peers.join(a.peers.invite('vault').offer, new AbortController().signal))
    await net.clock.advance(20_000)
    expect([b.text('note.md'), b.refs.size, a.records, b.records, joined]).toEqual([undefined, 0, [], [], {}])
    sayYes(true)
    await net.until(() => b.text('note.md') === 'hello\n', 'in step')
  })

  it.each([
    ['the inviting', { confirm: no }, {}],
    ['the joining', {}, { confirm: no }],
  ])('[P3] declined on %s device leaves nothing behind, and both know', async (_side, inviter, joiner) => {
    const [a, b] = await devices(inviter, joiner)
    await expect(join(b, a.peers.invite('vault').offer)).rejects.toMatchObject({
      name: 'PairingError',
      code: 'declined',
    })
    await net.clock.advance(60_000)
    expect([a.records, b.records, a.peers.getPeers(), b.peers.getPeers()]).toEqual([[], [], [], []])
    expect([a, b].every((d) => d.log.some((r) => r.event === 'pairing.failed' && r.data?.code === 'declined'))).toBe(
      true,
    )
  })

  it('[P2] with a wrong secret is refused as a mismatch, and does not burn the secret', async () => {
    const [a, b] = await devices()
    const { offer } = a.peers.invite('vault')
    await expect(join(b, { ...offer, secret: new Uint8Array(16) })).rejects.toMatchObject({
      name: 'PairingError',
      code: 'mismatch',
    })
    expect([a.questions, b.questions]).toEqual([[], []])
    expect(await join(b, offer)).toMatchObject({ nodeId: a.id })
  })

  it('[P1] with a link of more than ten minutes is refused; the inviting side knows first', async () => {
    const [a, b] = await devices()
    const invitation = a.peers.invite('vault')
    const invited = outcome(invitation.paired)
    await net.clock.advance(600_000)
    expect(invited.code).toBe('expired')
    await expect(join(b, invitation.offer)).rejects.toMatchObject({ name: 'PairingError', code: 'mismatch' })
    expect(b.records).toEqual([])
  })

  it('[P1] with a link that was used is refused', async () => {
    const [a, b] = await devices()
    const c = await net.device(3).start()
    const { offer } = a.peers.invite('vault')
    await join(b, offer)
    await expect(join(c, offer)).rejects.toMatchObject({ name: 'PairingError', code: 'mismatch' })
    expect([a.records.map((r) => r.nodeId), c.records]).toEqual([[b.id], []])
  })

  it('[P1] serves one device only, although two follow the link at once', async () => {
    const answers: ((yes: boolean) => void)[] = []
    const [a, b] = await devices({ confirm: () => new Promise((resolve) => answers.push(resolve)) })
    const c = await net.device(3).start()
    const { offer } = a.peers.invite('vault')
    const results = [b, c].map((device) => outcome(device.peers.join(offer, new AbortController().signal)))
    await net.until(() => answers.length === 2, 'both are asked about')
    for (const answer of answers) answer(true)
    await net.until(() => results.every((r) => r.value ?? r.code), 'both are answered')
    expect(results.filter((r) => r.value)).toHaveLength(1)
    expect(a.records).toHaveLength(1)
  })

  it('with its own link is refused at once', async () => {
    const [a] = await devices()
    await expect(a.peers.join(a.peers.invite('vault').offer, new AbortController().signal)).rejects.toMatchObject({
      code: 'self',
    })
  })

  it('is cancelled by the inviting side: the link is dead and says so', async () => {
    const [a, b] = await devices()
    const invitation = a.peers.invite('vault')
    const invited = outcome(invitation.paired)
    invitation.cancel()
    await expect(join(b, invitation.offer)).rejects.toMatchObject({ code: 'mismatch' })
    expect(invited.code).toBe('declined')
  })

  it('is cancelled by the joining side while the other person thinks: no question stays open', async () => {
    let asked: AbortSignal | undefined
    const [a, b] = await devices({ confirm: (_question, signal) => new Promise(() => (asked = signal)) })
    const giveUp = new AbortController()
    const joined = outcome(b.peers.join(a.peers.invite('vault').offer, giveUp.signal))
    await net.until(() => asked !== undefined, 'the person is asked')
    giveUp.abort()
    await net.until(() => joined.code !== undefined && asked!.aborted, 'both know')
    expect([a.records, b.records]).toEqual([[], []])
  })

  it('cannot be undone by a signal that is aborted when all is over', async () => {
    const [a, b] = await devices()
    const signal = new AbortController()
    await join(b, a.peers.invite('vault').offer, signal.signal)
    signal.abort()
    await net.clock.advance(3_000)
    expect([b.isConnectedTo(a), a.transitions.length]).toEqual([true, 1])
  })

  it('fails in words when the connection is lost in the middle', async () => {
    const [a, b] = await devices({ confirm: () => new Promise(() => undefined) })
    const joined = outcome(b.peers.join(a.peers.invite('vault').offer, new AbortController().signal))
    await net.until(() => a.questions.length === 1, 'asked')
    net.network.cut(a.id, b.id)
    await net.until(() => joined.code !== undefined, 'told')
    expect([a.records, b.records]).toEqual([[], []])
  })

  it('is refused when the list is full, on whichever side', async () => {
    for (const [first, second] of [
      [{ maxPeers: 0 }, {}],
      [{}, { maxPeers: 0 }],
    ]) {
      const local = new TestNetwork()
      const [a, b] = [await local.device(1, first).start(), await local.device(2, second).start()]
      await expect(
        local.complete(b.peers.join(a.peers.invite('vault').offer, new AbortController().signal)),
      ).rejects.toMatchObject({ name: 'PairingError' })
      const codes = [...a.log, ...b.log].filter((r) => r.event === 'pairing.failed').map((r) => r.data?.code)
      expect(codes).toContain('too-many-peers')
      expect([a.records, b.records, a.peers.getPeers(), b.peers.getPeers()]).toEqual([[], [], [], []])
      expect(await local.stop()).toBe(0)
    }
  })

  it('[P2] survives 1,000 guesses: ten a minute are answered, none is asked about, and the link still works', async () => {
    const [a, b] = await devices()
    const { offer } = a.peers.invite('vault')
    for (let guess = 0; guess < 1000; guess++) {
      const stranger = new RawPeer(net, 3 + (guess % 200))
      await stranger.dial(a)
      await stranger.send({ kind: 'hello', hello: stranger.hello({ pairing: true }) })
      await stranger.send({ kind: 'pair-proof', mac: new Uint8Array(32).fill(guess) }).catch(() => undefined)
      expect((await stranger.isClosed(5_000)).code).toBe(4003)
      await net.complete(stranger.transport.close())
    }
    const times = a.log.filter((r) => r.event === 'pairing.failed').map((r) => r.at)
    expect(times.length).toBeGreaterThanOrEqual(10)
    for (const [i, at] of times.entries()) if (i >= 10) expect(at - times[i - 10]!).toBeGreaterThanOrEqual(60_000)
    expect(a.questions).toEqual([])
    await net.clock.advance(60_000)
    expect(await join(b, offer)).toMatchObject({ nodeId: a.id })
  })

  it('[P2] pairing messages out of turn end the link', async () => {
    const [a] = await devices()
    a.peers.invite('vault')
    for (const [n, message] of ([{ kind: 'pair-confirm', accepted: true }, { kind: 'pair-done' }] as const).entries()) {
      const stranger = new RawPeer(net, 50 + n)
      await stranger.dial(a)
      await stranger.send({ kind: 'hello', hello: stranger.hello({ pairing: true }) }, message)
      expect((await stranger.isClosed()).code).toBe(4003)
    }
    expect(a.records).toEqual([])
  })
})

describe('the limits of pairing', () => {
  it('[P2] one device that guesses 1,000 secrets is looked at a few times, and another one pairs at once', async () => {
    const [a, b] = await devices()
    const { offer } = a.peers.invite('vault')
    const guesser = new RawPeer(net, 9)
    const began = net.clock.now()
    for (let guess = 0; guess < 1000; guess++) {
      await guesser.dial(a)
      await guesser.send({ kind: 'hello', hello: guesser.hello({ pairing: true }) })
      await guesser.send({ kind: 'pair-proof', mac: new Uint8Array(32).fill(guess) }).catch(() => undefined)
      expect((await guesser.isClosed(5_000)).code).toBe(4003)
    }
    expect(net.clock.now() - began).toBeLessThan(60_000)
    expect(a.log.filter((r) => r.event === 'pairing.failed')).toHaveLength(3)
    expect(await join(b, offer)).toMatchObject({ nodeId: a.id })
  })

  it('[P2] ten pairings are in progress at once; who says nothing more is turned away, and its place is free', async () => {
    const [a, b] = await devices()
    const { offer } = a.peers.invite('vault')
    const strangers = Array.from({ length: 11 }, (_, i) => new RawPeer(net, 20 + i))
    for (const stranger of strangers) {
      await stranger.dial(a)
      await stranger.send({ kind: 'hello', hello: stranger.hello({ pairing: true }) })
      await net.clock.advance(20)
    }
    expect(strangers.map((s) => s.kinds().length)).toEqual([...Array<number>(10).fill(1), 0])
    expect((await strangers[10]!.isClosed(1_000)).code).toBe(4003)
    for (const stranger of strangers) expect((await stranger.isClosed(12_000)).code).toBe(4003)
    await net.clock.advance(60_000)
    expect(await join(b, offer)).toMatchObject({ nodeId: a.id })
  })

  it('[P2] ten invitations are open at once: the eleventh takes the place of the oldest, which says so', async () => {
    const [a, b] = await devices()
    const invitations = Array.from({ length: 11 }, () => a.peers.invite('vault'))
    expect(outcome(invitations[0]!.paired)).toEqual({})
    await expect(net.complete(invitations[0]!.paired)).rejects.toMatchObject({ code: 'declined' })
    await expect(join(b, invitations[0]!.offer)).rejects.toMatchObject({ code: 'mismatch' })
    expect(await join(b, invitations[1]!.offer)).toMatchObject({ nodeId: a.id })
  })
})

describe('two vaults that both hold files', () => {
  it('[E9] are compared before anything is stored or written; after two times yes they become one', async () => {
    const [a, b] = await devices()
    const [ada, bob] = [new Person(a), new Person(b)]
    for (const [path, here, there] of [
      ['only a.md', 'a\n', undefined],
      ['only b.md', undefined, 'b\n'],
      ['same.md', 'same\n', 'same\n'],
      ['larger.md', 'one\n', 'one\ntwo\n'],
      ['differs.md', 'mine\n', 'yours\n'],
    ] as const) {
      if (here) a.write(path, here)
      if (there) b.write(path, there)
    }
    const joined = b.peers.join(a.peers.invite('vault').offer, new AbortController().signal)
    await net.until(() => ada.isAsked('code') && bob.isAsked('code'), 'the code')
    a.write('last moment.md', 'typed while the code stood there\n')
    ada.answer(true)
    bob.answer(true)
    await net.until(() => ada.isAsked('vaults') && bob.isAsked('vaults'), 'the comparison')
    expect(ada.asked.at(-1)!.question).toMatchObject({
      role: 'inviter',
      id: b.id,
      comparison: {
        onlyHere: ['last moment.md', 'only a.md'],
        onlyThere: ['only b.md'],
        different: ['differs.md', 'larger.md'],
        same: 1,
      },
    })
    expect(bob.asked.at(-1)!.question).toMatchObject({
      role: 'joiner',
      comparison: { onlyHere: ['only b.md'], onlyThere: ['last moment.md', 'only a.md'], same: 1 },
    })
    await net.clock.advance(120_000)
    expect([a.records, b.records, a.text('only b.md'), b.text('only a.md')]).toEqual([[], [], undefined, undefined])
    ada.answer(true)
    bob.answer(true)
    await net.complete(joined)
    await net.until(() => a.peer(b)!.current && b.peer(a)!.current, 'in step')
    expect([a.text('same.md'), a.text('larger.md'), b.text('last moment.md')]).toEqual([
      'same\n',
      'one\ntwo\n',
      'typed while the code stood there\n',
    ])
    const kept = [...a.disk.files().keys()].filter((path) => path.startsWith('differs'))
    expect(kept.map((path) => a.text(path)).sort()).toEqual(['mine\n', 'yours\n'])
    expect([...b.disk.files().keys()].sort()).toEqual([...a.disk.files().keys()].sort())
  })

  it.each([
    ['the inviting', { 'a.md': 'a\n' }, {}],
    ['the joining', {}, { 'b.md': 'b\n' }],
  ])('[E9] need no question when only %s one does', async (_which, here, there) => {
    const [a, b] = await devices()
    for (const [path, text] of Object.entries(here)) a.write(path, text)
    for (const [path, text] of Object.entries(there)) b.write(path, text)
    await join(b, a.peers.invite('vault').offer)
    await net.until(() => a.peer(b)!.current && b.peer(a)!.current, 'in step')
    expect([...a.questions, ...b.questions].map((q) => q.kind)).toEqual(['code', 'code'])
    expect([...a.disk.files().keys()]).toEqual([...b.disk.files().keys()])
  })

  it('[E9] of 20,000 files are compared over a slow network, while heartbeats go on', async () => {
    const slow = new TestNetwork({ latencyMs: 200, bytesPerMs: 40 })
    const [a, b] = [slow.device(1), slow.device(2)]
    for (let i = 0; i < 20_000; i++) {
      const path = `folder ${i % 100}/a note with a longer name ${String(i).padStart(5, '0')}.md`
      a.write(path, `${i}\n`)
      if (i % 2) b.write(path, `${i % 4 === 1 ? i : -i}\n`)
    }
    await Promise.all([a.start(), b.start()])
    const [ada, bob] = [new Person(a), new Person(b)]
    const joined = outcome(b.peers.join(a.peers.invite('vault').offer, new AbortController().signal))
    await slow.until(() => ada.isAsked('code') && bob.isAsked('code'), 'the code')
    ada.answer(true)
    bob.answer(true)
    const began = slow.clock.now()
    await slow.until(() => ada.isAsked('vaults') && bob.isAsked('vaults'), 'the comparison', 300_000)
    expect(slow.clock.now() - began).toBeGreaterThan(30_000) // L6: without a heartbeat it would have ended
    const { question } = ada.asked.at(-1)!
    if (question.kind !== 'vaults') throw new Error('not compared')
    const { onlyHere, onlyThere, same, different } = question.comparison
    expect([onlyHere.length, onlyThere.length, same, different.length]).toEqual([10_000, 0, 5_000, 5_000])
    bob.answer(false)
    await slow.until(() => joined.code === 'declined' && ada.asked.every((q) => q.signal.aborted), 'over')
    expect([a.records, b.records]).toEqual([[], []])
    expect(await slow.stop()).toBe(0)
  }, 60_000)

  it.each(['inviting', 'joining'] as const)('[E9] stay apart when the %s one cannot be looked at', async (which) => {
    const [a, b] = await devices()
    a.write('a.md', 'a\n')
    b.write('b.md', 'b\n')
    await net.clock.advance(1_000)
    const broken = which === 'inviting' ? a : b
    broken.share.listing = () => Promise.reject(new Error('the disk is on fire'))
    await expect(join(b, a.peers.invite('vault').offer)).rejects.toMatchObject({ code: 'declined' })
    expect(broken.log.map((r) => r.message).join()).toContain('The files of this vault could not be listed: the disk')
    expect([a.records, b.records, a.text('b.md'), b.text('a.md')]).toEqual([[], [], undefined, undefined])
  })

  it('[E9] a hostile listing ends that pairing, and nothing else', async () => {
    const [a, b] = await devices()
    a.write('mine.md', 'mine\n')
    const { offer } = a.peers.invite('vault')
    for (const [n, listing] of hostileListings.entries()) {
      const raw = new RawPeer(net, 30 + n)
      await pairByHand(raw, a, offer)
      await raw.send(...listing)
      expect((await raw.isClosed()).code, `listing ${n}`).toBe(4004)
      await net.clock.advance(61_000) // P2: a failure counts
    }
    expect(a.records).toEqual([])
    expect(await join(b, offer)).toMatchObject({ nodeId: a.id })
  })
})

const listed = (files: Readonly<Record<string, number>>, last: boolean): SendableMessage => ({
  kind: 'pair-listing',
  files: aListing(files),
  last,
})
const hostileListings: (SendableMessage | Uint8Array)[][] = [
  [listed({ 'b.md': 1 }, false), listed({ 'a.md': 1 }, true)],
  [listed({ 'a.md': 1 }, true), listed({ 'b.md': 1 }, true)],
  [{ kind: 'pair-listing', files: manyFiles(5_000, 'too large a chunk'), last: true }],
  [listed({ '../outside.md': 1 }, true)],
  [listed({ '.git/config': 1 }, true)],
  [{ kind: 'pair-more' }, { kind: 'pair-more' }],
  [{ kind: 'pair-agree', accepted: true }, { kind: 'pair-done' }],
]

/** A device that follows a link by hand, up to the moment where both confirmed and the listing of `device` has come. */
async function pairByHand(raw: RawPeer, device: TestDevice, { secret }: PairingOffer): Promise<void> {
  await raw.dial(device)
  const hello = raw.hello({ pairing: true })
  await raw.send({ kind: 'hello', hello })
  await net.until(() => raw.kinds().includes('hello'), 'the hello')
  const theirs = raw.heard.find((m) => m.kind === 'hello')!.hello
  const transcript = { inviter: device.id, joiner: raw.id, inviterNonce: theirs.nonce, joinerNonce: hello.nonce }
  await raw.send({ kind: 'pair-proof', mac: pairingProof(secret, 'joiner', transcript) })
  await raw.send({ kind: 'pair-confirm', accepted: true })
  await net.until(() => raw.kinds().includes('pair-listing'), 'the listing')
}
