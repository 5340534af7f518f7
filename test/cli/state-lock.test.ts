import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { serveControl } from '../../src/cli/control-server.ts'
import { processState, thisPlace } from '../../src/cli/process-state.ts'
import { acquireStateLock } from '../../src/cli/state-lock.ts'
import { StateError } from '../../src/ports/errors.ts'

type Child = ChildProcessByStdio<Writable, Readable, null>

let tools = ''
let folder = ''
const children: Child[] = []

/** A process that takes the lock at "go", says `held` or the error's code, and lets go at "release". */
const taker = `
import { acquireStateLock } from ${JSON.stringify(fileURLToPath(new URL('../../src/cli/state-lock.ts', import.meta.url)))}
import { createInterface } from 'node:readline'
let lock
console.log('ready')
for await (const line of createInterface({ input: process.stdin })) {
  try {
    if (line === 'go') lock = await acquireStateLock(process.argv[2], 'tandem up ' + process.argv[3])
    else await lock?.release()
    console.log(line === 'go' ? 'held' : 'released')
  } catch (error) {
    console.log(error.code ?? String(error))
  }
}
`

beforeAll(async () => {
  tools = await mkdtemp(join(tmpdir(), 'tandem-taker-'))
  await build({
    stdin: { contents: taker, resolveDir: tools, loader: 'js' },
    outfile: join(tools, 'taker.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
  })
})
afterAll(() => rm(tools, { recursive: true, force: true }))

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tandem-lock-'))
})
afterEach(async () => {
  await Promise.all(children.splice(0).map(kill))
  await rm(folder, { recursive: true, force: true })
})

interface Taker {
  readonly child: Child
  tell(word: 'go' | 'release'): Promise<string>
}

