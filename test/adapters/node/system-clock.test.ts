import { describe, expect, it } from 'vitest'
import { nodeRandom } from '../../../src/adapters/node/node-random.ts'
import { systemClock } from '../../../src/adapters/node/system-clock.ts'

describe('the system clock', () => {
  it('sleeps, calls back once, and forgets what is cancelled', async () => {
    const fired: string[] = []
    systemClock.after(1, () => fired.push('kept'))
    systemClock.after(1, () => fired.push('cancelled'))()
    await systemClock.sleep(20)
    expect(fired).toEqual(['kept'])
  })

  it('ends a sleep with the signal’s reason', async () => {
    const stop = new AbortController()
    const asleep = systemClock.sleep(60_000, stop.signal)
    stop.abort(new Error('enough'))
    await expect(asleep).rejects.toThrow('enough')
    await expect(systemClock.sleep(60_000, stop.signal)).rejects.toThrow('enough')
  })
})

describe('the system’s random source', () => {
  it('gives fresh bytes of the length asked for, in a buffer of their own', () => {
    const bytes = nodeRandom.bytes(32)
    expect([bytes.length, bytes.buffer.byteLength]).toEqual([32, 32])
    expect(bytes).not.toEqual(nodeRandom.bytes(32))
    expect(nodeRandom.fraction()).toBeLessThan(1)
  })
})
