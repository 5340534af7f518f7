import { statSync } from 'node:fs'
import { join } from 'node:path'
import { VAULT_SHARE } from '../engine/app.ts'
import type { FolderShares, OpenOffer, ShareReport } from '../engine/folder-shares.ts'
import { ShareError } from '../ports/errors.ts'
import type { Grant, ShareRecord } from '../ports/share-record.ts'
import type { EngineHost } from './engine-host.ts'
import { findPeer } from './find-peer.ts'
import { UsageError } from './usage-error.ts'

/** What `tandem shares` knows. */
export interface SharesResult {
  readonly shares: readonly ShareReport[]
  readonly offers: readonly OpenOffer[]
}

/** What `tandem grant` and `tandem revoke` have done. */
export interface GrantResult {
  readonly share: string
  readonly title: string
  readonly peer: { readonly id: string; readonly name: string }
  /** Null: nothing any more. */
  readonly grant: Grant | null
  readonly changed: boolean
}

/** The commands about shares, as plain JSON; undefined: it is none of them. @throws ShareError, UsageError */
export async function shareOperation(
  host: Pick<EngineHost, 'device' | 'state'>,
  method: string,
  params: Record<string, unknown>,
): Promise<unknown> {
  const { folders } = host.device
  const word = (name: string): string => {
    const value = params[name]
    if (typeof value !== 'string' || !value) throw new UsageError('usage', `the request lacks ${name}`)
    return value
  }
  const optional = (name: string): string | undefined => (params[name] === undefined ? undefined : word(name))
  switch (method) {
    case 'shares':
      return { shares: folders.report(), offers: folders.offers() } satisfies SharesResult
    case 'share': {
      const folder = word('folder')
      checkFolder(host.state.vault, folder)
      return { share: await folders.create(folder, optional('title')) } satisfies { share: ShareRecord }
    }
    case 'accept':
      return { share: await folders.accept(word('share'), optional('into')) } satisfies { share: ShareRecord }
    case 'grant':
      return setGrant(host, word('share'), word('peer'), params.readOnly === true ? 'read' : 'write')
    case 'unshare':
      return { share: await endShare(folders, word('share')) } satisfies { share: ShareRecord }
    case 'revoke':
      return setGrant(host, word('share'), word('peer'), null)
    default:
      return undefined
  }
}

/** A folder that is not there would be a slip of the pen. What may be shared at all, the engine says. */
function checkFolder(vault: string, folder: string): void {
  if (!statSync(join(vault, folder), { throwIfNoEntry: false })?.isDirectory())
    throw new ShareError('bad-folder', `there is no folder “${folder}” in the vault`, { folder })
}

async function endShare(folders: FolderShares, name: string): Promise<ShareRecord> {
  const id = folders.find(name)
  const record = folders.records().find((one) => one.id === id)
  if (!record)
    throw new UsageError('usage', 'the whole vault is no shared folder; "tandem revoke" takes it back from a device')
  await folders.end(id)
  return record
}

async function setGrant(
  { device }: Pick<EngineHost, 'device'>,
  name: string,
  peerName: string,
  grant: Grant | null,
): Promise<GrantResult> {
  const { folders, peers } = device
  const share = folders.find(name)
  const { nodeId: id, name: called } = findPeer(peers.getPeers(), peerName)
  const before = peers.grantOf(id, share)
  if (share === VAULT_SHARE && grant && !before)
    throw new UsageError(
      'usage',
      `${called} does not have the whole vault; invite it with "tandem invite", so that the two vaults are compared first`,
    )
  await peers.setGrant(id, share, grant)
  return { share, title: titleOf(folders, share), peer: { id, name: called }, grant, changed: before !== grant }
}

export function titleOf(folders: FolderShares, share: string): string {
  return folders.report().find(({ id }) => id === share)?.title ?? share
}
