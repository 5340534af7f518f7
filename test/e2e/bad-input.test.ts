import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aTestFolder, PeerFolders } from '../support/peer-folders.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { killLeftovers, runTandem, TANDEM, TandemProcess, type Finished } from '../support/tandem-process.ts'

const folder = aTestFolder()
const at = (...names: string[]): string => join(folder.path, ...names)
let ada: PeerFolders
beforeAll(async () => {
  ada = await new PeerFolders(folder.path, 'ada').init()
  ada.write('Note.md', 'hello\n')
  await ada.commit()
  writeFileSync(at('file'), 'not a folder')
  mkdirSync(at('other'))
})
afterAll(async () => {
  await killLeftovers()
  folder.dispose()
})

/** What every refusal has: the exit code, one line of JSON for scripts, and three things for people: what, where, what to do. */
async function expectRefusal(
  args: readonly string[],
  exitCode: number,
  code: string,
  where: string | RegExp = '',
): Promise<Finished> {
  const json = await runTandem([...args, '--json'])
  const human = await runTandem(args) // not at once: two would meet at the state folder's lock
  expect(json.code, `${args.join(' ')}: ${json.stdout}${json.stderr}`).toBe(exitCode)
  expect(json.lines.at(-1)).toMatchObject({
    event: 'error',
    code,
    message: expect.stringMatching(/^\S.*[.?]$/) as string,
    hint: expect.stringMatching(/^\S.*[.?]$/) as string,
  })
  expect(`${String(json.lines.at(-1)?.message)}${String(json.lines.at(-1)?.detail)}`).toMatch(where)
  expect(human.code).toBe(exitCode)
  expect(human.stdout).toBe('')
  expect(human.stderr).not.toMatch(/\bat .*\.m?js|unexpected|undefined|\[object/)
  expect(human.stderr.trim().split('\n').length).toBeGreaterThanOrEqual(2)
  return human
}

const onVault = (vault: string, ...more: string[]): string[] => ['status', vault, '--state', ada.state, ...more]

describe('the vault', () => {
  it.each(['init', 'up', 'status', 'peers', 'log', 'repo', 'invite'])(
    '%s on one that is missing, or a file',
    async (command) => {
      await expectRefusal([command, at('missing'), '--state', at('s')], 3, 'no-vault', /missing/)
      await expectRefusal([command, at('file'), '--state', at('s')], 3, 'not-a-folder', /file/)
      expect(existsSync(at('s'))).toBe(false)
    },
  )

  it('up on one that this user may not read', async () => {
    const closed = await new PeerFolders(folder.path, 'closed').init()
    closed.write('Secret.md', 'mine\n')
    await closed.commit()
    const refs = spawnSync('git', ['-C', closed.repository, 'for-each-ref']).stdout.toString()
    // Root reads everything, so the command runs as nobody, who owns the state and not the vault.
    const isRoot = process.getuid!() === 0
    chmodSync(closed.vault, 0)
    if (isRoot) {
      chmodSync(folder.path, 0o755)
      spawnSync('chown', ['-R', '65534:65534', closed.state])
    }
    const nobody = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : []
    const result = await runTandem(closed.args('up', '--once', '--json'), {
      through: nobody,
      env: { HOME: folder.path },
    })
    expect(result.code, result.stderr).toBe(3)
    expect(result.lines.at(-1)).toMatchObject({
      event: 'error',
      code: 'unreadable',
      message: expect.stringContaining(closed.vault) as string,
    })
    chmodSync(closed.vault, 0o755)
    expect(
      spawnSync('git', ['-c', 'safe.directory=*', '-C', closed.repository, 'for-each-ref']).stdout.toString(),
    ).toBe(refs) // nothing taken for deleted
  })
})

describe('the state folder', () => {
  const damaged = async (name: string, change: (data: string) => string): Promise<PeerFolders> => {
    const device = await new PeerFolders(folder.path, name).init()
    const file = join(device.state, 'data.json')
    writeFileSync(file, change(readFileSync(file, 'utf8')))
    return device
  }
  const every = ['init', 'up', 'log']

  it('is not there yet: says to run init, and makes none', async () => {
    for (const command of ['up', 'status', 'peers', 'log', 'invite', 'approve', 'repo'])
      await expectRefusal([command, ada.vault, '--state', at('none')], 4, 'not-initialised', at('none'))
    expect(existsSync(at('none'))).toBe(false)
  })

  it('belongs to another vault', async () => {
    for (const command of every)
      await expectRefusal([command, at('other'), '--state', ada.state], 4, 'other-vault', ada.vault)
  })

  it('is of a newer version', async () => {
    const device = await damaged('newer', (data) => data.replace('"version": 1', '"version": 99'))
    for (const command of every)
      await expectRefusal([command, device.vault, '--state', device.state], 4, 'newer-version', device.state)
    expect(readFileSync(join(device.state, 'data.json'), 'utf8')).toContain('99') // left alone
  })

  it.each([
    ['cut short', (data: string) => data.slice(0, 40)],
    ['empty', () => ''],
    ['something else', () => '[1, 2]'],
    ['without its fields', () => '{"version": 1}'],
  ])(
    'has a data.json that is %s: commands that read refuse it, "up" sets it aside and goes on',
    async (what, change) => {
      const device = await damaged(`damaged ${what}`, change)
      device.write('Note.md', 'hello\n')
      const before = readFileSync(join(device.state, 'data.json'), 'utf8')
      for (const command of ['log', 'status', 'config'])
        await expectRefusal([command, device.vault, '--state', device.state], 4, 'damaged', 'data.json')
      expect(readFileSync(join(device.state, 'data.json'), 'utf8')).toBe(before)
      const up = await device.must('up', '--once', '--json')
      const told = up.lines.filter(({ event, kind }) => event === 'log' && kind === 'device.warning')
      expect(told.map(({ message }) => message).join()).toMatch(
        /damaged .* is kept as .*data\.json\.damaged-1\..*paired again/,
      )
      expect(readFileSync(join(device.state, 'data.json.damaged-1'), 'utf8')).toBe(before)
      expect((await device.must('log')).stdout).toMatch(/\w/)
    },
  )

  it('has a data.json that is damaged: "init" and "invite" set it aside, too, each under a name of its own', async () => {
    const device = await damaged('damaged twice', () => '{')
    const { id } = (await device.must('init', '--json')).lines.at(-1) as { id: string }
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    writeFileSync(join(device.state, 'data.json'), 'second')
    const inviting = device.spawn('invite', ['--json'])
    await inviting.waitFor((event) => typeof event.link === 'string', 'a link')
    expect(inviting.events.find(({ event }) => event === 'warning')).toMatchObject({
      message: expect.stringContaining('data.json.damaged-2') as string,
    })
    await inviting.stop()
    const kept = [1, 2].map((n) => readFileSync(join(device.state, `data.json.damaged-${n}`), 'utf8'))
    expect(kept).toEqual(['{', 'second'])
    expect((await device.must('status', '--json')).lines.at(-1)).toMatchObject({ device: { id } })
  })

  it('has a key that is damaged', async () => {
    const device = await new PeerFolders(folder.path, 'keyless').init()
    writeFileSync(join(device.state, 'device.key'), 'beef\n')
    await expectRefusal(['up', device.vault, '--state', device.state], 4, 'damaged', 'device.key')
  })

  it('lies inside the vault, also by way of a link, and nothing is made there', async () => {
    symlinkSync(ada.vault, at('way'))
    for (const state of [join(ada.vault, '.state'), ada.vault, join(at('way'), 'deep', 'state')])
      for (const command of ['init', 'up', 'status'])
        await expectRefusal([command, ada.vault, '--state', state], 4, 'inside-vault', state)
    expect(readdirSync(ada.vault)).toEqual(['Note.md'])
  })

  it('is a file, or in one', async () => {
    await expectRefusal(['init', at('other'), '--state', at('file')], 4, 'damaged', at('file'))
    await expectRefusal(['init', at('other'), '--state', at('file', 'deep')], 4, 'damaged', at('file'))
    await expectRefusal(['status', at('other'), '--state', at('file')], 4, 'damaged', at('file'))
  })
})

describe('links', () => {
  const good =
    'obsidian://tandem-sync?ticket=AeCNCVQz19ff-2Ut8zusQkDZn6vtD5kkz1-2hT0UUbmwAAIEfwAAAa_YBgAAAAAAAAAAAAAAAAAAAAHTVxvRgnA&secret=d05b04039089d87d3c452daa2f2db1e0&share=vault&name=one'
  it.each([
    ['empty', ''],
    ['of something else', 'https://example.org/?ticket=x'],
    ['cut at the first &, as a shell does', good.slice(0, good.indexOf('&'))],
    ['cut in its secret', good.slice(0, good.indexOf('&share') - 3)],
    ['with a damaged ticket', good.replace('Ut8zusQ', 'UtXzusQ')],
    ['too long', good + 'x'.repeat(5000)],
  ])('join with one that is %s', async (_, link) => {
    await expectRefusal(
      ['join', ada.vault, link, '--state', ada.state, '--relay', 'off', '--bind', '127.0.0.1:0'],
      5,
      'bad-link',
    )
  })
})

describe('options and arguments', () => {
  it.each([
    ['--bind', 'localhost:0'],
    ['--bind', '127.0.0.1'],
    ['--bind', '127.0.0.1:70000'],
    ['--bind', '999.1.1.1:0'],
    ['--bind', '[::zz]:0'],
    ['--relay', 'nonsense'],
    ['--relay', 'ftp://example.org'],
    ['--debounce', 'soon'],
    ['--debounce', '-1'],
    ['--debounce', '1e9'],
    ['--debounce', ''],
  ])('%s %s, on every command', async (option, value) => {
    await expectRefusal(onVault(ada.vault, `${option}=${value}`), 2, 'usage', new RegExp(option))
    await expectRefusal(['up', ada.vault, '--state', ada.state, `${option}=${value}`], 2, 'usage', new RegExp(option))
  })

  it.each(['0', '-3', '1.5', 'many', ''])('log --limit=%s', async (limit) => {
    await expectRefusal(['log', ada.vault, '--state', ada.state, `--limit=${limit}`], 2, 'usage', /--limit/)
  })

  it('an unknown command, an unknown option, a missing or surplus argument', async () => {
    await expectRefusal(['sync', ada.vault], 2, 'usage', /Unknown command 'sync'/)
    await expectRefusal(['stauts', ada.vault], 2, 'usage', /Did you mean status/)
    await expectRefusal(onVault(ada.vault, '--colour'), 2, 'usage', /Unknown option '--colour'/)
    await expectRefusal(['status'], 2, 'usage', /Missing required argument 'vault'/)
    await expectRefusal(['restore', ada.vault, 'Note.md', '--state', ada.state], 2, 'usage', /--at/)
    await expectRefusal(['status', ada.vault, 'surplus'], 2, 'usage', /Too many arguments/)
    const bare = await runTandem([])
    expect(bare.code).toBe(2)
    expect(bare.stderr).toMatch(/^Usage: tandem/)
  })

  it.each([
    ['deadbeef', 'Note.md', 'no-commit'],
    ['HEAD', 'Note.md', 'no-commit'],
    ['good', 'Absent.md', 'no-file'],
    ['good', '../Note.md', 'bad-path'],
    ['good', '/etc/passwd', 'bad-path'],
    ['good', '.git/config', 'bad-path'],
    ['good', 'a\u0000b'.replace('\u0000', '\u0007'), 'bad-path'],
  ])('show and restore of %s:%s', async (name, path, code) => {
    const [{ commit }] = (await ada.must('log', '--json')).lines as [{ commit: string }]
    const at = name === 'good' ? commit : name
    await expectRefusal(['show', ada.vault, `${at}:${path}`, '--state', ada.state], 2, code)
    await expectRefusal(['restore', ada.vault, path, '--at', at, '--state', ada.state], 2, code)
    expect(ada.files().size).toBe(1)
  })

  it('log of a path that no vault can hold, show without a colon, remove of nobody', async () => {
    await expectRefusal(['log', ada.vault, '../x', '--state', ada.state], 2, 'bad-path')
    await expectRefusal(['show', ada.vault, 'Note.md', '--state', ada.state], 2, 'usage', /COMMIT:PATH/)
    await expectRefusal(['remove', ada.vault, 'eve', '--state', ada.state, '--relay', 'off'], 2, 'usage', /eve/)
  })

  it('a port that is taken is told, and another one used', async () => {
    await ada.start()
    const { settings } = JSON.parse(readFileSync(join(ada.state, 'data.json'), 'utf8')) as {
      settings: { ports: { ipv4: number } }
    }
    const other = await new PeerFolders(folder.path, 'late').init()
    const late = new TandemProcess([
      'up',
      other.vault,
      '--state',
      other.state,
      '--relay',
      'off',
      '--no-lan',
      '--bind',
      `127.0.0.1:${settings.ports.ipv4}`,
    ])
    await late.waitForText(/The port is in use \(127\.0\.0\.1:\d+.*another one is taken/)
    expect((await late.stop()).code).toBe(0)
    await ada.stop()
  })
})

/** A file system of 2 MB, where this user may make one (root in a container often may); without one a quota by `ulimit -f` fails writes the same way. */
const small = at('small')
mkdirSync(small)
const canMount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tandem-test', small]).status === 0
afterAll(() => {
  if (canMount) spawnSync('umount', ['--lazy', small])
  rmSync(small, { recursive: true, force: true })
})

describe('a full disk', () => {
  it(`under the state folder: said with exit code 8, and everything is committed once there is room (${canMount ? 'small disk' : 'small files'})`, async () => {
    const device = new PeerFolders(folder.path, 'full')
    const state = canMount ? join(small, 'state') : device.state
    const args = (command: string, ...rest: string[]): string[] => [
      command,
      device.vault,
      '--state',
      state,
      '--relay',
      'off',
      '--no-lan',
      '--bind',
      '127.0.0.1:0',
      ...rest,
    ]
    expect((await runTandem(args('init', '--name', 'full').slice(0, 4))).code).toBe(0)
    const random = Buffer.from(seededRandom(3).bytes(3_000_000))
    device.write('Small.md', 'small\n')
    device.write('Large.bin', random)
    const limit = canMount ? [] : ['bash', '-c', 'ulimit -f 1000; trap "" XFSZ; exec "$@"', 'bash']
    const full = await runTandem(args('up', '--once', '--json'), { through: limit })
    expect(full.code, full.stderr).toBe(8)
    expect(full.lines.findLast(({ event }) => event === 'error')).toMatchObject({
      code: 'disk-full',
      hint: expect.stringMatching(/Free some space/) as string,
    })
    expect(device.files().get('Large.bin')!.equals(random)).toBe(true)
    if (canMount) expect(spawnSync('mount', ['-o', 'remount,size=32m', small]).status).toBe(0)
    const after = await runTandem(args('up', '--once', '--json'))
    expect(after.code, after.stderr).toBe(0)
    const [{ commit }] = (await runTandem(['log', device.vault, '--state', state, '--json'])).lines as [
      { commit: string },
    ]
    const shown = await runTandem(['show', device.vault, `${commit}:Large.bin`, '--state', state, '--json'])
    expect(Buffer.from(String(shown.lines[0]!.content), 'base64').equals(random)).toBe(true)
    const repository = join(state, 'repository')
    expect(spawnSync('git', ['-C', repository, 'fsck', '--strict', '--no-dangling']).status).toBe(0)
  }, 60_000)
})

it('the program under test is the built one', () => {
  expect(existsSync(TANDEM)).toBe(true)
})
