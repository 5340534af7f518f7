import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SendableMessage } from '../../src/protocol/messages.ts'
import { QUEUE_OPTIONS, SendQueue, type Owed, type QueueOptions } from '../../src/protocol/send-queue.ts'
import { aHello, anId, anOid, someMessage } from '../support/sample-messages.ts'

const { limit, waitMs } = QUEUE_OPTIONS
const POLICIES = ['oldest', 'newest'] as const

const refusal = (n: number, share = 'vault'): SendableMessage => ({
  kind: 'refusal',
  code: String(n),
  message: '',
  share,
})
const applied = (share: string, n: number): SendableMessage => ({ kind: 'applied', share, view: anOid(n) })
const directory = (share: string, n: number, heads = 0): SendableMessage => ({
  kind: 'directory',
  share,
  heads: new Map(Array.from({ length: heads }, (_, i) => [anId(i), anOid(i)])),
  applied: anOid(n),
})

function drain(queue: SendQueue): SendableMessage[] {
  const out: SendableMessage[] = []
  for (let message = queue.take(); message; message = queue.take()) out.push(message)
  return out
}

const codes = (messages: readonly SendableMessage[]) =>
  messages.map((message) => (message.kind === 'refusal' ? Number(message.code) : message.kind))

/** A queue with `count` refusals in it, numbered from 0, all of time 0. */
function holding(count: number, options: Partial<QueueOptions> = {}): SendQueue {
  const queue = new SendQueue({ ...QUEUE_OPTIONS, ...options })
  for (let n = 0; n < count; n++) queue.push(refusal(n), 0)
  return queue
}

describe('a send queue', () => {
  it('[L7] holds 100 messages, waits a second, and drops the oldest, unless told otherwise', () => {
    expect(QUEUE_OPTIONS).toEqual({ limit: 100, waitMs: 1_000, drop: 'oldest' })
  })

  it('[L7] sends control before everything else, each in order', () => {
    const queue = new SendQueue()
    const rest = [refusal(1), applied('vault', 1), refusal(2)]
    const control: SendableMessage[] = [
      { kind: 'hello', hello: aHello(1) },
      { kind: 'ping', at: 1 },
      { kind: 'pong', at: 2 },
      { kind: 'pair-done' },
    ]
    for (const message of [rest[0]!, control[0]!, rest[1]!, control[1]!, control[2]!, rest[2]!, control[3]!])
      queue.push(message, 0)
    expect(drain(queue)).toEqual([...control, ...rest])
  })

  it('[L7] keeps of announcements and views of one share only the newest, in the first one’s place', () => {
    const queue = new SendQueue()
    for (const message of [
      applied('vault', 1),
      directory('vault', 1),
      applied('work', 1),
      refusal(1),
      directory('vault', 2),
      applied('vault', 2),
      refusal(2),
    ])
      queue.push(message, 0)
    expect(drain(queue)).toEqual([
      applied('vault', 2),
      directory('vault', 2),
      applied('work', 1),
      refusal(1),
      refusal(2),
    ])
  })

  it('[L7] keeps one ping and one pong, however many are asked for', () => {
    const queue = new SendQueue()
    for (let at = 0; at < 1000; at++) for (const kind of ['ping', 'pong'] as const) queue.push({ kind, at }, 0)
    expect(drain(queue)).toEqual([
      { kind: 'ping', at: 999 },
      { kind: 'pong', at: 999 },
    ])
    expect(queue.dropped).toBe(0)
  })

  it('never replaces an update or a refusal: every one counts', () => {
    const queue = new SendQueue()
    const update: SendableMessage = { kind: 'update', share: 'vault', heads: new Map(), pack: new Uint8Array() }
    for (const message of [update, update, refusal(1), refusal(1)]) queue.push(message, 0)
    expect(queue.depth).toBe(4)
  })

  it.each([
    [0, 1_000],
    [-1, 1_000],
    [NaN, 1_000],
    [1, -1],
    [1, NaN],
  ])('of %d messages that waits %d ms is none', (size, wait) => {
    expect(() => new SendQueue({ limit: size, waitMs: wait, drop: 'oldest' })).toThrow(RangeError)
  })
})

