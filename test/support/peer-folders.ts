import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { callControl } from '../../src/cli/control-client.ts'
import type { DeviceStatus } from '../../src/cli/status.ts'
import { runGit } from './git.ts'
import { awaitThat, LOOPBACK, runTandem, TandemProcess, type Finished, type ProcessOptions } from './tandem-process.ts'

/** Never part of what is synced: the vault's trash, and temporary files of a write under way. */
const NOT_SYNCED = /^\.trash(\/|$)|(^|\/)\.tandem-/

/** A vault and a state folder in a temporary folder, and the commands on them. */
export class PeerFolders {
  readonly vault: string
  readonly state: string
  up: TandemProcess | null = null

  constructor(
    folder: string,
    readonly name: string,
  ) {
    this.vault = join(folder, name)
    this.state = join(folder, `${name}.state`)
    mkdirSync(this.vault, { recursive: true })
  }

  get repository(): string {
    return join(this.state, 'repository')
  }

  /** Where the command goes: the vault, the state folder, and for those that need it the network of this machine. */
  args(command: string, ...rest: readonly string[]): string[] {
    const network = ['invite', 'join', 'up', 'remove'].includes(command) ? LOOPBACK : []
    return [command, this.vault, ...rest, '--state', this.state, ...network]
  }

  run(command: string, ...rest: readonly string[]): Promise<Finished> {
    return runTandem(this.args(command, ...rest))
  }

  spawn(command: string, rest: readonly string[] = [], options?: ProcessOptions): TandemProcess {
    return new TandemProcess(this.args(command, ...rest), options)
  }

  /** @throws when it does not end with 0. */
  async must(command: string, ...rest: readonly string[]): Promise<Finished> {
    const finished = await this.run(command, ...rest)
    expect(finished.code, `tandem ${command}: ${finished.stderr}`).toBe(0)
    return finished
  }

  async init(): Promise<this> {
    await this.must('init', '--name', this.name)
    return this
  }

  /** `tandem up --json`, once it has looked at its vault. */
  async start(...rest: readonly string[]): Promise<TandemProcess> {
    this.up = this.spawn('up', ['--json', ...rest])
    await this.up.waitFor((event) => event.event === 'up', 'it is up', 60_000)
    return this.up
  }

  /** Ctrl-C. @throws when `up` does not end in order. */
  async stop(): Promise<Finished | null> {
    const { up } = this
    this.up = null
    if (!up) return null
    const finished = await up.stop()
    expect(finished.code, `tandem up: ${finished.stderr}`).toBe(0)
    return finished
  }

  /** Puts what the vault holds into the history, alone. */
  async commit(): Promise<void> {
    await this.start()
    await this.stop()
  }

  /** `kill -9`, whatever it does at this moment. */
  async kill(): Promise<void> {
    this.up?.kill()
    await this.up?.ended
    this.up = null
  }

  /** `kill -STOP`: its process stays, its network answers acknowledgements no more, nothing of it moves. */
  freeze(): void {
    this.up!.child.kill('SIGSTOP')
  }

  /** `kill -CONT`. */
  thaw(): void {
    this.up?.child.kill('SIGCONT')
  }

  /** Asked over the control socket, without a process of its own. */
  async status(): Promise<DeviceStatus> {
    return (await callControl(this.state, 'status', {})) as DeviceStatus
  }

  async isInStep(): Promise<boolean> {
    const { settled, peers } = await this.status()
    return settled && peers.length > 0 && peers.every((peer) => peer.status === 'connected' && peer.current)
  }

