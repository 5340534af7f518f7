import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Grant } from '../../../src/ports/share-record.ts'
import { encodeFetchRequest, decodeFetchReply } from '../../../src/protocol/fetch-messages.ts'
import { encodeFrame, FrameReader } from '../../../src/protocol/frames.ts'
import type { LinkMessage, SendableMessage } from '../../../src/protocol/messages.ts'
import { RawPeer } from '../../support/raw-peer.ts'
import { anOid } from '../../support/sample-messages.ts'
import { recordOf, TestNetwork, type DeviceChoices, type TestDevice } from '../../support/two-devices.ts'

let net: TestNetwork
/** Ada has a vault with a project in it; Bob is somebody else. */
let ada: TestDevice
let bob: TestDevice
beforeEach(() => {
  net = new TestNetwork({ latencyMs: 5 })
  ada = net.device(1, { name: 'Ada' })
  bob = net.device(2, { name: 'Bob' })
  ada.write('Diary.md', 'secret\n')
  ada.write('Projects/Plan/note.md', 'the plan\n')
  ada.write('Projects/Other/note.md', 'another one\n')
  bob.write('Mine.md', 'of Bob\n')
})
afterEach(async () => expect(await net.stop()).toBe(0)) // L9

const soon = new AbortController().signal
const shareAt = (device: TestDevice, folder: string) => device.folders.records.find((r) => r.folder === folder)!.id

/** Ada shares Projects/Plan with Bob by a link, and Bob has it in `into`. */
async function shared(grant: Grant = 'write', into = 'From Ada/Plan'): Promise<string> {
  await ada.start()
  await bob.start()
  const { id, title } = await net.complete(ada.engine!.folders.create('Projects/Plan'))
  const invitation = ada.peers.invite(id, { grant, title })
  await net.complete(bob.engine!.folders.join(invitation.offer, soon, into))
  await arrived(bob, `${into}/note.md`, 'the plan\n')
  return id
}

const arrived = (device: TestDevice, path: string, text: string | undefined) =>
  net.until(() => device.text(path) === text, `${path} arrives at device ${device.number}`)
const paths = (device: TestDevice) => [...device.disk.files().keys()].filter((p) => !p.startsWith('.trash')).sort()
const inStep = () => net.until(() => ada.peer(bob)!.current && bob.peer(ada)!.current, 'in step')

