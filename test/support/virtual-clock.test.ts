import { describe, expect, it } from 'vitest'
import { seededRandom } from './seeded-random.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('the virtual clock', () => {
  it('fires timers by due time, then by order of asking', async () => {
    const clock = new VirtualClock(0)
    const fired: string[] = []
    const at = (ms: number, name: string): (() => void) => clock.after(ms, () => fired.push(`${name}@${clock.now()}`))
    at(20, 'late')
    at(10, 'first')
    at(10, 'second')
    const cancel = at(10, 'cancelled')
    cancel()
    await clock.advance(15)
    expect([fired, clock.now(), clock.pending]).toEqual([['first@10', 'second@10'], 15, 1])
    await clock.advance(5)
    expect(fired.at(-1)).toBe('late@20')
  })

  it('lets code run between two timers, through promises and turns of the event loop, and fires what it asks for', async () => {
    const clock = new VirtualClock(0)
    const log: string[] = []
    const worker = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(100)
        for (let hop = 0; hop < 50; hop++) await Promise.resolve()
        await new Promise((resolve) => setImmediate(resolve))
        log.push(`work ${clock.now()}`)
      }
    }
    const done = worker()
    clock.after(150, () => log.push(`timer ${clock.now()}`))
    await clock.runUntilIdle(10_000)
    await done
    expect(log).toEqual(['work 100', 'timer 150', 'work 200', 'work 300'])
    expect([clock.now(), clock.pending]).toEqual([300, 0])
  })

  it('stops at its limit when timers never end', async () => {
    const clock = new VirtualClock(0)
    let beats = 0
    const beat = (): void => {
      beats++
      clock.after(1000, beat)
    }
    beat()
    await clock.runUntilIdle(10_500)
    expect([beats, clock.pending]).toEqual([11, 1])
  })

  it('a sleep ends with the signal’s reason, and leaves no timer', async () => {
    const clock = new VirtualClock()
    const stop = new AbortController()
    const asleep = clock.sleep(1000, stop.signal)
    stop.abort(new Error('enough'))
    await expect(asleep).rejects.toThrow('enough')
    await expect(clock.sleep(1000, stop.signal)).rejects.toThrow('enough')
    expect(clock.pending).toBe(0)
  })
})

describe('the seeded random source', () => {
  it('gives the same for the same seed, within its range and not all alike', () => {
    const draw = (seed: number): number[] => Array.from({ length: 1000 }, seededRandom(seed).fraction)
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
    const numbers = draw(7)
    expect(numbers.every((n) => n >= 0 && n < 1)).toBe(true)
    const mean = numbers.reduce((sum, n) => sum + n) / numbers.length
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.05)
    expect(seededRandom(1).bytes(32)).toEqual(seededRandom(1).bytes(32))
    expect(new Set(seededRandom(1).bytes(256)).size).toBeGreaterThan(100)
  })
})