describe('a full send queue', () => {
  it('[L7] lets what does not fit wait: room in time, and nothing is dropped', () => {
    for (const drop of POLICIES) {
      const queue = holding(limit + 3, { drop })
      expect([queue.depth, queue.dropped, queue.nextDue]).toEqual([limit + 3, 0, waitMs])
      const first = [queue.take(), queue.take(), queue.take()] as SendableMessage[]
      expect([codes(first), queue.nextDue]).toEqual([[0, 1, 2], null])
      queue.expire(waitMs * 10)
      expect(codes(drain(queue))).toEqual(Array.from({ length: limit }, (_, n) => n + 3))
      expect([queue.dropped, queue.takeOwed()]).toEqual([0, undefined])
    }
  })

  it.each([
    ['oldest', [1, limit]],
    ['newest', [0, limit - 1]],
  ] as const)('[L7] drops the %s after the wait, not before, and counts it', (drop, [first, last]) => {
    const queue = holding(limit + 1, { drop })
    queue.expire(waitMs - 1)
    expect([queue.depth, queue.dropped]).toEqual([limit + 1, 0])
    queue.expire(waitMs)
    expect([queue.depth, queue.dropped, queue.nextDue]).toEqual([limit, 1, null])
    const sent = codes(drain(queue))
    expect([sent[0], sent.at(-1), sent.length]).toEqual([first, last, limit])
  })

  it('[L7] gives each message its own wait', () => {
    const queue = holding(limit)
    queue.push(refusal(1000), 0)
    queue.push(refusal(1001), 400)
    queue.expire(1_000)
    expect([queue.dropped, queue.nextDue]).toEqual([1, 1_400])
    queue.expire(1_400)
    expect([queue.dropped, queue.nextDue]).toEqual([2, null])
  })

  it('[L7] drops at once when told to wait for nothing', () => {
    expect(holding(limit + 5, { waitMs: 0 })).toMatchObject({ depth: limit, dropped: 5 })
  })

  it.each([
    ['oldest', [50, limit * 2 + 49]],
    ['newest', [0, limit * 2 - 1]],
  ] as const)('[T8] lets no more wait than it holds, and drops the %s of what is too much', (drop, [first, last]) => {
    const queue = holding(limit * 2 + 50, { drop })
    expect([queue.depth, queue.dropped]).toEqual([limit * 2, 50])
    const sent = codes(drain(queue))
    expect([sent[0], sent.at(-1), sent.length]).toEqual([first, last, limit * 2])
  })

  it('[T8] bounds the bytes that wait as well, and knows how many they are', () => {
    for (const drop of POLICIES) {
      const queue = holding(limit, { drop })
      const before = queue.bytes
      for (let n = 0; n < 60; n++) queue.push(directory(`share ${n}`, n, 256), 0)
      const all = 60 * 256 * 90
      expect(queue.bytes - before).toBeGreaterThan(all)
      expect(queue.dropped).toBe(0)
      const heads = new Map(Array.from({ length: 10_000 }, (_, i) => [i.toString() as never, anOid(i)]))
      for (let n = 60; n < 90; n++) queue.push({ kind: 'directory', share: `share ${n}`, heads, applied: null }, 0)
      // What the policy moved into the queue itself is bounded by their number.
      expect(queue.dropped).toBeGreaterThan(0)
      expect(queue.depth).toBeLessThanOrEqual(2 * limit)
      drain(queue)
      expect(queue.bytes).toBe(0)
    }
  })

  it('[L7] still takes control, which is never what is dropped', () => {
    for (const drop of POLICIES) {
      const queue = holding(limit * 2, { drop })
      const control: SendableMessage[] = [
        { kind: 'ping', at: 1 },
        { kind: 'pair-confirm', accepted: true },
        { kind: 'bye', reason: 'removed' },
      ]
      for (const message of control) queue.push(message, 0)
      for (let n = 0; n < 500; n++) queue.push(refusal(n), 0)
      queue.expire(waitMs)
      expect([queue.take(), queue.take(), queue.take()]).toEqual(control)
    }
  })

  it('[L7] replaces what waits for room as well, which keeps its place and its time', () => {
    const queue = holding(limit)
    queue.push(applied('vault', 1), 0)
    queue.push(refusal(1000), 1)
    queue.push(applied('vault', 2), 900)
    expect([queue.depth, queue.nextDue]).toEqual([limit + 2, 1_000])
    expect(drain(queue).slice(limit)).toEqual([applied('vault', 2), refusal(1000)])
  })
})