describe('[V1] a folder that is shared', () => {
  it('comes where the receiver chose, with its own history, and nothing else of the vault does', async () => {
    const id = await shared()
    await inStep()
    expect(paths(bob)).toEqual(['From Ada/Plan/note.md', 'Mine.md'])
    expect(paths(ada)).toEqual(['Diary.md', 'Projects/Other/note.md', 'Projects/Plan/note.md'])
    expect(id).toMatch(/^[0-9a-f]{32}$/)
    const { objects, refs } = bob.folders.stores(id)
    expect([...refs.keys()].sort()).toEqual(['refs/devices/' + ada.id, 'refs/heads/main'])
    for (const { content } of objects.objects.values())
      expect(new TextDecoder('latin1').decode(content)).not.toMatch(/Projects|Diary|secret/)
    expect(ada.records[0]!.grants).toEqual({ [id]: 'write' })
    expect(bob.records[0]!.grants).toEqual({ [id]: 'write' })
  })

  it('goes both ways, and both vaults take the changes into their own history', async () => {
    const id = await shared()
    bob.write('From Ada/Plan/note.md', 'the plan\nby Bob\n')
    await arrived(ada, 'Projects/Plan/note.md', 'the plan\nby Bob\n')
    ada.write('Projects/Plan/new/idea.md', 'an idea\n')
    await arrived(bob, 'From Ada/Plan/new/idea.md', 'an idea\n')
    await inStep()
    await net.until(() => ada.engine!.isSettled && bob.engine!.isSettled, 'settled')
    const [vault, folder] = [ada.engine!.shares.get('vault')!, ada.engine!.shares.get(id)!]
    expect((await net.complete(vault.listing())).map(({ path }) => path)).toContain('Projects/Plan/new/idea.md')
    expect((await net.complete(folder.listing())).map(({ path }) => path)).toEqual(['new/idea.md', 'note.md'])
  })

  it('[E4] comes to rest: what one of its two histories writes is no news to the other for long', async () => {
    await shared()
    bob.write('From Ada/Plan/note.md', 'the plan\nby Bob\n')
    bob.write('From Ada/Plan/more.md', 'more\n')
    await arrived(ada, 'Projects/Plan/more.md', 'more\n')
    await inStep()
    await net.clock.advance(5_000)
    const refs = () =>
      JSON.stringify([ada, bob].map((d) => [[...d.refs], [...d.folders.stores(shareAt(ada, 'Projects/Plan')).refs]]))
    const before = refs()
    await net.clock.advance(130_000)
    expect(refs()).toBe(before)
  })

  it('[E1] [V6] loses no word when it is edited on both sides at once', async () => {
    await shared()
    net.network.partition(ada.id, bob.id)
    ada.write('Projects/Plan/note.md', 'the plan\nAda adds a line\n')
    bob.write('From Ada/Plan/note.md', 'Bob begins\nthe plan\n')
    await net.clock.advance(3_000)
    net.network.heal(ada.id, bob.id)
    const merged = 'Bob begins\nthe plan\nAda adds a line\n'
    await net.until(() => ada.text('Projects/Plan/note.md') === merged, 'merged at Ada', 120_000)
    await arrived(bob, 'From Ada/Plan/note.md', merged)
  })

  it('reaches the own devices as part of the vault, and edits go through to the other person and back', async () => {
    const desk = net.device(3, { name: 'Ada’s desk' })
    ada.records = [recordOf(desk)]
    desk.records = [recordOf(ada)]
    await desk.start()
    await shared()
    await arrived(desk, 'Projects/Plan/note.md', 'the plan\n')
    desk.write('Projects/Plan/note.md', 'the plan\nfrom the desk\n')
    await arrived(bob, 'From Ada/Plan/note.md', 'the plan\nfrom the desk\n')
    bob.write('From Ada/Plan/reply.md', 'a reply\n')
    await arrived(desk, 'Projects/Plan/reply.md', 'a reply\n')
    expect(paths(bob)).toEqual(['From Ada/Plan/note.md', 'From Ada/Plan/reply.md', 'Mine.md'])
    expect(desk.folders.records).toEqual([])
  })

  it('[E4] [V6] that reaches two devices of one person by two ways each comes to rest, with every word', async () => {
    const [one, two] = [bob, net.device(3, { name: 'Bob’s phone' })]
    net.network.partition(one.id, two.id) // so that both find the place free
    ada.records = [recordOf(one, { grants: {} }), recordOf(two, { grants: {} })]
    one.records = [recordOf(ada, { grants: {} }), recordOf(two)]
    two.records = [recordOf(ada, { grants: {} }), recordOf(one)]
    for (const device of [ada, one, two]) await net.complete(device.start())
    const { id } = await net.complete(ada.engine!.folders.create('Projects/Plan'))
    for (const device of [one, two]) {
      await net.complete(ada.peers.setGrant(device.id, id, 'write'))
      await net.until(() => device.engine!.folders.offers().length > 0, 'offered')
      await net.complete(device.engine!.folders.accept(id))
      await arrived(device, 'Plan/note.md', 'the plan\n')
    }
    net.network.heal(one.id, two.id)
    one.peers.connectAll()
    for (const [n, device] of [ada, one, two, one, ada, two].entries()) {
      const path = `${device === ada ? 'Projects/Plan' : 'Plan'}/note ${n % 2}.md`
      device.write(path, `${device.text(path) ?? ''}line ${n}\n`)
      await net.clock.advance(n * 300)
    }
    await net.clock.advance(60_000)
    const refs = () => JSON.stringify([ada, one, two].map((d) => [[...d.refs], [...d.folders.stores(id).refs]]))
    const before = refs()
    await net.clock.advance(130_000)
    expect(refs()).toBe(before)
    const plan = (device: TestDevice) =>
      paths(device)
        .filter((path) => path.includes('Plan/'))
        .map((path) => [path.slice(path.indexOf('Plan/')), device.text(path)])
    expect(plan(one)).toEqual(plan(ada))
    expect(plan(two)).toEqual(plan(ada))
    for (let n = 0; n < 6; n++) expect(plan(ada).flat().join('\n')).toContain(`line ${n}`)
  })

  it('is there again after a restart of both', async () => {
    await shared()
    await net.complete(ada.stop())
    await net.complete(bob.stop())
    bob.write('From Ada/Plan/note.md', 'while away\n')
    await ada.start()
    await bob.start()
    await arrived(ada, 'Projects/Plan/note.md', 'while away\n')
  })

  it('is offered to a device that is paired already, which gives it a place when it likes', async () => {
    const first = await shared()
    const { id } = await net.complete(ada.engine!.folders.create('Projects/Other'))
    await net.complete(ada.peers.setGrant(bob.id, id, 'write'))
    await net.until(() => bob.engine!.folders.offers().length === 1, 'offered')
    expect(bob.engine!.folders.offers()).toMatchObject([{ share: id, title: 'Other', write: true, peer: ada.id }])
    expect(paths(bob)).toEqual(['From Ada/Plan/note.md', 'Mine.md'])
    await inStep() // what it does not want it is not behind in
    await net.complete(bob.engine!.folders.accept('Other'))
    await arrived(bob, 'Other/note.md', 'another one\n')
    expect(bob.engine!.folders.offers()).toEqual([])
    expect(bob.records[0]!.grants).toEqual({ [first]: 'write', [id]: 'write' })
    await inStep()
  })

  it.each([
    ['a folder that holds something', 'Taken', 'not-empty'],
    ['a folder inside another share', 'From Ada/Plan/deep', 'overlaps'],
    ['a folder around another share', 'From Ada', 'overlaps'],
    ['the same place in another case', 'from ada/PLAN', 'overlaps'],
    ['a hidden folder', '.obsidian/plugins', 'bad-folder'],
    ['a folder outside the vault', '../else', 'bad-folder'],
    ['the whole vault', '/', 'bad-folder'],
  ])('[E9] is not put into %s', async (_what, into, code) => {
    await shared()
    bob.write('Taken/here.md', 'mine\n')
    const { id } = await net.complete(ada.engine!.folders.create('Projects/Other'))
    await net.complete(ada.peers.setGrant(bob.id, id, 'write'))
    await net.until(() => bob.engine!.folders.offers().length === 1, 'offered')
    await expect(net.complete(bob.engine!.folders.accept(id, into))).rejects.toMatchObject({ code })
    expect(bob.folders.records).toHaveLength(1)
    expect(bob.records[0]!.grants).not.toHaveProperty(id)
  })

  it('[E2] that vanishes on one side is deleted on no other', async () => {
    await shared()
    for (const path of paths(bob)) if (path.startsWith('From Ada')) bob.disk.userDelete(path)
    await net.clock.advance(90_000)
    expect(ada.text('Projects/Plan/note.md')).toBe('the plan\n')
  })

  it('[P1] by a link without a chosen place is refused, and nobody is paired', async () => {
    await ada.start()
    await bob.start()
    const { id } = await net.complete(ada.engine!.folders.create('Projects/Plan'))
    const { offer } = ada.peers.invite(id)
    await expect(net.complete(bob.peers.join(offer, soon))).rejects.toMatchObject({ code: 'bad-link' })
    expect([ada.records, bob.records]).toEqual([[], []])
  })
})

