import { describe, expect, it } from 'vitest'
import type { BatchSizes } from '../../src/engine/fetch-queue.ts'
import { TestDevices } from '../support/devices.ts'
import { seededRandom } from '../support/seeded-random.ts'
import type { TestDevice } from '../support/test-device.ts'

const CUTS = 20
/** A tenth of the real ones, as the vaults here are. */
const batches: BatchSizes = { bytes: 100 * 1024, largeFrom: 300 * 1024 }

const received = (device: TestDevice): number => device.engine!.peerReports()[0]!.traffic.bytesReceived

/**
 * Lets `b` fetch from `a` while the connection is cut at random points, each so many bytes after the last; at each cut every ref of
 * `b` names only what is whole. Gives the bytes that came for it, and the cuts that were made.
 */
async function fetchWithCuts(devices: TestDevices, a: TestDevice, b: TestDevice, between: () => number) {
  await devices.start(a)
  await devices.pass(2_000)
  await devices.start(b)
  let [cuts, next] = [0, between()]
  await devices.until(() => {
    if (b.refs.has(`refs/devices/${a.id}`)) return true
    if (cuts < CUTS && received(b) >= next) {
      devices.network.cut(a.id, b.id)
      b.history() // throws when a ref names what is missing
      cuts++
      next = received(b) + between()
    }
    return false
  }, 3_600_000)
  await devices.agree()
  return { cuts, bytes: received(b) }
}

describe('[T1] [T2] a first transfer that is cut at 20 random points', () => {
  it(
    'goes on, sends less than 1.15 times what one takes, and no ref ever names a missing object',
    { timeout: 120_000 },
    async () => {
      const random = seededRandom(11)
      const files = Object.fromEntries(
        Array.from({ length: 45 }, (_, i) => {
          const most = i < 35 ? 280_000 : 2_400_000 // whole in a batch, or going on at a byte
          return [`files/${i}.bin`, random.bytes(80_000 + Math.floor(random.fraction() * most))]
        }),
      )
      const notes = Object.fromEntries(
        Array.from({ length: 300 }, (_, i) => [
          `notes/${i % 9}/Note ${i}.md`,
          `# Note ${i}\n\n${'words and words\n'.repeat(i % 40)}`,
        ]),
      )
      const once = async (cut: boolean) => {
        const devices = new TestDevices([{ batches }, { batches }], 1, 500)
        const [a, b] = devices.all as [TestDevice, TestDevice]
        a.write({ ...files, ...notes })
        return fetchWithCuts(devices, a, b, cut ? () => 150_000 + random.fraction() * 800_000 : () => Infinity)
      }
      const whole = await once(false)
      const broken = await once(true)
      expect(whole.bytes).toBeGreaterThan(12_000_000)
      expect(broken.cuts).toBe(CUTS)
      expect(broken.bytes).toBeGreaterThan(whole.bytes)
      expect(broken.bytes / whole.bytes).toBeLessThan(1.15)
    },
  )
})
