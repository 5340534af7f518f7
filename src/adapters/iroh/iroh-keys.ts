import type { Random } from '../../ports/random.ts'
import type { EndpointId } from '../../ports/transport.ts'
import { detectByteForm } from './iroh-bytes.ts'
import { loadIroh, type Iroh } from './native-binding.ts'

/** An ed25519 seed. */
export const SECRET_KEY_LENGTH = 32

/** `random` must be fit for secrets. */
export function generateSecretKey(random: Random): Uint8Array {
  return random.bytes(SECRET_KEY_LENGTH)
}

/** The public key that belongs to a secret key of 32 bytes: this device's name on the network. */
export function endpointIdOf(secretKey: Uint8Array, iroh: Iroh = loadIroh()): EndpointId {
  const key = iroh.SecretKey.fromBytes(detectByteForm(iroh).toNative(secretKey))
  return key.public().toString() as EndpointId
}
