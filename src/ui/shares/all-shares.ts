import type { PendingConsent } from '../../engine/consent.ts'
import type { ShareReport } from '../../engine/folder-shares.ts'
import type { Share } from '../../engine/share.ts'
import { VAULT_SHARE } from '../../ports/share-record.ts'
import type { TandemFace } from '../face.ts'
import { errorSentence } from '../words/error-sentence.ts'

/** One of the vault or of a folder of it, with where that lies: '' is the vault. */
export interface PlacedShare {
  readonly share: Share
  readonly folder: string
}

/** Every share that is open here, the vault first. */
export function allShares(face: TandemFace): PlacedShare[] {
  const folders = (face.device?.folders.report() ?? []).flatMap(({ id, folder }) => {
    const share = id === VAULT_SHARE ? undefined : shareOf(face, id)
    return share ? [{ share, folder }] : []
  })
  return [...(face.share ? [{ share: face.share, folder: '' }] : []), ...folders]
}

/** Null while it is not open, or could not be opened. */
export function shareOf({ device }: TandemFace, id: string): Share | null {
  return device?.shares.get(id) ?? null
}

/** E3: the first large change that waits for a person's word; null: none. */
export function waitingChange(face: TandemFace): (PlacedShare & { readonly consent: PendingConsent }) | null {
  for (const { share, folder } of allShares(face)) {
    const { consent } = share.tree
    if (consent) return { share, folder, consent }
  }
  return null
}

/** Why the first share that is in trouble is; null: all are well. */
export function firstShareError(face: TandemFace): Error | null {
  return allShares(face).find(({ share }) => share.lastError)?.share.lastError ?? null
}

/** How the device is called that a share comes from; null: it is not paired any more, or the share is our own. */
export function ownerName({ device }: TandemFace, { from }: Pick<ShareReport, 'from'>): string | null {
  return device?.peerReports().find(({ id }) => id === from)?.record.name ?? null
}

/** What keeps a share from being in step here; null: nothing. */
export function shareTrouble(face: TandemFace, id: string): string | null {
  const share = shareOf(face, id)
  if (share?.tree.consent) return 'A large change waits for your word'
  return share?.lastError ? errorSentence(share.lastError).what : null
}
