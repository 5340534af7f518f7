import type { PeerRecord } from '../../src/ports/data-store.ts'
import { anId } from './sample-messages.ts'

/** A known device, by its number (see `anId`). */
export const aPeerRecord = (number: number, change: object = {}): PeerRecord => ({
  nodeId: anId(number),
  name: `device ${number}`,
  ticket: 'ticket',
  addedAt: 1,
  lastSyncAt: null,
  autoConnect: true,
  ...change,
})
