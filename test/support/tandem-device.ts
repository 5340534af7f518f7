import type { ChildProcess } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LineSplitter } from '../../src/cli/line-splitter.ts'
import type { DeviceStatus, PeerStatusLine } from '../../src/cli/status.ts'
import { eventually } from './eventually.ts'
import type { Namespace } from './netns.ts'

export interface DeviceEvent {
  readonly event?: string
  readonly link?: string
  readonly id?: string
  /** When we read it, ms since 1970. */
  readonly at: number
}

/** Long enough for a machine that is busy with other tests. */
const COMMAND_MS = 60_000
/** Each look is a process of its own. */
const STATUS_EVERY_MS = 250

/** A device in a network namespace: real processes of the headless peer, on a vault and a state folder of its own. */
export class TandemDevice {
  readonly vault: string
  readonly state: string
  id = ''
  /** What `up` printed, in this run of it. */
  events: DeviceEvent[] = []
  /** What `up` wrote for people; shown when a test fails. */
  words = ''
  readonly #program: string
  readonly #namespace: Namespace
  #up: ChildProcess | null = null

  constructor(
    readonly name: string,
    options: { folder: string; program: string; namespace: Namespace },
  ) {
    this.vault = join(options.folder, name, 'vault')
    this.state = join(options.folder, name, 'state')
    this.#program = options.program
    this.#namespace = options.namespace
  }

  async init(): Promise<void> {
    await mkdir(this.vault, { recursive: true })
    await this.run('init', '--name', this.name)
    this.id = (await this.status()).device.id
  }

  /** Pairs with a device that is not up. */
  async pairWith(other: TandemDevice, ...args: string[]): Promise<void> {
    const options = ['--yes', '--no-lan', ...args]
    let invited: Promise<unknown> | undefined
    const link = await new Promise<string>((resolve, reject) => {
      invited = this.#command('invite', options, (event) => event.link && resolve(event.link))
      invited.catch(reject)
    })
    await Promise.all([invited, other.run('join', link, ...options)])
  }

  /** Resolves when it serves; the time it did. */
  async up(...args: string[]): Promise<number> {
    this.events = []
    this.#up = this.#spawn('up', args, (event) => this.events.push(event))
    const child = this.#up
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.words += text))
    return eventually(`${this.name} is up`, () => {
      if (child.exitCode !== null) throw new Error(`${this.name} ended with ${child.exitCode}: ${this.words}`)
      return this.events.find(({ event }) => event === 'up')?.at
    })
  }

  /** Ctrl-C. */
  async down(): Promise<void> {
    const child = this.#up
    this.#up = null
    if (!child || child.exitCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGINT') // "ip netns exec" replaces itself by the command
    await ended
  }

  async status(): Promise<DeviceStatus> {
    return (await this.run('status')).at(-1) as unknown as DeviceStatus
  }

  async peer(other: TandemDevice): Promise<PeerStatusLine | undefined> {
    return (await this.status()).peers.find(({ id }) => id === other.id)
  }

  /** Until the other one is connected and both show the same. */
  awaitInStep(other: TandemDevice): Promise<PeerStatusLine> {
    return eventually(
      `${this.name} is in step with ${other.name}`,
      async () => {
        const peer = await this.peer(other)
        return peer?.status === 'connected' && peer.current ? peer : undefined
      },
      { everyMs: STATUS_EVERY_MS },
    )
  }

  write(path: string, text: string): Promise<void> {
    return writeFile(join(this.vault, path), text)
  }

  /** Until a file holds a text. */
  async awaitFile(path: string, text: string): Promise<void> {
    await eventually(`${this.name} holds ${path}`, async () => {
      return (await readFile(join(this.vault, path), 'utf8').catch(() => null)) === text || undefined
    })
  }

  /** Another program where this device is. */
  spawn(program: string, args: readonly string[]): ChildProcess {
    return this.#namespace.spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  }

  /** A command to its end; what it printed. @throws Error when it fails. */
  run(command: string, ...args: string[]): Promise<DeviceEvent[]> {
    return this.#command(command, args)
  }

  async #command(command: string, args: readonly string[], onEvent: (event: DeviceEvent) => unknown = () => undefined) {
    const events: DeviceEvent[] = []
    let words = ''
    const child = this.#spawn(command, args, (event) => {
      events.push(event)
      onEvent(event)
    })
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (words += text))
    const timeout = setTimeout(() => child.kill('SIGKILL'), COMMAND_MS)
    const code = await new Promise((resolve) => child.once('close', resolve))
    clearTimeout(timeout)
    if (code !== 0) throw new Error(`tandem ${command} of ${this.name} ended with ${String(code)}: ${words}`)
    return events
  }

  #spawn(command: string, args: readonly string[], onEvent: (event: DeviceEvent) => unknown): ChildProcess {
    const own = ['--state', this.state, '--json']
    const [node, ...rest] = [process.execPath, this.#program, command, this.vault, ...args, ...own]
    const child = this.#namespace.spawn(node, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    const splitter = new LineSplitter()
    child.stdout!.on('data', (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) onEvent({ ...(JSON.parse(line) as object), at: Date.now() })
    })
    return child
  }
}
