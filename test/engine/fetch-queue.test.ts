import { describe, expect, it } from 'vitest'
import { ASK_AGAIN_MS, FetchQueue, planWork, type FetchWork } from '../../src/engine/fetch-queue.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { anOid } from '../support/sample-messages.ts'

const sizesOf = (...sizes: number[]): Map<Oid, number> => new Map(sizes.map((size, i) => [anOid(i + 1), size]))
const work = (count: number): FetchWork[] =>
  Array.from({ length: count }, (_, i) => ({ kind: 'batch', oids: [anOid(i + 1)], size: 10 }))

/** What a taker is given; null when it has to wait. */
function take(queue: FetchQueue<string>, taker: string, now = 0, batchesOnly = false): FetchWork | null {
  const next = queue.take(taker, now, batchesOnly)
  return next.kind === 'work' ? next.work : null
}

describe('[T1] missing blobs', () => {
  it('are asked for in batches, small before large, and large ones alone at the end', () => {
    const planned = planWork(sizesOf(5_000_000, 300_000, 10, 9_000_000, 20, 350_000), {
      bytes: 600_000,
      largeFrom: 4_000_000,
    })
    expect(planned).toEqual([
      { kind: 'batch', oids: [anOid(3), anOid(5), anOid(2)], size: 300_030 },
      { kind: 'batch', oids: [anOid(6)], size: 350_000 },
      { kind: 'large', oid: anOid(1), size: 5_000_000 },
      { kind: 'large', oid: anOid(4), size: 9_000_000 },
    ])
  })

  it('of no bytes, or larger than a batch, are in one too', () => {
    expect(planWork(sizesOf(0, 90_000, 0), { bytes: 50_000, largeFrom: 100_000 })).toEqual([
      { kind: 'batch', oids: [anOid(1), anOid(3)], size: 0 },
      { kind: 'batch', oids: [anOid(2)], size: 90_000 },
    ])
  })
})

describe('[T7] work that is divided among peers', () => {
  it('is given to each once, and to nobody twice while it is fresh', () => {
    const [one, two] = work(2)
    const queue = new FetchQueue<string>([one!, two!])
    expect([take(queue, 'a'), take(queue, 'b'), take(queue, 'a'), take(queue, 'b')]).toEqual([one, two, null, null])
    expect(queue.take('a', 500, false)).toEqual({ kind: 'wait', ms: ASK_AGAIN_MS - 500 })
  })

  it('that a peer did not bring is for the others', () => {
    const [one] = work(1)
    const queue = new FetchQueue<string>([one!])
    take(queue, 'a')
    queue.giveBack('a', one!, false)
    expect(take(queue, 'b')).toBe(one)
  })

  it('that takes long is asked of one more; the first answer is stored, the second dropped', () => {
    const [one] = work(1)
    const queue = new FetchQueue<string>([one!])
    take(queue, 'slow', 0)
    expect(take(queue, 'a', ASK_AGAIN_MS)).toBe(one)
    expect(take(queue, 'b', 10 * ASK_AGAIN_MS)).toBeNull()
    expect([queue.claim(one!), queue.claim(one!)]).toEqual([true, false])
    queue.stored(one!)
    expect(queue.isOver).toBe(true)
    expect(queue.take('slow', 0, false)).toEqual({ kind: 'over' })
  })

  it('that could not be stored is open again, also when somebody else owes it', () => {
    const [one] = work(1)
    const queue = new FetchQueue<string>([one!])
    take(queue, 'slow', 0)
    take(queue, 'liar', ASK_AGAIN_MS)
    queue.claim(one!)
    queue.giveBack('liar', one!, true)
    expect(queue.claim(one!)).toBe(true)
  })

  it('of a large file is with one peer at a time, and not given to one that still owes a batch', () => {
    const large: FetchWork = { kind: 'large', oid: anOid(1), size: 1e9 }
    const queue = new FetchQueue<string>([large])
    expect(take(queue, 'a', 0, true)).toBeNull()
    expect(take(queue, 'a', 0)).toBe(large)
    expect(queue.take('b', 100 * ASK_AGAIN_MS, false)).toEqual({ kind: 'wait', ms: null })
  })
})
