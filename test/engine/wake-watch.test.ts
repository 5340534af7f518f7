import { afterEach, beforeEach, expect, it } from 'vitest'
import { WakeWatch } from '../../src/engine/wake-watch.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

let clock: VirtualClock
let wakes: number
let watch: WakeWatch
beforeEach(() => {
  clock = new VirtualClock()
  wakes = 0
  watch = new WakeWatch(clock, () => wakes++)
  watch.start()
})
afterEach(() => {
  watch.stop()
  expect(clock.pending).toBe(0) // L9
})

it('[L4] while the machine is awake nothing happens', async () => {
  await clock.advance(3_600_000)
  expect(wakes).toBe(0)
})

it('[L4] a machine that slept is noticed within 5 s of its waking up, once', async () => {
  await clock.advance(2_000)
  clock.suspend(8 * 3_600_000)
  await clock.advance(5_000)
  expect(wakes).toBe(1)
  await clock.advance(60_000)
  expect(wakes).toBe(1)
})

it('[L4] every sleep counts anew', async () => {
  for (let night = 1; night <= 3; night++) {
    clock.suspend(3_600_000)
    await clock.advance(30_000)
    expect(wakes).toBe(night)
  }
})

it('[L4] being busy for a moment is no sleep', async () => {
  clock.suspend(14_000) // 9 s late at most
  await clock.advance(60_000)
  expect(wakes).toBe(0)
})

it('starts once, and after its stop notices nothing', async () => {
  watch.start()
  expect(clock.pending).toBe(1)
  watch.stop()
  watch.start()
  clock.suspend(3_600_000)
  await clock.advance(60_000)
  expect([wakes, clock.pending]).toEqual([0, 0])
})
