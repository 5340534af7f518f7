import type { Codec } from '../objects/codec.ts'
import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'

/** E3: a change that takes or replaces so much of the share that a person must say yes. */
export interface PendingConsent {
  /** `incoming`: other devices ask it of this vault. `local`: this vault asks it of the others. */
  readonly direction: 'incoming' | 'local'
  readonly deletes: readonly VaultPath[]
  readonly overwrites: readonly VaultPath[]
  /** Names exactly this plan; a yes to another plan does not count for it. */
  readonly key: string
}

/** A name for one plan: changes when any path or content in it does. */
export function consentKey(
  codec: Codec,
  direction: PendingConsent['direction'],
  changes: Iterable<readonly [VaultPath, Oid | null]>,
): string {
  const lines = [...changes].map(([path, oid]) => `${path}\0${oid ?? ''}`).sort()
  const digest = codec.sha1().update(new TextEncoder().encode([direction, ...lines].join('\n')))
  return digest.hex()
}
