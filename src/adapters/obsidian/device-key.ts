import type { SecretStorage } from 'obsidian'
import { TandemError } from '../../ports/errors.ts'
import type { EndpointId } from '../../ports/transport.ts'

/**
 * This device's Ed25519 key in this vault, kept in Obsidian's secret storage: local to vault and device, never synced, and
 * never in `data.json` (P6). Stored is the 32-byte seed (RFC 8032, "private key") as 64 hex digits; its public key is the
 * endpoint id, the same that Iroh makes of it.
 */
export interface DeviceKey {
  readonly id: EndpointId
  readonly secretKey: Uint8Array
}

/** Name in the secret storage: lower case, digits and dashes are all it allows. */
export const DEVICE_KEY_ID = 'tandem-sync-device-key'

const SEED_BYTES = 32
/** PKCS #8 around a bare Ed25519 seed (RFC 8410, section 7): everything before the seed is always the same. */
const PKCS8_HEAD = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]

export type DeviceKeyErrorCode = 'damaged' | 'not-kept' | 'no-ed25519'

/** The message is a sentence for people. */
export class DeviceKeyError extends TandemError<DeviceKeyErrorCode> {
  override readonly name = 'DeviceKeyError'
}

/**
 * The key of this device; made and stored at the first call.
 *
 * @throws DeviceKeyError `damaged` when something else is stored in its place (it stays there: another id would be another
 * device to all peers), `not-kept` when the storage does not hold what was put into it, `no-ed25519` on an old Electron.
 */
export async function openDeviceKey(secrets: Pick<SecretStorage, 'getSecret' | 'setSecret'>): Promise<DeviceKey> {
  // No turn for others between look and store, so that two at once never make two keys.
  const secretKey = readSeed(secrets) ?? storeSeed(secrets, crypto.getRandomValues(new Uint8Array(SEED_BYTES)))
  return { id: await endpointIdOf(secretKey), secretKey }
}

function readSeed(secrets: Pick<SecretStorage, 'getSecret'>): Uint8Array | null {
  const text = secrets.getSecret(DEVICE_KEY_ID)
  if (text === null || text === '') return null
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new DeviceKeyError(
      'damaged',
      `The secret “${DEVICE_KEY_ID}” in Obsidian's keychain is not a device key. Remove it there to get a new one; this device then has to be paired again.`,
    )
  }
  return fromHex(text)
}

function storeSeed(secrets: Pick<SecretStorage, 'getSecret' | 'setSecret'>, seed: Uint8Array): Uint8Array {
  const text = toHex(seed)
  secrets.setSecret(DEVICE_KEY_ID, text)
  if (secrets.getSecret(DEVICE_KEY_ID) !== text) {
    throw new DeviceKeyError(
      'not-kept',
      "Obsidian's keychain did not keep the key of this device. Check that the disk is not full, then restart Obsidian.",
    )
  }
  return seed
}

/** The public key of a seed, as Iroh writes it. WebCrypto tells it in the JWK of the private key (RFC 8037). */
export async function endpointIdOf(seed: Uint8Array): Promise<EndpointId> {
  let x: string | undefined
  try {
    const key = await crypto.subtle.importKey('pkcs8', Uint8Array.of(...PKCS8_HEAD, ...seed), 'Ed25519', true, ['sign'])
    x = (await crypto.subtle.exportKey('jwk', key)).x
  } catch (cause) {
    throw noEd25519(cause)
  }
  if (x === undefined) throw noEd25519()
  const bytes = atob(x.replaceAll('-', '+').replaceAll('_', '/'))
  return toHex(Uint8Array.from(bytes, (char) => char.charCodeAt(0))) as EndpointId
}

function noEd25519(cause?: unknown): DeviceKeyError {
  const message =
    'This installation of Obsidian is too old to use the key of this device. Download the installer from obsidian.md and run it; your vaults stay as they are.'
  return new DeviceKeyError('no-ed25519', message, {}, { cause })
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16))
}
