import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { systemClock } from '../adapters/node/system-clock.ts'
import { defaultStateFolder, resolveVault, StateFolder } from '../adapters/node/state-folder.ts'
import { isBindAddress } from '../adapters/node/device-settings.ts'
import { endpointIdOf } from '../adapters/iroh/iroh-keys.ts'
import { settingProblem } from '../engine/settings-schema.ts'
import { cleanName } from '../protocol/messages.ts'
import { isControlled } from './control-probe.ts'
import { callControl } from './control-client.ts'
import { relayChoice, type NetworkOptions } from './engine-host.ts'
import { lockOrReach } from './lock-or-reach.ts'
import { StateError } from '../ports/errors.ts'
import { Output } from './output.ts'
import { printable } from './printable.ts'
import { askYesNo } from './prompt.ts'
import { shellPath } from './shown-path.ts'
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
    onClosed: () => void,
  ) {
    this.output = createOutput(options.json === true, onClosed)
    this.vault = resolveVault(vault)
    this.folder = resolve(options.state ?? defaultStateFolder(this.vault))
  }

  /** For reading. @throws StateError, also for a damaged `data.json`, which is left as it is. */
  openState(): StateFolder {
    return StateFolder.open(this.folder, this.vault)
  }

  /** Before the lock is taken: is there a state at all? A damaged one may be repaired under the lock. @throws StateError. */
  checkState(): void {
    try {
      this.openState()
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'damaged') throw error
    }
  }

  /**
   * For the holder of the lock: as it is now, not as it was before a wait for the lock.
   * `repair`: a damaged `data.json` is set aside.
   */
  openLockedState({ repair }: { repair: boolean }): StateFolder {
    return StateFolder.open(this.folder, this.vault, {
      idOf: endpointIdOf,
      ...(repair ? { repair: { defaultName: cleanName(hostname()) } } : {}),
    })
  }

  /** Tells what was wrong and did not keep the command from going on. */
  warn(messages: readonly string[]): void {
    for (const message of messages) {
      this.output.diagnostic(this.output.errorStyle.yellow(printable(message)))
      this.output.object({ event: 'warning', message })
    }
  }

  /** What the command line says of the network; the rest is a matter of the settings. */
  network(): NetworkOptions {
    const { bind, relay, lan } = this.options
    return {
      bind: bind ? checkBind(bind) : undefined,
      relay: relay === undefined ? undefined : relayChoice(checkRelay(relay)),
      lan,
    }
  }

  debounceMs(): number | undefined {
    const { debounce } = this.options
    if (debounce === undefined) return undefined
    const ms = debounce.trim() === '' ? Number.NaN : Number(debounce)
    if (!Number.isInteger(ms) || ms < 0 || ms > 60_000)
      throw new UsageError('usage', `--debounce takes milliseconds from 0 to 60000, not ${debounce}`)
    return ms
  }

  isRunning(): Promise<boolean> {
    return isControlled(this.folder)
  }

  /** Asks the running engine of this state folder. */
  call(method: string, params: unknown, onEvent?: (event: unknown) => unknown): Promise<unknown> {
    return callControl(this.folder, method, params, onEvent, this.signal)
  }

  lock(command: string): Promise<StateLock> {
    return acquireStateLock(this.folder, command)
  }

  /** The lock for a command that takes a moment, or `running` when a `tandem up` can be asked instead. @throws StateError `in-use`. */
  lockOrReach(command: string): Promise<StateLock | 'running'> {
    return lockOrReach(this.folder, command, this.signal)
  }

  /** A command for this vault as a person can type it, with the state folder if that is not the usual one. */
  commandLine(command: string, ...args: readonly string[]): string {
    const state = this.folder === resolve(defaultStateFolder(this.vault)) ? [] : ['--state', shellPath(this.folder)]
    return ['tandem', command, shellPath(this.vault), ...args, ...state].join(' ')
  }

  /** @throws UsageError `needs-terminal`; the reason of whichever signal aborts. */
  ask(question: string, over: AbortSignal): Promise<boolean> {
    return askYesNo(question, {
      yes: this.options.yes === true,
      input: process.stdin,
      output: process.stderr,
      signal: AbortSignal.any([this.signal, over]),
    })
  }

  /** Options that a command does not need are still refused when they make no sense. @throws UsageError. */
  check(): void {
    this.network()
    this.debounceMs()
  }
}

export function createOutput(json: boolean, onClosed: () => void = () => undefined): Output {
  return new Output({
    json,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    env: process.env,
    onClosed,
  })
}

function checkRelay(text: string): string {
  if (settingProblem('relay', text))
    throw new UsageError('usage', `--relay takes an http(s) URL, "default" or "off", not ${text}`)
  return text
}

function checkBind(text: string): string {
  if (!isBindAddress(text))
    throw new UsageError('usage', `--bind takes ADDRESS:PORT, such as 0.0.0.0:4433 or [::]:0, not ${text}`)
  return text
}
