import type { Grant } from './share-record.ts'
import type { EndpointId } from './transport.ts'

/** A paired device as it is stored (`data.json`). Fields that we do not know are kept. */
export interface PeerRecord {
  readonly nodeId: EndpointId
  readonly name: string
  /** Where it was last reachable, as text (`encodePeerAddress`). */
  readonly ticket: string
  /** Milliseconds since 1970. */
  readonly addedAt: number
  /** When both were last known to show the same view; null: never yet. */
  readonly lastSyncAt: number | null
  readonly autoConnect: boolean
  /**
   * What it may do, by share (S1), as it was stored: whoever decides looks at it with `grantOf`. Without the list it is one of the
   * person's own devices: the whole vault, and nothing else.
   */
  readonly grants?: Readonly<Record<string, Grant>>
}

/** The device's own records: peers beside settings, in one file that others may have touched. */
export interface DataStore {
  loadPeers(): Promise<readonly PeerRecord[]>
  /** Replaces the list, atomically; settings and unknown fields stay. */
  savePeers(peers: readonly PeerRecord[]): Promise<void>
}
