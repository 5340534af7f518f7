import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeviceEvent } from '../../../src/engine/device.ts'
import { SendProgress, type TransferProgress } from '../../../src/engine/transfer-progress.ts'
import { TestNetwork, type TestDevice } from '../../support/two-devices.ts'

type Transfer = Extract<DeviceEvent, { kind: 'transfer' }>
type Direction = Transfer['direction']

/** Above what one message may hold: goes on a stream of its own. */
const LARGE = 5 * 1024 * 1024
const NOTES = 60

let net: TestNetwork
let a: TestDevice
let b: TestDevice
let told: Map<TestDevice, Transfer[]>
beforeEach(() => {
  net = new TestNetwork({ latencyMs: 5 })
  ;[a, b] = net.pair()
  told = new Map()
})
afterEach(async () => expect(await net.stop()).toBe(0)) // L9

async function start(device: TestDevice): Promise<void> {
  await device.start()
  const transfers: Transfer[] = told.get(device) ?? []
  told.set(device, transfers)
  device.engine!.on((event) => {
    if (event.kind === 'transfer') transfers.push(event)
  })
}

const noise = (length: number): string =>
  Array.from({ length }, () => String.fromCharCode(33 + net.random.fraction() * 90)).join('')

/** Gives the bytes written. */
function writeVault(): number {
  let bytes = 0
  for (let n = 0; n < NOTES; n++) {
    const text = `note ${n} ${noise(100 * n)}`
    a.write(`Notes/${n}.md`, text)
    bytes += text.length
  }
  const large = `${noise(1000)}${'x'.repeat(LARGE)}`
  a.write('large.txt', large)
  return bytes + large.length
}

const of = (device: TestDevice, direction: Direction): (TransferProgress | null)[] =>
  told
    .get(device)!
    .filter((event) => event.direction === direction)
    .map(({ progress }) => progress)
const isDone = (other: TestDevice): boolean => other.text('large.txt') !== undefined && a.peer(other)!.current

describe('[L10] the progress of a first sync', () => {
  it('counts the same files and bytes on the side that sends and the side that receives', async () => {
    const bytes = writeVault()
    await start(a)
    await net.complete(a.share.settle())
    await start(b)
    await net.until(() => isDone(b), 'in step')
    const whole = { filesDone: NOTES + 1, filesTotal: NOTES + 1, bytesDone: bytes, bytesTotal: bytes }
    expect(of(b, 'receiving').at(-1)).toMatchObject(whole)
    const sent = of(a, 'sending')
    expect(sent.at(-1)).toBeNull() // it is over
    expect(sent.at(-2)).toEqual(whole)
    expect(sent[0]).toEqual({ ...whole, filesDone: 0, bytesDone: 0 })
    for (const progress of [of(b, 'receiving'), sent.slice(0, -1)]) {
      const done = progress.map((one) => one!.bytesDone)
      expect(done).toEqual([...done].sort((x, y) => x - y))
      expect(new Set(done).size).toBeGreaterThan(10) // it can be watched
    }
    expect([of(a, 'receiving'), of(b, 'sending')]).toEqual([[], []])
  })

  it('[T2] that was stopped goes on with what is left, and all is there in the end', async () => {
    const bytes = writeVault()
    await start(a)
    await net.complete(a.share.settle())
    await start(b)
    const half = () => (of(b, 'receiving').at(-1)?.bytesDone ?? 0) > bytes / 2
    await net.until(half, 'half of it')
    await net.complete(b.stop())
    const before = of(b, 'receiving').length
    await net.clock.advance(1_000)
    expect(of(a, 'sending').at(-1)).toBeNull()
    expect(b.text('large.txt')).toBeUndefined()
    await start(b)
    await net.until(() => isDone(b), 'in step')
    const again = of(b, 'receiving').slice(before)
    expect(again.find((one) => one!.filesTotal > 0)).toMatchObject({ filesTotal: 1 }) // the notes are here already
    const resumed = again.findIndex((one) => one!.bytesDone > 0)
    expect(again[resumed]!.bytesDone).toBeGreaterThan(LARGE / 4) // and a part of the large file
    expect(again.at(-1)).toMatchObject({ filesDone: 1, filesTotal: 1 })
    expect(again.at(-1)!.bytesDone).toBe(again.at(-1)!.bytesTotal)
    expect(b.disk.files().size).toBe(NOTES + 1)
  })
})

describe('what a peer is being sent', () => {
  const watched = () => {
    const heard: (TransferProgress | null)[] = []
    return { heard, progress: new SendProgress((one) => heard.push(one)) }
  }

  it('ends with the last file, and when the stream breaks', () => {
    const { heard, progress } = watched()
    progress.plan(2, 100)
    progress.sent(1, 40)
    progress.sent(1, 60)
    expect(heard.at(-2)).toEqual({ filesDone: 2, filesTotal: 2, bytesDone: 100, bytesTotal: 100 })
    expect(heard.at(-1)).toBeNull()
    progress.plan(2, 100)
    progress.end()
    expect(heard.at(-1)).toBeNull()
  })

  it('is nothing while nothing was asked for', () => {
    const { heard, progress } = watched()
    progress.plan(0, 0)
    progress.sent(1, 40)
    progress.end()
    expect(heard).toEqual([])
  })
})

describe('[L10] a device that was disconnected by hand', () => {
  it('is told as such where that was done, until an explicit connect', async () => {
    await Promise.all([start(a), start(b)])
    await net.until(() => a.isConnectedTo(b) && b.isConnectedTo(a), 'connected')
    expect([a.peer(b)!.held, b.peer(a)!.held]).toEqual([false, false])
    await net.complete(a.peers.disconnectPeer(b.id))
    await net.clock.advance(100)
    expect([a.peer(b)!.held, b.peer(a)!.held]).toEqual([true, false])
    a.peers.connectToPeer(b.id)
    await net.until(() => a.isConnectedTo(b), 'connected')
    expect(a.peer(b)!.held).toBe(false)
  })
})
