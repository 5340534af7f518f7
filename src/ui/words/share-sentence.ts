import type { OpenOffer, ShareReport } from '../../engine/folder-shares.ts'
import { grantOf } from '../../peers/grants.ts'
import type { PeerRecord } from '../../ports/data-store.ts'
import { VAULT_SHARE, type Grant } from '../../ports/share-record.ts'
import { formatCount, formatList } from './format.ts'

/** What a person may do with a folder, as it stands in lists of choices. */
export const GRANT_NAMES: Record<Grant, string> = { write: 'Read and write', read: 'Only read' }

/** Of a received share: how its owner is called here. */
type OwnerName = string | null

/** With whom a folder is shared, or whose it is and what may be done with it. */
export function shareSentence({ from, access, unsent, peers }: ShareReport, owner: OwnerName): string {
  if (from === null) {
    if (peers.length === 0) return 'Nobody has it from this device right now'
    return `With ${formatList(peers.map(({ name, grant }) => (grant === 'read' ? `${name} (only reads)` : name)))}`
  }
  const whose = `From ${owner ?? 'a device that was removed'}`
  if (access === null) return `${whose} · no longer shared with this device. The files stay here.`
  if (access === 'write') return `${whose} · you can change it`
  return unsent ? `${whose} · only to read: what is changed here stays here` : `${whose} · only to read`
}

/** Whether a person should look at a share. */
export function shareNeedsAttention({ from, access, unsent }: ShareReport): boolean {
  return from !== null && (access === null || unsent)
}

/** `Ada lets you read and change it`. */
export function offerSentence({ peerName, write }: Pick<OpenOffer, 'peerName' | 'write'>): string {
  return write ? `${peerName} lets you read and change it` : `${peerName} lets you read it`
}

/** What it means to take a folder, before it is done. */
export function offerConsequences(offer: Pick<OpenOffer, 'peerName' | 'write'>): string {
  return offer.write
    ? `${offerSentence(offer)}. What you change in it goes to everybody who has it; nothing else of this vault does.`
    : `${offerSentence(offer)}. What you change in it stays on this device, and nothing of this vault goes to ${offer.peerName}.`
}

/** What a paired device has of this vault, unless it is an own one that has all of it; null then. */
export function scopeSentence(
  record: Pick<PeerRecord, 'nodeId' | 'grants'>,
  shares: readonly ShareReport[],
): string | null {
  const vault = grantOf(record, VAULT_SHARE)
  if (vault === 'write') return null
  if (vault === 'read') return 'only reads this vault'
  const folders = shares.filter(
    ({ id, peers }) => id !== VAULT_SHARE && peers.some((peer) => peer.id === record.nodeId),
  )
  const titles = formatList(folders.map(({ title }) => title))
  if (folders.length === 0) return 'has nothing of this vault'
  return folders.length === 1 ? `only the folder ${titles}` : `only the folders ${titles}`
}

/** What sharing a folder means, before it is done. `who`: null is whoever uses a link. */
export function shareConsequences(who: string | null, folder: string, files: number, grant: Grant): readonly string[] {
  const they = who ?? 'Whoever uses the link'
  const what = files === 0 ? 'nothing yet' : formatCount(files, 'file')
  return [
    `${they} will see everything in “${folder}”: ${what} now, and whatever is added later.`,
    grant === 'write'
      ? 'They can change, add and delete files there; you see each change, and can take it back from the history.'
      : 'They cannot change it for you: what they change stays on their device.',
    'Nothing else of this vault is shown to them, not even a name. What they have received stays with them when you stop sharing.',
  ]
}
