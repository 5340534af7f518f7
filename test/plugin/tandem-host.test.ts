import { describe, expect, it } from 'vitest'
import type { HostParts } from '../../src/plugin/host-parts.ts'
import { TandemHost } from '../../src/plugin/tandem-host.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** A host whose lock is given when the test says so; nothing else of its parts may be asked for. */
function waiting() {
  let give!: () => void
  let isHeld = false
  const asked: string[] = []
  const parts = {
    clock: new VirtualClock(),
    logger: { log: () => undefined, close: () => Promise.resolve() },
    lock: () =>
      new Promise<() => void>((resolve) => {
        give = () => {
          isHeld = true
          resolve(() => (isHeld = false))
        }
      }),
    key: () => (asked.push('key'), Promise.reject(new Error('not to be asked for'))),
  } as unknown as HostParts
  return { host: new TandemHost(parts), give: () => give(), isHeld: () => isHeld, asked }
}

describe('a plugin that is turned off while it waits for its turn', () => {
  it('[L9] gives the lock of the vault back, also one that comes afterwards, and opens nothing', async () => {
    const { host, give, isHeld, asked } = waiting()
    const started = host.start()
    await host.stop()
    give()
    await started
    expect([isHeld(), asked]).toEqual([false, []])
  })

  it('[L9] and one that comes in the same breath', async () => {
    const { host, give, isHeld, asked } = waiting()
    const started = host.start()
    give()
    await Promise.all([host.stop(), started])
    expect([isHeld(), asked]).toEqual([false, []])
  })
})
