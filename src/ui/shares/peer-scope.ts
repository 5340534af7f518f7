import type { PeerReport } from '../../engine/device.ts'
import type { TandemFace } from '../face.ts'
import { scopeSentence } from '../words/share-sentence.ts'
import { mayOnlyReadVault } from './changes-that-stay.ts'

/** What a device has of this vault, or lets this one have, when that is not all of it; null: an own device. */
export function peerScope(face: TandemFace, { id, record }: Pick<PeerReport, 'id' | 'record'>): string | null {
  const scope = scopeSentence(record, face.device?.folders.report() ?? [])
  return scope ?? (mayOnlyReadVault(face, id) ? 'takes no changes of this device' : null)
}
