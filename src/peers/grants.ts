import type { PeerRecord } from '../ports/data-store.ts'
import { VAULT_SHARE, type Grant } from '../ports/share-record.ts'
import type { EndpointId } from '../ports/transport.ts'

/**
 * Who may do what with a share (S1). The grant is a fact, stored with the paired device; what follows from it is computed at each
 * decision and stored nowhere, so that a grant that was taken back counts from that moment on.
 */
export interface GrantContext {
  /** The paired device of this id, as its record says now. */
  record(peer: EndpointId): PeerRecord | undefined
}

/** What the peer of one link may do, asked anew at each decision. */
export interface Rights {
  /** May learn that the share exists, and have what is in it. */
  reveal(share: string): boolean
  /** What it changes in the share is taken. */
  write(share: string): boolean
}

/** Whether the peer may see the share at all. A context that cannot be computed counts as no. */
export function canReveal(context: GrantContext, peer: EndpointId, share: string): boolean {
  return grantIn(context, peer, share) !== null
}

/** Whether the peer may change the share. */
export function canWrite(context: GrantContext, peer: EndpointId, share: string): boolean {
  return grantIn(context, peer, share) === 'write'
}

/** Both questions for one peer; each is answered when it is asked. */
export function rightsOf(context: GrantContext, peer: EndpointId): Rights {
  return {
    reveal: (share) => canReveal(context, peer, share),
    write: (share) => canWrite(context, peer, share),
  }
}

function grantIn(context: GrantContext, peer: EndpointId, share: string): Grant | null {
  try {
    const record = context.record(peer)
    return record ? grantOf(record, share) : null
  } catch {
    return null
  }
}

/**
 * What the record grants; null: nothing. A record without any list is one of the person's own devices, which have the whole vault.
 * A list that makes no sense grants nothing.
 */
export function grantOf({ grants }: Pick<PeerRecord, 'grants'>, share: string): Grant | null {
  if (grants === undefined) return share === VAULT_SHARE ? 'write' : null
  if (typeof grants !== 'object' || grants === null || !Object.hasOwn(grants, share)) return null
  const grant: unknown = grants[share]
  return grant === 'read' || grant === 'write' ? grant : null
}

/** The list of a record with one grant given, changed, or (null) taken back. */
export function withGrant(
  { grants }: Pick<PeerRecord, 'grants'>,
  share: string,
  grant: Grant | null,
): Readonly<Record<string, Grant>> {
  const before = grants === undefined ? { [VAULT_SHARE]: 'write' as const } : isList(grants) ? grants : {}
  const rest = Object.entries(before).filter(([name]) => name !== share)
  return Object.fromEntries(grant ? [...rest, [share, grant]] : rest)
}

function isList(grants: unknown): boolean {
  return typeof grants === 'object' && grants !== null && !Array.isArray(grants)
}
