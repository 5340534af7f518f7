// @vitest-environment happy-dom
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VAULT_SHARE } from '../../src/engine/app.ts'
import { encodePairingLink } from '../../src/peers/pairing-link.ts'
import { eventually } from '../support/eventually.ts'
import { ObsidianDevice } from '../support/obsidian/app-plugin.ts'
import { PeerFolders } from '../support/peer-folders.ts'
import { killLeftovers } from '../support/tandem-process.ts'

const PATIENCE_MS = 60_000
const until = (what: string, is: () => boolean): Promise<unknown> =>
  eventually(what, () => is() || undefined, { withinMs: PATIENCE_MS })

describe('the built plugin in Obsidian', () => {
  let base: string
  let devices: ObsidianDevice[]
  beforeEach(() => {
    base = fs.mkdtempSync(path.join(tmpdir(), 'tandem-plugin-'))
    devices = []
  })
  afterEach(async () => {
    await killLeftovers()
    for (const device of devices) await device.close()
    fs.rmSync(base, { recursive: true, force: true })
  })

  const device = (name: string, options?: ConstructorParameters<typeof ObsidianDevice>[2]): ObsidianDevice => {
    const made = new ObsidianDevice(path.join(base, name), name, options)
    devices.push(made)
    return made
  }
  const isSettled = (one: ObsidianDevice): boolean => one.face.device?.isSettled === true
  const running = async (...all: ObsidianDevice[]): Promise<void> => {
    for (const one of all)
      await until(`${one.name} runs`, () => one.face.condition.kind === 'running' && isSettled(one))
  }
  const yes = (one: ObsidianDevice): void => {
    for (const role of ['inviter', 'joiner'] as const) one.face.answerQuestions(role, () => Promise.resolve(true))
  }
  const pair = async (a: ObsidianDevice, b: ObsidianDevice): Promise<void> => {
    for (const one of [a, b]) yes(one)
    const { offer, paired } = a.face.device!.peers.invite(VAULT_SHARE)
    await Promise.all([paired, b.face.device!.peers.join(offer, AbortSignal.timeout(PATIENCE_MS))])
  }
  const open = async (...all: ObsidianDevice[]): Promise<void> => {
    for (const one of all) one.open()
    await running(...all)
  }

  describe('in step', () => {
    it('pairs with another one and keeps both vaults alike', async () => {
      const [ada, bob] = [device('ada'), device('bob')]
      ada.write('Notes/Hello.md', 'written by ada\n')
      bob.write('Other.md', 'written by bob\n')
      await open(ada, bob)
      await pair(ada, bob)
      await until('each has the other note', () => ada.has('Other.md') && bob.has('Notes/Hello.md'))
      bob.write('Notes/Hello.md', 'written by ada\nand by bob\n')
      await until('the edit arrived', () => ada.read('Notes/Hello.md').includes('and by bob'))
      fs.rmSync(path.join(ada.vault, 'Other.md'))
      await until('the deletion arrived', () => !bob.has('Other.md'))
      expect(fs.readFileSync(path.join(bob.vault, '.trash', 'Other.md'), 'utf8')).toBe('written by bob\n') // E4
      await until('[C5] both say so', () =>
        [ada, bob].every((one) => one.face.device!.peerReports()[0]?.current === true),
      )
    })

    it('pairs with a headless peer by its link; text, bytes and a large file go both ways', async () => {
      const bob = device('bob')
      bob.write('Note.md', 'from the plugin\n')
      const large = Buffer.alloc(9 * 1024 * 1024, 'tandem ')
      bob.write('Large.bin', large)
      const server = await new PeerFolders(base, 'server').init()
      server.write('Server.md', 'from the server\n')
      await open(bob)
      await server.start()
      yes(bob)
      const { offer, paired } = bob.face.device!.peers.invite(VAULT_SHARE)
      const joined = server.must('join', encodePairingLink(offer), '--yes')
      await Promise.all([paired, joined])
      await until('bob has it', () => bob.has('Server.md'))
      const arrived = path.join(server.vault, 'Large.bin')
      await until('the large file is there', () => fs.existsSync(arrived) && fs.statSync(arrived).size === large.length)
      expect(fs.readFileSync(arrived).equals(large)).toBe(true)
      server.write('Large.bin', Buffer.concat([large, Buffer.from('end')]))
      await until(
        'the new one came back',
        () => fs.statSync(path.join(bob.vault, 'Large.bin')).size === large.length + 3,
      )
      expect(fs.existsSync(path.join(server.vault, '.obsidian'))).toBe(false) // E8
      await server.stop()
    }, 120_000)

    it('[E5] takes up what happened while the app was closed, on either side', async () => {
      const [ada, bob] = [device('ada'), device('bob')]
      ada.write('Note.md', 'top\n\nmiddle\n\nend\n')
      await open(ada, bob)
      await pair(ada, bob)
      await until('bob has it', () => bob.has('Note.md'))
      await bob.app!.quit()
      await bob.close()
      bob.write('Note.md', 'top\n\nmiddle\n\nend of bob\n')
      ada.write('Note.md', 'top of ada\n\nmiddle\n\nend\n')
      await open(bob)
      for (const one of [ada, bob])
        await until('both edits', () => one.read('Note.md') === 'top of ada\n\nmiddle\n\nend of bob\n')
    })

    it('does nothing while paused but keep its own history, and goes on when told, also after a restart', async () => {
      const [ada, bob] = [device('ada'), device('bob')]
      await open(ada, bob)
      await pair(ada, bob)
      await bob.face.pause()
      expect(bob.face.condition.kind).toBe('paused')
      ada.write('Note.md', 'while bob paused\n')
      await bob.close()
      bob.open()
      await until('paused still', () => bob.face.condition.kind === 'paused' && isSettled(bob))
      expect(bob.has('Note.md')).toBe(false)
      expect(bob.face.device!.peerReports().map(({ name, status }) => [name, status])).toEqual([
        ['ada', 'disconnected'],
      ])
      await bob.face.resume()
      await until('in step', () => bob.has('Note.md'))
    })

    it('[C2] keeps settings and peers in data.json, and what others put there', async () => {
      const [ada, bob] = [
        device('ada', { settings: { maxPeers: 5, future: { of: 'a newer version' } } }),
        device('bob'),
      ]
      await open(ada, bob)
      await pair(ada, bob)
      await ada.face.changeSettings({ localNetwork: false, maxPeers: 7 })
      await until('restarted', () => ada.face.condition.kind === 'running' && ada.face.settings.maxPeers === 7)
      const data = JSON.parse(fs.readFileSync(path.join(ada.pluginFolder, 'data.json'), 'utf8')) as {
        settings: object
        peers: { name: string; nodeId: string; autoConnect: boolean }[]
      }
      expect(data.settings).toMatchObject({ maxPeers: 7, future: { of: 'a newer version' } })
      expect(data.peers).toMatchObject([{ name: 'bob', nodeId: bob.face.deviceId, autoConnect: true }])
      expect(JSON.stringify(data)).not.toContain(ada.kept.secrets.get('tandem-sync-device-key')!) // P6
    })

    it('keeps its history when the folder of the vault is renamed', async () => {
      const ada = device('ada')
      ada.write('Note.md', 'one\n')
      await open(ada)
      const before = ada.face.share!.state().heads
      await ada.close()
      fs.renameSync(ada.vault, `${ada.vault} renamed`)
      const moved = device('ada renamed')
      moved.write('Note.md', 'one\n')
      Object.assign(moved, { kept: ada.kept, indexedDB: ada.indexedDB })
      await open(moved)
      expect(moved.face.share!.state().heads).toEqual(before)
    })
  })

  describe('in trouble', () => {
    it('[issue] without the native component it says what to do, and keeps history and conflicts at work', async () => {
      const ada = device('ada', { component: false })
      ada.write('Note.md', 'one\n')
      ada.open()
      await until('offline', () => ada.face.condition.kind === 'offline' && isSettled(ada))
      expect(ada.face.condition).toMatchObject({ reason: 'no-component', message: expect.stringMatching(/Install it/) })
      expect(ada.face.component.condition).toEqual({ kind: 'missing' })
      ada.write('Note.md', 'two\n')
      await until('committed', () => ada.face.share!.repository.graph.size === 2)
    })

    it('installs it from a file, at the choice of the person, and refuses any other file', async () => {
      const ada = device('ada', { component: false })
      const source = device('source')
      ada.open()
      await until('offline', () => ada.face.condition.kind === 'offline')
      await expect(ada.face.component.installFile(new Uint8Array(100))).rejects.toThrow(/not the network component/)
      const native = path.join(source.pluginFolder, 'native')
      await ada.face.component.installFile(fs.readFileSync(path.join(native, fs.readdirSync(native)[0]!)))
      await running(ada)
      expect(ada.face.component.condition).toMatchObject({ kind: 'installed' })
    })

    it('never loads a damaged component', async () => {
      const ada = device('ada')
      const native = path.join(ada.pluginFolder, 'native')
      const file = path.join(native, fs.readdirSync(native)[0]!)
      fs.truncateSync(file, 1_000_000)
      ada.open()
      await until('offline', () => ada.face.condition.kind === 'offline')
      expect(ada.face.condition).toMatchObject({
        reason: 'failed',
        message: expect.stringMatching(/damaged.*Install it again/),
      })
    })

    it('does not load it again by itself after the app died of it', async () => {
      const ada = device('ada')
      const native = path.join(ada.pluginFolder, 'native')
      const { builds } = JSON.parse(fs.readFileSync('native-components.json', 'utf8')) as {
        builds: Record<string, { sha256: string }>
      }
      const short = fs.readdirSync(native)[0]!.slice(5, 21)
      ada.storage(
        'tandem-sync-loading-component',
        Object.values(builds).find((b) => b.sha256.startsWith(short))!.sha256,
      )
      ada.open()
      await until('offline', () => ada.face.condition.kind === 'offline')
      expect(ada.face.component.condition).toMatchObject({
        kind: 'broken',
        message: expect.stringMatching(/once more/),
      })
    })

    it('[C2] sets a damaged data.json aside and goes on', async () => {
      const ada = device('ada')
      fs.writeFileSync(path.join(ada.pluginFolder, 'data.json'), '{"settings": {"relay": "of')
      ada.open()
      await until('runs', () => ada.face.condition.kind === 'running')
      expect(fs.readFileSync(path.join(ada.pluginFolder, 'data.json.damaged-1'), 'utf8')).toContain('"relay": "of')
      expect((await ada.face.activity()).some(({ message }) => message.includes('data.json.damaged-1'))).toBe(true)
    })

    it('leaves the data of a newer version alone, and says so', async () => {
      const ada = device('ada')
      const text = '{"version": 99, "peers": "in another way"}'
      fs.writeFileSync(path.join(ada.pluginFolder, 'data.json'), text)
      ada.open()
      await until('failed', () => ada.face.condition.kind === 'failed')
      expect(ada.face.condition).toMatchObject({ message: expect.stringMatching(/newer version.*Update the plugin/) })
      expect(fs.readFileSync(path.join(ada.pluginFolder, 'data.json'), 'utf8')).toBe(text)
    })

    it('[P6] is not harmed by the data.json of another device', async () => {
      const [ada, bob, carl] = [device('ada'), device('bob'), device('carl')]
      await open(ada, bob, carl)
      await pair(ada, bob)
      await bob.close()
      fs.copyFileSync(path.join(ada.pluginFolder, 'data.json'), path.join(bob.pluginFolder, 'data.json'))
      await open(bob)
      expect(bob.face.device!.peers.getPeers()).toEqual([]) // not the own id, and nobody who was paired with ada
      await pair(bob, carl)
      expect(bob.face.device!.peers.getPeers().map(({ name }) => name)).toEqual(['carl'])
    })

    it('says so when the keychain is missing or does not keep the key', async () => {
      const ada = device('ada')
      ada.kept.secrets.set = () => ada.kept.secrets
      ada.open()
      await until('failed', () => ada.face.condition.kind === 'failed')
      expect(ada.face.condition).toMatchObject({ message: expect.stringMatching(/keychain did not keep/) })
    })

    it('[V8] fetches its history anew when IndexedDB was wiped, and loses nothing', async () => {
      const [ada, bob] = [device('ada'), device('bob')]
      ada.write('Note.md', 'one\n')
      await open(ada, bob)
      await pair(ada, bob)
      await until('bob has it', () => bob.has('Note.md'))
      await bob.close()
      for (const { name } of await bob.indexedDB.databases()) bob.indexedDB.deleteDatabase(name!)
      bob.write('Note.md', 'one\nwhile the store was gone\n')
      await open(bob)
      await until('both have it', () => ada.read('Note.md').includes('while the store was gone'))
      expect(bob.read('Note.md')).toBe('one\nwhile the store was gone\n')
      expect([ada, bob].map((one) => fs.readdirSync(one.vault).filter((n) => n.endsWith('.md')))).toEqual([
        ['Note.md'],
        ['Note.md'],
      ])
    })

    it('two windows of one vault: one syncs, the other says so and takes over', async () => {
      const ada = device('ada')
      await open(ada)
      const second = device('ada')
      Object.assign(second, { kept: ada.kept, indexedDB: ada.indexedDB, locks: ada.locks })
      second.open()
      await until('it says so', () => second.face.condition.kind === 'failed')
      expect(second.face.condition).toMatchObject({ message: expect.stringMatching(/another window/) })
      await ada.close()
      await running(second)
    })

    it('[E5] a plugin that is turned off in the middle of a first sync goes on where it was', async () => {
      const [ada, bob] = [device('ada'), device('bob')]
      for (let i = 0; i < 400; i++) ada.write(`Folder ${i % 9}/Note ${i}.md`, `# Note ${i}\n${'text '.repeat(i)}\n`)
      await open(ada, bob)
      await pair(ada, bob)
      for (let round = 0; round < 5; round++) {
        await bob.unload()
        bob.load()
        await until('it begins', () => bob.face.device !== null)
        await new Promise((resolve) => setTimeout(resolve, 40 * round))
      }
      const count = (one: ObsidianDevice) =>
        fs.readdirSync(one.vault, { recursive: true }).filter((n) => String(n).endsWith('.md')).length
      await until('all is there', () => count(bob) === 400)
      await running(bob)
      expect(count(ada)).toBe(400)
    }, 120_000)
  })

  it('[L9] loaded and unloaded 20 times, nothing is left', async () => {
    const ada = device('ada')
    ada.write('Note.md', 'one\n')
    await open(ada)
    const isOurs = (kind: string) => kind !== 'Timeout' && kind !== 'Immediate' // the harness has its own
    const left = () => ({
      listeners: ada.app!.listeners,
      elements: document.querySelectorAll('*').length,
      tabs: ada.app!.setting.tabs.size,
      handles: process.getActiveResourcesInfo().filter(isOurs).length,
    })
    await ada.unload()
    const before = left()
    for (let round = 0; round < 20; round++) {
      ada.load()
      if (round % 3 === 0) await running(ada)
      await ada.unload()
    }
    await until('nothing is left', () => JSON.stringify(left()) === JSON.stringify(before))
  }, 120_000)
})