describe('[S5] a peer that may only read', () => {
  it('gets every change, and none of its own is taken, or leaves a trace', async () => {
    const id = await shared('read')
    bob.write('From Ada/Plan/note.md', 'the plan\nBob’s own\n')
    bob.write('From Ada/Plan/extra.md', 'extra\n')
    await net.clock.advance(70_000)
    ada.write('Projects/Plan/second.md', 'second\n')
    await arrived(bob, 'From Ada/Plan/second.md', 'second\n')
    await net.clock.advance(70_000)
    expect(ada.text('Projects/Plan/note.md')).toBe('the plan\n')
    expect(paths(ada)).not.toContain('Projects/Plan/extra.md')
    const { refs, objects } = ada.folders.stores(id)
    expect([...refs.keys()].some((name) => name.includes(bob.id))).toBe(false)
    for (const { content } of objects.objects.values())
      expect(new TextDecoder().decode(content)).not.toContain('Bob’s own')
    expect(bob.text('From Ada/Plan/note.md')).toBe('the plan\nBob’s own\n')
    expect(bob.log.filter((r) => r.event === 'peer.refused').map((r) => r.data?.code)).toContain('read-only')
    expect(bob.engine!.folders.report().find((r) => r.id === id)).toMatchObject({ access: 'read', unsent: true })
    await inStep()
  })

  it('is heard as soon as it may write', async () => {
    const id = await shared('read')
    bob.write('From Ada/Plan/note.md', 'the plan\nBob’s own\n')
    await net.clock.advance(5_000)
    await net.complete(ada.peers.setGrant(bob.id, id, 'write'))
    await arrived(ada, 'Projects/Plan/note.md', 'the plan\nBob’s own\n')
    expect(bob.engine!.folders.report().find((r) => r.id === id)).toMatchObject({ access: 'write', unsent: false })
  })

  it('gets nothing in by a third device that forwards', async () => {
    const id = await shared('read')
    const eve = net.device(3, { name: 'Eve' })
    await eve.start()
    const { offer } = ada.peers.invite(id, { title: 'Plan' })
    await net.complete(eve.engine!.folders.join(offer, soon, 'Plan'))
    await arrived(eve, 'Plan/note.md', 'the plan\n')
    // Bob and Eve know each other, and Eve takes from Bob what Ada does not.
    await net.complete(eve.peers.addPeer({ ...recordOf(bob), grants: { [id]: 'write' } }))
    await net.complete(bob.peers.addPeer({ ...recordOf(eve), grants: { [id]: 'write' } }))
    eve.peers.connectToPeer(bob.id)
    bob.write('From Ada/Plan/extra.md', 'extra\n')
    await arrived(eve, 'Plan/extra.md', 'extra\n')
    await net.clock.advance(70_000)
    expect([...ada.folders.stores(id).refs.keys()].some((name) => name.includes(bob.id))).toBe(false)
    expect(paths(ada)).not.toContain('Projects/Plan/extra.md')
  })
})

