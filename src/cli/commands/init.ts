import { hostname } from 'node:os'
import { endpointIdOf, generateSecretKey } from '../../adapters/iroh/iroh-keys.ts'
import { nodeRandom } from '../../adapters/node/node-random.ts'
import { StateFolder } from '../../adapters/node/state-folder.ts'
import { openBareRepository } from '../../adapters/node/bare-repository.ts'
import { cleanName } from '../../protocol/messages.ts'
import type { Context } from '../context.ts'

/** `tandem init`: makes this device's identity and an empty history for a vault. Repeating it changes the name only. */
export async function init(context: Context, options: { name?: string; configFolder?: boolean }): Promise<void> {
  const lock = await context.lock('init')
  try {
    const { state, created } = StateFolder.init(context.folder, context.vault, {
      name: cleanName(options.name ?? hostname()),
      configFolder: options.configFolder !== false,
      secretKey: () => generateSecretKey(nodeRandom),
      idOf: endpointIdOf,
    })
    await openBareRepository(state.repository)
    const { style } = context.output
    context.output.human(
      `${created ? 'Ready' : 'Was ready already'}: ${style.bold(state.settings.deviceName)} for the vault ${context.vault}`,
    )
    context.output.human(`State and history: ${context.folder}`)
    context.output.human(
      `Next: ${style.bold(`tandem invite ${context.vault}`)} here, or tandem join with a link from another device.`,
    )
    context.output.object({
      event: 'ready',
      created,
      id: state.deviceId,
      name: state.settings.deviceName,
      vault: context.vault,
      state: context.folder,
    })
  } finally {
    await lock.release()
  }
}
