import { VAULT_SHARE } from '../../ports/share-record.ts'
import type { TandemFace } from '../face.ts'
import { ownerName } from './all-shares.ts'
import { folderReports } from './vault-places.ts'

/** S5: what this device may only read, and what that means for what is changed here; a sentence each. */
export function changesThatStay(face: TandemFace): string[] {
  const { device } = face
  const readers = (device?.peerReports() ?? []).filter(({ id }) => mayOnlyReadVault(face, id))
  return [
    ...readers.map(({ record }) => `${record.name} lets this device only read: what is changed here stays here.`),
    ...folderReports(face)
      .filter(({ access, unsent }) => access === 'read' && unsent)
      .map((report) => {
        const owner = ownerName(face, report) ?? 'its owner'
        return `What is changed in “${report.folder}” stays here: ${owner} lets this device only read it.`
      }),
  ]
}

/** Whether a connected device takes nothing that is changed here, in the whole vault. */
export function mayOnlyReadVault({ device }: TandemFace, peer: Parameters<PeersOf['offersOf']>[0]): boolean {
  return device?.peers.offersOf(peer).get(VAULT_SHARE)?.write === false
}

type PeersOf = NonNullable<TandemFace['device']>['peers']
