import { equalBytes } from './pairing-proof.ts'
import type { EndpointId } from '../ports/transport.ts'

/** One of two links between the same pair of devices, after its hello. */
export interface GreetedLink {
  readonly remoteBootId: Uint8Array
  readonly side: 'dialer' | 'acceptor'
}

/**
 * L3: which of two links between one pair stays. A new boot id means that the peer restarted and the older link is a corpse.
 * Of two links of one run, the one dialled by the higher endpoint id stays: both sides decide alike without a word.
 */
export function keepsNewer(self: EndpointId, remote: EndpointId, older: GreetedLink, newer: GreetedLink): boolean {
  if (!equalBytes(older.remoteBootId, newer.remoteBootId)) return true
  const staysSide = self > remote ? 'dialer' : 'acceptor'
  if (older.side === newer.side) return true // the peer dialled again: it knows best that the older one is gone
  return newer.side === staysSide
}
