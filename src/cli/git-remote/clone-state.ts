import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { endpointIdOf, generateSecretKey } from '../../adapters/iroh/iroh-keys.ts'
import { nodeRandom } from '../../adapters/node/node-random.ts'
import { StateFolder, stateFoldersFolder } from '../../adapters/node/state-folder.ts'
import type { PairingOffer } from '../../peers/pairing-link.ts'
import { cleanName } from '../../protocol/messages.ts'
import { CLONES } from './known-states.ts'

/**
 * Where the identity of a clone lies that was made with a pairing link. Git keeps the link as the remote's URL, so the link's secret,
 * hashed, finds the folder again; the secret itself has been used by then and opens nothing.
 */
export function cloneStateFolder({ secret }: PairingOffer, env: NodeJS.ProcessEnv): string {
  const hash = createHash('sha256').update('tandem git clone').update(secret).digest('hex').slice(0, 32)
  return join(stateFoldersFolder(env), CLONES, hash)
}

/** The state of a device that pairs and holds no vault: its "vault" is an empty folder beside its key. For the holder of the lock. */
export function openCloneState(folder: string): StateFolder {
  const vault = join(folder, 'vault')
  mkdirSync(vault, { recursive: true, mode: 0o700 })
  return StateFolder.init(folder, vault, {
    name: undefined,
    defaultName: cleanName(`${hostname()} (git clone)`),
    configFolder: undefined,
    secretKey: () => generateSecretKey(nodeRandom),
    idOf: endpointIdOf,
  }).state
}
