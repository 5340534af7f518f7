import { resolve } from 'node:path'
import { systemClock } from '../adapters/node/system-clock.ts'
import { defaultStateFolder, resolveVault, StateFolder } from '../adapters/node/state-folder.ts'
import type { RelayChoice } from '../adapters/iroh/iroh-endpoint.ts'
import { isControlled } from './control-probe.ts'
import { callControl } from './control-client.ts'
import type { NetworkOptions } from './engine-host.ts'
import { Output } from './output.ts'
import { askYesNo } from './prompt.ts'
import { acquireStateLock, type StateLock } from './state-lock.ts'
import { UsageError } from './usage-error.ts'

/** The options that every command takes, as commander gives them. */
export interface CommonOptions {
  readonly state?: string
  readonly json?: boolean
  readonly bind?: string
  readonly relay?: string
  readonly lan?: boolean
  readonly debounce?: string
  readonly yes?: boolean
}

/** One run of a command: its vault and state folder, its options, what it says, and how it is interrupted. */
export class Context {
  readonly output: Output
  readonly vault: string
  readonly folder: string

  constructor(
    vault: string,
    readonly options: CommonOptions,
    readonly signal: AbortSignal,
  ) {
    this.output = createOutput(options.json === true)
    this.vault = resolveVault(vault)
    this.folder = resolve(options.state ?? defaultStateFolder(this.vault))
  }

  openState(): StateFolder {
    return StateFolder.open(this.folder, this.vault)
  }

  network(): NetworkOptions {
    return {
      ...(this.options.bind ? { bind: checkBind(this.options.bind) } : {}),
      relay: relayChoice(this.options.relay),
    }
  }

  debounceMs(): number | undefined {
    const { debounce } = this.options
    if (debounce === undefined) return undefined
    const ms = Number(debounce)
    if (!Number.isInteger(ms) || ms < 0 || ms > 60_000)
      throw new UsageError('usage', `--debounce takes milliseconds from 0 to 60000, not ${debounce}`)
    return ms
  }

  isRunning(): Promise<boolean> {
    return isControlled(this.folder)
  }

  /** Asks the running engine of this state folder. */
  call(method: string, params: unknown, onEvent?: (event: unknown) => void): Promise<unknown> {
    return callControl(this.folder, method, params, onEvent, this.signal)
  }

  lock(command: string): Promise<StateLock> {
    return acquireStateLock(this.folder, command)
  }

  ask(question: string): Promise<boolean> {
    return askYesNo(question, {
      yes: this.options.yes === true,
      input: process.stdin,
      output: process.stderr,
      signal: this.signal,
    })
  }
}

export function createOutput(json: boolean): Output {
  return new Output({
    json,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    env: process.env,
    onClosed: () => process.exit(0),
  })
}

function relayChoice(text: string | undefined): RelayChoice {
  if (text === undefined || text === 'default') return 'default'
  if (text === 'off') return 'off'
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new UsageError('usage', `--relay takes an http(s) URL, "default" or "off", not ${text}`)
  return [text]
}

function checkBind(text: string): string {
  if (
    !/^(\[[0-9a-fA-F:]+\]|\d{1,3}(\.\d{1,3}){3}):\d{1,5}$/.test(text) ||
    Number(text.slice(text.lastIndexOf(':') + 1)) > 65_535
  ) {
    throw new UsageError('usage', `--bind takes ADDRESS:PORT, such as 0.0.0.0:4433 or [::]:0, not ${text}`)
  }
  return text
}
