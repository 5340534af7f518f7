import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { aTestFolder, type PeerFolders, twoDevices, untilInStep } from '../support/peer-folders.ts'
import { awaitThat, killLeftovers, LOOPBACK, runTandem, TANDEM, type Finished } from '../support/tandem-process.ts'

const folder = aTestFolder()
let ada: PeerFolders
let bob: PeerFolders
afterAll(async () => {
  await killLeftovers()
  folder.dispose()
})

const last = ({ lines }: Finished): Record<string, unknown> => lines.at(-1) ?? {}
const commitsOf = async (device: PeerFolders, ...path: string[]): Promise<string[]> =>
  (await device.must('log', ...path, '--json')).lines.map(({ commit }) => String(commit))

beforeAll(async () => {
  ;[ada, bob] = await twoDevices(folder.path)
  ada.write('Plan.md', 'one\n')
  ada.write('Ideas/Ümlaut 🌱.md', 'first\n')
  await ada.commit()
  ada.write('Plan.md', 'one\ntwo\n')
  await ada.commit()
})

/** Each command in both forms: on a resting state, and through the socket of a running `up`. */
describe.each([
  ['while nothing runs', false],
  ['through a running up', true],
])('the commands %s', (_, runs) => {
  beforeAll(async () => {
    if (runs) for (const device of [ada, bob]) await device.start()
    if (runs) await untilInStep([ada, bob])
  })
  afterAll(async () => {
    for (const device of [ada, bob]) await device.stop()
  })

  it('status tells how things stand, and ends in JSON with one line that holds the peers', async () => {
    const { stdout } = await ada.must('status')
    expect(stdout).toMatch(/^ada {2}/)
    expect(stdout).toMatch(runs ? /2 files, in step with all devices/ : /Not running\. Start it with: tandem up \S+/)
    expect(stdout).toMatch(runs ? /bob +[0-9a-f]{10} +Connected .* up to date/ : /bob +[0-9a-f]{10} +Never in step yet/)
    const status = await ada.must('status', '--json')
    expect(status.stdout.trim().split('\n')).toHaveLength(1)
    expect(last(status)).toMatchObject({
      running: runs,
      device: { name: 'ada' },
      peers: [
        {
          id: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
          name: 'bob',
          status: runs ? 'connected' : 'disconnected',
          current: runs,
        },
      ],
    })
  })

  it('peers lists the devices, one object each', async () => {
    expect((await bob.must('peers')).stdout).toMatch(/^Device +Id +State\nada +[0-9a-f]{10} /)
    const { lines } = await bob.must('peers', '--json')
    expect(lines).toMatchObject([{ name: 'ada', current: runs }])
  })

  it('log lists commits, newest first, of the vault or of one file', async () => {
    const { stdout } = await ada.must('log')
    expect(stdout).toMatch(/^[0-9a-f]{10} {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}ada {2}/)
    const { lines } = await ada.must('log', '--json')
    expect(lines.length).toBeGreaterThanOrEqual(2)
    expect(lines[0]).toMatchObject({ device: 'ada', commit: expect.stringMatching(/^[0-9a-f]{40}$/) as string })
    expect(await commitsOf(ada, '--limit', '1')).toHaveLength(1)
    expect((await commitsOf(ada, 'Ideas/Ümlaut 🌱.md')).at(-1)).toBe((await commitsOf(ada)).at(-1))
    const none = await ada.must('log', 'Absent.md')
    expect(none.stdout).toMatch(/No commit changed Absent\.md/)
  })

  it('show prints a version, byte for byte', async () => {
    const oldest = (await commitsOf(ada)).at(-1)!
    expect((await ada.must('show', `${oldest.slice(0, 8)}:Plan.md`)).stdout).toBe('one\n')
    const { content, encoding, path } = last(await ada.must('show', `${oldest}:Plan.md`, '--json'))
    expect({ encoding, path }).toEqual({ encoding: 'base64', path: 'Plan.md' })
    expect(Buffer.from(String(content), 'base64').toString()).toBe('one\n')
  })

  it('restore brings a version back as a new edit, and loses nothing that was on the disk', async () => {
    const commits = await commitsOf(ada, 'Plan.md')
    const unsaved = `typed just now ${runs}\n`
    ada.write('Plan.md', unsaved) // no commit knows this
    const restored = await ada.must('restore', 'Plan.md', '--at', commits.at(-1)!)
    expect(restored.stdout).toMatch(/Plan\.md is again as it was in [0-9a-f]{10}/)
    expect(ada.read('Plan.md')).toBe('one\n')
    const [now, before] = await commitsOf(ada, 'Plan.md')
    expect((await ada.must('show', `${before}:Plan.md`)).stdout).toBe(unsaved)
    expect((await ada.must('show', `${now}:Plan.md`)).stdout).toBe('one\n')
    const again = await ada.must('restore', 'Plan.md', '--at', now!, '--json')
    expect(last(again)).toMatchObject({ event: 'restored', path: 'Plan.md', changed: false })
    if (runs) await untilInStep([ada, bob], (files) => String(files.get('Plan.md')) === 'one\n')
    ada.write('Plan.md', 'one\ntwo\n')
    await ada.must('restore', 'Plan.md', '--at', now!)
  })

  it('restore brings a deleted file back', async () => {
    const [commit] = await commitsOf(ada, 'Ideas/Ümlaut 🌱.md')
    ada.remove('Ideas')
    await ada.must('restore', 'Ideas/Ümlaut 🌱.md', '--at', commit!)
    expect(ada.read('Ideas/Ümlaut 🌱.md')).toBe('first\n')
  })

  it('repo prints the folder of a repository, alone on its line', async () => {
    expect((await ada.must('repo')).stdout).toBe(`${ada.repository}\n`)
    expect(last(await ada.must('repo', '--json'))).toEqual({ repository: ada.repository })
  })

  it('approve and reject say that nothing waits', async () => {
    for (const command of ['approve', 'reject']) {
      const answer = await ada.run(command)
      expect(answer.stdout).toMatch(/Nothing waits for an answer/)
      const json = await ada.run(command, '--json')
      expect(last(json)).toEqual({ answered: false })
      expect([answer.code, json.code]).toEqual(runs ? [0, 0] : [7, 7])
    }
  })

  it('init again keeps everything, and is refused while the state is in use', async () => {
    const again = await ada.run('init', '--json')
    if (runs) {
      expect(again.code).toBe(4)
      expect(last(again)).toMatchObject({ event: 'error', code: 'in-use' })
      expect(again.stderr).toContain(`Process ${ada.up!.pid} (up) is using the state folder ${ada.state}.`)
    } else {
      expect(last(again)).toMatchObject({ event: 'ready', created: false, name: 'ada' })
      expect((await ada.must('init')).stdout).toMatch(/was ready already: ada[\s\S]*tandem invite/)
    }
    expect((await ada.must('peers', '--json')).lines).toHaveLength(1)
  })

  it('several commands at once wait for each other', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => ada.run('log', '--json')))
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0, 0])
  })
})

