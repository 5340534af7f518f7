import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { recordOf, TestNetwork, type TestDevice } from '../../support/two-devices.ts'

let net: TestNetwork
/** Ada has a vault with a project in it; Bob is somebody else. */
let ada: TestDevice
let bob: TestDevice
beforeEach(() => {
  net = new TestNetwork({ latencyMs: 5 })
  ada = net.device(1, { name: 'Ada' })
  bob = net.device(2, { name: 'Bob' })
  ada.write('Projects/Plan/note.md', 'the plan\n')
  bob.write('Mine.md', 'of Bob\n')
})
afterEach(async () => expect(await net.stop()).toBe(0)) // L9

const folders = (device: TestDevice) => device.engine!.folders
const arrived = (device: TestDevice, path: string, text: string) =>
  net.until(() => device.text(path) === text, `${path} arrives at device ${device.number}`)
const paired = (...devices: TestDevice[]) => {
  for (const one of devices)
    one.records = devices.filter((other) => other !== one).map((other) => recordOf(other, { grants: {} }))
}
const offered = (device: TestDevice) => net.until(() => folders(device).offers().length > 0, 'it is offered')

/** Ada shares Projects/Plan with Bob, who has it in Plan. */
async function shared(): Promise<string> {
  paired(ada, bob)
  await ada.start()
  await bob.start()
  await net.until(() => ada.isConnectedTo(bob) && bob.isConnectedTo(ada), 'connected')
  const { id } = await net.complete(folders(ada).create('Projects/Plan'))
  await net.complete(folders(ada).setGrant(bob.id, id, 'write'))
  await offered(bob)
  await net.complete(folders(bob).accept(id, 'Plan'))
  await arrived(bob, 'Plan/note.md', 'the plan\n')
  return id
}

/** Starts a device, whose first look at its vault does not end before what this gives is called. */
async function slowStart(device: TestDevice): Promise<() => Promise<unknown>> {
  const started = device.start()
  while (!device.engine) await Promise.resolve()
  const { files } = device.share
  const scan = files.scan.bind(files)
  let look = (): void => undefined
  const may = new Promise<void>((resolve) => (look = resolve))
  files.scan = async (signal) => {
    await may
    return scan(signal)
  }
  await net.clock.advance(1_000)
  return () => {
    look()
    return net.complete(started)
  }
}

describe('[V1] a folder that is shared while the device starts', () => {
  it('is looked at and synced like any other', async () => {
    paired(ada, bob)
    const looked = await slowStart(ada)
    const made = folders(ada).create('Projects/Plan')
    await net.clock.advance(1_000)
    await looked()
    const { id } = await net.complete(made)
    await bob.start()
    await net.complete(folders(ada).setGrant(bob.id, id, 'write'))
    await offered(bob)
    await net.complete(folders(bob).accept(id, 'Plan'))
    await arrived(bob, 'Plan/note.md', 'the plan\n')
  })
})

describe('[S5] a share that ends', () => {
  it('[L9] while the device starts never watches its folder', async () => {
    paired(ada, bob)
    await ada.start()
    const { id } = await net.complete(folders(ada).create('Projects/Plan'))
    await net.complete(ada.stop())
    const looked = await slowStart(ada)
    const share = ada.engine!.shares.get(id)!
    const watch = share.files.watch.bind(share.files)
    let watching = 0
    share.files.watch = async (onEvent) => {
      watching++
      const stop = await watch(onEvent)
      return async () => {
        watching--
        await stop()
      }
    }
    await net.complete(folders(ada).end(id))
    await looked()
    await net.clock.advance(1_000)
    expect(watching).toBe(0)
  })

  it('while it is asked for again is one of the two in the end: shared with a record of it, or ended', async () => {
    paired(ada, bob)
    await ada.start()
    const { id } = await net.complete(folders(ada).create('Projects/Plan'))
    const ended = folders(ada).end(id)
    const again = folders(ada).create('Projects/Plan')
    await net.complete(Promise.allSettled([ended, again]))
    await net.clock.advance(5_000)
    const known = folders(ada)
      .records()
      .map((record) => record.id)
    const living = [...ada.engine!.shares.keys()].filter((name) => name !== 'vault')
    expect(living).toEqual(known)
    expect(ada.folders.records.map((record) => record.id)).toEqual(known)
    expect(ada.folders.all().length).toBe(known.length)
    const [outcome] = await Promise.allSettled([again])
    expect(outcome.status === 'rejected' || known.includes(outcome.value.id)).toBe(true)
  })

  it('is not ended by a device that has stopped: another run may have it open by now', async () => {
    paired(ada, bob)
    await ada.start()
    const { id } = await net.complete(folders(ada).create('Projects/Plan'))
    await net.complete(folders(ada).setGrant(bob.id, id, 'read'))
    const old = folders(ada)
    await net.complete(ada.stop())
    await expect(net.complete(old.end(id))).rejects.toMatchObject({ code: 'closed' })
    expect(ada.records[0]!.grants).toEqual({ [id]: 'read' })
    expect(ada.folders.records.map((record) => record.id)).toEqual([id])
    expect(ada.folders.all().length).toBe(1)
  })
})

describe('[V1] a share that two devices offer', () => {
  it('can be accepted from one of them', async () => {
    const eve = net.device(3, { name: 'Eve' })
    paired(ada, bob, eve)
    await ada.start()
    await bob.start()
    await net.until(() => ada.isConnectedTo(bob) && bob.isConnectedTo(ada), 'connected')
    const { id } = await net.complete(folders(ada).create('Projects/Plan'))
    await net.complete(folders(ada).setGrant(bob.id, id, 'write'))
    await offered(bob)
    await net.complete(folders(bob).accept(id, 'Plan'))
    await net.complete(folders(ada).setGrant(eve.id, id, 'write'))
    await net.complete(folders(bob).setGrant(eve.id, id, 'write'))
    await eve.start()
    await net.until(() => folders(eve).offers().length === 2, 'both offer it')
    await net.complete(folders(eve).accept(id, 'Plan'))
    await arrived(eve, 'Plan/note.md', 'the plan\n')
  })
})

describe('[E2] a received share of which the record was lost, and the history was not', () => {
  it('comes anew into an empty folder, and nobody is asked about deletions', async () => {
    const id = await shared()
    await net.until(() => ada.peer(bob)!.current && bob.peer(ada)!.current, 'in step')
    await net.complete(bob.stop())
    bob.folders.records = [] // a foreign or damaged list took its place
    bob.disk.userDelete('Plan/note.md')
    await bob.start()
    await offered(bob)
    await net.complete(folders(bob).accept(id, 'Plan'))
    await arrived(bob, 'Plan/note.md', 'the plan\n')
    expect(bob.engine!.shares.get(id)!.tree.consent).toBeNull()
    expect(ada.text('Projects/Plan/note.md')).toBe('the plan\n')
  })
})
