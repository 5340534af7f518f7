import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readJson } from '../../adapters/node/data-json.ts'
import { defaultStateFolder, resolveVault, StateFolder, stateFoldersFolder } from '../../adapters/node/state-folder.ts'
import { isJsonObject } from '../../ports/data-file.ts'
import type { PeerRecord } from '../../ports/data-store.ts'
import { StateError } from '../../ports/errors.ts'
import { peersCalled } from '../find-peer.ts'
import { UsageError } from '../usage-error.ts'
import type { RemoteAddress } from './remote-address.ts'

/** Below the folder of all states: those of clones made with a pairing link. */
export const CLONES = 'git'

/** A state folder of this user, and a device that it is paired with. */
export interface KnownPeer {
  readonly folder: string
  readonly vault: string
  readonly peer: PeerRecord
}

/**
 * The device that an address means, in the state that knows it.
 * @throws UsageError `usage` when none is called so, or several are; StateError when the named state cannot be read
 */
export async function findKnownPeer(
  { name, state, vault }: Extract<RemoteAddress, { kind: 'peer' }>,
  env: NodeJS.ProcessEnv,
): Promise<KnownPeer> {
  const named = state ?? (vault === undefined ? env.TANDEM_STATE : defaultStateFolder(resolveVault(vault)))
  const folders = named === undefined ? stateFolders(env) : [resolve(named)]
  const found: KnownPeer[] = []
  const all: string[] = []
  for (const folder of folders) {
    try {
      const peers = await openKnownState(folder).then((known) => known.peers.map((peer) => ({ ...known, peer })))
      all.push(...peers.map(({ peer }) => peer.name))
      const called = peersCalled(
        peers.map(({ peer }) => peer),
        name,
      )
      found.push(...peers.filter(({ peer }) => called.includes(peer)))
    } catch (error) {
      if (named !== undefined || !(error instanceof StateError)) throw error // some other vault's state is not our trouble
    }
  }
  const [one, another] = found
  if (!one) {
    const known = [...new Set(all)].sort().join(', ')
    throw new UsageError(
      'usage',
      `no paired device is called ${name}${known ? `; there are: ${known}` : ': this machine is paired with none'}`,
    )
  }
  if (another) {
    const choices = found.map(({ folder, peer }) => `tandem::${folder}#${peer.nodeId.slice(0, 10)}`)
    throw new UsageError('usage', `several devices are called ${name}: write one of ${choices.join(', ')}`)
  }
  return one
}

/** For reading. @throws StateError */
export async function openKnownState(
  folder: string,
): Promise<{ folder: string; vault: string; peers: readonly PeerRecord[] }> {
  const json = readJson(join(folder, 'data.json'))
  const value = json.kind === 'parsed' ? json.value : undefined
  const vault = isJsonObject(value) && typeof value.vault === 'string' ? value.vault : ''
  if (!vault) {
    const code = json.kind === 'missing' ? 'not-initialised' : 'damaged'
    throw new StateError(code, `there is no Tandem state in ${folder}`, { path: folder })
  }
  return { folder, vault, peers: await StateFolder.open(folder, vault).loadPeers() }
}

/** Those of vaults first. */
function stateFolders(env: NodeJS.ProcessEnv): string[] {
  const base = stateFoldersFolder(env)
  return [base, join(base, CLONES)].flatMap((folder) =>
    foldersIn(folder)
      .filter((name) => name !== CLONES)
      .map((name) => join(folder, name)),
  )
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map(({ name }) => name)
      .sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
