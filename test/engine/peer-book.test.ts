import { describe, expect, it } from 'vitest'
import { PeerBook } from '../../src/engine/peer-book.ts'
import { PeerStates } from '../../src/peers/peer-states.ts'
import type { PeerRecord } from '../../src/ports/data-store.ts'
import { anId } from '../support/sample-messages.ts'
import { recordOf, TestNetwork } from '../support/two-devices.ts'

const record = (number: number, change: Partial<PeerRecord> = {}): PeerRecord =>
  recordOf({ id: anId(number), address: `10.0.0.${number % 200}:1` }, { name: `device ${number}`, ...change })

async function aBook(peers: readonly PeerRecord[], maxPeers = 16) {
  const stored = { peers }
  const states = new PeerStates(() => undefined)
  const book = await PeerBook.load({
    self: anId(1),
    data: {
      loadPeers: async () => stored.peers,
      savePeers: async (list) => void (stored.peers = list),
    },
    maxPeers,
    states,
    logger: { log: () => undefined },
  })
  return { book, stored, states }
}
const some = (count: number, from = 2) => Array.from({ length: count }, (_, index) => record(index + from))

describe('[C11] the limit of paired devices', () => {
  it('is 16: the 17th is refused with the limit and what to do, and nothing is stored of it', async () => {
    const { book, stored } = await aBook([])
    for (const peer of some(16)) await book.add(peer)
    await expect(book.add(record(40))).rejects.toMatchObject({
      name: 'PairingError',
      code: 'too-many-peers',
      message: expect.stringMatching(/at most 16 devices\. .*setting maxPeers\.$/) as string,
      data: { limit: 16 },
    })
    expect(stored.peers).toEqual(some(16))
  })

  it('does not stand in the way of one that is paired already', async () => {
    const { book, stored } = await aBook(some(16))
    expect(await book.add(record(5, { name: 'new name' }))).toMatchObject({ name: 'new name' })
    expect(stored.peers).toHaveLength(16)
  })

  it('gives the place of a removed one to another', async () => {
    const { book } = await aBook(some(16))
    await book.delete(anId(5))
    await expect(book.add(record(40))).resolves.toMatchObject({ nodeId: anId(40) })
  })

  it('is raised by the setting, and takes none away that are paired when it is lowered', async () => {
    const { book } = await aBook(some(16), 17)
    await expect(book.add(record(40))).resolves.toBeDefined()
    const lowered = await aBook(some(16), 2)
    expect(lowered.book.records()).toHaveLength(16)
    await expect(lowered.book.add(record(40))).rejects.toMatchObject({ code: 'too-many-peers' })
  })
})

describe('[P6] a list of devices that others have touched', () => {
  it('holds no second record of a device, and not this device itself', async () => {
    const { book, states } = await aBook([record(1), record(2), record(2, { name: 'twin' }), record(3)])
    expect(book.records().map(({ name }) => name)).toEqual(['device 2', 'device 3'])
    expect(states.get(anId(1))).toBeUndefined()
  })

  it('this device is not added', async () => {
    const { book } = await aBook([])
    await expect(book.add(record(1))).rejects.toMatchObject({ code: 'self' })
  })

  it('keeps fields that we do not know', async () => {
    const { book, stored } = await aBook([{ ...record(2), colour: 'red' } as PeerRecord])
    await book.update(anId(2), { name: 'renamed' })
    expect(stored.peers).toMatchObject([{ name: 'renamed', colour: 'red' }])
  })

  it('with this device and a twin in it, two devices connect once and come in step', async () => {
    const net = new TestNetwork()
    const [a, b] = net.pair()
    a.records = [recordOf(a), recordOf(b), recordOf(b, { name: 'twin' }), recordOf(a)]
    a.write('Note.md', 'hello\n')
    await a.start()
    await b.start()
    await net.until(() => b.text('Note.md') === 'hello\n' && !!a.peer(b)?.current, 'in step')
    expect([a.connects(b), b.connects(a), a.engine!.peerReports().length]).toEqual([1, 1, 1])
    expect(await net.stop()).toBe(0)
  })
})
