import { withoutInvisible } from '../objects/invisible-characters.ts'
import { PairingError } from '../ports/errors.ts'
import type { PeerAddress } from '../ports/transport.ts'
import { decodePeerAddress, encodePeerAddress } from './peer-address.ts'

/** The plugin's id: Obsidian opens `obsidian://<id>?…` links in it (P1). */
export const LINK_ACTION = 'tandem-sync'
/** Bytes of a pairing secret: 128 bits, used once, for ten minutes (P1). */
export const SECRET_BYTES = 16
export const INVITATION_MS = 10 * 60 * 1000
/** The longest ticket, and a share and a name whose letters are nine each in a link. */
const MAX_LINK = 4096

/** What a pairing link carries. The link is the whole of it: nothing is looked up anywhere. */
export interface PairingOffer {
  readonly address: PeerAddress
  readonly secret: Uint8Array
  readonly share: string
  /** Of a share that is a folder: what it is called, for people; not trusted. Absent: the whole vault. */
  readonly title?: string
  /** Name of the inviting device, for the question on the other screen; not trusted. */
  readonly name: string
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
}

export function encodePairingLink(offer: PairingOffer): string {
  const query = new URLSearchParams({
    ticket: encodePeerAddress(offer.address),
    secret: toHex(offer.secret),
    share: offer.share,
    name: offer.name.slice(0, 60),
    ...(offer.title === undefined ? {} : { title: offer.title.slice(0, 60) }),
  })
  return `obsidian://${LINK_ACTION}?${query.toString().replaceAll('+', '%20')}`
}

/** @throws PairingError `bad-link` with a sentence that says what is wrong with it. */
export function decodePairingLink(text: string): PairingOffer {
  const link = text.trim()
  if (link.length > MAX_LINK) throw bad('it is too long')
  const [head, query] = [link.slice(0, link.indexOf('?')), link.slice(link.indexOf('?') + 1)]
  if (head !== `obsidian://${LINK_ACTION}` && head !== `obsidian://${LINK_ACTION}/`)
    throw bad(`it does not begin with obsidian://${LINK_ACTION}?`)
  const fields = new URLSearchParams(query)
  const secret = fields.get('secret') ?? ''
  if (!/^[0-9a-f]+$/.test(secret) || secret.length !== SECRET_BYTES * 2) throw bad('its secret is missing or cut short')
  let address: PeerAddress
  try {
    address = decodePeerAddress(fields.get('ticket') ?? '')
  } catch (cause) {
    throw new PairingError(
      'bad-link',
      `This pairing link is damaged: ${cause instanceof Error ? cause.message : String(cause)} Copy the whole link again.`,
      {},
      { cause },
    )
  }
  const bytes = Uint8Array.from({ length: SECRET_BYTES }, (_, i) => parseInt(secret.slice(2 * i, 2 * i + 2), 16))
  const title = fields.get('title')
  return {
    address,
    secret: bytes,
    share: shown(fields.get('share') ?? 'vault', 200),
    name: shown(fields.get('name') ?? '', 60),
    ...(title === null ? {} : { title: shown(title, 60) }),
  }
}

/** Text of another device, without the characters that would act on a screen instead of standing on it. */
function shown(text: string, limit: number): string {
  return withoutInvisible(text.slice(0, limit))
}

function bad(why: string): PairingError {
  return new PairingError(
    'bad-link',
    `This is not a Tandem pairing link: ${why}. Copy the whole link from the other device.`,
  )
}
