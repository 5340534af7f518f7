import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SendableMessage } from '../../src/protocol/messages.ts'
import { QUEUE_LIMIT, SendQueue } from '../../src/protocol/send-queue.ts'
import { aHello, anOid, someMessage } from '../support/sample-messages.ts'

const refusal = (n: number): SendableMessage => ({ kind: 'refusal', code: String(n), message: '', share: 'vault' })
const applied = (share: string, n: number): SendableMessage => ({ kind: 'applied', share, view: anOid(n) })

function drain(queue: SendQueue): SendableMessage[] {
  const out: SendableMessage[] = []
  for (let message = queue.take(); message; message = queue.take()) out.push(message)
  return out
}

describe('SendQueue', () => {
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
      queue.push(message)
    expect(drain(queue)).toEqual([...control, ...rest])
  })

  it('[L7] keeps of announcements and views of one share only the newest, in the first one’s place', () => {
    const queue = new SendQueue()
    const directory = (n: number): SendableMessage => ({
      kind: 'directory',
      share: 'vault',
      heads: new Map(),
      applied: anOid(n),
    })
    for (const message of [
      applied('vault', 1),
      directory(1),
      applied('work', 1),
      refusal(1),
      directory(2),
      applied('vault', 2),
      refusal(2),
    ])
      expect(queue.push(message)).toBe(true)
    expect(drain(queue)).toEqual([applied('vault', 2), directory(2), applied('work', 1), refusal(1), refusal(2)])
  })

  it('[L7] keeps one ping and one pong, however many are asked for', () => {
    const queue = new SendQueue()
    for (let at = 0; at < 1000; at++) for (const kind of ['ping', 'pong'] as const) queue.push({ kind, at })
    expect(drain(queue)).toEqual([
      { kind: 'ping', at: 999 },
      { kind: 'pong', at: 999 },
    ])
    expect(queue.dropped).toBe(0)
  })

  it('never replaces an update or a refusal: every one counts', () => {
    const queue = new SendQueue()
    const update: SendableMessage = { kind: 'update', share: 'vault', heads: new Map(), pack: new Uint8Array() }
    for (const message of [update, update, refusal(1), refusal(1)]) queue.push(message)
    expect(queue.depth).toBe(4)
  })

  it('[L7] drops the oldest, or the newest, when full, and counts it', () => {
    for (const policy of ['oldest', 'newest'] as const) {
      const queue = new SendQueue()
      for (let n = 0; n < QUEUE_LIMIT; n++) expect(queue.push(refusal(n), policy)).toBe(true)
      expect(queue.push(refusal(QUEUE_LIMIT), policy)).toBe(false)
      expect(queue.push(refusal(QUEUE_LIMIT + 1), policy)).toBe(false)
      expect([queue.depth, queue.dropped]).toEqual([QUEUE_LIMIT, 2])
      const codes = drain(queue).map((message) => (message.kind === 'refusal' ? Number(message.code) : -1))
      expect([codes[0], codes.at(-1)]).toEqual(policy === 'oldest' ? [2, QUEUE_LIMIT + 1] : [0, QUEUE_LIMIT - 1])
    }
  })

  it('[L7] finds room for control in a full queue, whatever the policy', () => {
    for (const policy of ['oldest', 'newest'] as const) {
      const queue = new SendQueue()
      for (let n = 0; n < QUEUE_LIMIT; n++) queue.push(refusal(n), policy)
      queue.push({ kind: 'bye', reason: 'removed' }, policy)
      expect(queue.take()).toEqual({ kind: 'bye', reason: 'removed' })
      expect([queue.depth, queue.dropped]).toEqual([QUEUE_LIMIT - 1, 1])
    }
  })

  it('[L7] never holds more than its limit, and loses nothing uncounted', () => {
    const coalesced = new Set(['directory', 'applied', 'subscribe', 'ping', 'pong'])
    fc.assert(
      fc.property(
        fc.array(someMessage, { maxLength: 400 }),
        fc.constantFrom('oldest' as const, 'newest' as const),
        (messages, policy) => {
          const queue = new SendQueue()
          for (const message of messages) {
            queue.push(message, policy)
            expect(queue.depth).toBeLessThanOrEqual(QUEUE_LIMIT)
          }
          const each = messages.filter((m) => !coalesced.has(m.kind)).length
          const sent = drain(queue)
          expect(sent.filter((m) => !coalesced.has(m.kind)).length + queue.dropped).toBeGreaterThanOrEqual(each)
          expect(queue.take()).toBeUndefined()
        },
      ),
      { numRuns: 50 },
    )
  })
})
