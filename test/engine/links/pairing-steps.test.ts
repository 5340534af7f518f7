import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PairingOffer } from '../../../src/peers/pairing-link.ts'
import { Person } from '../../support/person.ts'
import { TestNetwork, type TestDevice } from '../../support/two-devices.ts'

/** A pairing of two vaults that both hold files, which can be stopped anywhere. Messages take 5 ms. */
class Pairing {
  readonly net = new TestNetwork({ latencyMs: 5 })
  readonly a = this.net.device(1)
  readonly b = this.net.device(2)
  readonly ada = new Person(this.a)
  readonly bob = new Person(this.b)
  readonly giveUp = new AbortController()
  offer!: PairingOffer
  cancelInvitation!: () => void
  invited: string | undefined
  joined: string | undefined

  async start(): Promise<void> {
    this.a.write('a.md', 'a\n')
    this.b.write('b.md', 'b\n')
    await Promise.all([this.a.start(), this.b.start()])
    this.#invite()
    this.b.peers.join(this.offer, this.giveUp.signal).then(
      () => (this.joined = 'paired'),
      (error: { code: string }) => (this.joined = error.code),
    )
  }

  #invite(): void {
    const { offer, paired, cancel } = this.a.peers.invite('vault')
    this.offer = offer
    this.cancelInvitation = cancel
    paired.then(
      () => (this.invited = 'paired'),
      (error: { code: string }) => (this.invited = error.code),
    )
  }

  async reach(kind: 'code' | 'vaults'): Promise<void> {
    await this.net.until(() => this.ada.isAsked(kind) && this.bob.isAsked(kind), `both are asked about the ${kind}`)
  }

  /** Both said yes to everything, but for Ada's answer to the comparison. */
  async beforeLastAnswer(): Promise<void> {
    await steps['both look at the comparison']!(this)
    this.bob.answer(true)
    await this.net.clock.advance(50)
  }

  /** Which of the two lists hold the other device. */
  get stored(): [boolean, boolean] {
    const { a, b } = this
    return [a.records.some((r) => r.nodeId === b.id), b.records.some((r) => r.nodeId === a.id)]
  }

  get vaults(): string[][] {
    return [this.a, this.b].map((device) => [...device.disk.files().keys()].sort())
  }

  /** With the link that there is, or with a new one when the inviting device forgot it in a restart. */
  async again(): Promise<void> {
    for (const device of [this.a, this.b]) device.confirm = () => Promise.resolve(true)
    this.#invite()
    await this.net.complete(this.b.peers.join(this.offer, new AbortController().signal))
    await this.net.until(() => this.a.isConnectedTo(this.b) && this.b.isConnectedTo(this.a), 'connected')
  }
}

/** How far it came before something happened. */
const steps: Record<string, (pairing: Pairing) => Promise<void>> = {
  'the first message is under way': ({ net }) => net.clock.advance(12),
  'the proof is under way': ({ net }) => net.clock.advance(22),
  'both look at the code': (pairing) => pairing.reach('code'),
  'the inviting one confirmed the code': async (pairing) => {
    await pairing.reach('code')
    pairing.ada.answer(true)
    await pairing.net.clock.advance(50)
  },
  'the joining one confirmed the code': async (pairing) => {
    await pairing.reach('code')
    pairing.bob.answer(true)
    await pairing.net.clock.advance(50)
  },
  'the listings are under way': async (pairing) => {
    await steps['the joining one confirmed the code']!(pairing)
    pairing.ada.answer(true)
    await pairing.net.clock.advance(7)
  },
  'both look at the comparison': async (pairing) => {
    await steps['the inviting one confirmed the code']!(pairing)
    pairing.bob.answer(true)
    await pairing.reach('vaults')
  },
  'the inviting one agreed': async (pairing) => {
    await steps['both look at the comparison']!(pairing)
    pairing.ada.answer(true)
    await pairing.net.clock.advance(50)
  },
  'the joining one agreed': (pairing) => pairing.beforeLastAnswer(),
}

/** What happens then; who runs after it. */
const mishaps: Record<string, (pairing: Pairing) => Promise<TestDevice[]>> = {
  'the invitation is cancelled': async ({ a, b, cancelInvitation }) => (cancelInvitation(), [a, b]),
  'the joining one cancels': async ({ a, b, giveUp }) => (giveUp.abort(), [a, b]),
  'the link is cut': async ({ net, a, b }) => (net.network.cut(a.id, b.id), [a, b]),
  'the network falls silent': async ({ net, a, b }) => (net.network.partition(a.id, b.id), [a, b]),
  'the invitation expires': async ({ net, a, b }) => (await net.clock.advance(600_000), [a, b]),
  'the inviting app ends': async ({ net, a, b }) => (await net.complete(a.stop()), [b]),
  'the joining app ends': async ({ net, a, b }) => (await net.complete(b.stop()), [a]),
  'the inviting app is killed': async ({ a, b }) => (a.crash(), [b]),
  'the joining app is killed': async ({ a, b }) => (b.crash(), [a]),
}

