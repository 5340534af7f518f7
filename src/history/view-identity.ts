import type { Identity } from '../objects/commit.ts'

const VIEW_NAME = 'Tandem'
/** `.invalid` never resolves (RFC 2606): nobody is meant. */
const VIEW_EMAIL = 'view@tandem.invalid'

/** The author of every view commit: nobody's device, and UTC, so that all devices make the same commit (V3). */
export function viewIdentity(seconds: number): Identity {
  return { name: VIEW_NAME, email: VIEW_EMAIL, seconds, zoneMinutes: 0 }
}

export function isViewIdentity(identity: Identity): boolean {
  return identity.email === VIEW_EMAIL
}