describe('after a drop', () => {
  const owedBy = (queue: SendQueue): Owed[] => {
    const all: Owed[] = []
    for (let owed = queue.takeOwed(); owed; owed = queue.takeOwed()) all.push(owed)
    return all
  }

  it('[L7] a directory of each share concerned is owed, once, as soon as there is room and not before', () => {
    const queue = holding(0, { drop: 'newest', limit: 2 })
    queue.push(refusal(1), 0)
    queue.push(refusal(2), 0)
    queue.push(refusal(3, 'work'), 0)
    queue.push(applied('work', 1), 0)
    queue.expire(waitMs)
    expect([queue.dropped, queue.takeOwed()]).toEqual([2, undefined])
    queue.take()
    expect(owedBy(queue)).toEqual([{ kind: 'directory', share: 'work' }])
    expect(queue.takeOwed()).toBeUndefined()
  })

  it('[S2] a lost list of subscriptions is owed as such', () => {
    const queue = holding(0, { limit: 1 })
    queue.push({ kind: 'subscribe', shares: ['vault'] }, 0)
    queue.push(directory('vault', 1), 0)
    queue.expire(waitMs)
    expect(drain(queue)).toEqual([directory('vault', 1)])
    expect(owedBy(queue)).toEqual([{ kind: 'subscribe' }])
  })

  it('[L7] nothing is owed any more once the same was said anyway', () => {
    const queue = holding(limit + 1)
    queue.expire(waitMs)
    drain(queue)
    queue.push(directory('vault', 2), 2_000)
    expect(owedBy(queue)).toEqual([])
  })

  it('[L7] of more shares than fit, all are told in the end, and none again and again', () => {
    const queue = holding(0, { limit: 5, waitMs: 10 })
    for (let n = 0; n < 60; n++) queue.push(directory(`share ${n}`, n), n)
    queue.expire(1_000)
    const told = new Set<string>()
    let rounds = 0
    for (; rounds < 500; rounds++) {
      for (let owed = queue.takeOwed(); owed; owed = queue.takeOwed())
        if (owed.kind === 'directory') queue.push(directory(owed.share, 0), 1_000)
      const message = queue.take()
      if (!message) break
      if (message.kind === 'directory') told.add(message.share)
    }
    expect([told.size, rounds]).toEqual([60, 60])
  })
})

describe('[S5] a share that is taken back', () => {
  const revoked: SendableMessage = { kind: 'share-revoked', share: 'folder' }

  it('goes before everything that waits, and nothing of it goes after', () => {
    const queue = new SendQueue({ limit: 4, waitMs: 1_000, drop: 'oldest' })
    const mine = [directory('folder', 1), applied('folder', 1), refusal(1, 'folder'), refusal(2, 'folder')]
    for (const message of [...mine, refusal(3), refusal(4), directory('vault', 1), directory('folder', 2)])
      queue.push(message, 0)
    queue.forget('folder')
    queue.push(revoked, 0)
    expect(drain(queue)).toEqual([revoked, refusal(3), refusal(4), directory('vault', 1)])
    expect([queue.depth, queue.bytes, queue.nextDue, queue.dropped]).toEqual([0, 0, null, 0])
  })

  it('is not made up for when a full queue had dropped something of it', () => {
    const queue = new SendQueue({ limit: 1, waitMs: 10, drop: 'oldest' })
    for (const message of [directory('folder', 1), refusal(1)]) queue.push(message, 0)
    queue.expire(10)
    expect(queue.dropped).toBe(1)
    queue.forget('folder')
    drain(queue)
    expect(queue.takeOwed()).toBeUndefined()
  })
})

it('[L7] whatever comes, a send queue stays bounded and loses nothing uncounted', () => {
  const shares = ['directory', 'applied', 'share-offer', 'share-revoked', 'sync-response']
  const coalesced = new Set([...shares, 'subscribe', 'hello', 'ping', 'pong', 'bye'])
  const step = fc.record({ message: someMessage, passes: fc.nat({ max: 300 }), takes: fc.nat({ max: 2 }) })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.constantFrom(...POLICIES),
      fc.integer({ min: 1, max: 20 }),
      (steps, drop, size) => {
        const queue = new SendQueue({ limit: size, waitMs: 1_000, drop })
        const sent: SendableMessage[] = []
        let now = 0
        for (const { message, passes, takes } of steps) {
          now += passes
          queue.expire(now)
          queue.push(message, now)
          const pairing = steps.filter((s) => s.message.kind.startsWith('pair-')).length
          expect(queue.depth).toBeLessThanOrEqual(2 * size + 4 + 3 + pairing) // hello, ping, pong, bye; three shares taken back
          expect(queue.nextDue ?? now + 1).toBeGreaterThan(now)
          if (takes === 2) sent.push(...[queue.take() ?? []].flat())
        }
        sent.push(...drain(queue))
        const each = (messages: readonly SendableMessage[]) => messages.filter((m) => !coalesced.has(m.kind)).length
        expect(each(sent) + queue.dropped).toBeGreaterThanOrEqual(each(steps.map((s) => s.message)))
        expect([queue.depth, queue.bytes]).toEqual([0, 0])
      },
    ),
    { numRuns: 100 },
  )
})
