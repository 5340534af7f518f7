// @vitest-environment happy-dom
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FolderShares, ShareReport } from '../../src/engine/folder-shares.ts'
import { decodePairingLink, encodePairingLink } from '../../src/peers/pairing-link.ts'
import type { Grant } from '../../src/ports/share-record.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import { runGit } from '../support/git.ts'
import { eventually } from '../support/eventually.ts'
import { ObsidianDevice } from '../support/obsidian/app-plugin.ts'
import { PeerFolders } from '../support/peer-folders.ts'
import { killLeftovers } from '../support/tandem-process.ts'

const PATIENCE_MS = 90_000
const until = (what: string, is: () => boolean): Promise<unknown> =>
  eventually(what, () => is() || undefined, { withinMs: PATIENCE_MS })
const soon = (): AbortSignal => AbortSignal.timeout(PATIENCE_MS)

describe('[V1] one folder between the built plugin and a headless peer', () => {
  let base: string
  let ada: ObsidianDevice
  let bob: PeerFolders
  beforeEach(async () => {
    document.body.innerHTML = '<div class="status-bar"></div>'
    base = fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), 'tandem-shares-')))
    ada = new ObsidianDevice(path.join(base, 'ada'), 'ada')
    bob = await new PeerFolders(base, 'bob').init()
    ada.write('Diary.md', 'secret\n')
    ada.write('Projects/Plan/note.md', 'the plan\n')
    bob.write('Private.md', 'of Bob\n')
    bob.write('Work/Boat/log.md', 'we sail\n')
  })
  afterEach(async () => {
    await killLeftovers()
    await ada.close()
    fs.rmSync(base, { recursive: true, force: true })
  })

  const status = (): string => document.querySelector('.status-bar-item')!.getAttribute('aria-label') ?? ''
  const run = async (): Promise<void> => {
    ada.open()
    await until('ada runs', () => ada.face.condition.kind === 'running' && ada.face.device?.isSettled === true)
    for (const role of ['inviter', 'joiner'] as const) ada.face.answerQuestions(role, () => Promise.resolve(true))
  }
  const folders = (): FolderShares => ada.face.device!.folders
  const report = (folder: string): ShareReport =>
    folders()
      .report()
      .find((share) => share.folder === folder)!
  const bobId = (): EndpointId => ada.face.device!.peers.getPeers()[0]!.nodeId
  const bobHas = (name: string, text: string): Promise<unknown> =>
    until(`bob has ${name}`, () => fs.existsSync(path.join(bob.vault, name)) && bob.read(name) === text)
  const adaHas = (name: string, text: string): Promise<unknown> =>
    until(`ada has ${name}`, () => ada.has(name) && ada.read(name) === text)
  const bobsPaths = (): string[] => [...bob.files().keys()].filter((name) => !name.startsWith('Work/'))

  /** Ada shares a folder with Bob, who gives it a place; both run then. */
  async function give(folder: string, grant: Grant, into: string): Promise<string> {
    const { id, title } = await folders().create(folder)
    const { offer, paired } = ada.face.device!.peers.invite(id, { grant, title })
    await Promise.all([paired, bob.must('join', encodePairingLink(offer), '--yes', '--into', into)])
    await bob.start()
    return id
  }

  /** Bob shares a folder with Ada. */
  async function take(args: readonly string[], into: string): Promise<void> {
    await bob.must('share', 'Work/Boat')
    const inviting = bob.spawn('invite', ['--json', '--yes', '--share', 'Work/Boat', ...args])
    const { link } = await inviting.waitFor((event) => typeof event.link === 'string', 'a link')
    await folders().join(decodePairingLink(String(link)), soon(), into)
    expect((await inviting.ended).code, inviting.stderr).toBe(0)
    await bob.start()
  }

  it('[S1] from the plugin: both ways, also after the app was closed, and no other name of the vault is learnt', async () => {
    await run()
    const id = await give('Projects/Plan', 'write', 'Shared/Plan')
    await bobHas('Shared/Plan/note.md', 'the plan\n')
    bob.write('Shared/Plan/note.md', 'the plan\nby Bob\n')
    await adaHas('Projects/Plan/note.md', 'the plan\nby Bob\n')
    expect(report('Projects/Plan')).toMatchObject({
      title: 'Plan',
      from: null,
      peers: [{ name: 'bob', grant: 'write' }],
    })

    await ada.close()
    ada.write('Projects/Plan/second.md', 'written while closed\n')
    await run()
    await bobHas('Shared/Plan/second.md', 'written while closed\n')
    expect(report('Projects/Plan')).toMatchObject({ id, peers: [{ name: 'bob', grant: 'write' }] })
    expect(bobsPaths()).toEqual(['Private.md', 'Shared/Plan/note.md', 'Shared/Plan/second.md'])
    expect(ada.has('Private.md')).toBe(false)

    await bob.stop()
    const repository = path.join(bob.state, 'shares', id, 'repository')
    runGit(repository, ['fsck', '--strict', '--no-dangling'])
    const listed = runGit(repository, ['log', '--all', '--name-only', '--format=%an %s']).toString()
    expect(listed).toMatch(/note\.md/)
    expect(listed).not.toMatch(/Diary|Projects/)
  }, 240_000)

  it('[S1] [S5] from the plugin, read-only: nothing that they change comes back; then they may write', async () => {
    await run()
    const id = await give('Projects/Plan', 'read', 'Plan')
    await bobHas('Plan/note.md', 'the plan\n')
    bob.write('Plan/theirs.md', 'by Bob\n')
    ada.write('Projects/Plan/mine.md', 'by Ada\n')
    await bobHas('Plan/mine.md', 'by Ada\n')
    const told = async (): Promise<boolean> => (await bob.must('status')).stdout.includes('Not sent: read-only.')
    await eventually('bob is told', async () => (await told()) || undefined, { withinMs: PATIENCE_MS, everyMs: 500 })
    expect(ada.has('Projects/Plan/theirs.md')).toBe(false)
    await folders().setGrant(bobId(), id, 'write')
    await adaHas('Projects/Plan/theirs.md', 'by Bob\n')
    await folders().setGrant(bobId(), id, 'read')
    const reads = async (): Promise<boolean> => (await bob.must('shares')).stdout.includes('read-only')
    await eventually('bob may read', async () => (await reads()) || undefined, { withinMs: PATIENCE_MS, everyMs: 500 })
    // All that was changed there was taken while they could write; that is known with the next snapshot (L8).
    await bob.stop()
    await bob.start()
    const clear = async (): Promise<boolean> => (await bob.isInStep()) && !(await told())
    await eventually('nothing stays', async () => (await clear()) || undefined, { withinMs: PATIENCE_MS, everyMs: 500 })
    expect((await bob.must('shares')).stdout).not.toMatch(/not sent/)
  }, 240_000)

  it('[S1] to the plugin: both ways into the folder that was chosen, also after the app was closed', async () => {
    await run()
    await take([], 'From Bob/Boat')
    await adaHas('From Bob/Boat/log.md', 'we sail\n')
    ada.write('From Bob/Boat/log.md', 'we sail\nAda came along\n')
    await until('bob has the edit', () => bob.read('Work/Boat/log.md') === 'we sail\nAda came along\n')
    await ada.close()
    bob.write('Work/Boat/deep/er.md', 'deeper\n')
    await run()
    await adaHas('From Bob/Boat/deep/er.md', 'deeper\n')
    expect(report('From Bob/Boat')).toMatchObject({ title: 'Boat', access: 'write', unsent: false })
    expect(ada.has('Private.md')).toBe(false)
    expect(bobsPaths()).toEqual(['Private.md'])
  }, 240_000)

  it('[S5] to the plugin, read-only: its changes stay; withdrawn, the files stay and it is told', async () => {
    await run()
    await take(['--read-only'], 'Boat')
    await adaHas('Boat/log.md', 'we sail\n')
    ada.write('Boat/mine.md', 'by Ada\n')
    bob.write('Work/Boat/second.md', 'second\n')
    await adaHas('Boat/second.md', 'second\n')
    await until('ada is told', () => report('Boat').unsent)
    await until('in its status, too', () =>
      status().endsWith(' What is changed in “Boat” stays here: bob lets this device only read it.'),
    )
    expect(report('Boat')).toMatchObject({ access: 'read' })
    expect(fs.existsSync(path.join(bob.vault, 'Work/Boat/mine.md'))).toBe(false)
    await bob.must('revoke', 'Work/Boat', 'ada')
    await until('it is withdrawn', () => report('Boat').access === null)
    bob.write('Work/Boat/third.md', 'not for Ada\n')
    bob.write('Private.md', 'still of Bob\n')
    await eventually('bob has seen it', async () => (await bob.status()).settled || undefined, {
      withinMs: PATIENCE_MS,
    })
    expect([ada.read('Boat/log.md'), ada.has('Boat/third.md')]).toEqual(['we sail\n', false])
  }, 240_000)

  it('[S5] the whole vault, read-only: the plugin gets everything, nothing goes back, and its status says so', async () => {
    await run()
    const inviting = bob.spawn('invite', ['--json', '--yes', '--read-only'])
    const { link } = await inviting.waitFor((event) => typeof event.link === 'string', 'a link')
    await ada.face.device!.peers.join(decodePairingLink(String(link)), soon())
    expect((await inviting.ended).code, inviting.stderr).toBe(0)
    await bob.start()
    await adaHas('Private.md', 'of Bob\n')
    ada.write('Private.md', 'of Bob, and Ada\n')
    bob.write('Second.md', 'second\n')
    await adaHas('Second.md', 'second\n')
    await until('its status says so', () =>
      status().endsWith(' bob lets this device only read: what is changed here stays here.'),
    )
    expect([bob.read('Private.md'), fs.existsSync(path.join(bob.vault, 'Diary.md'))]).toEqual(['of Bob\n', false])
  }, 240_000)

  it('[S1] offered to a paired plugin, accepted where a free place is', async () => {
    await run()
    await take([], 'Boat')
    await adaHas('Boat/log.md', 'we sail\n')
    bob.write('Work/Garden/beds.md', 'beans\n')
    await bob.must('share', 'Work/Garden')
    await bob.must('grant', 'Work/Garden', 'ada', '--read-only')
    await until('it is offered', () => folders().offers().length === 1)
    const [offer] = folders().offers()
    ada.face.declineOffer(offer!.share, true)
    await ada.close()
    await run()
    await until('it is offered still', () => folders().offers().length === 1)
    expect([...ada.face.declinedOffers]).toEqual([offer!.share]) // on this device alone, and changeable
    ada.face.declineOffer(offer!.share, false)
    expect(offer).toMatchObject({ title: 'Garden', write: false, peerName: 'bob' })
    for (const [place, code] of [
      ['Projects', 'not-empty'],
      ['Boat/Inside', 'overlaps'],
      ['.obsidian', 'bad-folder'],
    ])
      await expect(folders().accept(offer!.share, place)).rejects.toMatchObject({ code })
    await folders().accept(offer!.share, 'Garden')
    await adaHas('Garden/beds.md', 'beans\n')
    expect(folders().offers()).toEqual([])

    // Given up here, its files are an ordinary folder, and nothing of it goes either way; it can be taken up again elsewhere.
    await folders().end(offer!.share)
    bob.write('Work/Garden/more.md', 'peas\n')
    bob.write('Work/Boat/log.md', 'still sailing\n')
    await adaHas('Boat/log.md', 'still sailing\n')
    expect([report('Garden'), ada.has('Garden/more.md'), ada.read('Garden/beds.md')]).toEqual([
      undefined,
      false,
      'beans\n',
    ])
    await until('it is offered again', () => folders().offers().length === 1)
    await folders().accept(offer!.share, 'Second garden')
    await adaHas('Second garden/more.md', 'peas\n')
    await adaHas('Second garden/beds.md', 'beans\n')
    expect(ada.read('Garden/beds.md')).toBe('beans\n')
    ada.write('Second garden/mine.md', 'by Ada\n')
  }, 240_000)

  it('[S5] taken back in the middle of a transfer, no more comes; given again, it goes on', async () => {
    const pictures = 40
    for (let n = 0; n < pictures; n++) ada.write(`Projects/Plan/${n}.png`, randomBytes(1024 * 1024))
    await run()
    const arrived = (): number =>
      [...bob.files().keys()].filter((name) => name.startsWith('Plan/') && name.endsWith('.png')).length
    const { id, title } = await folders().create('Projects/Plan')
    await until('it is in the history', () => ada.face.device!.isSettled)
    const { offer, paired } = ada.face.device!.peers.invite(id, { title })
    await Promise.all([paired, bob.must('join', encodePairingLink(offer), '--yes', '--into', 'Plan')])
    const cut = new Promise<void>((done) => {
      const end = ada.face.device!.on((event) => {
        if (event.kind !== 'transfer' || event.direction !== 'sending' || !event.progress?.bytesDone) return
        end()
        void folders().setGrant(bobId(), id, null).then(done)
      })
    })
    await bob.start()
    await cut
    const isTold = async () => (await bob.must('status')).stdout.includes('no longer shared with this device')
    await eventually('bob is told', async () => (await isTold()) || undefined, { withinMs: PATIENCE_MS, everyMs: 500 })
    await eventually('bob rests', async () => (await bob.status()).settled || undefined, { withinMs: PATIENCE_MS })
    expect(arrived()).toBeLessThan(pictures)
    await folders().setGrant(bobId(), id, 'write')
    await until('all is there', () => arrived() === pictures)
    for (let n = 0; n < pictures; n++) {
      const [here, there] = [`Projects/Plan/${n}.png`, `Plan/${n}.png`]
      const same = fs.readFileSync(path.join(ada.vault, here)).equals(fs.readFileSync(path.join(bob.vault, there)))
      expect(same, here).toBe(true)
    }
  }, 300_000)
})
