import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const demo = join(root, 'dist/demo.mjs')

type Line = Record<string, unknown>

describe('the demonstration', { timeout: 120_000 }, () => {
  let place = ''
  beforeAll(async () => {
    if (existsSync(demo) && existsSync(join(root, 'dist/cli.mjs'))) return
    await promisify(execFile)(process.execPath, ['esbuild.config.mjs'], { cwd: root })
  }, 60_000)
  beforeEach(async () => void (place = await mkdtemp(join(tmpdir(), 'tandem-demo-test-'))))
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()))
    await rm(place, { recursive: true, force: true })
  })

  /** Of the demonstrations of a test: none outlives it, whether it passed or failed. */
  const stops: (() => Promise<unknown>)[] = []

  const notes: Record<string, string> = {
    'Home.md': 'The first paragraph of a short note.\n\nA second one.\n\nAnd a third one.\n',
    '花园/🍀 Plan.md': 'What grows here, and where, in one paragraph.\n',
    'One.md': '# One\n\nA note that somebody will rename soon.\n',
    'Two.md': '# Two\n\nA note that somebody will delete soon.\n',
    '.obsidian/app.json': '{"alwaysUpdateLinks":true}\n',
  }

  async function aVault(): Promise<string> {
    const vault = join(place, 'Vault 🌱')
    for (const folder of ['花园', '.obsidian']) await mkdir(join(vault, folder), { recursive: true })
    for (const [path, text] of Object.entries(notes)) await writeFile(join(vault, path), text)
    return vault
  }

  /** Path to content, of everything but the trash. */
  async function contentsOf(vault: string): Promise<Record<string, string>> {
    const found = await readdir(vault, { recursive: true, withFileTypes: true })
    const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    const contents = await Promise.all(
      files.map(async (file) => [file.slice(vault.length + 1), await readFile(file, 'latin1')] as const),
    )
    return Object.fromEntries(contents.filter(([path]) => !path.startsWith('.trash')).sort())
  }

  function start(...args: string[]) {
    const child = spawn(process.execPath, [demo, '--json', '--work', join(place, 'work'), ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const lines: Line[] = []
    const waiting: (() => void)[] = []
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(JSON.parse(line) as Line)
      waiting.forEach((look) => look())
    })
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
    stops.push(() => {
      child.kill('SIGINT')
      return ended
    })
    const line = (isIt: (line: Line) => boolean) =>
      new Promise<Line>((resolve, reject) => {
        const look = () => lines.filter(isIt).forEach(resolve)
        waiting.push(look)
        look()
        void ended.then(() => reject(new Error(`ended without that line: ${JSON.stringify(lines.slice(-3))}`)))
      })
    return { child, lines, ended, line }
  }

  it('brings two vaults in step, edits both, checks them, and leaves the folders with --once', async () => {
    const vault = await aVault()
    const { lines, ended } = start('--once', '--vault', vault)
    expect(await ended).toBe(0)

    const steps = lines.filter(({ event }) => event === 'step')
    expect(steps.every(({ ok }) => ok !== false)).toBe(true)
    expect(steps.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'pair',
        'first sync',
        'plain edit',
        'edit on both sides',
        'rename',
        'delete',
        'attachment',
        'compare',
      ]),
    )
    const result = lines.at(-1)!
    expect(result).toMatchObject({ event: 'result', ok: true, same: true, files: 5, differences: [] })

    const [folder] = await readdir(join(place, 'work'))
    const work = join(place, 'work', folder!)
    expect((await readdir(work)).sort()).toEqual(['A', 'A-state', 'B', 'B-state'])
    expect(result.vaults).toEqual([join(work, 'A'), join(work, 'B')])
    expect(result.repositories).toEqual(['A', 'B'].map((name) => join(work, `${name}-state`, 'repository')))
    expect((result.repositories as string[]).every((repository) => existsSync(join(repository, 'HEAD')))).toBe(true)

    const [a, b] = [await contentsOf(join(work, 'A')), await contentsOf(join(work, 'B'))]
    expect(a).toEqual(b)
    expect(a['Home.md']).toBe(
      'The first paragraph of a short note. Written in A.\n\nA second one.\n\nAnd a third one. Written in B, at the same time.\n',
    )
    // The person's own vault is as it was.
    expect(await contentsOf(vault)).toEqual(
      Object.fromEntries(Object.entries(notes).map(([path, text]) => [path, Buffer.from(text).toString('latin1')])),
    )
  })

  it('stays live until Ctrl-C, tells of edits by hand, then leaves no process and no folder behind', async () => {
    const { child, ended, line } = start('--vault', await aVault())
    const [a, b] = (await line(({ event }) => event === 'live')).vaults as [string, string]
    await writeFile(join(b, 'By hand.md'), 'Written by a person.\n')
    await line(({ event, path, way }) => event === 'change' && path === 'By hand.md' && way === 'B → A')
    expect(await readFile(join(a, 'By hand.md'), 'utf8')).toBe('Written by a person.\n')

    const holders = await Promise.all(
      [a, b].map(
        async (vault) => JSON.parse(await readFile(join(`${vault}-state`, 'lock'), 'utf8')) as { pid: number },
      ),
    )
    child.kill('SIGINT')
    expect(await ended).toBe(0)
    for (const { pid } of holders) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
    expect(await readdir(join(place, 'work'))).toEqual([])
  })

  it('tells when a peer dies, stops the other one and leaves the folders to look into', async () => {
    const { ended, line, lines } = start('--vault', await aVault())
    const [a, b] = (await line(({ event }) => event === 'live')).vaults as [string, string]
    const pidOf = async (vault: string) =>
      (JSON.parse(await readFile(join(`${vault}-state`, 'lock'), 'utf8')) as { pid: number }).pid
    const [first, second] = [await pidOf(a), await pidOf(b)]
    process.kill(first, 'SIGKILL')
    expect(await ended).toBe(1)
    expect(lines.at(-1)).toMatchObject({ event: 'error', code: 'peer-ended' })
    expect(() => process.kill(second, 0)).toThrow(/ESRCH/)
    expect(existsSync(a)).toBe(true)
  })

  it('says that a vault does not exist, or is a file, and makes nothing', async () => {
    const vault = await aVault()
    for (const [wrong, code] of [
      [join(place, 'nowhere'), 'no-vault'],
      [join(vault, 'Home.md'), 'not-a-folder'],
    ] as const) {
      const { lines, ended } = start('--once', '--vault', wrong)
      expect(await ended).toBe(3)
      expect(lines).toMatchObject([{ event: 'error', code }])
    }
    expect(await readdir(place)).toEqual(['Vault 🌱'])
  })

  it('refuses to work inside the vault that it must not touch', async () => {
    const vault = await aVault()
    const { lines, ended } = start('--once', '--vault', vault, '--work', join(vault, 'new', 'folder'))
    expect(await ended).toBe(8)
    expect(lines).toMatchObject([{ event: 'error', code: 'bad-work-folder' }])
    expect(existsSync(join(vault, 'new'))).toBe(false)
  })
})