describe('up', () => {
  afterEach(() => killLeftovers())

  it('--once ends with 0 when both are current, and with 6 when nobody is there', async () => {
    bob.write('From bob.md', 'hello\n')
    await bob.start()
    const once = await ada.run('up', '--once', '--json')
    expect(once.code, once.stderr).toBe(0)
    expect(last(once)).toEqual({ event: 'down', code: 0 })
    expect(ada.read('From bob.md')).toBe('hello\n')
    await bob.stop()
    const alone = await ada.run('up', '--once')
    expect(alone.code).toBe(6)
    expect(alone.stdout).toMatch(/No paired device could be reached/)
  }, 90_000) // a device that does not answer is given 30 s

  it('--once ends with 7 when a change waits for consent, which approve then gives (E3)', async () => {
    for (let i = 0; i < 60; i++) ada.write(`many/${i}.md`, `note ${i}\n`)
    await ada.start()
    await bob.start()
    await untilInStep([ada, bob], (files) => files.size > 60)
    await bob.stop()
    bob.remove('many')
    const once = await bob.run('up', '--once', '--json')
    expect(once.code).toBe(7)
    expect(once.lines.find(({ event }) => event === 'consent')).toMatchObject({ direction: 'local', deletes: 60 })
    expect(once.stderr).toMatch(/tandem approve \S+/)
    await bob.start()
    const status = await bob.must('status')
    expect(status.stdout).toMatch(
      /Files are gone here, which would delete 60 files on the other devices:\n {2}many\/0\.md/,
    )
    expect(status.stdout).toMatch(/Yes: tandem approve \S+ --state \S+\nNo: {2}tandem reject/)
    expect(ada.files().size).toBeGreaterThan(60)
    expect(last(await bob.must('approve', '--json'))).toMatchObject({ answered: true, deletes: 60 })
    // The other side asks, too: it is not bob's to say.
    await awaitThat(async () => (await ada.status()).share?.consent?.direction === 'incoming', 'ada asks')
    expect((await ada.must('reject')).stdout).toMatch(/Rejected/)
    const files = await untilInStep([ada, bob], (files) => files.size > 60)
    expect(files.get('many/59.md')!.toString()).toBe('note 59\n')
    await ada.stop()
    await bob.stop()
  })

  it('is refused while another up holds the state: named, exit code 4, and the first goes on', async () => {
    const first = await ada.start()
    const second = await ada.run('up', '--json')
    expect(second.code).toBe(4)
    expect(last(second)).toMatchObject({
      event: 'error',
      code: 'in-use',
      message: `Process ${first.pid} (up) is using the state folder ${ada.state}.`,
      hint: expect.stringMatching(/^Stop that process first/) as string,
    })
    expect((await ada.status()).running).toBe(true)
    await ada.stop()
    expect(existsSync(join(ada.state, 'lock'))).toBe(false)
    expect(existsSync(join(ada.state, 'control.sock'))).toBe(false)
  })

  it('takes over from one that was killed', async () => {
    await ada.start()
    await ada.kill()
    expect(existsSync(join(ada.state, 'lock'))).toBe(true)
    await ada.start()
    await ada.stop()
  })

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('stops in order on %s', async (signal) => {
    const up = await ada.start()
    expect(await up.stop(signal)).toMatchObject({ code: 0, signal: null })
    expect(up.events.at(-1)).toEqual({ event: 'down', code: 0 })
    expect(existsSync(join(ada.state, 'lock'))).toBe(false)
  })

  it('ends in order and without a word when nobody reads its output any more', async () => {
    const up = await ada.start()
    up.child.stdout!.destroy()
    for (let i = 0; !up.isOver && i < 100; i++) {
      ada.write('Closing.md', `${i}\n`) // gives it something to say
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(await up.ended).toMatchObject({ code: 0, stderr: '' })
    expect(existsSync(join(ada.state, 'lock'))).toBe(false)
  })
})

describe('a reader that stops reading', () => {
  it('ends log quietly', async () => {
    const { stdout, stderr, code } = await throughHead(['log', ada.vault, '--state', ada.state], 1)
    expect({ lines: stdout.split('\n').length, stderr, code }).toEqual({ lines: 2, stderr: '', code: 0 })
  })

  it.each([false, true])(
    'ends show of a large file quietly, and a slow one gets every byte (up runs: %s)',
    async (runs) => {
      const large = Buffer.alloc(24 * 1024 * 1024, 'All work and no play makes a dull vault.\n')
      if (!existsSync(join(ada.vault, 'large.txt'))) {
        ada.write('large.txt', large)
        await ada.commit()
      }
      if (runs) await ada.start()
      const [commit] = await commitsOf(ada, 'large.txt')
      const args = ['show', ada.vault, `${commit}:large.txt`, '--state', ada.state]
      expect(await throughHead(args, 1)).toMatchObject({ stderr: '', code: 0 })
      const child = spawn(process.execPath, [TANDEM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
      let [bytes, isFirst] = [0, true]
      const closed = once(child, 'close')
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        bytes += chunk.length
        if (isFirst) await new Promise((resolve) => setTimeout(resolve, 300)) // it must wait, not give up
        isFirst = false
      }
      expect({ bytes, code: (await closed)[0] as unknown }).toEqual({ bytes: large.length, code: 0 })
      await ada.stop()
    },
  )
})

describe('remove', () => {
  it('ends the pairing for both, while they run', async () => {
    for (const device of [ada, bob]) await device.start()
    await untilInStep([ada, bob])
    const unknown = await ada.run('remove', 'nobody', '--json')
    expect(unknown.code).toBe(2)
    expect(last(unknown)).toMatchObject({
      code: 'usage',
      message: 'No device is called nobody; "tandem peers" lists them.',
    })
    expect((await ada.must('remove', 'bob')).stdout).toMatch(/bob is no longer paired with this device/)
    expect((await ada.must('peers', '--json')).lines).toEqual([])
    await awaitThat(async () => (await bob.status()).peers[0]?.status === 'disconnected', 'bob notices')
    expect((await bob.must('peers')).stdout).toMatch(/removed this one/)
    for (const device of [ada, bob]) await device.stop()
    expect(last(await bob.must('remove', 'ada', '--json'))).toMatchObject({ event: 'removed', name: 'ada' })
    expect((await bob.must('peers')).stdout).toMatch(/No devices are paired yet/)
  })
})

describe('--help', () => {
  const commands = 'init invite join up status metrics peers remove log show restore approve reject config repo'.split(
    ' ',
  )

  it('lists every command and exit code, in lines that fit a terminal', async () => {
    const { code, stdout } = await runTandem(['--help'])
    expect(code).toBe(0)
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'))
    expect(stdout).toMatch(/^ {2}130 {2}interrupted$/m)
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
  })

  it.each(commands)('of %s has an example and its exit codes', async (command) => {
    const { code, stdout } = await runTandem([command, '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Usage: tandem /)
    expect(stdout).toMatch(new RegExp(`^Examples?:\\n.*tandem ${command}`, 'm'))
    expect(stdout).toMatch(/^Exit codes:\n +0 {2}done$/m)
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
  })
})

/** The command's own end, with only `lines` lines of its output read. */
async function throughHead(
  args: readonly string[],
  lines: number,
): Promise<{ stdout: string; stderr: string; code: number }> {
  const script = `set -o pipefail; "$@" | head -n ${lines}; exit "\${PIPESTATUS[0]}"`
  const child = spawn('bash', ['-c', script, 'bash', process.execPath, TANDEM, ...args, ...LOOPBACK], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = (await once(child, 'close')) as [number]
  return { stdout, stderr, code }
}