describe('[S5] a share that is taken back', () => {
  it('stays as it is on both sides, and nothing more goes either way', async () => {
    const id = await shared()
    await net.complete(ada.peers.setGrant(bob.id, id, null))
    await net.clock.advance(1_000)
    expect(bob.engine!.folders.report().find((r) => r.id === id)).toMatchObject({ access: null })
    ada.write('Projects/Plan/note.md', 'changed by Ada\n')
    bob.write('From Ada/Plan/note.md', 'changed by Bob\n')
    await net.clock.advance(130_000)
    expect([ada.text('Projects/Plan/note.md'), bob.text('From Ada/Plan/note.md')]).toEqual([
      'changed by Ada\n',
      'changed by Bob\n',
    ])
    expect(ada.isConnectedTo(bob)).toBe(true)
    // Also after a restart.
    await net.complete(bob.stop())
    await bob.start()
    await net.clock.advance(130_000)
    expect(bob.text('From Ada/Plan/note.md')).toBe('changed by Bob\n')
    expect(ada.text('Projects/Plan/note.md')).toBe('changed by Ada\n')
  })

  it('goes on where it stopped when it is given again', async () => {
    const id = await shared()
    await net.complete(ada.peers.setGrant(bob.id, id, null))
    ada.write('Projects/Plan/later.md', 'later\n')
    bob.write('From Ada/Plan/reply.md', 'reply\n')
    await net.clock.advance(10_000)
    await net.complete(ada.peers.setGrant(bob.id, id, 'write'))
    await arrived(bob, 'From Ada/Plan/later.md', 'later\n')
    await arrived(ada, 'Projects/Plan/reply.md', 'reply\n')
    await inStep()
  })

  it.each([
    ['what the other fetches', 'ada'],
    ['what is fetched from it', 'bob'],
  ] as const)('in the middle of a transfer cuts %s at once', async (_what, from) => {
    const id = await shared()
    await inStep()
    const [source, sourceFolder, target] =
      from === 'ada' ? ([ada, 'Projects/Plan', bob] as const) : ([bob, 'From Ada/Plan', ada] as const)
    const before = wireBytes(target, source)
    net.network.stall(target.id) // reads nothing, so the stream fills up
    const size = 8 * 1024 * 1024
    const noise = new Uint8Array(size)
    for (let i = 0, x = 1; i < size; i++) noise[i] = (x = (x * 1103515245 + 12345) & 0x7fffffff) >> 16
    source.disk.userWrite(`${sourceFolder}/film.mp4`, noise)
    await net.clock.advance(2_000)
    net.network.resume(target.id)
    await net.until(() => wireBytes(target, source) - before > 200_000, 'it flows')
    const revoked = ada.peers.setGrant(bob.id, id, null)
    const at = wireBytes(target, source)
    await net.complete(revoked)
    await net.clock.advance(60_000)
    expect(at - before).toBeLessThan(size / 2)
    expect(wireBytes(target, source) - at).toBeLessThan(1024 * 1024) // what was under way
    expect(target.disk.files().has(`${from === 'ada' ? 'From Ada/Plan' : 'Projects/Plan'}/film.mp4`)).toBe(false)
    expect(ada.isConnectedTo(bob)).toBe(true)
    expect(ada.peer(bob)!.state.activity).toBe('idle')
  })
})

