import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The program under test, as `npm run build` makes it; another build by TANDEM_CLI. */
export const TANDEM = resolve(process.env.TANDEM_CLI ?? join(import.meta.dirname, '../../dist/cli.mjs'))

/** Both devices on this machine: nothing looks for a relay or at the local network. */
export const LOOPBACK = ['--relay', 'off', '--no-lan', '--bind', '127.0.0.1:0'] as const

export type JsonObject = Readonly<Record<string, unknown>>

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Finished extends Ended {
  readonly stdout: string
  readonly stderr: string
  /** The lines of stdout that are JSON objects. */
  readonly lines: readonly JsonObject[]
}

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Runs through this instead of node alone: `setpriv …`. */
  readonly through?: readonly string[]
  /** On a terminal of its own, 80 columns wide: what goes to stdin is typed there, and all it says is in stdout. */
  readonly terminal?: boolean
}

const running = new Set<TandemProcess>()
// Whatever ends the test run: no process of it stays.
process.on('exit', () => {
  for (const one of running) one.kill()
})

/** Ends what a failed test left behind. For `afterEach`. */
export async function killLeftovers(): Promise<number> {
  const left = [...running]
  for (const one of left) one.kill()
  await Promise.all(left.map((one) => one.ended))
  return left.length
}

/** A real process of the command line: what it says, and how it ends. */
export class TandemProcess {
  readonly ended: Promise<Finished>
  readonly events: JsonObject[] = []
  stdout = ''
  stderr = ''
  readonly child: ChildProcess
  readonly #watchers = new Set<() => void>()
  #unfinished = ''
  #over: Ended | null = null

  constructor(
    readonly args: readonly string[],
    { env = {}, cwd, through = [], terminal = false }: ProcessOptions = {},
  ) {
    if (!existsSync(TANDEM)) throw new Error(`${TANDEM} is missing: npm run build makes it`)
    const line = [...through, process.execPath, TANDEM, ...args]
    const quoted = line.map((part) => `'${part.replaceAll("'", `'\\''`)}'`).join(' ')
    // util-linux' script(1) makes the terminal, and ends with the exit code of the command.
    const typed = ['script', '-qfec', `stty cols 80 rows 50; exec ${quoted}`, '/dev/null']
    const [program, ...rest] = (terminal ? typed : line) as [string, ...string[]]
    // Not this process's own Ctrl-C, and none of its terminal's wishes.
    const clean = { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined, NODE_OPTIONS: undefined, ...env }
    this.child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'], cwd, env: clean })
    running.add(this)
    this.child.stdin!.on('error', () => undefined)
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#take(text))
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.#tell()
    })
    this.ended = new Promise((done, fail) => {
      this.child.on('error', fail)
      this.child.on('close', (code, signal) => {
        running.delete(this)
        this.#over = { code, signal }
        this.#tell()
        done({ code, signal, stdout: this.stdout, stderr: this.stderr, lines: this.events })
      })
    })
  }

  get pid(): number {
    return this.child.pid!
  }

  get isOver(): boolean {
    return this.#over !== null
  }

  /** The first event that fits, from the beginning of the output on. @throws when the process ends without one, or in time. */
  async waitFor(predicate: (event: JsonObject) => boolean, what: string, deadlineMs = 30_000): Promise<JsonObject> {
    let found: JsonObject | undefined
    await this.#until(() => (found = this.events.find(predicate)) !== undefined, what, deadlineMs)
    return found!
  }

  /** Until stdout or stderr holds a piece of text; resolves to the match. */
  async waitForText(pattern: RegExp, deadlineMs = 30_000): Promise<RegExpExecArray> {
    let found: RegExpExecArray | null = null
    const look = (): boolean => (found = pattern.exec(this.stdout) ?? pattern.exec(this.stderr)) !== null
    await this.#until(look, String(pattern), deadlineMs)
    return found!
  }

  /** Ctrl-C, and then its end. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<Finished> {
    this.child.kill(signal)
    return this.ended
  }

  /** `kill -9`. */
  kill(): void {
    this.child.kill('SIGKILL')
  }

  #take(text: string): void {
    this.stdout += text
    const lines = (this.#unfinished + text).split('\n')
    this.#unfinished = lines.pop()!
    for (const line of lines) if (line.startsWith('{')) this.events.push(JSON.parse(line) as JsonObject)
    this.#tell()
  }

  #tell(): void {
    for (const look of this.#watchers) look()
  }

  #until(condition: () => boolean, what: string, deadlineMs: number): Promise<void> {
    return new Promise((done, fail) => {
      const said = (): string => `\nstdout: ${this.stdout.slice(-2000)}\nstderr: ${this.stderr.slice(-2000)}`
      const end = (): void => {
        clearTimeout(timer)
        this.#watchers.delete(look)
      }
      const look = (): void => {
        if (condition()) {
          end()
          done()
        } else if (this.#over) {
          end()
          fail(new Error(`tandem ${this.args[0]} ended (${JSON.stringify(this.#over)}) before: ${what}${said()}`))
        }
      }
      const timer = setTimeout(() => {
        end()
        fail(new Error(`tandem ${this.args[0]} did not within ${deadlineMs} ms: ${what}${said()}`))
      }, deadlineMs)
      this.#watchers.add(look)
      look()
    })
  }
}

/** Runs a command to its end. */
export function runTandem(args: readonly string[], options?: ProcessOptions): Promise<Finished> {
  const process = new TandemProcess(args, options)
  process.child.stdin!.end()
  return process.ended
}

/** Looks every few milliseconds until something is so. @throws after the deadline, with the last thing seen. */
export async function awaitThat(
  look: () => boolean | Promise<boolean>,
  what: string | (() => string | Promise<string>),
  deadlineMs = 60_000,
): Promise<void> {
  const giveUpAt = performance.now() + deadlineMs
  while (!(await look())) {
    if (performance.now() > giveUpAt)
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === 'string' ? what : await what()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
