import type { EndpointId } from '../ports/transport.ts'
import type { DeviceHeads, ShareName } from './messages.ts'
import { accessOf, isOrdinary, type ShareRights, type SubscriptionState } from './subscription-state.ts'

/** Whether `holder` has every head of `heads`, but for those of one device. */
function holds(holder: DeviceHeads, heads: DeviceHeads, except: EndpointId): boolean {
  return [...heads].every(([device, oid]) => device === except || holder.get(device) === oid)
}

/**
 * Whether both have the same of a share, by the peer's own word (L8). A side that may only read has it when all heads of the other
 * are there: its own changes stay with it. A folder that the peer does not want is none that it could be behind in; an own device
 * without a word of the vault is: it only pairs just now.
 */
export function isShareCurrent(
  state: SubscriptionState,
  self: EndpointId,
  share: ShareName,
  rights: ShareRights,
): boolean {
  const local = state.local.get(share)
  const remote = state.remote.get(share)
  const weOnlyRead = state.offers.get(share)?.write === false
  if (!local) return false
  const isVault = isOrdinary(share, accessOf(rights, share))
  if (state.heardList && !remote?.peerWantsUpdates && !weOnlyRead && !isVault) return true
  if (!remote) return false
  if (remote.applied === local.applied)
    return local.applied !== null || (local.heads.size === 0 && remote.heads.size === 0)
  if (weOnlyRead) return local.applied !== null && holds(local.heads, remote.heads, self)
  if (rights.write(share)) return false
  return !!remote.applied && holds(remote.heads, local.heads, state.remoteId)
}