describe('[S5] a share that ends on this device', () => {
  const reportOf = (device: TestDevice, id: string) => device.engine!.folders.report().find((r) => r.id === id)

  it('is taken back from everybody; the files stay on both sides, and nothing more goes either way', async () => {
    const id = await shared()
    const { offer, paired } = ada.peers.invite(id, { title: 'Plan' })
    await net.complete(ada.engine!.folders.end(id))
    await expect(paired).rejects.toMatchObject({ code: 'declined' })
    await net.clock.advance(1_000)
    expect(reportOf(bob, id)).toMatchObject({ access: null })
    expect(reportOf(ada, id)).toBeUndefined()
    expect([ada.folders.records, ada.records[0]!.grants]).toEqual([[], {}])
    ada.write('Projects/Plan/note.md', 'changed by Ada\n')
    bob.write('From Ada/Plan/note.md', 'changed by Bob\n')
    await net.clock.advance(130_000)
    expect(ada.text('Projects/Plan/note.md')).toBe('changed by Ada\n')
    expect(bob.text('From Ada/Plan/note.md')).toBe('changed by Bob\n')
    expect(ada.isConnectedTo(bob)).toBe(true)
    // It is part of the vault's history as before, and can be shared anew, as another share.
    const vault = await net.complete(ada.engine!.shares.get('vault')!.listing())
    expect(vault.map(({ path }) => path)).toContain('Projects/Plan/note.md')
    expect((await net.complete(ada.engine!.folders.create('Projects/Plan'))).id).not.toBe(id)
    const eve = net.device(3, { name: 'Eve' })
    await eve.start()
    await expect(net.complete(eve.engine!.folders.join(offer, soon, 'Plan'))).rejects.toMatchObject({
      code: 'mismatch',
    })
  })

  it('in the middle of a transfer cuts it, and the store is closed in order', async () => {
    const id = await shared()
    await inStep()
    net.network.stall(bob.id)
    ada.disk.userWrite('Projects/Plan/film.mp4', new Uint8Array(8 * 1024 * 1024))
    await net.clock.advance(2_000)
    net.network.resume(bob.id)
    const before = wireBytes(bob, ada)
    await net.until(() => wireBytes(bob, ada) - before > 200_000, 'it flows')
    await net.complete(ada.engine!.folders.end(id))
    await net.clock.advance(60_000)
    expect(bob.disk.files().has('From Ada/Plan/film.mp4')).toBe(false)
    expect(ada.isConnectedTo(bob)).toBe(true)
    expect(bob.peer(ada)!.state.activity).toBe('idle')
    expect([...ada.log, ...bob.log].filter(({ event }) => event === 'share.error')).toEqual([])
  })

  it('while the receiver is away: it knows when it is back, for as long as nothing is offered', async () => {
    const id = await shared()
    await net.complete(bob.stop())
    await net.complete(ada.peers.setGrant(bob.id, id, null))
    await bob.start()
    await net.until(() => bob.isConnectedTo(ada), 'back')
    await net.clock.advance(1_000)
    expect(reportOf(bob, id)).toMatchObject({ access: null })
    await net.complete(ada.peers.setGrant(bob.id, id, 'write'))
    await net.clock.advance(1_000)
    expect(reportOf(bob, id)).toMatchObject({ access: 'write' })
    await net.complete(bob.stop())
    await net.complete(ada.engine!.folders.end(id))
    await bob.start()
    await net.until(() => bob.isConnectedTo(ada), 'back')
    await net.clock.advance(1_000)
    expect(reportOf(bob, id)).toMatchObject({ access: null })
    expect(bob.text('From Ada/Plan/note.md')).toBe('the plan\n')
  })

  it('[E2] and was received: nothing more comes, what is there stays, and it can be taken again into an empty folder', async () => {
    const id = await shared()
    await net.complete(bob.engine!.folders.end(id))
    ada.write('Projects/Plan/note.md', 'changed by Ada\n')
    await net.clock.advance(70_000)
    expect(bob.text('From Ada/Plan/note.md')).toBe('the plan\n')
    expect(ada.text('Projects/Plan/note.md')).toBe('changed by Ada\n')
    await inStep() // what the other does not want it is not behind in
    expect(bob.engine!.folders.offers().map(({ share }) => share)).toEqual([id])
    await net.complete(bob.engine!.folders.accept(id, 'Again'))
    await arrived(bob, 'Again/note.md', 'changed by Ada\n')
    await inStep()
    await net.clock.advance(70_000)
    expect(paths(ada)).toEqual(['Diary.md', 'Projects/Other/note.md', 'Projects/Plan/note.md'])
    bob.write('Again/note.md', 'by Bob\n')
    await arrived(ada, 'Projects/Plan/note.md', 'by Bob\n')
  })

  it('stays ended after a restart, also when that was all that could be done', async () => {
    const id = await shared()
    await net.complete(ada.engine!.folders.end(id))
    await net.complete(ada.engine!.folders.end(id)) // a second time does nothing
    await net.complete(ada.stop())
    await ada.start()
    await net.clock.advance(70_000)
    expect(ada.engine!.shares.has(id)).toBe(false)
    expect(reportOf(bob, id)).toMatchObject({ access: null })
  })
})