async function aTaker(name = 'a'): Promise<Taker> {
  const child = spawn(process.execPath, [join(tools, 'taker.mjs'), folder, name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (): Promise<string> => String((await lines.next()).value)
  expect(await answer()).toBe('ready')
  return {
    child,
    tell(word) {
      child.stdin.write(`${word}\n`)
      return answer()
    },
  }
}

async function kill(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const lockFiles = (): Promise<string[]> => readdir(folder).then((names) => names.sort())
const idOf = (content: string): string => createHash('sha256').update(content).digest('hex').slice(0, 32)
const holderText = (over: Record<string, unknown>): string =>
  JSON.stringify({ pid: 4_000_000, command: 'gone', startedAt: '1', place: thisPlace(), nonce: 'n', ...over })

describe('acquireStateLock', () => {
  it('takes a free folder, and release leaves nothing behind', async () => {
    const lock = await acquireStateLock(join(folder, 'new', 'state'), 'tandem up')
    expect(JSON.parse(await readFile(lock.path, 'utf8'))).toMatchObject({ pid: process.pid, command: 'tandem up' })
    await lock.release()
    await lock.release()
    expect(await readdir(join(folder, 'new', 'state'))).toEqual([])
  })

  it('refuses a folder that a living process holds, and names the process', async () => {
    const other = await aTaker('Garden')
    expect(await other.tell('go')).toBe('held')
    const error = await acquireStateLock(folder, 'tandem log').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(StateError)
    expect(error).toMatchObject({ code: 'in-use', data: { pid: other.child.pid, command: 'tandem up Garden' } })
    expect((error as StateError).message).toContain(String(other.child.pid))
    expect(await lockFiles()).toEqual(['lock'])
    expect(await other.tell('release')).toBe('released')
    await (await acquireStateLock(folder, 'tandem log')).release()
  })

  it('refuses the same process too', async () => {
    const lock = await acquireStateLock(folder, 'one')
    await expect(acquireStateLock(folder, 'two')).rejects.toMatchObject({ code: 'in-use' })
    await lock.release()
  })

  it('takes over from a process that was killed', async () => {
    const other = await aTaker()
    expect(await other.tell('go')).toBe('held')
    await kill(other.child)
    expect(await lockFiles()).toEqual(['lock'])
    const lock = await acquireStateLock(folder, 'tandem up')
    expect(await lockFiles()).toEqual(['lock'])
    await lock.release()
  })

  it.runIf(process.platform === 'linux')('takes over when the pid is that of a later process', async () => {
    const state = processState(process.pid)
    expect(state).toMatchObject({ alive: true, startedAt: expect.stringMatching(/^\d+$/) as string })
    await writeFile(join(folder, 'lock'), holderText({ pid: process.pid, startedAt: '1' }))
    await (await acquireStateLock(folder, 'tandem up')).release()
  })

  it.runIf(process.platform === 'linux')('counts a zombie as dead', async () => {
    // sh leaves its killed child unreaped for as long as it is stopped itself.
    const shell = spawn('sh', ['-c', 'sleep 1000 & echo $!; kill -9 $!; kill -STOP $$'], {
      stdio: ['pipe', 'pipe', null],
    }) as unknown as Child
    children.push(shell)
    const [chunk] = (await once(shell.stdout, 'data')) as [Buffer]
    const zombie = Number(chunk.toString())
    await expect.poll(() => processState(zombie)).toEqual({ alive: false })
    expect(() => process.kill(zombie, 0)).not.toThrow()
  })

  it('takes over a lock that a power failure emptied', async () => {
    await writeFile(join(folder, 'lock'), '')
    await (await acquireStateLock(folder, 'tandem up')).release()
    expect(await lockFiles()).toEqual([])
  })

  it('continues after takers that died on the way', async () => {
    const dead = holderText({ nonce: 'first' })
    const deadTaker = holderText({ nonce: 'second' })
    await writeFile(join(folder, 'lock'), dead)
    await writeFile(join(folder, `lock.${idOf(dead)}`), deadTaker)
    await writeFile(join(folder, `lock.4000000-${'0'.repeat(32)}.tmp`), deadTaker)
    const lock = await acquireStateLock(folder, 'tandem up')
    expect(await lockFiles()).toEqual(['lock'])
    await lock.release()
  })

  it('leaves a folder to the living process that is just taking it over', async () => {
    const dead = holderText({})
    const state = processState(process.pid)
    await writeFile(join(folder, 'lock'), dead)
    const startedAt = state.alive ? state.startedAt : null
    await writeFile(join(folder, `lock.${idOf(dead)}`), holderText({ pid: process.pid, startedAt, command: 'taker' }))
    await expect(acquireStateLock(folder, 'tandem up')).rejects.toMatchObject({ data: { command: 'taker' } })
  })

  it.runIf(process.platform === 'linux')('asks the control socket about a process of another container', async () => {
    const place = { ...thisPlace(), pidNamespace: 'pid:[1]' }
    await writeFile(join(folder, 'lock'), holderText({ place }))
    const server = await serveControl(folder, () => Promise.resolve(null))
    await expect(acquireStateLock(folder, 'tandem up')).rejects.toMatchObject({ code: 'in-use' })
    await server.close()
    await (await acquireStateLock(folder, 'tandem up')).release()
  })

  it('does not release what is no longer its own', async () => {
    const lock = await acquireStateLock(folder, 'tandem up')
    const other = holderText({})
    await writeFile(lock.path, other)
    await lock.release()
    expect(await readFile(lock.path, 'utf8')).toBe(other)
  })

  it('lets exactly one of many takers have a stale lock, round after round', async () => {
    const takers = await Promise.all(['a', 'b', 'c', 'd'].map(aTaker))
    const dead = await aTaker('dead')
    expect(await dead.tell('go')).toBe('held')
    await kill(dead.child)
    for (let round = 0; round < 40; round++) {
      const answers = await Promise.all(takers.map((taker) => taker.tell('go')))
      expect(answers.filter((answer) => answer === 'held')).toHaveLength(1)
      expect(answers.filter((answer) => answer === 'in-use')).toHaveLength(takers.length - 1)
      // Odd rounds begin with a free folder, even ones with a lock whose holder is dead.
      const winner = takers[answers.indexOf('held')]!
      expect(await winner.tell('release')).toBe('released')
      if (round % 2 === 0) await writeFile(join(folder, 'lock'), holderText({ nonce: String(round) }))
    }
    for (const name of await lockFiles()) expect(name).toBe('lock')
  })
})
