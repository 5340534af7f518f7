import { describe, expect, it } from 'vitest'
import type { Link } from '../../src/engine/link.ts'
import { ShareTraffic } from '../../src/engine/share-traffic.ts'
import type { Share } from '../../src/engine/share.ts'
import type { Oid } from '../../src/objects/oid.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import { MAX_REFS, type DeviceHeads } from '../../src/protocol/messages.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const NOTHING = new Uint8Array(0)

function heads(count: number, from: number): DeviceHeads {
  const hex = (n: number, length: number): string => n.toString(16).padStart(length, '0')
  return new Map(Array.from({ length: count }, (_, i) => [hex(from + i, 64) as EndpointId, hex(from + i, 40) as Oid]))
}

/** A share whose first look at an offer is held up, so that further offers wait. */
function aBusyShare() {
  const looked: DeviceHeads[] = []
  let go = (): void => undefined
  const gate = new Promise<void>((resolve) => (go = resolve))
  const repository = {
    wanted: (offered: DeviceHeads): DeviceHeads => {
      looked.push(offered)
      return new Map()
    },
    lost: (): Promise<readonly Oid[]> => gate.then(() => []),
  }
  const share = { name: 'vault', repository } as unknown as Share
  const none = () => undefined
  const rights = () => ({ reveal: () => true, write: () => true })
  const listener = { rights, mayChange: () => true, syncing: none, progress: none, fault: none }
  const traffic = new ShareTraffic(new Map([['vault', share]]), new VirtualClock(), { log: none }, listener)
  return { traffic, looked, go }
}

describe('[T8] offers of a peer that wait for an earlier one', () => {
  it('hold no more device heads than two directories have, however many the peer makes up; the newest are among them', async () => {
    const { traffic, looked, go } = aBusyShare()
    const link = {} as Link
    traffic.offer(link, 'vault', heads(1, 0), NOTHING)
    await new Promise((resolve) => setImmediate(resolve))
    const step = MAX_REFS / 2
    for (let n = 0; n < 10; n++) traffic.offer(link, 'vault', heads(step, 1 + n * step), NOTHING)
    go()
    await new Promise((resolve) => setImmediate(resolve))
    expect(looked).toHaveLength(2)
    expect(looked[1]!.size).toBeLessThanOrEqual(2 * MAX_REFS)
    for (const [device, oid] of heads(step, 1 + 9 * step)) expect(looked[1]!.get(device)).toBe(oid)
  })

  it('of one device are looked at once, at its newest head', async () => {
    const { traffic, looked, go } = aBusyShare()
    const link = {} as Link
    const [device] = [...heads(1, 7).keys()] as [EndpointId]
    traffic.offer(link, 'vault', heads(1, 0), NOTHING)
    await new Promise((resolve) => setImmediate(resolve))
    for (const oid of heads(50, 100).values()) traffic.offer(link, 'vault', new Map([[device, oid]]), NOTHING)
    go()
    await new Promise((resolve) => setImmediate(resolve))
    expect(looked.slice(1)).toEqual([new Map([[device, [...heads(50, 100).values()].at(-1)]])])
  })
})
