import { resolve } from 'node:path'
import { decodePairingLink } from '../../peers/pairing-link.ts'
import type { PairingOffer } from '../../peers/pairing-link.ts'
import { VAULT_SHARE } from '../../engine/app.ts'
import { UsageError } from '../usage-error.ts'

/*
 * What stands behind `tandem::` (or `tandem://`) in git's URL:
 *   NAME                     a device that this machine is paired with, by name or the beginning of its id
 *   STATE#NAME               … as the state folder STATE knows it
 *   NAME?vault=FOLDER        … as the state of the vault in FOLDER knows it
 *   NAME?share=NAME          a share of it other than the whole vault
 *   obsidian://tandem-sync?… a pairing link: the clone becomes a device of its own
 */

export type RemoteAddress =
  | { readonly kind: 'link'; readonly offer: PairingOffer; readonly path: string }
  | {
      readonly kind: 'peer'
      readonly name: string
      readonly state: string | undefined
      readonly vault: string | undefined
      readonly path: string
    }

const MAX_ADDRESS = 8192

/** @throws UsageError `usage`, PairingError `bad-link` */
export function parseRemoteAddress(url: string): RemoteAddress {
  const text = url.replace(/^tandem:(:|\/\/)/, '')
  if (text.length > MAX_ADDRESS) throw new UsageError('usage', 'the address behind tandem:: is too long')
  if (text.startsWith('obsidian:')) {
    const offer = decodePairingLink(text)
    return { kind: 'link', offer, path: `/${offer.share}` }
  }
  const [, place = '', query = ''] = /^(.*?)(?:\?((?:vault|share)=.*))?$/s.exec(text) ?? []
  const fields = new Map(query.split('&').flatMap((field) => (field ? [readField(field)] : [])))
  const hash = place.lastIndexOf('#')
  const name = place.slice(hash + 1).replace(/\/$/, '')
  if (name === '') throw new UsageError('usage', `${url} names no device: write tandem::NAME`)
  const vault = fields.get('vault')
  return {
    kind: 'peer',
    name,
    state: hash > 0 ? resolve(place.slice(0, hash)) : undefined,
    vault: vault === undefined ? undefined : resolve(vault),
    path: `/${fields.get('share') ?? VAULT_SHARE}`,
  }
}

function readField(field: string): [string, string] {
  const [name = '', ...value] = field.split('=')
  if (name !== 'vault' && name !== 'share')
    throw new UsageError('usage', `behind the ? of the address stand vault=… and share=…, not ${name}`)
  try {
    return [name, decodeURIComponent(value.join('='))]
  } catch {
    throw new UsageError('usage', `${field} cannot be read: write a % as %25`)
  }
}