const wireBytes = (device: TestDevice, peer: TestDevice): number => device.peer(peer)!.traffic.bytesReceived

describe('[S5] a share that is hidden', () => {
  /** Everything that a peer can say and ask about a share, and everything it hears on all its streams. */
  async function interrogate(raw: RawPeer, owner: TestDevice, share: string): Promise<unknown[]> {
    await raw.dial(owner)
    raw.heard.length = 0
    await raw.send({ kind: 'hello', hello: raw.hello() })
    await net.until(() => raw.kinds().includes('subscribe'), 'open')
    await net.clock.advance(100)
    const heads = new Map([[raw.id, anOid(5)]])
    const said: SendableMessage[] = [
      { kind: 'subscribe', shares: [share] },
      { kind: 'directory', share, heads, applied: null },
      { kind: 'update', share, heads, pack: new Uint8Array(5) },
      { kind: 'applied', share, view: anOid(5) },
      { kind: 'share-offer', share, title: 'x', write: true },
      { kind: 'sync-response', share, answer: 'update' },
      { kind: 'share-revoked', share },
      { kind: 'refusal', code: 'x', message: 'x', share },
      { kind: 'subscribe', shares: [] },
      { kind: 'subscribe', shares: [share] },
    ]
    for (const message of said) {
      await raw.send(message)
      await net.clock.advance(50)
    }
    owner.write(`Projects/Plan/at ${net.clock.now()}.md`, 'a local change\n')
    await stays(raw, 65)
    const answers: unknown[] = raw.heard.filter(tells).map((message) => withoutName(message, share))
    const [commit] = owner.refs.values()
    for (const request of [anOid(1), commit!].map((oid) => ({ share, oid, offset: 0 }))) {
      const stream = await net.complete(raw.connection.openStream())
      await stream.write(encodeFrame(encodeFetchRequest(request)))
      const frames = new FrameReader(stream)
      const reply = await net.complete(frames.frame())
      answers.push([Buffer.from(reply!).toString('hex'), decodeFetchReply(reply!), await net.complete(frames.frame())])
    }
    for (const service of ['git-upload-pack', 'git-receive-pack']) {
      const stream = await net.complete(raw.connection.openStream())
      const line = `${service} /${share}\0host=a\0\0version=2\0`
      await stream.write(new TextEncoder().encode((line.length + 4).toString(16).padStart(4, '0') + line))
      const said: Buffer[] = []
      void stream.finish().catch(() => undefined)
      for (let chunk = await net.complete(stream.read()); chunk; chunk = await net.complete(stream.read()))
        said.push(Buffer.from(chunk))
      answers.push(Buffer.concat(said).toString('latin1').replaceAll(share, 'S'))
    }
    answers.push(raw.closed)
    raw.connection.close(4000, 'done')
    await net.clock.advance(100)
    return answers
  }
  /** Lives on for a while. */
  async function stays(raw: RawPeer, seconds: number): Promise<void> {
    for (let s = 0; s < seconds; s += 5) {
      await raw.send({ kind: 'ping', at: 1 })
      await net.clock.advance(5_000)
    }
  }
  const tells = (message: LinkMessage) => !['ping', 'pong', 'hello'].includes(message.kind)
  /** The share that it may see moves on meanwhile. */
  const withoutName = (message: LinkMessage, share: string): unknown =>
    JSON.parse(
      JSON.stringify(message)
        .replaceAll(share, 'S')
        .replaceAll(/"[0-9a-f]{40}"/g, '"oid"'),
    )

  const unknown = (like: string) => '0123456789abcdef'.repeat(2).slice(0, like.length)

  it.each(['the vault', 'a folder'])('is to the byte like one that does not exist: %s', async (which) => {
    await ada.start()
    const raw = new RawPeer(net, 9)
    const { id } = await net.complete(ada.engine!.folders.create('Projects/Plan'))
    await net.complete(ada.peers.addPeer({ ...recordOf(raw, { autoConnect: false }), grants: {} }))
    const name = which === 'the vault' ? 'vault' : id
    const hidden = await interrogate(raw, ada, name)
    const absent = await interrogate(raw, ada, unknown(name))
    expect(hidden).toEqual(absent)
    expect(JSON.stringify(hidden)).not.toMatch(/vault|Plan/)
    expect(hidden[0]).toEqual({ kind: 'subscribe', shares: [] })
    // The same questions about a share that it may see have other answers: the test can tell them apart.
    await net.complete(ada.peers.setGrant(raw.id, id, 'read'))
    expect(await interrogate(raw, ada, id)).not.toEqual(absent)
  })

  it('is so for a guest of one folder, too: no word of the vault, or of another folder', async () => {
    await ada.start()
    const raw = new RawPeer(net, 9)
    const { id } = await net.complete(ada.engine!.folders.create('Projects/Plan'))
    await net.complete(ada.engine!.folders.create('Projects/Other'))
    await net.complete(ada.peers.addPeer({ ...recordOf(raw, { autoConnect: false }), grants: { [id]: 'write' } }))
    expect(await interrogate(raw, ada, 'vault')).toEqual(await interrogate(raw, ada, unknown('vault')))
    await raw.dial(ada)
    raw.heard.length = 0
    await raw.send({ kind: 'hello', hello: raw.hello() })
    await stays(raw, 130)
    const about = new Set(raw.heard.flatMap((message) => ('share' in message ? [message.share] : [])))
    expect([...about]).toEqual([id])
    expect(raw.heard.filter(({ kind }) => kind === 'subscribe')).toEqual([{ kind: 'subscribe', shares: [id] }])
    raw.connection.close(4000, 'done')
  })
})

