import { createSocket } from 'node:dgram'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { aTestFolder, pair, PeerFolders } from '../support/peer-folders.ts'
import { killLeftovers, runTandem, type Finished, type JsonObject } from '../support/tandem-process.ts'

const folder = aTestFolder()
afterEach(async () => void (await killLeftovers()))
afterAll(() => folder.dispose())

let refusing: PeerFolders | undefined
const aDevice = (name: string) => new PeerFolders(folder.path, name).init()
/** Free a moment ago; somebody else may take it, which is unlikely. */
async function aFreePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(() => resolve()))
  return port
}
const stored = (device: PeerFolders) =>
  (JSON.parse(readFileSync(join(device.state, 'data.json'), 'utf8')) as { settings: JsonObject }).settings
function store(device: PeerFolders, settings: JsonObject): void {
  const file = join(device.state, 'data.json')
  const data = JSON.parse(readFileSync(file, 'utf8')) as { settings: JsonObject }
  writeFileSync(file, JSON.stringify({ ...data, settings: { ...data.settings, ...settings } }))
}
const warnings = ({ lines }: Finished) =>
  lines.filter(({ event, kind }) => event === 'log' && kind === 'device.warning').map(({ message }) => String(message))

describe('tandem config', () => {
  it('lists every setting, shows one, sets one, and takes it back', async () => {
    const device = await aDevice('list')
    const { lines } = await device.must('config', '--json')
    expect(lines.map(({ key }) => key)).toEqual(
      'deviceName configFolder bind maxPeers relay localNetwork heartbeatMs queueLimit queueWaitMs queueDrop debounceMs excludedFolders'.split(
        ' ',
      ),
    )
    expect(lines[3]).toMatchObject({
      value: 16,
      default: 16,
      stored: false,
      allowed: expect.stringMatching(/1,000/) as string,
    })
    expect((await device.must('config')).stdout).toMatch(
      /^heartbeatMs +5000 +5000 +a whole number from 2,000 to 10,000/m,
    )

    expect((await device.must('config', 'heartbeatMs', '3000')).stdout).toBe('heartbeatMs is now 3000; it was 5000.\n')
    expect((await device.must('config', 'heartbeatMs', '--json')).lines).toMatchObject([{ value: 3000, stored: true }])
    expect((await device.must('config', 'excludedFolders', 'Archive/, Old/Stuff', '--json')).lines).toMatchObject([
      { event: 'setting', value: ['Archive', 'Old/Stuff'], before: [], running: false },
    ])
    await device.must('config', 'localNetwork', 'off')
    expect(stored(device)).toMatchObject({
      heartbeatMs: 3000,
      localNetwork: false,
      excludedFolders: ['Archive', 'Old/Stuff'],
    })
    await device.must('config', '--unset', 'heartbeatMs')
    expect(stored(device)).not.toHaveProperty('heartbeatMs')
    expect((await device.must('config', 'heartbeatMs', '--json')).lines).toMatchObject([{ value: 5000, stored: false }])
  })

  it.each([
    [['maxpeer'], /no setting maxpeer\. Did you mean maxPeers\?/],
    [['maxPeers', '0'], /^The setting maxPeers must be a whole number from 1 to 1,000, not 0\.$/],
    [['deviceName', 'two', 'words'], /quotes/],
    [['--unset', 'ports'], /no setting ports/],
    [['maxPeers', '5', '--unset', 'relay'], /--unset/],
  ])('refuses %j in words, and stores nothing', async (args, words) => {
    refusing ??= await aDevice('refuse')
    const before = stored(refusing)
    const refused = await refusing.run('config', ...args, '--json')
    expect(refused.code).toBe(2)
    expect(refused.lines.at(-1)).toMatchObject({
      event: 'error',
      code: 'usage',
      message: expect.stringMatching(words) as string,
    })
    expect(stored(refusing)).toEqual(before)
  })

  it('while "up" runs, it is stored by that and survives its saves', async () => {
    const device = await aDevice('running')
    await device.start()
    expect((await device.must('config', 'maxPeers', '32')).stdout).toMatch(/is now 32.*\n.*from its next start/)
    expect((await device.run('config', 'maxPeers', '0')).code).toBe(2)
    await device.stop()
    expect(stored(device)).toMatchObject({ maxPeers: 32 })
  })
})

describe('stored settings', () => {
  it('that are wrong are named at the start, defaults are used, and they stay in the file', async () => {
    const device = await aDevice('wrong')
    store(device, { heartbeatMs: 99_999, relay: 'ftp://x', odd: { a: 1 } })
    const up = await device.must('up', '--once', '--json')
    expect(warnings(up)).toEqual([
      expect.stringMatching(/^settings\.relay is "ftp:\/\/x", but .*; using default$/),
      'settings.heartbeatMs is 99999, but heartbeatMs must be a whole number from 2,000 to 10,000 (ms); using 5000',
    ])
    expect(stored(device)).toMatchObject({ heartbeatMs: 99_999, relay: 'ftp://x', odd: { a: 1 } })
    const shown = await device.must('config', 'heartbeatMs')
    expect([shown.stdout, shown.stderr].join()).toMatch(/5000[\s\S]*cannot be used/)
  })

  it('come after the command line and before the default: where to listen', async () => {
    const device = await aDevice('precedence')
    const [chosen, other] = [await aFreePort(), await aFreePort()]
    await device.must('config', 'bind', `127.0.0.1:${chosen}`)
    await device.must('config', 'relay', 'off')
    await device.must('config', 'localNetwork', 'false')
    const up = async (...args: string[]) => {
      const line = ['up', device.vault, '--once', '--json', '--state', device.state, ...args]
      expect(await runTandem(line)).toMatchObject({ code: 0 })
      return (stored(device).ports as { ipv4: number }).ipv4
    }
    expect(await up('--bind', `127.0.0.1:${other}`)).toBe(other)
    expect(await up()).toBe(chosen)
  })

  it('keep an excluded folder out of the history, and delete nothing in it [E2]', async () => {
    const device = await aDevice('excluded')
    device.write('Note.md', 'hello\n')
    device.write('Private/Diary.md', 'mine\n')
    await device.must('config', 'excludedFolders', 'Private')
    await device.commit()
    expect((await device.run('log', 'Private/Diary.md', '--json')).lines).toEqual([])
    expect((await device.must('log', 'Note.md', '--json')).lines).toHaveLength(1)
    expect(device.read('Private/Diary.md')).toBe('mine\n')
  })

  it('[C11] limit the devices: the next one is refused on this side, with the command that raises it', async () => {
    const [ada, bob, eve] = [await aDevice('ada'), await aDevice('bob'), await aDevice('eve')]
    await ada.must('config', 'maxPeers', '1')
    await pair(ada, bob)
    const inviting = eve.spawn('invite', ['--json', '--yes'])
    const { link } = await inviting.waitFor((event) => typeof event.link === 'string', 'a link')
    const refused = await ada.run('join', String(link), '--json', '--yes')
    await inviting.stop()
    expect(refused.lines.at(-1)).toMatchObject({
      code: 'too-many-peers',
      message: expect.stringMatching(/at most 1 device\b/) as string,
      hint: expect.stringContaining('tandem config VAULT maxPeers 32.') as string,
    })
    expect((await ada.must('peers', '--json')).lines.map(({ name }) => name)).toEqual(['bob'])
    await ada.must('config', 'maxPeers', '2')
    await pair(eve, ada)
    expect((await ada.must('peers', '--json')).lines).toHaveLength(2)
  })
})