let pairing: Pairing
beforeEach(() => void (pairing = new Pairing()))
afterEach(async () => expect(await pairing.net.stop()).toBe(0)) // L9

async function bothRun({ net, a, b }: Pairing): Promise<void> {
  net.network.heal(a.id, b.id)
  for (const device of [a, b]) if (!device.engine) await device.start()
}

describe.each(Object.keys(steps))('when %s', (step) => {
  it.each(Object.keys(mishaps))(
    '[P3] [E9] and %s, neither has the other, nothing is written, and no question stands',
    async (mishap) => {
      const { net, a, b, ada, bob } = pairing
      await pairing.start()
      await steps[step]!(pairing)
      expect(pairing.stored).toEqual([false, false])
      const alive = await mishaps[mishap]!(pairing)
      await net.clock.advance(45_000)
      expect([pairing.stored, a.records, b.records]).toEqual([[false, false], [], []])
      for (const person of [ada, bob].filter((_, i) => alive.includes([a, b][i]!)))
        expect(person.asked.every(({ signal }) => signal.aborted)).toBe(true)
      if (alive.includes(b)) expect(pairing.joined).toMatch(/declined|mismatch|disconnected|timeout/)
      await bothRun(pairing)
      await net.clock.advance(5_000)
      expect([pairing.stored, pairing.vaults]).toEqual([
        [false, false],
        [['a.md'], ['b.md']],
      ])
      await pairing.again()
      await net.until(() => pairing.vaults.every((files) => files.join() === 'a.md,b.md'), 'one vault')
    },
  )
})

describe('in the last step, with the last answer under way', () => {
  const moments = [0, 3, 5, 8, 10, 12, 15, 20]

  it.each(
    moments.flatMap((ms) =>
      ['the invitation is cancelled', 'the joining one cancels'].map((what) => [ms, what] as const),
    ),
  )('[P3] after %i ms, %s: both have each other, or neither', async (ms, mishap) => {
    await pairing.start()
    await pairing.beforeLastAnswer()
    pairing.ada.answer(true)
    await pairing.net.clock.advance(ms)
    await mishaps[mishap]!(pairing)
    await pairing.net.clock.advance(5_000)
    expect([
      [true, true],
      [false, false],
    ]).toContainEqual(pairing.stored)
    expect(pairing.joined).toBe(pairing.stored[1] ? 'paired' : 'declined')
    expect(pairing.a.isConnectedTo(pairing.b)).toBe(pairing.stored[0])
  })

  it.each(
    moments.flatMap((ms) =>
      ['the link is cut', 'the network falls silent', 'the inviting app is killed', 'the joining app is killed'].map(
        (what) => [ms, what] as const,
      ),
    ),
  )('[P3] after %i ms, %s: pairing again goes well, whoever was stored', async (ms, mishap) => {
    const { net } = pairing
    await pairing.start()
    await pairing.beforeLastAnswer()
    pairing.ada.answer(true)
    await net.clock.advance(ms)
    await mishaps[mishap]!(pairing)
    await net.clock.advance(45_000)
    await bothRun(pairing)
    await net.clock.advance(5_000)
    await pairing.again()
    expect([pairing.stored, pairing.a.records.length, pairing.b.records.length]).toEqual([[true, true], 1, 1])
    await net.until(() => pairing.vaults.every((files) => files.join() === 'a.md,b.md'), 'one vault')
  })

  it('[P1] after a cut the same link serves the same device once more, and no other', async () => {
    const { net, a, b } = pairing
    await pairing.start()
    await pairing.beforeLastAnswer()
    pairing.ada.answer(true)
    await net.clock.advance(2)
    net.network.cut(a.id, b.id)
    await net.clock.advance(1_000)
    expect([pairing.stored, pairing.invited]).toEqual([[true, false], undefined])
    const c = await net.device(3).start()
    for (const device of [a, b]) device.confirm = () => Promise.resolve(true)
    await expect(net.complete(c.peers.join(pairing.offer, new AbortController().signal))).rejects.toMatchObject({
      code: 'mismatch',
    })
    await net.complete(b.peers.join(pairing.offer, new AbortController().signal))
    expect([pairing.stored, pairing.invited, c.records]).toEqual([[true, true], 'paired', []])
  })
})
