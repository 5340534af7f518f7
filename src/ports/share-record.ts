import type { EndpointId } from './transport.ts'

/** The default share: the whole vault (V1). */
export const VAULT_SHARE = 'vault'

/** What a peer may do with a share: see it, or change it, too. Absent: it must not learn that the share exists (S1). */
export type Grant = 'read' | 'write'

/** A folder of the vault that is a share of its own (V1), as it is stored. Fields that we do not know are kept. */
export interface ShareRecord {
  /** 32 random hex digits: the name on the wire, which tells nothing of the folder. */
  readonly id: string
  /** Its place in this device's vault: a vault path. */
  readonly folder: string
  /** For people. */
  readonly title: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** Who shared it with this device; null: it was made here. */
  readonly from: EndpointId | null
  /** What that device lets this one do, as it said last. */
  readonly access: Grant | null
}

/** The folder shares of a device, as they are stored beside its peers. */
export interface ShareStore {
  loadShares(): Promise<readonly ShareRecord[]>
  /** Replaces the list, atomically; everything else stays. */
  saveShares(shares: readonly ShareRecord[]): Promise<void>
}
