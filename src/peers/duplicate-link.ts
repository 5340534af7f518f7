import { equalBytes } from './pairing-proof.ts'
import type { EndpointId } from '../ports/transport.ts'

/**
 * Two devices can dial each other at once only while neither has a link, so of two links that crossed none is older than a round
 * trip or two. Generous, for slow networks.
 */
export const CROSSING_MS = 10_000

/** One of two links between the same pair of devices, after its hello. */
export interface GreetedLink {
  readonly remoteBootId: Uint8Array
  readonly side: 'dialer' | 'acceptor'
}

/**
 * L3: which of two links between one pair stays. A new boot id means that the peer restarted and the older link is a corpse.
 * Of two links of one run that crossed, the one dialled by the higher endpoint id stays: both sides decide alike without a word.
 * A link that has been there for longer did not cross the newer one: whoever dialled that has given the older up.
 */
export function keepsNewer(
  self: EndpointId,
  remote: EndpointId,
  older: GreetedLink & { readonly ageMs: number },
  newer: GreetedLink,
): boolean {
  if (!equalBytes(older.remoteBootId, newer.remoteBootId)) return true
  if (older.ageMs >= CROSSING_MS) return true
  const staysSide = self > remote ? 'dialer' : 'acceptor'
  if (older.side === newer.side) return true // the peer dialled again: it knows best that the older one is gone
  return newer.side === staysSide
}
