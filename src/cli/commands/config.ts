import type { StateFolder } from '../../adapters/node/state-folder.ts'
import { readDeviceSettings } from '../../adapters/node/device-settings.ts'
import { readSettings } from '../../engine/settings-schema.ts'
import type { JsonObject } from '../../ports/data-file.ts'
import { checkConfig, CONFIG_KEYS, configKey, configValue, shownConfig, type ConfigKey } from '../config-keys.ts'
import type { Context } from '../context.ts'
import { printable } from '../printable.ts'
import { renderTable } from '../table.ts'
import { UsageError } from '../usage-error.ts'

/** `tandem config [KEY] [VALUE]`: lists the settings, shows one, sets one, or takes one back to its default. */
export async function config(
  context: Context,
  [name, text, surplus]: readonly string[],
  options: { unset?: string },
): Promise<void> {
  if (surplus !== undefined)
    throw new UsageError('usage', 'too many arguments: put a value with spaces in it in quotes')
  if (options.unset !== undefined) {
    if (name !== undefined) throw new UsageError('usage', '--unset takes the setting, and nothing stands beside it')
    return change(context, configKey(options.unset), undefined)
  }
  if (name === undefined) return list(context)
  const key = configKey(name)
  if (text === undefined) return show(context, key)
  return change(context, key, configValue(key, text))
}

function list(context: Context): void {
  const { output } = context
  const stored = context.openState().storedSettings
  const rows = CONFIG_KEYS.map((key) => [
    key.name,
    shownConfig(key.read(stored)),
    shownConfig(key.default),
    key.allowed,
  ])
  output.human(
    renderTable(
      [
        { title: 'Setting' },
        {
          title: 'Value',
          shrinks: true,
          paint: (cell, row) => (isStored(CONFIG_KEYS[row]!, stored) ? output.style.bold(cell) : cell),
        },
        { title: 'Default', shrinks: true },
        { title: 'Allowed', shrinks: true },
      ],
      rows,
      output.style,
      output.columns,
    ),
  )
  const problems = [
    ...readSettings(stored).problems.map(({ message }) => message),
    ...readDeviceSettings(stored).problems,
  ]
  for (const problem of problems) output.diagnostic(output.errorStyle.yellow(printable(problem)))
  output.human(output.style.dim(`\nMore about one of them: ${context.commandLine('config', 'KEY')}`))
  for (const key of CONFIG_KEYS) output.object(asObject(key, stored))
}

function show(context: Context, key: ConfigKey): void {
  const { output } = context
  const stored = context.openState().storedSettings
  const { problem, value } = asObject(key, stored)
  output.human(`${output.style.bold(key.name)}  ${printable(shownConfig(value))}`)
  output.human(key.description)
  output.human(`Allowed: ${key.allowed}. Default: ${shownConfig(key.default)}.`)
  if (problem) output.diagnostic(output.errorStyle.yellow(`What is stored cannot be used: ${problem}.`))
  output.object(asObject(key, stored))
}

function isStored(key: ConfigKey, stored: JsonObject): boolean {
  return Object.hasOwn(stored, key.name)
}

function asObject(key: ConfigKey, stored: JsonObject) {
  const problem = isStored(key, stored) ? key.problem(stored[key.name]) : undefined
  return {
    key: key.name,
    value: key.read(stored),
    default: key.default,
    allowed: key.allowed,
    description: key.description,
    stored: isStored(key, stored),
    ...(problem === undefined ? {} : { problem }),
  }
}

/** By the process that holds the lock: a running `up`, or this one. */
async function change(context: Context, key: ConfigKey, value: unknown): Promise<void> {
  const { output } = context
  context.openState() // is there one?
  const lock = await context.lockOrReach('config')
  let changed: ConfigChange
  if (lock === 'running') {
    const params = value === undefined ? { key: key.name } : { key: key.name, value }
    changed = (await context.call('config', params)) as ConfigChange
  } else {
    try {
      changed = changeConfig(context.openState(), { key: key.name, value })
    } finally {
      await lock.release()
    }
  }
  const running = lock === 'running'
  const was = shownConfig(changed.before)
  const is = shownConfig(changed.value)
  const text = was === is ? `is ${is}, as before` : `is now ${is}; it was ${was}`
  output.human(`${output.style.bold(key.name)} ${printable(text)}.`)
  if (running) output.human('tandem up is running: it uses the new value from its next start.')
  output.object({ event: 'setting', key: key.name, ...changed, default: key.default, running })
}

export interface ConfigChange {
  readonly value: unknown
  readonly before: unknown
}

/** Stores one setting; without a value it goes back to its default. @throws UsageError, StateError. */
export function changeConfig(state: StateFolder, { key: name, value }: { key: string; value?: unknown }): ConfigChange {
  const key = configKey(name)
  if (value !== undefined) checkConfig(key, value)
  const before = key.read(state.storedSettings)
  state.saveSettings({ [key.name]: value })
  return { value: key.read(state.storedSettings), before }
}