  write(path: string, content: string | Uint8Array): void {
    const file = join(this.vault, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }

  read(path: string): string {
    return readFileSync(join(this.vault, path), 'utf8')
  }

  remove(path: string): void {
    rmSync(join(this.vault, path), { recursive: true, force: true })
  }

  files(): Map<string, Buffer> {
    return filesOf(this.vault)
  }
}

/** Every file below a folder that is synced, by its path. */
export function filesOf(folder: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(folder.length + 1)
    if (!entry.isFile() || NOT_SYNCED.test(path)) continue
    try {
      files.set(path, readFileSync(join(folder, path)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error // replaced while we look
    }
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function sameFiles(left: ReadonlyMap<string, Buffer>, right: ReadonlyMap<string, Buffer>): boolean {
  return left.size === right.size && [...left].every(([path, content]) => right.get(path)?.equals(content))
}

/** What differs, for the message of a failed test. */
export function differences(left: ReadonlyMap<string, Buffer>, right: ReadonlyMap<string, Buffer>): string[] {
  const paths = [...new Set([...left.keys(), ...right.keys()])].filter((path) => {
    const [a, b] = [left.get(path), right.get(path)]
    return !a || !b || !a.equals(b)
  })
  return paths.map((path) => `${path} (${left.get(path)?.length ?? 'absent'} / ${right.get(path)?.length ?? 'absent'})`)
}

/** A temporary folder, removed by `dispose`. */
export function aTestFolder(): { path: string; dispose(): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'tandem-e2e-')))
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) }
}

/** Pairs two devices that do not run, without a question: `left` invites, `right` joins. */
export async function pair(left: PeerFolders, right: PeerFolders): Promise<void> {
  const inviting = left.spawn('invite', ['--json', '--yes'])
  const { link } = await inviting.waitFor((event) => typeof event.link === 'string', 'a link')
  await right.must('join', String(link), '--json', '--yes')
  expect((await inviting.ended).code, inviting.stderr).toBe(0)
}

/** Pairs two devices that are up, over their control sockets: no process, and no question. */
export async function pairRunning(left: PeerFolders, right: PeerFolders): Promise<void> {
  await new Promise<void>((done, fail) => {
    const invited = callControl(left.state, 'invite', { yes: true }, (event) => {
      const { link } = event as { link?: string }
      if (link) Promise.all([invited, callControl(right.state, 'join', { link, yes: true })]).then(() => done(), fail)
    })
    invited.catch(fail)
  })
}

/** Two devices, paired, not running. */
export async function twoDevices(folder: string): Promise<[PeerFolders, PeerFolders]> {
  const devices: [PeerFolders, PeerFolders] = [new PeerFolders(folder, 'ada'), new PeerFolders(folder, 'bob')]
  for (const device of devices) await device.init()
  await pair(...devices)
  return devices
}

/** Until both call each other current and their vaults hold the same bytes, with whatever `also` asks for. */
export async function untilInStep(
  devices: readonly PeerFolders[],
  also: (files: ReadonlyMap<string, Buffer>) => boolean = () => true,
  deadlineMs = 90_000,
): Promise<ReadonlyMap<string, Buffer>> {
  let files: ReadonlyMap<string, Buffer> = new Map()
  const look = async (): Promise<boolean> => {
    for (const device of devices) if (!(await device.isInStep())) return false
    files = devices[0]!.files()
    return devices.every((device) => sameFiles(files, device.files())) && also(files)
  }
  const explain = async (): Promise<string> => {
    const states = await Promise.all(
      devices.map(async (device) => {
        const { settled, share, peers } = await device.status()
        const states = peers.map(({ name, status, current, lastError }) => ({ name, status, current, lastError }))
        return `${device.name}: ${JSON.stringify({ settled, share, states })}`
      }),
    )
    const apart = devices.slice(1).flatMap((device) => differences(devices[0]!.files(), device.files()))
    return ['vaults in step', ...states, `differ in ${apart.length}:`, ...apart.slice(0, 20)].join('\n')
  }
  await awaitThat(look, explain, deadlineMs)
  return files
}

/** Stock git finds no fault with the history, and its clone is the vault, byte for byte. */
export function expectSoundHistory(device: PeerFolders): void {
  runGit(device.repository, ['fsck', '--strict', '--no-dangling'])
  const clone = aTestFolder()
  try {
    runGit(clone.path, ['clone', '--quiet', '-c', 'core.autocrlf=false', device.repository, 'clone'])
    const cloned = new Map([...filesOf(join(clone.path, 'clone'))].filter(([path]) => !path.startsWith('.git/')))
    expect(differences(device.files(), cloned)).toEqual([])
  } finally {
    clone.dispose()
  }
}
