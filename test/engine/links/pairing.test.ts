import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodePairingLink, encodePairingLink, type PairingOffer } from '../../../src/peers/pairing-link.ts'
import type { PeerRecord } from '../../../src/ports/data-store.ts'
import { RawPeer } from '../../support/raw-peer.ts'
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
    expect([a.questions.length, b.questions.length, a.questions[0]!.code]).toEqual([1, 1, b.questions[0]!.code])
    expect(a.questions[0]!.code).toMatch(/^\d{3} \d{3}$/)
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
      const log = [...a.log, ...b.log].map((r) => r.message).join('\n')
      expect(log).toContain('the limit is 0')
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