describe('[S1] grants', () => {
  it('given with an invitation count for that share alone, also beside the whole vault', async () => {
    const choices: DeviceChoices = {}
    const desk = net.device(3, choices)
    ada.records = [recordOf(desk)]
    desk.records = [recordOf(ada)]
    await ada.start()
    await desk.start()
    await arrived(desk, 'Diary.md', 'secret\n')
    const { id } = await net.complete(ada.engine!.folders.create('Projects/Plan'))
    const { offer } = ada.peers.invite(id, { grant: 'read' })
    await expect(net.complete(desk.engine!.folders.join(offer, soon, 'Projects/Plan'))).rejects.toMatchObject({
      code: 'not-empty', // the desk has the folder, as part of the vault
    })
    expect(ada.records[0]!.grants).toBeUndefined()
  })

  it('read-only of the whole vault: changes come, and none of the other goes', async () => {
    await ada.start()
    await bob.start()
    const invitation = ada.peers.invite('vault', { grant: 'read' })
    await net.complete(bob.peers.join(invitation.offer, soon))
    await arrived(bob, 'Diary.md', 'secret\n')
    await net.clock.advance(70_000)
    expect(ada.records[0]!.grants).toEqual({ vault: 'read' })
    expect(paths(ada)).not.toContain('Mine.md')
    expect([...ada.refs.keys()].some((name) => name.includes(bob.id))).toBe(false)
  })
})
