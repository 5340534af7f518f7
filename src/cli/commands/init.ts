import { hostname } from 'node:os'
import { endpointIdOf, generateSecretKey } from '../../adapters/iroh/iroh-keys.ts'
import { nodeRandom } from '../../adapters/node/node-random.ts'
import { refuseInside, StateFolder } from '../../adapters/node/state-folder.ts'
import { openBareRepository } from '../../adapters/node/bare-repository.ts'
import { cleanName } from '../../protocol/messages.ts'
import type { Context } from '../context.ts'
import { printable } from '../printable.ts'
import { shownPath } from '../shown-path.ts'
import { UsageError } from '../usage-error.ts'

/** `tandem init`: makes this device's identity and an empty history for a vault. Repeating it changes what is given, and no more. */
export async function init(context: Context, options: { name?: string; configFolder?: boolean }): Promise<void> {
  refuseInside(context.folder, context.vault) // before the lock makes the folder
  const lock = await context.lock('init')
  try {
    const { state, created } = StateFolder.init(context.folder, context.vault, {
      name: options.name === undefined ? undefined : deviceName(options.name),
      defaultName: cleanName(hostname()),
      configFolder: options.configFolder,
      secretKey: () => generateSecretKey(nodeRandom),
      idOf: endpointIdOf,
    })
    context.warn(state.problems)
    await openBareRepository(state.repository)
    const { style } = context.output
    const { deviceName: name, configFolder } = state.settings
    context.output.human(
      `${created ? 'This device is ready' : 'This device was ready already'}: ${style.bold(printable(name))}`,
    )
    context.output.human(
      `  Vault    ${shownPath(context.vault)}${configFolder ? '' : " (without Obsidian's config folder)"}`,
    )
    context.output.human(`  History  ${shownPath(state.repository)}`)
    context.output.human(`\nNext, to pair it with another device:`)
    context.output.human(`  ${style.bold(context.commandLine('invite'))}`)
    context.output.human(style.dim('or, with the link that the other device shows:'))
    context.output.human(`  ${style.bold(context.commandLine('join', 'LINK'))}`)
    context.output.object({
      event: 'ready',
      created,
      id: state.deviceId,
      name,
      vault: context.vault,
      state: context.folder,
    })
  } finally {
    await lock.release()
  }
}

function deviceName(text: string): string {
  if (!text.trim()) throw new UsageError('usage', '--name takes a name that people can tell apart, such as Laptop')
  return cleanName(text)
}
