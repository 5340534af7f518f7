import { ExitCode } from '../cli/exit-codes.ts'
import { awaitThat } from './await-that.ts'
import { DemoError } from './demo-error.ts'
import type { DeviceFolders } from './demo-folder.ts'
import { JsonChild, type Ended, type JsonObject } from './json-child.ts'

/** Both devices are on this machine: nothing looks for a relay or for the local network. */
const LOOPBACK = ['--relay', 'off', '--no-lan', '--bind', '127.0.0.1:0'] as const

const STATUS_EVERY_MS = 50

export interface PeerSetting {
  /** The headless peer's program, `cli.mjs`. */
  readonly program: string
  readonly folders: DeviceFolders
  /** Ends whatever is under way. */
  readonly signal: AbortSignal
  /** The `up` process ended without having been asked to. */
  readonly onTrouble: (error: DemoError) => void
}

/** One device of the demonstration: processes of the headless peer, on a vault and a state folder of its own. */
export class DemoPeer {
  readonly name: string
  readonly vault: string
  onEvent: (event: JsonObject) => void = () => undefined
  readonly #children = new Set<JsonChild>()

  constructor(private readonly setting: PeerSetting) {
    this.name = setting.folders.name
    this.vault = setting.folders.vault
  }

  /** `tandem init`. */
  async init(): Promise<void> {
    await this.#run('init', ['--name', this.name])
  }

  /** `tandem invite`: hands out the link, resolves once another device has used it. */
  async invite(onLink: (link: string) => void): Promise<void> {
    await this.#run('invite', [...LOOPBACK, '--yes'], ({ link }) => {
      if (typeof link === 'string') onLink(link)
    })
  }

  /** `tandem join`. */
  async join(link: string): Promise<void> {
    await this.#run('join', [link, ...LOOPBACK, '--yes'])
  }

  /** `tandem up`: resolves when it has looked at its vault and serves. */
  async start(deadlineMs: number): Promise<void> {
    let isUp = false
    const child = this.#spawn('up', [...LOOPBACK], (event) => {
      if (event.event === 'up') isUp = true
      this.onEvent(event)
    })
    void child.ended.then((ended) => {
      if (!child.isStopping) this.setting.onTrouble(this.#died('up', child, ended))
    })
    const { signal } = this.setting
    await awaitThat(() => isUp, { what: `${this.name} starts`, deadlineMs, everyMs: 20, signal })
  }

  /** `tandem status`. */
  async status(): Promise<JsonObject> {
    const lines = await this.#run('status', [])
    return lines.at(-1) ?? {}
  }

  /** `tandem repo`: the folder of the git repository. */
  async repository(): Promise<string> {
    const { repository } = (await this.#run('repo', [])).at(-1) ?? {}
    return typeof repository === 'string' ? repository : ''
  }

  /** Until `tandem status` calls this device settled, and every peer connected and current. */
  async awaitInStep(deadlineMs: number): Promise<void> {
    const isInStep = async (): Promise<boolean> => {
      const { settled, peers } = await this.status()
      const list = Array.isArray(peers) ? (peers as { status?: unknown; current?: unknown }[]) : []
      return settled === true && list.length > 0 && list.every((p) => p.status === 'connected' && p.current === true)
    }
    const { signal } = this.setting
    await awaitThat(isInStep, { what: `${this.name} is in step`, deadlineMs, everyMs: STATUS_EVERY_MS, signal })
  }

  /** Everything that still runs for this device. */
  async stop(): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.stop()))
  }

  /** A command as a person could type it, for this device. */
  commandLine(command: string): string {
    return [process.execPath, this.setting.program, command, this.vault, '--state', this.setting.folders.state]
      .map((part) => (/^[\w./:\\-]+$/.test(part) ? part : `"${part}"`))
      .join(' ')
  }

  /** Runs a command to its end. @throws DemoError `peer-ended` when it fails; the signal's reason. */
  async #run(command: string, args: readonly string[], onObject?: (object: JsonObject) => void): Promise<JsonObject[]> {
    const { signal } = this.setting
    signal.throwIfAborted()
    const lines: JsonObject[] = []
    const child = this.#spawn(command, args, (object) => {
      lines.push(object)
      onObject?.(object)
    })
    const onAbort = (): void => void child.stop()
    signal.addEventListener('abort', onAbort, { once: true })
    const ended = await child.ended
    signal.removeEventListener('abort', onAbort)
    signal.throwIfAborted()
    if (ended.code !== 0) throw this.#died(command, child, ended)
    return lines
  }

  #spawn(command: string, args: readonly string[], onObject: (object: JsonObject) => void): JsonChild {
    const { program, folders } = this.setting
    const child = new JsonChild(
      program,
      [command, folders.vault, ...args, '--state', folders.state, '--json'],
      onObject,
    )
    this.#children.add(child)
    void child.ended.then(() => this.#children.delete(child))
    return child
  }

  #died(command: string, child: JsonChild, { code, signal }: Ended): DemoError {
    const how = signal ? `was ended by ${signal}` : code === null ? 'could not be started' : `ended with code ${code}`
    const known = Object.values(ExitCode).find((value) => value === code && value !== ExitCode.ok)
    return new DemoError(
      'peer-ended',
      `“tandem ${command}” of ${this.name} ${how}${child.words ? `: ${child.words}` : '.'}`,
      {
        hint:
          typeof child.error?.hint === 'string'
            ? child.error.hint
            : 'Try again; if it happens again, please report it.',
        ...(known === undefined ? {} : { exitCode: known }),
      },
    )
  }
}
